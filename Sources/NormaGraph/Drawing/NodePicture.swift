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

  /// The name without its formula: `c` of `c = x − μ`.
  var symbol: String { name.firstRange(of: " = ").map { String(name[..<$0.lowerBound]) } ?? name }

  init<Element: TensorElement>(
    _ node: Graph<Element>.Node, gradient: Tensor<Element>?, lineWidth: Int, digits: Int
  ) {
    index = node.index
    name = printable(node.name)
    kind = node.kind.rawValue
    origin = printable(node.kind == .operation ? node.operation : node.kind.rawValue)
    shape = node.shape.description
    rule = printable(node.rule)
    inputs = node.inputs
    tensors = [("value", node.value), ("gradient", gradient)].compactMap { label, tensor in
      tensor.map { (label, TensorPicture($0, lineWidth: lineWidth, digits: digits)) }
    }
  }
}

extension Graph {
  /// What a drawing says of each node.
  ///
  /// - Parameter lineWidth: the characters of the widest row of numbers.
  func pictures(_ gradients: Gradients<Element>?, lineWidth: Int, digits: Int) -> [NodePicture] {
    require(digits >= 1 && digits <= 15, "\(digits) significant digits: 1 to 15 can be shown")
    return nodes.map { node in
      NodePicture(node, gradient: gradients?[node: node.index], lineWidth: lineWidth, digits: digits)
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
