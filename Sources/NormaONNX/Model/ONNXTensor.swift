import NormaTensor

/// A tensor that goes into a model or comes out of it.
public enum ONNXTensor: Sendable, Equatable {
  /// Numbers in single precision.
  case floats(Tensor<Float>)
  /// Whole numbers, or truth values.
  case integers(ONNXIntegers)

  /// The lengths of the axes.
  public var shape: Shape {
    switch self {
    case .floats(let tensor): tensor.shape
    case .integers(let tensor): tensor.shape
    }
  }

  /// What the elements are.
  public var elementType: ONNXElementType {
    switch self {
    case .floats: .float
    case .integers(let tensor): tensor.type
    }
  }

  /// The same elements under another shape, which must have as many.
  func reshaped(to shape: Shape) -> ONNXTensor {
    switch self {
    case .floats(let tensor): .floats(tensor.reshaped(to: shape))
    case .integers(let tensor): .integers(ONNXIntegers(tensor.values, shape: shape, type: tensor.type))
    }
  }
}

/// A tensor of whole numbers.
public struct ONNXIntegers: Sendable, Hashable {
  /// The elements in row-major order; those of `uint64` by their bits.
  public let values: [Int64]
  /// The lengths of the axes.
  public let shape: Shape
  /// What the elements are, any type but `float`.
  public let type: ONNXElementType

  /// A tensor with the given elements, of which there must be as many as the shape has.
  public init(_ values: [Int64], shape: Shape, type: ONNXElementType = .int64) {
    require(values.count == shape.elementCount, "\(values.count) elements do not fill a tensor of shape \(shape)")
    require(type.computed != .float, "whole numbers of type \(type)")
    self.values = values
    self.shape = shape
    self.type = type
  }
}

/// The shape with the given lengths.
///
/// - Throws: ``ONNXError`` if one is negative, there are too many, or their product is too large.
func checkedShape(
  _ lengths: [Int], atMost most: Int, at place: @autoclosure () -> String
) throws(ONNXError) -> Shape {
  guard lengths.allSatisfy({ $0 >= 0 }) else { throw .malformed(place(), "a tensor cannot have the shape \(lengths)") }
  guard lengths.count <= Shape.maximumRank else {
    throw .unsupported(place(), "a tensor of \(lengths.count) axes; \(Shape.maximumRank) are the most")
  }
  var count = 1
  for length in lengths where length > 0 {
    let (product, isTooLarge) = count.multipliedReportingOverflow(by: length)
    guard !isTooLarge, product <= most else {
      throw .unsupported(
        place(), "a tensor of shape \(lengths) has too many elements; \(most) are the most")
    }
    count = product
  }
  return Shape(lengths)
}
