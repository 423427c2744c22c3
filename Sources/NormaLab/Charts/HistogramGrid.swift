/// Small histograms in rows and columns, each of two distributions: one as an outline, one filled.
///
/// The boxes of a row span the same values; all boxes have the same heights for the same shares.
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
  /// A grid with its rows, and the table of what is in it.
  public init(title: String, columns: [Column], rows: [Row], table: ReportTable) {
    self.title = title
    self.columns = columns
    self.rows = rows
    self.table = table
  }

  private static let barCount = 44
  private static let size = (width: 176.0, height: 58.0)

  /// An axis over the middle 99 % of each histogram of a row: a few far values would leave nothing to see of the rest.
  private static func scale(of row: Row) -> AxisScale {
    let histograms = row.cells.compactMap(\.self).flatMap { [$0.outline, $0.filled].compactMap(\.self) }
    return AxisScale(
      covering: histograms.flatMap { [$0.quantile(0.005), $0.quantile(0.995)].compactMap(\.self) }, tickCount: 6)
  }

  /// A cell with what is drawn of it.
  private struct Drawn {
    let cell: Cell
    let outline: [Double]
    let filled: [Double]
  }

  public func markup(identifier: String) -> Markup {
    let scales = rows.map(HistogramGrid.scale)
    let drawn = zip(rows, scales).map { row, scale in
      let range = scale.lower...scale.upper
      return row.cells.map { cell in
        cell.map { cell in
          Drawn(
            cell: cell, outline: cell.outline?.shares(over: range, count: HistogramGrid.barCount) ?? [],
            filled: cell.filled?.shares(over: range, count: HistogramGrid.barCount) ?? [])
        }
      }
    }
    let tallest = drawn.joined().compactMap(\.self).flatMap { $0.outline + $0.filled }.max() ?? 0
    return .element(
      "div", ["class": "histograms"],
      rows.indices.map { row in
        let cells = zip(columns, drawn[row]).enumerated().map { index, entry in
          entry.1.map {
            markup(
              $0, scale: scales[row], tallest: tallest, column: entry.0, row: rows[row],
              identifier: "\(identifier)-\(row + 1)-\(index + 1)")
          } ?? .element("div", ["class": "histogram"])
        }
        let ends = [scales[row].lower, scales[row].upper].map(NumberFormat.plain.shortText)
        return .element(
          "div", ["class": "histogram-row"],
          [
            .element(
              "div", ["class": "row-name"],
              [
                .element("p", text: rows[row].name),
                .element("p", ["class": "scale"], text: ends.joined(separator: " to ")),
              ]),
            .element("div", ["class": columns.count > 5 ? "histogram-cells many" : "histogram-cells"], cells),
          ])
      })
  }

  private func markup(
    _ drawn: Drawn, scale: AxisScale, tallest: Double, column: Column, row: Row, identifier: String
  ) -> Markup {
    let size = HistogramGrid.size
    var parts: [Markup] = []
    if let zero = scale.position(of: 0).map({ $0 * size.width }), zero > 0, zero < size.width {
      parts.append(
        .element("path", ["class": "grid", "d": "M\(Drawing.number(zero)),0V\(Drawing.number(size.height))"]))
    }
    let baseline = size.height - 1
    if let outline = contour(drawn.filled, tallest: tallest, isClosed: true) {
      parts.append(.element("path", ["class": "filled", "d": outline]))
    }
    if let outline = contour(drawn.outline, tallest: tallest, isClosed: false) {
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
          title: "\(row.name), \(column.name)", description: drawn.cell.description, parts),
      ] + drawn.cell.captions.map { .element("p", ["class": "figures"], [.prose($0)]) })
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
