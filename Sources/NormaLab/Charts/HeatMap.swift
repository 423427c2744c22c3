import Foundation

/// Which shade a value has in heat maps that belong together.
public struct HeatScale: Sendable {
  /// How values are spread over the shades.
  public let kind: AxisScale.Kind
  /// The least value that has a shade; `nil` if none has.
  public let range: ClosedRange<Double>?

  /// A scale that covers the given values; those that have no place on it are left out: NaN, infinities, and on a
  /// logarithmic scale zero and what is below.
  public init(covering values: some Sequence<Double>, kind: AxisScale.Kind = .linear) {
    self.kind = kind
    let usable = values.filter { HeatScale.hasPlace($0, on: kind) }
    if let low = usable.min(), let high = usable.max() { range = low...high } else { range = nil }
  }

  /// The shade of a value, from 0 for the least to ``Palette/heatStepCount`` − 1; `nil` if it has no place.
  public func step(of value: Double) -> Int? {
    guard let range, HeatScale.hasPlace(value, on: kind) else { return nil }
    func height(_ value: Double) -> Double { kind == .linear ? value / 2 : log10(value) }
    let (low, high) = (height(range.lowerBound), height(range.upperBound))
    guard high > low else { return Palette.heatStepCount / 2 }
    let share = (height(value) - low) / (high - low)
    return min(max(0, Int(share * Double(Palette.heatStepCount))), Palette.heatStepCount - 1)
  }

  /// The shades from the least to the greatest value, for a legend.
  public func legend(format: NumberFormat = .plain) -> LegendEntry? {
    guard let range else { return nil }
    let end = format.text(range.upperBound) + (kind == .logarithmic ? " (logarithmic)" : "")
    return LegendEntry(end, symbol: .shades(from: format.text(range.lowerBound)))
  }

  private static func hasPlace(_ value: Double, on kind: AxisScale.Kind) -> Bool {
    value.isFinite && (kind == .linear || value > 0)
  }
}

/// A table of numbers as shades: rows of things, columns of time.
///
/// A number that is not finite is drawn as a cross, one that a logarithmic scale has no place for as a ring, a missing
/// one not at all.
public struct HeatMap: Picture {
  /// A row: what it is called and a value for each column, or `nil` where there is none.
  public struct Row: Sendable {
    /// The name.
    public let name: String
    /// The values, one a column.
    public let values: [Double?]

    /// A row with a name and its values.
    public init(name: String, values: [Double?]) {
      self.name = name
      self.values = values
    }
  }

  public let title: String
  /// What the columns count, such as "epoch".
  public let columnTitle: String
  /// The columns' names, from left to right.
  public let columns: [String]
  /// The rows, from top to bottom.
  public let rows: [Row]
  /// Which shade a value has.
  public let scale: HeatScale
  /// How numbers are written.
  public let format: NumberFormat

  /// A heat map of rows over columns.
  public init(
    title: String, columnTitle: String, columns: [String], rows: [Row], scale: HeatScale, format: NumberFormat = .plain
  ) {
    self.title = title
    self.columnTitle = columnTitle
    self.columns = columns
    self.rows = rows
    self.scale = scale
    self.format = format
  }

  public var table: ReportTable {
    ReportTable(
      caption: title,
      columns: [.init("layer")] + columns.map { .init("\(columnTitle) \($0)", alignment: .trailing) },
      rows: rows.map { row in [row.name] + columns.indices.map { text(of: row, at: $0) } })
  }

  /// What the map shows in words: each row's first and last value, and where a value is not finite.
  public var summary: String {
    let sentences = rows.map { row -> String in
      let known = columns.indices.filter { value(of: row, at: $0) != nil }
      guard let first = known.first, let last = known.last else { return "\(row.name): no values." }
      let start = "\(text(of: row, at: first)) at \(columnTitle) \(columns[first])"
      return "\(row.name): \(start), \(text(of: row, at: last)) at \(columnTitle) \(columns[last])."
    }
    return sentences.joined(separator: " ")
  }

