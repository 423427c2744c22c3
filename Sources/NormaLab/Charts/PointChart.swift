/// Points in a plane, alone or joined, beside a line to compare with.
///
/// For what a line chart does not show well: thousands of points, curves that are all corners, and axes of the same quantity,
/// whose diagonal means that both are equal.
public struct PointChart: Picture {
  /// How points are drawn.
  public enum Mark: Sendable {
    /// Small dots, through which others show.
    case dots
    /// A line through the points alone.
    case line
    /// A line with a marker at every point.
    case markedLine
  }

  /// What to compare with.
  public enum Reference: Sendable {
    /// Where both coordinates are equal.
    case diagonal
    /// Where the vertical coordinate has a value.
    case horizontal(Double)
  }

  /// More dots than this are not drawn: every so many is.
  public static let maximumDotCount = 1500

  public let title: String
  /// The horizontal axis.
  public let x: ChartAxis
  /// The vertical axis.
  public let y: ChartAxis
  /// The points, from left to right where they are joined; those that are not finite have no place.
  public let points: [ChartSeries.Point]
  /// How they are drawn.
  public let mark: Mark
  /// The dotted line.
  public let reference: Reference
  /// What the chart shows, in words.
  public let summary: String
  public let table: ReportTable

  /// A chart of points.
  ///
  /// - Parameters:
  ///   - title: What it shows, in a few words.
  ///   - x: The horizontal axis.
  ///   - y: The vertical axis.
  ///   - points: The points.
  ///   - mark: How they are drawn.
  ///   - reference: The line to compare with.
  ///   - summary: What it shows, for those who cannot see it.
  ///   - table: The numbers; where there are thousands of points, what sums them up.
  public init(
    title: String, x: ChartAxis, y: ChartAxis, points: [ChartSeries.Point], mark: Mark, reference: Reference,
    summary: String, table: ReportTable
  ) {
    self.title = title
    self.x = x
    self.y = y
    self.points = points
    self.mark = mark
    self.reference = reference
    self.summary = summary
    self.table = table
  }

  public func markup(identifier: String) -> Markup { PointChartDrawing(self).markup(identifier: identifier) }
}

/// A chart of points laid out: about square, so that two fit beside each other.
private struct PointChartDrawing {
  private let chart: PointChart
  private let xScale: AxisScale
  private let yScale: AxisScale
  private let width = 376.0
  private let height = 348.0
  private let left: Double
  private let right: Double
  private let top = 26.0
  private let bottom: Double

  init(_ chart: PointChart) {
    self.chart = chart
    var (across, up) = (chart.points.map(\.x) + chart.x.covering, chart.points.map(\.y) + chart.y.covering)
    switch chart.reference {
    case .diagonal:
      // The same values on both axes, so that the diagonal is one.
      (across, up) = (across + up, across + up)
    case .horizontal(let value): up.append(value)
    }
    xScale = AxisScale(covering: across, kind: chart.x.kind, format: chart.x.format, tickCount: 5)
    yScale = AxisScale(covering: up, kind: chart.y.kind, format: chart.y.format, tickCount: 5)
    left = (yScale.ticks.map { Drawing.textWidth($0.label) }.max() ?? 0) + 10
    // Half of the last mark's text reaches beyond the axis.
    right = width - max(14, (xScale.ticks.last.map { Drawing.textWidth($0.label) } ?? 0) / 2 + 2)
    bottom = height - 42
  }

  func markup(identifier: String) -> Markup {
    Drawing.svg(
      width: width, height: height, cssClass: "chart", identifier: identifier, title: chart.title,
      description: chart.summary, axes + [reference, .element("g", ["class": "series-0"], marks)])
  }

  private var axes: [Markup] {
    var parts: [Markup] = [text(chart.y.label, x: 0, y: 11, anchor: "start", cssClass: "axis-label")]
    for tick in yScale.ticks {
      guard let height = y(tick.value) else { continue }
      parts.append(.element("path", ["class": "grid", "d": "M\(n(left)),\(n(height))H\(n(right))"]))
      parts.append(text(tick.label, x: left - 7, y: height + 4, anchor: "end", cssClass: "tick"))
    }
    parts.append(.element("path", ["class": "axis", "d": "M\(n(left)),\(n(bottom))H\(n(right))"]))
    // Every mark is named where there is room for it, else every second, and so on.
    let widest = (xScale.ticks.map { Drawing.textWidth($0.label) }.max() ?? 0) + 8
    let interval = max(1, Int((widest * Double(xScale.ticks.count - 1) / (right - left)).rounded(.up)))
    for (index, tick) in xScale.ticks.enumerated() {
      guard let place = x(tick.value) else { continue }
      parts.append(.element("path", ["class": "axis", "d": "M\(n(place)),\(n(bottom))v4"]))
      guard index.isMultiple(of: interval) else { continue }
      parts.append(text(tick.label, x: place, y: bottom + 17, anchor: "middle", cssClass: "tick"))
    }
    return parts + [
      text(chart.x.label, x: (left + right) / 2, y: bottom + 35, anchor: "middle", cssClass: "axis-label")
    ]
  }

  private var reference: Markup {
    switch chart.reference {
    case .diagonal:
      return .element("path", ["class": "reference", "d": "M\(n(left)),\(n(bottom))L\(n(right)),\(n(top))"])
    case .horizontal(let value):
      guard let height = y(value) else { return .empty }
      return .element("path", ["class": "reference", "d": "M\(n(left)),\(n(height))H\(n(right))"])
    }
  }

  private var marks: [Markup] {
    let places = chart.points.compactMap { point -> (x: Double, y: Double, point: ChartSeries.Point)? in
      guard let x = x(point.x), let y = y(point.y) else { return nil }
      return (x, y, point)
    }
    guard chart.mark != .dots else {
      let spacing = (places.count + PointChart.maximumDotCount - 1) / PointChart.maximumDotCount
      return stride(from: 0, to: places.count, by: max(1, spacing)).map {
        .element("circle", ["class": "dot", "cx": n(places[$0].x), "cy": n(places[$0].y), "r": "2.5"])
      }
    }
    let path = places.enumerated().map { "\($0.offset == 0 ? "M" : "L")\(n($0.element.x)),\(n($0.element.y))" }
    let line = Markup.element("path", ["class": "line", "d": path.joined()])
    guard chart.mark == .markedLine else { return [line] }
    return [line]
      + places.map { place in
        .element(
          "path",
          [
            "class": "marker", "d": SeriesStyle(0).marker, "transform": "translate(\(n(place.x)) \(n(place.y)))",
          ],
          [
            .element(
              "title",
              text: "\(chart.x.label) \(chart.x.format.text(place.point.x)): \(chart.y.format.text(place.point.y))")
          ])
      }
  }

  private func x(_ value: Double) -> Double? { xScale.position(of: value).map { left + $0 * (right - left) } }

  private func y(_ value: Double) -> Double? { yScale.position(of: value).map { bottom - $0 * (bottom - top) } }

  private func n(_ value: Double) -> String { Drawing.number(value) }

  private func text(_ text: String, x: Double, y: Double, anchor: String, cssClass: String) -> Markup {
    .element("text", ["class": cssClass, "x": n(x), "y": n(y), "text-anchor": anchor], text: text)
  }
}
