import NormaTensor

/// A tensor that goes into a model or comes out of it, or a sequence of them.
public indirect enum ONNXTensor: Sendable, Equatable {
  /// Numbers in single precision.
  case floats(Tensor<Float>)
  /// Numbers in double precision.
  case doubles(Tensor<Double>)
  /// Numbers of a narrower kind, which are calculated with in single precision.
  case narrow(ONNXNarrowFloats)
  /// Whole numbers, or truth values.
  case integers(ONNXIntegers)
  /// Texts.
  case strings(ONNXStrings)
  /// Several tensors, one after the other.
  case sequence([ONNXTensor])
  /// A value that may be missing, and is.
  case nothing

  /// The lengths of the axes; of a sequence how many tensors there are.
  public var shape: Shape {
    switch self {
    case .floats(let tensor): tensor.shape
    case .doubles(let tensor): tensor.shape
    case .narrow(let tensor): tensor.values.shape
    case .integers(let tensor): tensor.shape
    case .strings(let tensor): tensor.shape
    case .sequence(let tensors): [tensors.count]
    case .nothing: [0]
    }
  }

  /// What the elements are; those of a sequence are what its first tensor's are.
  public var elementType: ONNXElementType {
    switch self {
    case .floats, .nothing: .float
    case .doubles: .double
    case .narrow(let tensor): tensor.type
    case .integers(let tensor): tensor.type
    case .strings: .string
    case .sequence(let tensors): tensors.first?.elementType ?? .float
    }
  }

  /// Numbers that are calculated with in single precision; nil for all others.
  public var singles: Tensor<Float>? {
    switch self {
    case .floats(let tensor): tensor
    case .narrow(let tensor): tensor.values
    default: nil
    }
  }

  /// Whether it is one tensor.
  var isTensor: Bool {
    switch self {
    case .sequence, .nothing: false
    default: true
    }
  }

  /// How many elements there are, in all tensors of a sequence together.
  var elementCount: Int {
    guard case .sequence(let tensors) = self else { return shape.elementCount }
    return tensors.reduce(tensors.count) { $0 + $1.elementCount }
  }

  /// Numbers of floating point, of whichever precision.
  static func numbers<Element: TensorElement>(_ tensor: Tensor<Element>) -> ONNXTensor {
    if let singles = tensor as? Tensor<Float> { return .floats(singles) }
    if let doubles = tensor as? Tensor<Double> { return .doubles(doubles) }
    return .floats(tensor.converted())
  }

  /// The same elements under another shape, which must have as many.
  func reshaped(to shape: Shape) -> ONNXTensor {
    switch self {
    case .floats(let tensor): .floats(tensor.reshaped(to: shape))
    case .doubles(let tensor): .doubles(tensor.reshaped(to: shape))
    case .narrow(let tensor): .narrow(ONNXNarrowFloats(exactly: tensor.values.reshaped(to: shape), type: tensor.type))
    case .integers(let tensor): .integers(ONNXIntegers(tensor.values, shape: shape, type: tensor.type))
    case .strings(let tensor): .strings(ONNXStrings(tensor.values, shape: shape))
    case .sequence, .nothing: self
    }
  }
}

/// A tensor of whole numbers.
public struct ONNXIntegers: Sendable, Hashable {
  /// The elements in row-major order; those of `uint64` by their bits.
  public let values: [Int64]
  /// The lengths of the axes.
  public let shape: Shape
  /// What the elements are, whole numbers or truth values.
  public let type: ONNXElementType

  /// A tensor with the given elements, of which there must be as many as the shape has.
  public init(_ values: [Int64], shape: Shape, type: ONNXElementType = .int64) {
    require(values.count == shape.elementCount, "\(values.count) elements do not fill a tensor of shape \(shape)")
    require(type.isWhole, "whole numbers of type \(type)")
    self.values = values
    self.shape = shape
    self.type = type
  }
}

/// A tensor of numbers that are narrower than single precision, held in it.
public struct ONNXNarrowFloats: Sendable, Equatable {
  /// The numbers, each of which there is in the type.
  public let values: Tensor<Float>
  /// What the elements are: of half width, a byte or four bits.
  public let type: ONNXElementType

  /// A tensor of the numbers of a type that are nearest to the given ones; the type must be of floating point, and narrower than `float`.
  public init(_ values: Tensor<Float>, type: ONNXElementType) {
    require(type.narrowFloat != nil, "\(type) is no narrow type of floating point")
    self.init(exactly: values.rounded(to: type.narrowFloat ?? .half(.float16)), type: type)
  }

  /// Numbers that are of the type already.
  init(exactly values: Tensor<Float>, type: ONNXElementType) {
    self.values = values
    self.type = type
  }
}

/// A tensor of texts.
public struct ONNXStrings: Sendable, Hashable {
  /// The texts in row-major order.
  public let values: [String]
  /// The lengths of the axes.
  public let shape: Shape

  /// A tensor with the given texts, of which there must be as many as the shape has.
  public init(_ values: [String], shape: Shape) {
    require(values.count == shape.elementCount, "\(values.count) texts do not fill a tensor of shape \(shape)")
    self.values = values
    self.shape = shape
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