  public func markup(identifier: String) -> Markup {
    let width = 252.0
    let top = 4.0
    let rowHeight = min(20, max(8, 220 / Double(max(1, rows.count))))
    let left = min(120, (rows.map { Drawing.textWidth($0.name, size: 11) }.max() ?? 0) + 6)
    let columnWidth = (width - left - 2) / Double(max(1, columns.count))
    let bottom = top + rowHeight * Double(rows.count)
    var parts: [Markup] = []
    // Names of rows that are lower than a line of text would overlap.
    let namedEvery = max(1, Int((12 / rowHeight).rounded(.up)))
    for (index, row) in rows.enumerated() {
      let y = top + rowHeight * Double(index)
      if index.isMultiple(of: namedEvery) {
        parts.append(
          text(
            Drawing.fitted(row.name, width: left - 6, size: 11), x: left - 6, y: y + rowHeight / 2 + 4, anchor: "end"))
      }
      for column in columns.indices {
        guard let value = value(of: row, at: column) else { continue }
        parts.append(
          cell(
            value, x: left + columnWidth * Double(column), y: y, width: columnWidth, height: rowHeight,
            tooltip: "\(row.name), \(columnTitle) \(columns[column]): \(format.text(value))"))
      }
    }
    for column in columns.indices where column.isMultiple(of: labelledEvery(columnWidth)) {
      let half = Drawing.textWidth(columns[column], size: 11) / 2
      let middle = min(left + columnWidth * (Double(column) + 0.5), width - half)
      parts.append(text(columns[column], x: middle, y: bottom + 15, anchor: "middle"))
    }
    parts.append(text(columnTitle, x: left + (width - left) / 2, y: bottom + 30, anchor: "middle"))
    return Drawing.svg(
      width: width, height: bottom + 35, cssClass: "chart", identifier: identifier, title: title, description: summary,
      parts)
  }

  private func labelledEvery(_ columnWidth: Double) -> Int {
    let widest = (columns.map { Drawing.textWidth($0, size: 11) }.max() ?? 0) + 6
    let fewest = max(1, Int((widest / columnWidth).rounded(.up)))
    return [1, 2, 5, 10, 20, 50, 100].first { $0 >= fewest } ?? fewest
  }

  private func cell(
    _ value: Double, x: Double, y: Double, width: Double, height: Double, tooltip: String
  ) -> Markup {
    let title = Markup.element("title", text: tooltip)
    let (n, gap) = (Drawing.number, width > 6 ? 1.0 : 0)
    if let step = scale.step(of: value) {
      return .element(
        "rect",
        ["class": "heat-\(step)", "x": n(x), "y": n(y), "width": n(width - gap), "height": n(height - 1)], [title])
    }
    let radius = min(width, height) / 2 - 2
    let centre = "M\(n(x + width / 2)),\(n(y + height / 2))"
    let side = n(radius * 2)
    let path =
      value.isFinite
      ? "\(centre)m-\(n(radius)),0a\(n(radius)),\(n(radius)) 0 1,0 \(side),0a\(n(radius)),\(n(radius)) 0 1,0 -\(side),0"
      : "\(centre)m-\(n(radius)),-\(n(radius))l\(side),\(side)m0,-\(side)l-\(side),\(side)"
    return .element("path", ["class": "no-shade", "d": path], [title])
  }

  private func value(of row: Row, at column: Int) -> Double? {
    row.values.indices.contains(column) ? row.values[column] : nil
  }

  private func text(of row: Row, at column: Int) -> String { value(of: row, at: column).map(format.text) ?? "" }

  private func text(_ text: String, x: Double, y: Double, anchor: String) -> Markup {
    .element(
      "text", ["class": "tick small", "x": Drawing.number(x), "y": Drawing.number(y), "text-anchor": anchor], text: text
    )
  }
}
