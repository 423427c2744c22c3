/// A line chart laid out at one size.
///
/// The units are those of the page at its usual width, so text of size 12 is about 12 pixels high.
struct LineChartDrawing {
  private let chart: LineChart
  private let cssClass: String
  private let xScale: AxisScale
  private let yScale: AxisScale
  private let width: Double
  private let height: Double
  private let left: Double
  private let right: Double
  private let top = 26.0
  private let bottom: Double
  private let labelWidth: Double

  init(_ chart: LineChart, isWide: Bool, cssClass: String? = nil) {
    self.chart = chart
    self.cssClass = cssClass ?? (isWide ? "chart wide-only" : "chart")
    (width, height) = isWide ? (760, 350) : (376, 268)
    xScale = AxisScale(
      covering: chart.series.flatMap { $0.points.map(\.x) } + chart.x.covering, kind: chart.x.kind,
      format: chart.x.format, tickCount: isWide ? 10 : 5, integersOnly: chart.x.integersOnly)
    yScale = AxisScale(
      covering: chart.series.flatMap { $0.points.map(\.y) + $0.band.flatMap { [$0.lower, $0.upper] } }
        + chart.y.covering + chart.references,
      kind: chart.y.kind, format: chart.y.format, tickCount: isWide ? 6 : 5)
    left = (yScale.ticks.map { Drawing.textWidth($0.label) }.max() ?? 0) + 10
    labelWidth = min(chart.series.filter(\.isJoined).map { Drawing.textWidth($0.name) }.max() ?? 0, width * 0.28)
    right = width - max(14, chart.series.count > 1 ? labelWidth + 14 : 14)
    bottom = height - 42
  }

  func markup(identifier: String) -> Markup {
    Drawing.svg(
      width: width, height: height, cssClass: cssClass, identifier: identifier, title: chart.title,
      description: chart.summary,
      axes + references + chart.series.compactMap(band) + chart.series.map(line)
        + (chart.series.count > 1 ? labels : []))
  }

  // MARK: Axes

  private var axes: [Markup] {
    var parts: [Markup] = [text(chart.y.label, x: 0, y: 11, cssClass: "axis-label")]
    for tick in yScale.ticks {
      guard let height = y(tick.value) else { continue }
      parts.append(.element("path", ["class": "grid", "d": "M\(n(left)),\(n(height))H\(n(right))"]))
      parts.append(text(tick.label, x: left - 7, y: height + 4, anchor: "end", cssClass: "tick"))
    }
    parts.append(.element("path", ["class": "axis", "d": "M\(n(left)),\(n(bottom))H\(n(right))"]))
    for tick in xScale.ticks {
      guard let place = x(tick.value) else { continue }
      parts.append(.element("path", ["class": "axis", "d": "M\(n(place)),\(n(bottom))v4"]))
      parts.append(text(tick.label, x: place, y: bottom + 17, anchor: "middle", cssClass: "tick"))
    }
    parts.append(
      text(chart.x.label, x: (left + right) / 2, y: bottom + 35, anchor: "middle", cssClass: "axis-label"))
    return parts
  }

  private var references: [Markup] {
    chart.references.compactMap(y).map { height in
      .element("path", ["class": "reference", "d": "M\(n(left)),\(n(height))H\(n(right))"])
    }
  }

  // MARK: Lines

  private func band(_ series: ChartSeries) -> Markup? {
    let places = series.band.compactMap { range -> (upper: (x: Double, y: Double), lower: (x: Double, y: Double))? in
      guard let upper = place(of: .init(x: range.x, y: range.upper)),
        let lower = place(of: .init(x: range.x, y: range.lower))
      else { return nil }
      return (upper, lower)
    }
    guard places.count > 1 else { return nil }
    let outline = (places.map(\.upper) + places.reversed().map(\.lower)).map { "\(n($0.x)),\(n($0.y))" }
    return .element(
      "g", ["class": series.style.cssClass],
      [.element("path", ["class": "band", "d": "M\(outline.joined(separator: "L"))z"])])
  }

