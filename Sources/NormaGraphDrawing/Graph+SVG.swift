import NormaGraph
import NormaTensor

extension Graph {
  /// The graph as a drawing: a self-contained SVG, light or dark as its reader prefers.
  ///
  /// Each node is a box with its name, operation, shape, value, gradient and local rule; time runs downwards. Tensors
  /// are shown as in ``text(gradients:lineWidth:digits:)``, or summarised where they are too wide for a box.
  ///
  /// Inside a page its styles reach nothing else; the page can set the drawing's colours through the properties
  /// that begin with `--graph-`.
  ///
  /// - Parameters:
  ///   - gradients: what `gradients(of:seed:isLast:onLeaf:)` of this graph gave, to be shown too.
  ///   - digits: the significant digits of each channel's largest number, 1 to 15.
  public func svg(gradients: Gradients<Element>? = nil, digits: Int = 4) -> String {
    let pictures = pictures(gradients, lineWidth: 60, digits: digits)
    let boxes = pictures.map(NodeBox.init)
    let layout = LayeredLayout(sizes: boxes.map { ($0.width, $0.height) }, inputs: pictures.map(\.inputs))
    let margin = 16.0
    let (width, height) = (layout.width + 2 * margin, layout.height + 2 * margin)
    let size = "width=\"\(number(width))\" height=\"\(number(height))\""
    let title = "Computation graph of \(nodes.count) \(nodes.count == 1 ? "node" : "nodes")"

    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" class="norma-graph" role="img" \(size) \
      viewBox="\(number(-margin)) \(number(-margin)) \(number(width)) \(number(height))" aria-label="\(title)">
      <title>\(title)</title>
      <desc>\(escapedForMarkup(description(pictures)))</desc>
      <style>
      \(graphStyle)
      </style>
      <rect class="ground" x="\(number(-margin))" y="\(number(-margin))" \(size)/>

      """
    for edge in layout.edges { svg += edgePaths(edge, layout, boxes) }
    for (picture, (box, centre)) in zip(pictures, zip(boxes, layout.centres)) {
      svg += box.svg(centre: centre, inputs: picture.inputs.map { pictures[$0].symbol })
    }
    return svg + "</svg>\n"
  }

  /// The graph in words: what is computed from what.
  private func description(_ pictures: [NodePicture]) -> String {
    let sentences = pictures.prefix(100).map { node in
      let inputs = node.inputs.map { pictures[$0].symbol }.joined(separator: ", ")
      return "\(node.name): \(node.origin)\(inputs.isEmpty ? "" : " of \(inputs)"), shape \(node.shape)."
    }
    let rest = pictures.count - sentences.count
    return (sentences + (rest > 0 ? ["And \(rest) more."] : [])).joined(separator: " ")
  }
}

/// The curve of an edge and its arrowhead.
private func edgePaths(_ edge: LayeredLayout.Edge, _ layout: LayeredLayout, _ boxes: [NodeBox]) -> String {
  let arrowLength = 8.0
  guard let first = edge.points.first, let last = edge.points.last else { return "" }
  let isBranch = edge.items[0] != edge.source
  let start = isBranch ? first.y : layout.centres[edge.source].y + boxes[edge.source].height / 2
  let end = layout.centres[edge.target].y - boxes[edge.target].height / 2
  var path = "M\(number(first.x)) \(number(start))"
  for index in stride(from: 0, to: edge.points.count, by: 2) {
    let (from, to) = (edge.points[index], edge.points[index + 1])
    // A curve that arrives ends where its arrowhead begins.
    let bottom = index + 2 == edge.points.count ? to.y - arrowLength : to.y
    let middle = (from.y + bottom) / 2
    path += "V\(number(from.y))"
    path +=
      from.x == to.x
      ? "V\(number(bottom))"
      : "C\(number(from.x)) \(number(middle)) \(number(to.x)) \(number(middle)) \(number(to.x)) \(number(bottom))"
  }
  path += "V\(number(end - arrowLength))"
  let arrow = "M\(number(last.x)) \(number(end))l-4 -\(number(arrowLength + 1))h8z"
  return "<path class=\"edge\" d=\"\(path)\"/>\n<path class=\"arrow\" d=\"\(arrow)\"/>\n"
}

/// The look of a drawing. Every colour of text has a contrast of at least 4.5 to 1 on its ground, in light and in dark.
private let graphStyle = """
  .norma-graph {
    --graph-ground: #ffffff; --graph-ink: #1b2430; --graph-faint: #5a6575; --graph-line: #7b8797;
    --graph-box: #ffffff; --graph-input: #e8f1fb; --graph-parameter: #fdf3dc; --graph-constant: #f0f1f3;
    --graph-value: #14539a; --graph-gradient: #a63a10;
    color-scheme: light dark; max-width: 100%; height: auto;
    font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  }
  @media (prefers-color-scheme: dark) {
    .norma-graph {
      --graph-ground: #14181f; --graph-ink: #e8ecf2; --graph-faint: #a3aebd; --graph-line: #8491a3;
      --graph-box: #1c222b; --graph-input: #1a2f47; --graph-parameter: #3a3017; --graph-constant: #2a2f37;
      --graph-value: #8cc0ff; --graph-gradient: #ffa67a;
    }
  }
  .norma-graph .ground { fill: var(--graph-ground); }
  .norma-graph .node rect { fill: var(--graph-box); stroke: var(--graph-line); stroke-width: 1.2; }
  .norma-graph .input rect { fill: var(--graph-input); }
  .norma-graph .parameter rect { fill: var(--graph-parameter); }
  .norma-graph .constant rect { fill: var(--graph-constant); stroke-dasharray: 4 3; }
  .norma-graph text { fill: var(--graph-ink); font-size: 11px; }
  .norma-graph .name { font-size: 14px; font-weight: 600; }
  .norma-graph .origin, .norma-graph .rule { fill: var(--graph-faint); }
  .norma-graph .rule { font-style: italic; }
  .norma-graph .number {
    font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
    font-size: 11.5px; text-anchor: end;
  }
  .norma-graph .label { font-weight: 600; }
  .norma-graph .value text { fill: var(--graph-value); }
  .norma-graph .gradient text { fill: var(--graph-gradient); }
  .norma-graph .bracket { fill: none; stroke: var(--graph-faint); stroke-width: 1; }
  .norma-graph .edge { fill: none; stroke: var(--graph-line); stroke-width: 1.4; }
  .norma-graph .arrow { fill: var(--graph-line); }
  """
