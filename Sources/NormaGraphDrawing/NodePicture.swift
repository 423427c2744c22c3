import NormaGraph
import NormaTensor

/// What a drawing says of one node, whatever it is written as.
struct NodePicture {
  let index: Int
  /// The full name, such as `c = x − μ`.
  let name: String
  /// Whether it is an input, a parameter, a constant or an operation.
  let kind: String
  /// The operation, or the kind of a leaf.
  let origin: String
  let shape: String
  let rule: String
  let inputs: [Int]
  /// What is known of it: its value and its gradient, in that order.
  let tensors: [(label: String, picture: TensorPicture)]
  /// Where several nodes use it, what its gradient is the sum of.
  let sum: GradientSum?

  /// The name without its formula: `c` of `c = x − μ`.
  var symbol: String { name.firstRange(of: " = ").map { String(name[..<$0.lowerBound]) } ?? name }
  /// The name, with its number where that is all that tells it from others.
  var heading: String { name == origin && kind == "operation" ? "#\(index) \(name)" : name }

  init<Element: TensorElement>(
    _ node: Graph<Element>.Node, in graph: Graph<Element>, gradients: Gradients<Element>?, lineWidth: Int, digits: Int
  ) {
    index = node.index
    name = printable(node.name)
    kind = node.kind.rawValue
    origin = printable(node.kind == .operation ? node.operationName : node.kind.rawValue)
    shape = node.shape.description
    rule = printable(graph.rule(of: node.index))
    inputs = node.inputs
    let gradient = gradients?[node: node.index]
    tensors = [("value", node.value), ("gradient", gradient)].compactMap { label, tensor in
      tensor.map { (label, TensorPicture($0, lineWidth: lineWidth, digits: digits)) }
    }
    let parts = gradients?.parts(ofNode: node.index) ?? []
    sum =
      if let gradient, parts.count > 1 {
        GradientSum(
          of: printable(graph.symbol(of: node.index)), gradient,
          parts: parts.map { ($0.node, printable(graph.symbol(of: $0.node)), $0.gradient) }, lineWidth: lineWidth,
          digits: digits)
      } else { nil }
  }
}

extension Graph {
  /// What a drawing says of each node.
  ///
  /// - Parameter lineWidth: the characters of the widest row of numbers.
  func pictures(_ gradients: Gradients<Element>?, lineWidth: Int, digits: Int) -> [NodePicture] {
    require(digits >= 1 && digits <= 15, "\(digits) significant digits: 1 to 15 can be shown")
    return nodes.map { node in
      NodePicture(node, in: self, gradients: gradients, lineWidth: lineWidth, digits: digits)
    }
  }
}

/// A text without characters that would break a line, steer a terminal or be forbidden in XML.
private func printable(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isUnprintable) else { return text }
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars { result.append(isUnprintable(scalar) ? " " : scalar) }
  return String(result)
}

private func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
  // U+202A to U+202E and U+2066 to U+2069 turn the direction of all that follows.
  case .format: (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
  default: scalar.value & 0xFFFE == 0xFFFE
  }
}
