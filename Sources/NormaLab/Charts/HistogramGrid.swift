/// Small histograms in rows and columns, all on one scale, each of two distributions: one as an outline, one filled.
///
/// The bars' heights are the square roots of the shares, as in a rootogram: a spike of equal values, such as the zeros
/// behind a rectifier, would leave nothing to see of the rest.
public struct HistogramGrid: Picture {
  /// A column: what it is called and its colour.
  public struct Column: Sendable {
    /// The name.
    public let name: String
    /// The style whose colour the column's distributions have.
    public let style: SeriesStyle

    /// A column with a name and a colour.
    public init(name: String, style: SeriesStyle) {
      self.name = name
      self.style = style
    }
  }

  /// Two distributions to compare.
  public struct Cell: Sendable {
    /// The distribution drawn as an outline.
    public let outline: Histogram?
    /// The distribution drawn filled.
    public let filled: Histogram?
    /// What stands below, in a few short lines.
    public let captions: [String]
    /// What the picture shows, in words.
    public let description: String

    /// A cell with its distributions and words.
    public init(outline: Histogram?, filled: Histogram?, captions: [String], description: String) {
      self.outline = outline
      self.filled = filled
      self.captions = captions
      self.description = description
    }
  }

  /// A row: what it is called and a cell for each column, or `nil` where there is nothing to show.
  public struct Row: Sendable {
    /// The name.
    public let name: String
    /// The cells, one a column.
    public let cells: [Cell?]

    /// A row with a name and its cells.
    public init(name: String, cells: [Cell?]) {
      self.name = name
      self.cells = cells
    }
  }

  public let title: String
  /// The columns.
  public let columns: [Column]
  /// The rows, from top to bottom.
  public let rows: [Row]
  public let table: ReportTable
  /// The values that each box spans.
  public let range: ClosedRange<Double>

  /// A grid with its rows, and the table of what is in it.
  public init(title: String, columns: [Column], rows: [Row], table: ReportTable) {
    self.title = title
    self.columns = columns
    self.rows = rows
    self.table = table
    range = HistogramGrid.commonRange(
      rows.flatMap(\.cells).compactMap(\.self).flatMap { [$0.outline, $0.filled].compactMap(\.self) })
  }

  private static let barCount = 44
  private static let size = (width: 176.0, height: 58.0)

  /// The range of the middle 99 % of every histogram.
  ///
  /// One that is more than ten times as wide as most would leave nothing to see of the others, so it may run out of
  /// its box.
  private static func commonRange(_ histograms: [Histogram]) -> ClosedRange<Double> {
    let ranges = histograms.compactMap { histogram -> ClosedRange<Double>? in
      guard let low = histogram.quantile(0.005), let high = histogram.quantile(0.995), low <= high else { return nil }
      return low...high
    }
    func width(_ range: ClosedRange<Double>) -> Double { range.upperBound - range.lowerBound }
    let widths = ranges.map(width).sorted()
    guard let widest = widths.last else { return 0...1 }
    // Not the middle one: where many layers have collapsed, more than half are narrow.
    let usual = widths[(widths.count - 1) * 7 / 10]
    let limit = usual > 0 ? usual * 10 : widest
    let kept = ranges.filter { width($0) <= limit }
    let low = kept.map(\.lowerBound).min() ?? 0
    let high = kept.map(\.upperBound).max() ?? 1
    return high > low ? low...high : (low - 0.5)...(low + 0.5)
  }

  public func markup(identifier: String) -> Markup {
    let shares = rows.map { row in
      row.cells.map { cell in
        cell.map { cell in (outline: self.shares(cell.outline), filled: self.shares(cell.filled)) }
      }
    }
    let tallest = shares.joined().compactMap(\.self).flatMap { $0.outline + $0.filled }.max() ?? 0
    let rowMarkups = rows.indices.map { row in
      Markup.element(
        "div", ["class": "histogram-row"],
        [
          .element("p", ["class": "row-name"], text: rows[row].name),
          .element(
            "div", ["class": "histogram-cells"],
            zip(columns, zip(rows[row].cells, shares[row])).enumerated().map { index, entry in
              let (column, (cell, shares)) = entry
              guard let cell, let shares else { return .element("div", ["class": "histogram"]) }
              return markup(
                cell, shares: shares, tallest: tallest, column: column, row: rows[row],
                identifier: "\(identifier)-\(row + 1)-\(index + 1)")
            }),
        ])
    }
    let low = NumberFormat.plain.text(range.lowerBound)
    let high = NumberFormat.plain.text(range.upperBound)
    let zero = range.contains(0) ? ", and the upright line marks zero" : ""
    return .element(
      "div", ["class": "histograms"],
      rowMarkups + [.element("p", ["class": "scale"], text: "Each box spans the values from \(low) to \(high)\(zero).")]
    )
  }

  private func shares(_ histogram: Histogram?) -> [Double] {
    histogram?.shares(over: range, count: HistogramGrid.barCount) ?? []
  }

  private func markup(
    _ cell: Cell, shares: (outline: [Double], filled: [Double]), tallest: Double, column: Column, row: Row,
    identifier: String
  ) -> Markup {
    let size = HistogramGrid.size
    var parts: [Markup] = []
    let zero = -range.lowerBound / (range.upperBound - range.lowerBound) * size.width
    if zero > 0 && zero < size.width {
      parts.append(
        .element("path", ["class": "grid", "d": "M\(Drawing.number(zero)),0V\(Drawing.number(size.height))"]))
    }
    let baseline = size.height - 1
    if let outline = contour(shares.filled, tallest: tallest, isClosed: true) {
      parts.append(.element("path", ["class": "filled", "d": outline]))
    }
    if let outline = contour(shares.outline, tallest: tallest, isClosed: false) {
      parts.append(.element("path", ["class": "outline", "d": outline]))
    }
    parts.append(
      .element("path", ["class": "axis", "d": "M0,\(Drawing.number(baseline))H\(Drawing.number(size.width))"]))
    return .element(
      "div", ["class": "histogram \(column.style.cssClass)"],
      [
        .element("p", ["class": "name"], text: column.name),
        Drawing.svg(
          width: size.width, height: size.height, cssClass: "chart", identifier: identifier,
          title: "\(row.name), \(column.name)", description: cell.description, parts),
      ] + cell.captions.map { .element("p", ["class": "figures"], [.prose($0)]) })
  }

  /// The upper edge of the bars as a path.
  private func contour(_ shares: [Double], tallest: Double, isClosed: Bool) -> String? {
    guard tallest > 0, shares.contains(where: { $0 > 0 }) else { return nil }
    let size = HistogramGrid.size
    let baseline = size.height - 1
    let width = size.width / Double(shares.count)
    var path = "M0,\(Drawing.number(baseline))"
    for (index, share) in shares.enumerated() {
      let height = baseline - (share / tallest).squareRoot() * (baseline - 2)
      path += "V\(Drawing.number(height))H\(Drawing.number(Double(index + 1) * width))"
    }
    return path + "V\(Drawing.number(baseline))" + (isClosed ? "z" : "")
  }
}
