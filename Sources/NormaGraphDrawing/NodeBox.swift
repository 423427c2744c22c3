/// A node as a box in an SVG: what it says, how big it is, and the markup.
///
/// From top to bottom: the name, the operation and shape, the value, the gradient and the parts that it is the sum of, beside
/// each other where there is room and else below, and the local rule.
struct NodeBox {
  private static let padding = 12.0
  private static let nameSize = 14.0
  private static let smallSize = 11.0
  private static let lineHeight = 15.0
  private static let tableSpacing = 22.0
  private static let rowSpacing = 8.0
  /// Tables stand beside each other as far as this allows.
  private static let tablesWidth = 400.0
  /// Prose is wrapped at this width, unless the tables need more.
  private static let proseWidth = 210.0

  private let node: NodePicture
  private let name: String
  private let origin: [String]
  private let rule: [String]
  /// The tables, row by row.
  private let tables: [[TensorTable]]
  let width: Double
  let height: Double

  init(_ node: NodePicture) {
    self.node = node
    let known = node.tensors.map { TensorTable(label: $0.label, $0.picture, cssClass: $0.label) }
    let parts = (node.sum?.parts ?? []).enumerated().map { index, part in
      let label = "\(index == 0 ? "=" : "+") from \(part.symbol)"
      return TensorTable(
        label: shortened(label, width: 14) { TextWidth.ofCharacter($0, isBold: true) }, part.picture,
        cssClass: "gradient")
    }
    tables = NodeBox.inRows(known) + NodeBox.inRows(parts)
    let tablesWidth = tables.map(NodeBox.width).max() ?? 0
    let room = max(NodeBox.proseWidth, tablesWidth)
    name = shortened(node.heading, width: max(280, room) / NodeBox.nameSize) { TextWidth.ofCharacter($0, isBold: true) }
    let says = node.name == node.origin ? node.shape : "\(node.origin) · \(node.shape)"
    origin = wrapped(says, width: room / NodeBox.smallSize) { TextWidth.ofCharacter($0) }
    rule = wrapped(node.rule, width: room / NodeBox.smallSize) { TextWidth.ofCharacter($0) }

    let proseWidths = (origin + rule).map { TextWidth.of($0, size: NodeBox.smallSize) }
    let content = ([tablesWidth, TextWidth.of(name, size: NodeBox.nameSize, isBold: true)] + proseWidths).max() ?? 0
    width = (content + 2 * NodeBox.padding).rounded(.up)
    let tablesHeight = tables.reduce(-NodeBox.rowSpacing) { $0 + NodeBox.height($1) + NodeBox.rowSpacing }
    height =
      2 * NodeBox.padding + 15 + NodeBox.lineHeight * Double(origin.count) + (tables.isEmpty ? 0 : 10 + tablesHeight)
      + (rule.isEmpty ? 0 : 8 + NodeBox.lineHeight * Double(rule.count))
  }

  /// Tables in rows, each as long as there is room for it.
  private static func inRows(_ tables: [TensorTable]) -> [[TensorTable]] {
    tables.reduce(into: []) { rows, table in
      if let row = rows.last, width(row + [table]) <= tablesWidth {
        rows[rows.count - 1].append(table)
      } else {
        rows.append([table])
      }
    }
  }

  private static func width(_ row: [TensorTable]) -> Double {
    row.reduce(-tableSpacing) { $0 + $1.width + tableSpacing }
  }

  private static func height(_ row: [TensorTable]) -> Double { row.map(\.height).max() ?? 0 }

