import NormaGraph
import NormaTensor

extension Graph {
  /// The graph as text for a terminal: a block of lines for each node, in the order they ran.
  ///
  /// ```text
  /// #2 y = x·w
  ///    operation  multiply of x (#0), w (#1)
  ///    shape      [2, 2]
  ///    value      2  -0.002
  ///               1   0.004
  ///    gradient   1  1
  ///               1  1
  ///    rule       ∂x = ∂y·w, ∂w = Σ ∂y·x
  /// ```
  ///
  /// The gradient of a node that several others use is followed by the parts that it is the sum of, one from each of them.
  ///
  /// Tensors of up to 48 elements are shown in full, as rows by channels, where they fit the line; of others the mean,
  /// the deviation (the root of the mean squared distance from the mean), the smallest and the largest element. Values
  /// are there only in a graph that keeps them.
  ///
  /// - Parameters:
  ///   - gradients: what `gradients(of:seed:isLast:onLeaf:)` of this graph gave, to be shown too.
  ///   - lineWidth: the longest line in columns of the terminal; at least 40 are used.
  ///   - digits: the significant digits of each channel's largest number, 1 to 15.
  public func text(gradients: Gradients<Element>? = nil, lineWidth: Int = 100, digits: Int = 4) -> String {
    let width = Swift.max(40, lineWidth)
    let pictures = pictures(gradients, lineWidth: width - fieldIndentation, digits: digits)
    let blocks = pictures.map { node in
      var lines = [shortened("#\(node.index) \(node.name)", width: Double(width), widthOf: terminalWidth)]
      let inputs = node.inputs.map { "\(pictures[$0].symbol) (#\($0))" }.joined(separator: ", ")
      lines += field("operation", prose: inputs.isEmpty ? node.origin : "\(node.origin) of \(inputs)", width: width)
      lines += field("shape", prose: node.shape, width: width)
      for (label, tensor) in node.tensors {
        switch tensor {
        case .table: lines += field(label, lines: tensor.lines)
        case .summary: lines += field(label, prose: tensor.lines[0], width: width)
        }
      }
      if let sum = node.sum { lines += field("its parts", lines: sum.lines(showsNumbers: true)) }
      lines += field("rule", prose: node.rule, width: width)
      return lines.joined(separator: "\n")
    }
    let heading = "Graph of \(nodes.count) \(nodes.count == 1 ? "node" : "nodes")"
    return ([heading] + blocks).joined(separator: "\n\n") + "\n"
  }
}

/// Where what is said of a node begins.
private let fieldIndentation = 14

private func field(_ label: String, prose: String, width: Int) -> [String] {
  field(label, lines: wrapped(prose, width: Double(width - fieldIndentation), widthOf: terminalWidth))
}

private func field(_ label: String, lines: [String]) -> [String] {
  lines.enumerated().map { index, line in
    let start = index == 0 ? "   " + label : ""
    return start + String(repeating: " ", count: fieldIndentation - start.count) + line
  }
}
