/// The lengths of a tensor's axes, outermost first: an image batch is `[batch, height, width, channels]`.
///
/// A shape is stored inline, so making one costs no allocation. It has at most ``maximumRank`` axes; the empty shape
/// `[]` is that of a scalar.
public struct Shape: Hashable, Sendable {
  /// The most axes a shape can have.
  public static let maximumRank = 8

  private var lengths: SIMD8<Int>
  /// The number of axes.
  public private(set) var rank: Int

  /// A shape with the given lengths, which must not be negative, and at most eight.
  public init(_ lengths: some Sequence<Int>) {
    self.lengths = .zero
    rank = 0
    for length in lengths {
      require(rank < Shape.maximumRank, "a shape has at most \(Shape.maximumRank) axes")
      require(length >= 0, "an axis cannot have length \(length)")
      self.lengths[rank] = length
      rank += 1
    }
  }

  /// The number of elements of a tensor of this shape: the product of the lengths, 1 for a scalar.
  public var elementCount: Int {
    var product = 1
    for axis in 0..<rank { product *= lengths[axis] }
    return product
  }

  /// The length of the last axis, the channels; 1 for a scalar.
  public var channelCount: Int { rank == 0 ? 1 : lengths[rank - 1] }

  /// The product of all lengths but the last: how many rows there are when the tensor is read as rows by channels.
  public var rowCount: Int {
    var product = 1
    for axis in 0..<Swift.max(0, rank - 1) { product *= lengths[axis] }
    return product
  }

  /// This shape with the last axis replaced.
  public func replacingLast(with length: Int) -> Shape {
    require(rank > 0, "a scalar has no last axis")
    var copy = self
    copy.lengths[rank - 1] = length
    return copy
  }

  /// This shape with the first axis replaced.
  public func replacingFirst(with length: Int) -> Shape {
    require(rank > 0, "a scalar has no first axis")
    var copy = self
    copy.lengths[0] = length
    return copy
  }
}

extension Shape: RandomAccessCollection {
  /// 0, the first axis.
  public var startIndex: Int { 0 }
  /// The number of axes.
  public var endIndex: Int { rank }
  /// The length of an axis, one of `0..<rank`.
  public subscript(axis: Int) -> Int {
    require(axis >= 0 && axis < rank, "axis \(axis) of a shape of rank \(rank)")
    return lengths[axis]
  }
}

extension Shape: ExpressibleByArrayLiteral {
  /// A shape as it is written: `[batch, channels]`.
  public init(arrayLiteral lengths: Int...) { self.init(lengths) }
}

extension Shape: CustomStringConvertible {
  public var description: String { "[" + map(String.init).joined(separator: ", ") + "]" }
}