  /// The box with its middle at a point, and its contents.
  ///
  /// - Parameter inputs: the names of what it was computed from.
  func svg(centre: LayeredLayout.Point, inputs: [String]) -> String {
    let left = (centre.x - width / 2).rounded()
    let top = centre.y - height / 2
    let tip = inputs.isEmpty ? node.name : "\(node.name) (\(node.origin) of \(inputs.joined(separator: ", ")))"
    var svg = """
      <g class="node \(node.kind)">
      <title>\(escapedForMarkup(tip))</title>
      <rect x="\(number(left))" y="\(number(top))" width="\(number(width))" height="\(number(height))" rx="7"/>

      """
    let x = left + NodeBox.padding
    var y = top + NodeBox.padding + 12
    svg += svgText(name, x: x, y: y, class: "name")
    y += 2
    for line in origin {
      y += NodeBox.lineHeight
      svg += svgText(line, x: x, y: y, class: "origin")
    }
    y += 13
    for row in tables {
      var tableX = x
      for table in row {
        svg += table.svg(x: tableX, y: y)
        tableX += table.width + NodeBox.tableSpacing
      }
      y += NodeBox.height(row) + NodeBox.rowSpacing
    }
    y = top + height - NodeBox.padding - 3 - NodeBox.lineHeight * Double(rule.count)
    for line in rule {
      y += NodeBox.lineHeight
      svg += svgText(line, x: x, y: y, class: "rule")
    }
    return svg + "</g>\n"
  }
}

/// A tensor's label and its numbers, in brackets unless it is a scalar.
private struct TensorTable {
  private static let size = 11.5
  private static let lineHeight = 15.0
  private static let labelHeight = 17.0
  private static let columnSpacing = 11.0
  private static let bracketWidth = 8.0

  private let label: String
  private let cssClass: String
  private let rows: [[String]]
  private let columnWidths: [Double]
  private let isBracketed: Bool
  /// What stands before each row: the names of a summary's numbers.
  private let names: [String]
  private let namesWidth: Double
  /// The width of the numbers with their names and brackets; the label can be wider.
  private let numbersWidth: Double
  let width: Double
  let height: Double

  init(label: String, _ picture: TensorPicture, cssClass: String) {
    self.label = label
    self.cssClass = cssClass
    switch picture {
    case .table(let rows, let isScalar):
      self.rows = rows
      names = []
      isBracketed = !isScalar
    case .summary(let numbers):
      rows = numbers.map { [$0.number] }
      names = numbers.map(\.name)
      isBracketed = false
    }
    columnWidths = TensorPicture.columnWidths(of: rows).map { Double($0) * TextWidth.fixed * TensorTable.size }
    namesWidth = names.map { TextWidth.of($0, size: TensorTable.size) + 8 }.max() ?? 0
    let gaps = TensorTable.columnSpacing * Double(max(0, columnWidths.count - 1))
    let brackets = isBracketed ? 2 * TensorTable.bracketWidth : 0
    numbersWidth = namesWidth + columnWidths.reduce(0, +) + gaps + brackets
    width = max(numbersWidth, TextWidth.of(label, size: TensorTable.size, isBold: true))
    height = TensorTable.labelHeight + TensorTable.lineHeight * Double(rows.count)
  }

  /// - Parameters:
  ///   - x: the left edge.
  ///   - y: the upper edge.
  func svg(x: Double, y: Double) -> String {
    var svg = "<g class=\"\(cssClass)\">\n" + svgText(label, x: x, y: y + 10, class: "label")
    let top = y + TensorTable.labelHeight
    let bottom = y + height
    if isBracketed {
      for (side, inward) in [(x + 0.75, 4.0), (x + numbersWidth - 0.75, -4.0)] {
        svg += """
          <path class="bracket" d="M\(number(side + inward)) \(number(top))H\(number(side))V\(number(bottom))\
          H\(number(side + inward))"/>

          """
      }
    }
    for (index, row) in rows.enumerated() {
      let baseline = top + TensorTable.lineHeight * Double(index) + 11.5
      if !names.isEmpty { svg += svgText(names[index], x: x, y: baseline, class: "term") }
      var right = x + namesWidth + (isBracketed ? TensorTable.bracketWidth : 0)
      for (text, width) in zip(row, columnWidths) {
        right += width
        svg += svgText(text.replacing("-", with: "−"), x: right, y: baseline, class: "number")
        right += TensorTable.columnSpacing
      }
    }
    return svg + "</g>\n"
  }
}

private func svgText(_ text: String, x: Double, y: Double, class name: String) -> String {
  "<text class=\"\(name)\" x=\"\(number(x))\" y=\"\(number(y))\">\(escapedForMarkup(text))</text>\n"
}

/// A coordinate, to a hundredth.
func number(_ coordinate: Double) -> String {
  let hundredths = Int((coordinate * 100).rounded())
  return hundredths % 100 == 0 ? "\(hundredths / 100)" : "\(Double(hundredths) / 100)"
}
