/// A dense, row-major array of numbers of half width, with value semantics: half of the memory of a `Tensor<Float>`, for what is
/// kept, sent or stored.
///
/// ```swift
/// let kept = x.rounded(to: .bfloat16)
/// let y: Tensor<Float> = kept.widened()  // x, to eight digits
/// ```
///
/// Rounding is to the nearest number, to even where two are as near, with the same bits on every processor. Nothing is computed
/// with such numbers: they are expanded first, or as they are read, as the normalizations do that take this type.
public struct HalfTensor: Sendable {
  /// The lengths of the axes.
  public let shape: Shape
  /// The format of the numbers.
  public let precision: HalfPrecision
  private let storage: TensorStorage<UInt16>

  private init(shape: Shape, precision: HalfPrecision, storage: TensorStorage<UInt16>) {
    (self.shape, self.precision, self.storage) = (shape, precision, storage)
  }

  /// A tensor whose bits `initializer` writes, all of them: the buffer holds arbitrary ones before.
  public init(
    shape: Shape, precision: HalfPrecision,
    initializingWith initializer: (UnsafeMutableBufferPointer<UInt16>) throws -> Void
  ) rethrows {
    let storage = TensorStorage<UInt16>(count: shape.elementCount)
    try initializer(UnsafeMutableBufferPointer(start: storage.elements, count: storage.count))
    self.init(shape: shape, precision: precision, storage: storage)
  }

  /// A tensor of numbers by their bits, in row-major order; there must be as many as the shape has.
  public init(bits: some Collection<UInt16>, shape: Shape, precision: HalfPrecision) {
    require(bits.count == shape.elementCount, "\(bits.count) numbers do not fill a tensor of shape \(shape)")
    self.init(shape: shape, precision: precision) { buffer in _ = buffer.initialize(from: bits) }
  }

  /// The number of elements.
  public var count: Int { shape.elementCount }
  /// The bits of the numbers in row-major order, copied.
  public var bits: [UInt16] { withUnsafeBits { Array($0) } }

  /// Lends the bits of the numbers for reading.
  public func withUnsafeBits<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<UInt16>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: storage.elements, count: count))
  }

  /// The first number's bits: valid as long as the tensor is kept alive, as by `withExtendedLifetime`.
  package var address: UnsafePointer<UInt16> { UnsafePointer(storage.elements) }

  /// A tensor whose bits are still to be written, and where: for nobody else yet.
  package static func unwritten(
    _ shape: Shape, _ precision: HalfPrecision
  ) -> (tensor: HalfTensor, address: UnsafeMutablePointer<UInt16>) {
    let storage = TensorStorage<UInt16>(count: shape.elementCount)
    return (HalfTensor(shape: shape, precision: precision, storage: storage), storage.elements)
  }

  /// The same numbers under another shape with as many; shares memory.
  public func reshaped(to shape: Shape) -> HalfTensor {
    require(shape.elementCount == count, "a tensor of shape \(self.shape) cannot become \(shape)")
    return HalfTensor(shape: shape, precision: precision, storage: storage)
  }

  /// The numbers in full width, which holds all of them.
  @specialized(where Element == Float)
  public func widened<Element: TensorElement>(to type: Element.Type = Element.self) -> Tensor<Element> {
    let (result, address) = Tensor<Element>.unwritten(shape)
    let kernels = Element.kernels
    forEachPiece(of: count) { first, count in
      precision.widen(self.address + first, to: address + first, count: count, kernels)
    }
    withExtendedLifetime(self) {}
    return result
  }
}

extension Tensor {
  /// The numbers in half width, each rounded once to the nearest.
  @specialized(where Element == Float)
  public func rounded(to precision: HalfPrecision) -> HalfTensor {
    let (result, address) = HalfTensor.unwritten(shape, precision)
    let kernels = Element.kernels
    // Where it would not stay in the caches.
    let streams = count >= 1 << 20
    forEachPiece(of: count) { first, count in
      precision.narrow(self.address + first, to: address + first, count: count, streams: streams, kernels)
    }
    withExtendedLifetime(self) {}
    return result
  }
}

/// Calls `body` for pieces of so many elements that are worth a ticket each.
private func forEachPiece(of count: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
  let length = 1 << 15
  Parallel.forEach((count + length - 1) / length) { body($0 * length, min(length, count - $0 * length)) }
}

extension HalfTensor: Equatable {
  /// Whether both have the same shape, format and bits.
  public static func == (left: HalfTensor, right: HalfTensor) -> Bool {
    guard left.shape == right.shape, left.precision == right.precision else { return false }
    return left.withUnsafeBits { left in right.withUnsafeBits { left.elementsEqual($0) } }
  }
}

extension HalfTensor: CustomStringConvertible {
  /// The format, the shape and the first numbers.
  public var description: String {
    let shown = withUnsafeBits { $0.prefix(12).map { "\(precision.value(of: $0))" }.joined(separator: ", ") }
    return "HalfTensor(\(precision.rawValue))\(shape)(\(shown)\(count > 12 ? ", …" : ""))"
  }
}
