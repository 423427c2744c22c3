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
  /// The lines that are named, by their place among all.
  private let named: [Int]

  init(_ chart: LineChart, isWide: Bool, cssClass: String? = nil) {
    self.chart = chart
    self.cssClass = cssClass ?? (isWide ? "chart wide-only" : "chart")
    width = isWide ? 760 : 376
    xScale = AxisScale(
      covering: chart.series.flatMap { $0.points.map(\.x) } + chart.x.covering, kind: chart.x.kind,
      format: chart.x.format, tickCount: isWide ? 10 : 5, integersOnly: chart.x.integersOnly)
    yScale = AxisScale(
      covering: chart.series.flatMap { $0.points.map(\.y) + $0.band.flatMap { [$0.lower, $0.upper] } }
        + chart.y.covering + chart.references,
      kind: chart.y.kind, format: chart.y.format, tickCount: isWide ? 6 : 5)
    named = LineChartDrawing.named(chart.series, xScale, yScale)
    let ends = xScale.ticks.map { Drawing.textWidth($0.label) / 2 }
    left = max((yScale.ticks.map { Drawing.textWidth($0.label) }.max() ?? 0) + 10, ends.first ?? 0)
    let widest = LineLabels.widestLine(named.map { chart.series[$0].name }, drawingWidth: width)
    let names = named.map { LineLabels.wrapped(chart.series[$0].name, width: widest) }
    labelWidth = names.joined().map { Drawing.textWidth($0, isBold: true) }.max() ?? 0
    right = width - max(14, ends.last ?? 0, named.isEmpty ? 0 : labelWidth + 14)
    // As many names as there are have room beside each other.
    let namesHeight = names.reduce(0) { $0 + Double($1.count) * LineLabels.lineHeight + LineLabels.spacing }
    height = max(isWide ? 352 : 270, top + namesHeight + LineChartDrawing.footHeight)
    bottom = height - LineChartDrawing.footHeight
  }

  /// The room below the plot, for the horizontal axis.
  private static let footHeight = 44.0

  /// Which lines are named at their ends: all that are to be seen where there are several. Points alone that look like one of
  /// the lines and are called by its name with something behind it, such as "batch, reported", need no second name.
  private static func named(_ series: [ChartSeries], _ xScale: AxisScale, _ yScale: AxisScale) -> [Int] {
    guard series.count > 1 else { return [] }
    let drawn = series.indices.filter { index in
      series[index].points.contains { xScale.position(of: $0.x) != nil && yScale.position(of: $0.y) != nil }
    }
    return drawn.filter { index in
      series[index].isJoined
        || !drawn.contains { other in
          series[other].isJoined && series[other].style == series[index].style
            && series[index].name.hasPrefix(series[other].name)
        }
    }
  }

  func markup(identifier: String) -> Markup {
    Drawing.svg(
      width: width, height: height, cssClass: cssClass, identifier: identifier, title: chart.title,
      description: chart.summary,
      axes + references + chart.series.compactMap(band) + chart.series.map(line) + labels)
  }

  // MARK: Axes

  private var axes: [Markup] {
    var parts: [Markup] = [
      text(Drawing.fitted(chart.y.label, width: width), x: 0, y: 11, cssClass: "axis-label")
    ]
    for tick in yScale.ticks {
      guard let height = y(tick.value) else { continue }
      parts.append(.element("path", ["class": "grid", "d": "M\(n(left)),\(n(height))H\(n(right))"]))
      parts.append(text(tick.label, x: left - 7, y: height + 4, anchor: "end", cssClass: "tick"))
    }
    parts.append(.element("path", ["class": "axis", "d": "M\(n(left)),\(n(bottom))H\(n(right))"]))
    var free = -Double.infinity
    for tick in xScale.ticks {
      guard let place = x(tick.value) else { continue }
      parts.append(.element("path", ["class": "axis", "d": "M\(n(place)),\(n(bottom))v4"]))
      // A number that would touch the one before it is left out.
      let half = Drawing.textWidth(tick.label) / 2
      guard place - half >= free else { continue }
      free = place + half + 4
      parts.append(text(tick.label, x: place, y: bottom + 19, anchor: "middle", cssClass: "tick"))
    }
    let label = Drawing.fitted(chart.x.label, width: width)
    let half = Drawing.textWidth(label) / 2
    parts.append(
      text(
        label, x: min(max((left + right) / 2, half), width - half), y: bottom + 37, anchor: "middle",
        cssClass: "axis-label"))
    return parts
  }

  private var references: [Markup] {
    chart.references.compactMap(y).map { height in
      .element("path", ["class": "reference", "d": "M\(n(left)),\(n(height))H\(n(right))"])
    }
  }

  // MARK: Lines

  private func band(_ series: ChartSeries) -> Markup? {
    let places = series.band.compactMap { range -> (upper: LineLabels.Place, lower: LineLabels.Place)? in
      guard let upper = place(of: .init(x: range.x, y: range.upper)),
        let lower = place(of: .init(x: range.x, y: range.lower))
      else { return nil }
      return (upper, lower)
    }
    guard places.count > 1 else { return nil }
    let outline = (places.map(\.upper) + places.reversed().map(\.lower)).map { "\(n($0.x)),\(n($0.y))" }
    return .element(
      "g", ["class": series.style.cssClass, "data-style": "\(series.style.index)"],
      [.element("path", ["class": "band", "d": "M\(outline.joined(separator: "L"))z"])])
  }

  private func line(_ series: ChartSeries) -> Markup {
    var path = ""
    var isConnected = false
    var drawn: [(place: LineLabels.Place, point: ChartSeries.Point)] = []
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
    // By these the page's script tells lines apart.
    return .element(
      "g", ["class": series.style.cssClass, "data-style": "\(series.style.index)", "data-name": series.name], parts)
  }

  /// Whether the series goes on after its last drawn point, with values that have no place.
  private func endsEarly(_ series: ChartSeries) -> Bool {
    series.points.last.map { place(of: $0) == nil } ?? false
  }

  // MARK: Names at the lines' ends

  private var labels: [Markup] {
    let lines = named.map { index in
      LineLabels.Line(name: chart.series[index].name, course: chart.series[index].points.compactMap(place))
    }
    let crosses = chart.series.filter(endsEarly).compactMap { $0.points.compactMap(place).last }.map {
      LineLabels.Box(left: $0.x - 7, top: $0.y - 7, right: $0.x + 7, bottom: $0.y + 7)
    }
    let found = LineLabels(
      lines, room: .init(left: left, top: top - 8, right: width, bottom: bottom - 1), plotRight: right,
      labelWidth: labelWidth + 1, obstacles: crosses)
    return found.labels.map { label in
      let series = chart.series[named[label.line]]
      var parts: [Markup] = []
      if let (from, to) = label.leader {
        parts.append(.element("path", ["class": "leader", "d": "M\(n(from.x)),\(n(from.y))L\(n(to.x)),\(n(to.y))"]))
      }
      for (index, line) in label.lines.enumerated() {
        let y = label.box.top + Double(index) * LineLabels.lineHeight + 11.5
        parts.append(text(line, x: label.box.left, y: y, cssClass: "name"))
      }
      if label.isCut { parts.append(.element("title", text: series.name)) }
      return .element("g", ["class": series.style.cssClass, "data-style": "\(series.style.index)"], parts)
    }
  }

  // MARK: Coordinates

  private func x(_ value: Double) -> Double? { xScale.position(of: value).map { left + $0 * (right - left) } }

  private func y(_ value: Double) -> Double? { yScale.position(of: value).map { bottom - $0 * (bottom - top) } }

  private func place(of point: ChartSeries.Point) -> LineLabels.Place? {
    guard let x = x(point.x), let y = y(point.y) else { return nil }
    return .init(x: x, y: y)
  }

  private func n(_ value: Double) -> String { Drawing.number(value) }

  private func text(
    _ text: String, x: Double, y: Double, anchor: String = "start", cssClass: String
  ) -> Markup {
    .element("text", ["class": cssClass, "x": n(x), "y": n(y), "text-anchor": anchor], text: text)
  }
}
