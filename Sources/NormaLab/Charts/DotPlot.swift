/// A row for each thing, with dots on a common axis that stand for what was measured of it (Cleveland 1984).
///
/// For few numbers, which a line would join that have no order. Values that have no place on the axis are left out.
public struct DotPlot: Picture {
  /// A row: what it is called and a value for each of ``DotPlot/series``, or nil where there is none.
  public struct Row: Sendable {
    /// The name.
    public let name: String
    /// The values, one a series.
    public let values: [Double?]

    /// A row with a name and its values.
    public init(_ name: String, _ values: [Double?]) {
      self.name = name
      self.values = values
    }
  }

  public let title: String
  /// The axis.
  public let axis: ChartAxis
  /// What the dots of a row stand for, and how they look.
  public let series: [(name: String, style: SeriesStyle)]
  /// The rows, from top to bottom.
  public let rows: [Row]

  /// A plot of rows over an axis.
  public init(title: String, axis: ChartAxis, series: [(name: String, style: SeriesStyle)], rows: [Row]) {
    self.title = title
    self.axis = axis
    self.series = series
    self.rows = rows
  }

  public var table: ReportTable {
    ReportTable(
      caption: title, columns: [.init("")] + series.map { .init($0.name, alignment: .trailing) },
      rows: rows.map { row in [row.name] + row.values.map { $0.map(axis.format.text) ?? "" } })
  }

  /// The signs of the series.
  public var legend: [LegendEntry] { series.map { LegendEntry($0.name, symbol: .marker($0.style)) } }

  /// What the plot shows in words: every value.
  public var summary: String {
    "\(axis.label). "
      + rows.map { row in
        let values = zip(series, row.values).compactMap { series, value in
          value.map { "\(series.name) \(axis.format.text($0))" }
        }
        return "\(row.name): \(values.joined(separator: ", "))."
      }.joined(separator: " ")
  }

  public func markup(identifier: String) -> Markup {
    // Names stand before the rows where there is room for them, else above.
    .group([
      drawing(identifier, width: 760, cssClass: "chart wide-only", namesAbove: false),
      drawing("\(identifier)-narrow", width: 376, cssClass: "chart narrow-only", namesAbove: true),
    ])
  }

  private func drawing(_ identifier: String, width: Double, cssClass: String, namesAbove: Bool) -> Markup {
    let scale = AxisScale(
      covering: rows.flatMap { $0.values.compactMap(\.self) } + axis.covering, kind: axis.kind, format: axis.format,
      tickCount: namesAbove ? 5 : 8)
    let names = rows.map { Drawing.fitted($0.name, width: namesAbove ? width : 300) }
    let left =
      namesAbove
      ? max(14, (scale.ticks.first.map { Drawing.textWidth($0.label) } ?? 0) / 2 + 2)
      : (names.map { Drawing.textWidth($0) }.max() ?? 0) + 18
    let right = width - max(14, (scale.ticks.last.map { Drawing.textWidth($0.label) } ?? 0) / 2 + 2)
    let (top, step) = (6.0, namesAbove ? 38.0 : 25.0)
    let bottom = top + step * Double(rows.count)
    let n = Drawing.number
    func x(_ value: Double) -> Double? { scale.position(of: value).map { left + $0 * (right - left) } }
    var parts: [Markup] = []
    var free = -Double.infinity
    for tick in scale.ticks {
      guard let place = x(tick.value) else { continue }
      parts.append(.element("path", ["class": "grid", "d": "M\(n(place)),\(n(top))V\(n(bottom))"]))
      let half = Drawing.textWidth(tick.label) / 2
      guard place - half >= free else { continue }
      free = place + half + 4
      parts.append(text(tick.label, x: place, y: bottom + 18, anchor: "middle", cssClass: "tick"))
    }
    parts.append(.element("path", ["class": "axis", "d": "M\(n(left)),\(n(bottom))H\(n(right))"]))
    parts.append(text(axis.label, x: (left + right) / 2, y: bottom + 36, anchor: "middle", cssClass: "axis-label"))
    for (index, row) in rows.enumerated() {
      let y = top + step * (Double(index) + (namesAbove ? 0.75 : 0.5))
      parts.append(
        namesAbove
          ? text(names[index], x: 0, y: y - 12, anchor: "start", cssClass: "row-label")
          : text(names[index], x: left - 14, y: y + 4, anchor: "end", cssClass: "row-label"))
      parts.append(.element("path", ["class": "reference", "d": "M\(n(left)),\(n(y))H\(n(right))"]))
      for (series, value) in zip(series, row.values) {
        guard let value, let place = x(value) else { continue }
        parts.append(
          .element(
            "g", ["class": series.style.cssClass],
            [
              .element(
                "path",
                ["class": "marker", "d": series.style.marker, "transform": "translate(\(n(place)) \(n(y)))"],
                [.element("title", text: "\(row.name), \(series.name): \(axis.format.text(value))")])
            ]))
      }
    }
    return Drawing.svg(
      width: width, height: bottom + 42, cssClass: cssClass, identifier: identifier, title: title, description: summary,
      parts)
  }

  private func text(_ text: String, x: Double, y: Double, anchor: String, cssClass: String) -> Markup {
    .element(
      "text",
      ["class": cssClass, "x": Drawing.number(x), "y": Drawing.number(y), "text-anchor": anchor], text: text)
  }
}