  private func line(_ series: ChartSeries) -> Markup {
    var path = ""
    var isConnected = false
    var drawn: [(place: (x: Double, y: Double), point: ChartSeries.Point)] = []
    for point in series.points {
      guard let place = place(of: point) else {
        isConnected = false
        continue
      }
      path += "\(isConnected ? "L" : "M")\(n(place.x)),\(n(place.y))"
      isConnected = true
      drawn.append((place, point))
    }
    var parts: [Markup] =
      series.isJoined
      ? [
        .element(
          "path",
          ["class": "line", "d": path, "stroke-dasharray": series.style.dashes.isEmpty ? "none" : series.style.dashes])
      ] : []
    // About a dozen markers tell lines apart; more would hide them. The other points can still be pointed at.
    let spacing = !series.isJoined || drawn.count <= 16 ? 1 : (drawn.count + 11) / 12
    for (index, entry) in drawn.enumerated() {
      let tooltip = Markup.element(
        "title",
        text: "\(series.name), \(chart.x.label) \(chart.x.format.shortText(entry.point.x)): "
          + chart.y.format.text(entry.point.y))
      if index.isMultiple(of: spacing) || index == drawn.count - 1 {
        parts.append(
          .element(
            "path",
            [
              "class": series.isJoined ? "marker" : "marker hollow", "d": series.style.marker,
              "transform": "translate(\(n(entry.place.x)) \(n(entry.place.y)))",
            ],
            [tooltip]))
      } else {
        parts.append(
          .element("circle", ["class": "target", "cx": n(entry.place.x), "cy": n(entry.place.y), "r": "4"], [tooltip]))
      }
    }
    if endsEarly(series), let end = drawn.last?.place {
      parts.append(
        .element("path", ["class": "end", "d": "M\(n(end.x - 6)),\(n(end.y - 6))l12,12m0,-12l-12,12"]))
    }
    return .element("g", ["class": series.style.cssClass], parts)
  }

  /// Whether the series goes on after its last drawn point, with values that have no place.
  private func endsEarly(_ series: ChartSeries) -> Bool {
    series.points.last.map { place(of: $0) == nil } ?? false
  }

  // MARK: Names at the lines' ends

  private var labels: [Markup] {
    let spacing = 15.0
    var atEdge: [(series: ChartSeries, end: (x: Double, y: Double), y: Double)] = []
    var parts: [Markup] = []
    // Points without a line are told of in words.
    for series in chart.series where series.isJoined {
      guard let end = series.points.lazy.compactMap(place).last else { continue }
      if end.x > right - 1 {
        atEdge.append((series, end, end.y))
      } else {
        let fits = end.x + 10 + labelWidth < width
        parts.append(
          label(
            series, x: end.x + (fits ? 10 : -10), y: end.y > top + 20 ? end.y - 7 : end.y + 18,
            anchor: fits ? "start" : "end"))
      }
    }
    // Pushed apart downwards, and then back up from the lower edge.
    atEdge.sort { $0.end.y < $1.end.y }
    for index in atEdge.indices.dropFirst() { atEdge[index].y = max(atEdge[index].y, atEdge[index - 1].y + spacing) }
    if let last = atEdge.indices.last { atEdge[last].y = min(atEdge[last].y, bottom - 2) }
    for index in atEdge.indices.dropLast().reversed() {
      atEdge[index].y = min(atEdge[index].y, atEdge[index + 1].y - spacing)
    }
    for entry in atEdge { parts.append(label(entry.series, x: right + 9, y: entry.y + 4, anchor: "start")) }
    return parts
  }

  private func label(_ series: ChartSeries, x: Double, y: Double, anchor: String) -> Markup {
    .element(
      "g", ["class": series.style.cssClass],
      [text(Drawing.fitted(series.name, width: labelWidth + 1), x: x, y: y, anchor: anchor, cssClass: "name")])
  }

  // MARK: Coordinates

  private func x(_ value: Double) -> Double? { xScale.position(of: value).map { left + $0 * (right - left) } }

  private func y(_ value: Double) -> Double? { yScale.position(of: value).map { bottom - $0 * (bottom - top) } }

  private func place(of point: ChartSeries.Point) -> (x: Double, y: Double)? {
    guard let x = x(point.x), let y = y(point.y) else { return nil }
    return (x, y)
  }

  private func n(_ value: Double) -> String { Drawing.number(value) }

  private func text(
    _ text: String, x: Double, y: Double, anchor: String = "start", cssClass: String
  ) -> Markup {
    .element("text", ["class": cssClass, "x": n(x), "y": n(y), "text-anchor": anchor], text: text)
  }
}
