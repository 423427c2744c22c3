import NormaGraph
import NormaTensor

extension Graph {
  /// The graph in Graphviz's language: `dot -Tsvg` draws it.
  ///
  /// Each node says what its block of ``text(gradients:lineWidth:digits:)`` says. Inputs, parameters, constants and
  /// operations differ in outline and colour.
  ///
  /// - Parameters:
  ///   - gradients: what `gradients(of:seed:isLast:onLeaf:)` of this graph gave, to be shown too.
  ///   - digits: the significant digits of each channel's largest number, 1 to 15.
  public func dot(gradients: Gradients<Element>? = nil, digits: Int = 4) -> String {
    let pictures = pictures(gradients, lineWidth: 60, digits: digits)
    var dot = """
      digraph graph_of_nodes {
        graph [rankdir=TB, nodesep=0.4, ranksep=0.45, charset="UTF-8"];
        node [shape=box, style="rounded,filled", color="#7b8797", fillcolor="#ffffff",
          fontname="monospace", fontsize=11];
        edge [color="#7b8797", arrowsize=0.7];

      """
    for node in pictures {
      dot += "  n\(node.index) [\(label(of: node))\(style(of: nodes[node.index].kind))];\n"
    }
    for node in pictures {
      for input in node.inputs { dot += "  n\(input) -> n\(node.index);\n" }
    }
    return dot + "}\n"
  }

  private func label(of node: NodePicture) -> String {
    var lines = [node.heading, node.name == node.origin ? node.shape : "\(node.origin) · \(node.shape)"]
    for (label, tensor) in node.tensors { lines += ["\(label):"] + tensor.lines.map { "  " + $0 } }
    if let sum = node.sum { lines += sum.lines(showsNumbers: false) }
    if !node.rule.isEmpty { lines.append(node.rule) }
    // A backslash and l end a line that is aligned at the left.
    let text = lines.map { escapedForMarkup($0).replacing("\\", with: "\\\\") + "\\l" }.joined()
    return "label=\"\(text)\""
  }

  private func style(of kind: Kind) -> String {
    switch kind {
    case .input: ", style=filled, fillcolor=\"#e8f1fb\", penwidth=2"
    case .parameter: ", style=filled, fillcolor=\"#fdf3dc\""
    case .constant: ", style=\"filled,dashed\", fillcolor=\"#f0f1f3\""
    case .operation: ""
    }
  }
}
