import NormaTensor

/// One use of an operator: what it gets, and what it is told.
struct OperatorCall {
  /// What an operator does with what it gets.
  typealias Body = @Sendable (OperatorCall) throws(ONNXError) -> [ONNXTensor]

  let node: ONNXNode
  /// nil for those left out.
  let inputs: [ONNXTensor?]
  /// The version of ONNX's operators.
  let version: Int
  /// The most elements that a result may have.
  let maximumElementCount: Int

  /// An error about what the rules forbid.
  func malformed(_ problem: String) -> ONNXError { .malformed(node.place, problem) }

  /// An error about what is not done here.
  func unsupported(_ problem: String) -> ONNXError { .unsupported(node.place, problem) }

  /// The shape with the given lengths, if there may be such a tensor.
  func shape(_ lengths: [Int]) throws(ONNXError) -> Shape {
    try checkedShape(lengths, atMost: maximumElementCount, at: node.place)
  }
}

// Inputs.
extension OperatorCall {
  /// An input that must be there.
  func input(_ index: Int) throws(ONNXError) -> ONNXTensor {
    guard index < inputs.count, let input = inputs[index] else { throw malformed("input \(index + 1) is missing") }
    return input
  }

  /// Whether an input is there.
  func hasInput(_ index: Int) -> Bool { index < inputs.count && inputs[index] != nil }

  /// An input of numbers in single precision.
  func floats(_ index: Int) throws(ONNXError) -> Tensor<Float> {
    switch try input(index) {
    case .floats(let tensor): return tensor
    case .integers(let tensor): throw unsupported("elements of type \(tensor.type)")
    }
  }

  /// An input of numbers that may be left out.
  func optionalFloats(_ index: Int) throws(ONNXError) -> Tensor<Float>? { hasInput(index) ? try floats(index) : nil }

  /// An input of numbers of a certain shape.
  func floats(_ index: Int, shape: Shape) throws(ONNXError) -> Tensor<Float> {
    let tensor = try floats(index)
    guard tensor.shape == shape else {
      throw malformed("input \(index + 1) has shape \(tensor.shape), and \(shape) is needed")
    }
    return tensor
  }

  /// An input of whole numbers, such as axes.
  func integers(_ index: Int) throws(ONNXError) -> [Int] {
    guard case .integers(let tensor) = try input(index) else {
      throw malformed("input \(index + 1) has elements of type float, and whole numbers are needed")
    }
    return tensor.values.map { Int($0) }
  }

  /// An input of whole numbers that may be left out.
  func optionalIntegers(_ index: Int) throws(ONNXError) -> [Int]? { hasInput(index) ? try integers(index) : nil }
}

// Attributes.
extension OperatorCall {
  /// A number, or what stands for it where it is left out.
  func number(_ name: String, or standard: Float) throws(ONNXError) -> Float {
    switch node.attributes[name] {
    case .number(let number): return number
    case nil: return standard
    default: throw malformed("'\(name)' is not a number")
    }
  }

  /// A whole number, or what stands for it where it is left out.
  func integer(_ name: String, or standard: Int) throws(ONNXError) -> Int {
    switch node.attributes[name] {
    case .integer(let number): return number
    case nil: return standard
    default: throw malformed("'\(name)' is not a whole number")
    }
  }

  /// A text, or what stands for it where it is left out.
  func string(_ name: String, or standard: String) throws(ONNXError) -> String {
    switch node.attributes[name] {
    case .string(let string): return string
    case nil: return standard
    default: throw malformed("'\(name)' is not a text")
    }
  }

  /// Whole numbers; nil where they are left out.
  func integers(_ name: String) throws(ONNXError) -> [Int]? {
    switch node.attributes[name] {
    case .integers(let numbers): return numbers
    case nil: return nil
    default: throw malformed("'\(name)' does not hold whole numbers")
    }
  }
}

// Axes.
extension OperatorCall {
  /// The axis that a number means, which counts from the end where it is negative: 0 to `rank` − 1.
  func axis(_ number: Int, rank: Int) throws(ONNXError) -> Int {
    guard number >= -rank, number < rank else { throw malformed("there is no axis \(number) among \(rank)") }
    return number < 0 ? number + rank : number
  }

  /// The axes that numbers mean, sorted, none twice.
  func axes(_ numbers: [Int], rank: Int) throws(ONNXError) -> [Int] {
    var axes: Set<Int> = []
    for number in numbers {
      guard axes.insert(try axis(number, rank: rank)).inserted else { throw malformed("axis \(number) is named twice") }
    }
    return axes.sorted()
  }
}
