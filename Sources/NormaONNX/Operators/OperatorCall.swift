import NormaTensor

/// One use of an operator: what it gets, and what it is told. It computes in single precision or in double, whichever its first
/// input of floating point has; the others are taken in that.
struct OperatorCall<Element: TensorElement> {
  /// What an operator does with what it gets.
  typealias Body = @Sendable (OperatorCall) throws(ONNXError) -> [ONNXTensor]

  let node: ONNXNode
  /// nil for those left out.
  let inputs: [ONNXTensor?]
  /// The version of ONNX's operators.
  let version: Int
  /// The most elements that a result may have.
  let maximumElementCount: Int
  /// What runs the branches of a node.
  var runner: GraphRunner?

  /// An error about what the rules forbid.
  func malformed(_ problem: String) -> ONNXError { .malformed(node.place, problem) }

  /// An error about what is not done here.
  func unsupported(_ problem: String) -> ONNXError { .unsupported(node.place, problem) }

  /// The shape with the given lengths, if there may be such a tensor.
  func shape(_ lengths: [Int]) throws(ONNXError) -> Shape {
    try checkedShape(lengths, atMost: maximumElementCount, at: node.place)
  }

  /// Makes sure that no more is computed than is bounded: a factor times the most elements.
  func limit(_ steps: Double, what: String = "multiplications") throws(ONNXError) {
    guard steps <= Double(maximumElementCount) * 4096 else { throw unsupported("\(Int(min(steps, 1e18))) \(what)") }
  }
}

/// What an operator computes with: numbers of floating point, or whole numbers.
enum Operand<Element: TensorElement>: Sendable {
  case floats(Tensor<Element>)
  case integers(ONNXIntegers)

  var tensor: ONNXTensor {
    switch self {
    case .floats(let tensor): .numbers(tensor)
    case .integers(let tensor): .integers(tensor)
    }
  }
}

extension ONNXTensor {
  /// Numbers of floating point in a precision; nil for all others.
  func floats<Element: TensorElement>(_ type: Element.Type = Element.self) -> Tensor<Element>? {
    switch self {
    case .floats(let tensor): tensor as? Tensor<Element> ?? tensor.converted()
    case .narrow(let tensor): tensor.values as? Tensor<Element> ?? tensor.values.converted()
    case .doubles(let tensor): tensor as? Tensor<Element> ?? tensor.converted()
    default: nil
    }
  }
}

// Inputs.
extension OperatorCall {
  /// An input that must be there, of any kind.
  func value(_ index: Int) throws(ONNXError) -> ONNXTensor {
    guard index < inputs.count, let input = inputs[index] else { throw malformed("input \(index + 1) is missing") }
    return input
  }

  /// A tensor that must be there.
  func input(_ index: Int) throws(ONNXError) -> ONNXTensor {
    let value = try value(index)
    guard value.isTensor else { throw malformed("input \(index + 1) is a sequence or nothing, and no tensor") }
    return value
  }

  /// Whether an input is there.
  func hasInput(_ index: Int) -> Bool { index < inputs.count && inputs[index] != nil }

  /// An input of numbers.
  func operand(_ index: Int) throws(ONNXError) -> Operand<Element> {
    let input = try input(index)
    if case .integers(let tensor) = input { return .integers(tensor) }
    guard let tensor = input.floats(Element.self) else { throw unsupported("elements of type \(input.elementType)") }
    return .floats(tensor)
  }

  /// An input of numbers of floating point.
  func floats(_ index: Int) throws(ONNXError) -> Tensor<Element> {
    let input = try input(index)
    guard let tensor = input.floats(Element.self) else { throw unsupported("elements of type \(input.elementType)") }
    return tensor
  }

  /// An input of numbers that may be left out.
  func optionalFloats(_ index: Int) throws(ONNXError) -> Tensor<Element>? { hasInput(index) ? try floats(index) : nil }

  /// An input of numbers of a certain shape.
  func floats(_ index: Int, shape: Shape) throws(ONNXError) -> Tensor<Element> {
    let tensor = try floats(index)
    guard tensor.shape == shape else {
      throw malformed("input \(index + 1) has shape \(tensor.shape), and \(shape) is needed")
    }
    return tensor
  }

  /// An input of whole numbers, such as axes.
  func integers(_ index: Int) throws(ONNXError) -> [Int] {
    guard case .integers(let tensor) = try input(index) else {
      throw malformed(
        "input \(index + 1) has elements of type \(try input(index).elementType), and whole numbers are needed")
    }
    return tensor.values.map { Int($0) }
  }

  /// An input of whole numbers that may be left out.
  func optionalIntegers(_ index: Int) throws(ONNXError) -> [Int]? { hasInput(index) ? try integers(index) : nil }

  /// The one whole number that an input is.
  func wholeNumber(_ index: Int) throws(ONNXError) -> Int {
    let numbers = try integers(index)
    guard numbers.count == 1 else { throw malformed("input \(index + 1) is not one number") }
    return numbers[0]
  }

  /// Whether an input is true, which is one truth value.
  func truth(_ index: Int) throws(ONNXError) -> Bool {
    guard case .integers(let tensor) = try input(index), tensor.type == .bool, tensor.values.count == 1 else {
      throw malformed("input \(index + 1) is not one truth value")
    }
    return tensor.values[0] != 0
  }
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

  /// Numbers; nil where they are left out.
  func numbers(_ name: String) throws(ONNXError) -> [Float]? {
    switch node.attributes[name] {
    case .numbers(let numbers): return numbers
    case nil: return nil
    default: throw malformed("'\(name)' does not hold numbers")
    }
  }

  /// Texts; nil where they are left out.
  func strings(_ name: String) throws(ONNXError) -> [String]? {
    switch node.attributes[name] {
    case .strings(let strings): return strings
    case nil: return nil
    default: throw malformed("'\(name)' does not hold texts")
    }
  }

  /// A branch or a body that must be there.
  func graph(_ name: String) throws(ONNXError) -> ONNXGraph {
    guard case .graph(let graph)? = node.attributes[name] else { throw malformed("'\(name)' is no graph") }
    return graph
  }
}

// Axes.
extension OperatorCall {
  /// The axis that a number means, which counts from the end where it is negative: 0 to `rank` − 1.
  func axis(_ number: Int, rank: Int) throws(ONNXError) -> Int {
    guard number >= -rank, number < rank else { throw malformed("there is no axis \(number) among \(rank)") }
    return number < 0 ? number + rank : number
  }

  /// The first input and the axis that is named; all elements as a vector where none is.
  func inputAlongAxis() throws(ONNXError) -> (ONNXTensor, axis: Int) {
    let x = try input(0)
    guard node.attributes["axis"] != nil else { return (x.reshaped(to: [x.shape.elementCount]), 0) }
    return (x, try axis(try integer("axis", or: 0), rank: x.shape.rank))
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
