/// A dense, row-major array of numbers with value semantics.
///
/// ```swift
/// var x = Tensor<Float>([1, 2, 3, 4, 5, 6], shape: [2, 3])
/// x[1, 2] = 7
/// let secondRow = x[rows: 1..<2]  // [1, 3], shares memory until one of the two is written to
/// ```
///
/// Channels are the last axis: `[batch, …, channels]`. Copies and slices of the leading axis share memory until one of
/// them is written to. Memory comes from ``BufferPool``.
///
/// Shapes that do not fit are faults of the calling code: the program stops and says both.
public struct Tensor<Element: TensorElement>: Sendable {
  /// The lengths of the axes.
  public internal(set) var shape: Shape
  @usableFromInline var storage: TensorStorage<Element>
  @usableFromInline var offset: Int

  init(shape: Shape, storage: TensorStorage<Element>, offset: Int) {
    self.shape = shape
    self.storage = storage
    self.offset = offset
  }

  /// A tensor whose elements `initializer` writes, all of them: the buffer holds arbitrary values before.
  @specialized(where Element == Float)
  public init(
    shape: Shape, initializingWith initializer: (UnsafeMutableBufferPointer<Element>) throws -> Void
  ) rethrows {
    let storage = TensorStorage<Element>(count: shape.elementCount)
    try initializer(UnsafeMutableBufferPointer(start: storage.elements, count: storage.count))
    self.init(shape: shape, storage: storage, offset: 0)
  }

  /// A tensor with the given elements in row-major order; there must be as many as the shape has.
  public init(_ elements: some Collection<Element>, shape: Shape) {
    require(
      elements.count == shape.elementCount, "\(elements.count) elements do not fill a tensor of shape \(shape)")
    self.init(shape: shape) { buffer in _ = buffer.initialize(from: elements) }
  }

  /// A vector `[count]` with the given elements.
  public init(_ elements: [Element]) { self.init(elements, shape: [elements.count]) }

  /// A tensor with the same value everywhere.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  public init(repeating value: Element, shape: Shape) {
    self.init(shape: shape) { $0.initialize(repeating: value) }
  }

  /// A tensor of zeros.
  public static func zeros(_ shape: Shape) -> Tensor { Tensor(repeating: 0, shape: shape) }

  /// A tensor of ones.
  public static func ones(_ shape: Shape) -> Tensor { Tensor(repeating: 1, shape: shape) }

  /// A scalar, of shape `[]`.
  public static func scalar(_ value: Element) -> Tensor { Tensor(repeating: value, shape: []) }

  /// `count` values evenly spaced from `start` to `end`, both included, in row-major order.
  public static func linearlySpaced(from start: Element, through end: Element, shape: Shape) -> Tensor {
    let count = shape.elementCount
    let step = count > 1 ? (end - start) / Element(count - 1) : 0
    return Tensor((0..<count).map { start + Element($0) * step }, shape: shape)
  }

  /// The number of elements.
  @inlinable public var count: Int { shape.elementCount }
  /// The number of axes.
  public var rank: Int { shape.rank }

  /// The elements in row-major order, copied.
  public var elements: [Element] { withUnsafeElements { Array($0) } }

  /// The only element of a tensor that has just one.
  public var item: Element {
    require(count == 1, "a tensor of shape \(shape) is not a single number")
    return storage.elements[offset]
  }

  /// The element at an index for each axis.
  public subscript(_ indices: Int...) -> Element {
    get { storage.elements[offset + flatIndex(indices)] }
    set {
      let index = flatIndex(indices)
      withUnsafeMutableElements { $0[index] = newValue }
    }
  }

  private func flatIndex(_ indices: [Int]) -> Int {
    require(indices.count == rank, "\(indices.count) indices into a tensor of shape \(shape)")
    var flat = 0
    for (axis, index) in indices.enumerated() {
      require(index >= 0 && index < shape[axis], "index \(indices) outside a tensor of shape \(shape)")
      flat = flat * shape[axis] + index
    }
    return flat
  }

  /// Lends the elements for reading.
  @inlinable public func withUnsafeElements<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: storage.elements + offset, count: count))
  }

  /// Lends the elements for writing; copies them first if another tensor shares them.
  public mutating func withUnsafeMutableElements<Result, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if !isKnownUniquelyReferenced(&storage) {
      let copy = TensorStorage<Element>(count: count)
      copy.elements.initialize(from: storage.elements + offset, count: count)
      storage = copy
      offset = 0
    }
    return try body(UnsafeMutableBufferPointer(start: storage.elements + offset, count: count))
  }

  /// Lends the elements of a tensor for reading where there is one, and nil where there is none.
  @inlinable package static func withUnsafeElements<Result, Failure: Error>(
    of tensor: Tensor?, _ body: (UnsafePointer<Element>?) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let tensor else { return try body(nil) }
    defer { withExtendedLifetime(tensor.storage) {} }
    return try body(UnsafePointer(tensor.storage.elements + tensor.offset))
  }

  /// The first element: valid as long as the tensor is kept alive, as by `withExtendedLifetime`.
  package var address: UnsafePointer<Element> { UnsafePointer(storage.elements + offset) }

  /// A tensor whose elements are still to be written, and where: for nobody else yet.
  package static func unwritten(_ shape: Shape) -> (tensor: Tensor, address: UnsafeMutablePointer<Element>) {
    let storage = TensorStorage<Element>(count: shape.elementCount)
    return (Tensor(shape: shape, storage: storage, offset: 0), storage.elements)
  }

  /// The same values in another element type, rounded to nearest.
  @specialized(where Element == Double, Other == Float)
  @specialized(where Element == Float, Other == Double)
  public func converted<Other: TensorElement>(to type: Other.Type = Other.self) -> Tensor<Other> {
    if let same = self as? Tensor<Other> { return same }
    return Tensor<Other>(shape: shape) { result in
      withUnsafeElements { convertElements($0.baseAddress!, to: result.baseAddress!, count: count) }
    }
  }
}

extension Tensor: Equatable {
  /// Whether both have the same shape and equal elements; a NaN equals nothing.
  public static func == (left: Tensor, right: Tensor) -> Bool {
    guard left.shape == right.shape else { return false }
    return left.withUnsafeElements { left in right.withUnsafeElements { left.elementsEqual($0) } }
  }
}

extension Tensor: CustomStringConvertible {
  /// The shape and the first elements.
  public var description: String {
    let shown = withUnsafeElements { $0.prefix(12).map { "\($0)" }.joined(separator: ", ") }
    return "Tensor<\(Element.self)>\(shape)(\(shown)\(count > 12 ? ", …" : ""))"
  }
}
