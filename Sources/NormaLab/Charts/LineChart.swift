/// Values that belong together in a chart, drawn as one line.
public struct ChartSeries: Sendable {
  /// A value and where it stands on the horizontal axis.
  public struct Point: Sendable {
    /// The place on the horizontal axis.
    public let x: Double
    /// The value; where it is not finite the line has a gap.
    public let y: Double

    /// A point with two coordinates.
    public init(x: Double, y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// The range of several values at one place.
  public struct Range: Sendable {
    /// The place on the horizontal axis.
    public let x: Double
    /// The least and the greatest value.
    public let lower: Double, upper: Double

    /// A range at a place.
    public init(x: Double, lower: Double, upper: Double) {
      self.x = x
      self.lower = lower
      self.upper = upper
    }
  }

  /// What the line is called.
  public let name: String
  /// Its points, from left to right.
  public let points: [Point]
  /// The ranges that the points sum up, drawn as a band; empty if there are none.
  public let band: [Range]
  /// How it looks.
  public let style: SeriesStyle
  /// Whether the points are joined by a line; otherwise they stand alone, as figures from elsewhere do.
  public let isJoined: Bool

  /// A line through the given points, or the points alone.
  public init(name: String, points: [Point], band: [Range] = [], style: SeriesStyle, isJoined: Bool = true) {
    self.name = name
    self.points = points
    self.band = band
    self.style = style
    self.isJoined = isJoined
  }
}

/// What an axis of a chart stands for.
public struct ChartAxis: Sendable {
  /// The name of the quantity.
  public let label: String
  /// How values are spread along the axis.
  public let kind: AxisScale.Kind
  /// How its numbers are written.
  public let format: NumberFormat
  /// Values that the axis covers beside those of the series, to give several charts the same axis.
  public let covering: [Double]
  /// Whether only whole numbers are marked, as for epochs.
  public let integersOnly: Bool

  /// An axis for a quantity.
  public init(
    _ label: String, kind: AxisScale.Kind = .linear, format: NumberFormat = .plain, covering: [Double] = [],
    integersOnly: Bool = false
  ) {
    self.label = label
    self.kind = kind
    self.format = format
    self.covering = covering
    self.integersOnly = integersOnly
  }
}

/// A chart of one or more lines over a common horizontal axis.
///
/// Lines differ by colour, dash and marker and carry their names at their ends. Values that are not finite, and on a
/// logarithmic axis those that are not positive, leave a gap; a line that ends in such values ends in a cross.
public struct LineChart: Picture {
  public let title: String
  /// The horizontal axis.
  public let x: ChartAxis
  /// The vertical axis.
  public let y: ChartAxis
  /// The lines, in the order of the legend.
  public let series: [ChartSeries]
  /// Where horizontal lines to compare with lie, such as targets.
  public let references: [Double]
  /// Whether the chart takes the whole width of a page; if not, two fit beside each other.
  public let isWide: Bool

  /// A chart with its axes and lines.
  public init(
    title: String, x: ChartAxis, y: ChartAxis, series: [ChartSeries], references: [Double] = [],
    isWide: Bool = false
  ) {
    self.title = title
    self.x = x
    self.y = y
    self.series = series
    self.references = references
    self.isWide = isWide
  }

  /// What the chart shows in words: each line's first, last, lowest and highest value.
  public var summary: String {
    var sentences = ["\(y.label) over \(x.label)\(y.kind == .logarithmic ? ", on a logarithmic scale" : "")."]
    for line in series {
      let finite = line.points.filter(\.y.isFinite)
      guard let first = finite.first, let last = finite.last, let low = finite.min(by: { $0.y < $1.y }),
        let high = finite.max(by: { $0.y < $1.y })
      else {
        sentences.append("\(line.name): no finite value.")
        continue
      }
      func place(_ point: ChartSeries.Point) -> String {
        "\(y.format.text(point.y)) at \(x.label) \(x.format.shortText(point.x))"
      }
      var sentence =
        "\(line.name): from \(place(first)) to \(place(last)), lowest \(place(low)), highest \(place(high))"
      let missing = line.points.count - finite.count
      if missing > 0 { sentence += "; \(missing) of \(line.points.count) values are not finite" }
      sentences.append(sentence + ".")
    }
    if !references.isEmpty { sentences.append("Lines mark \(Words.list(references.map(y.format.shortText))).") }
    return sentences.joined(separator: " ")
  }

  public var table: ReportTable {
    let places = Set(series.flatMap { $0.points.map(\.x) }.filter(\.isFinite)).sorted()
    let values = series.map { series in
      let ranges = Dictionary(series.band.map { ($0.x, $0) }, uniquingKeysWith: { _, last in last })
      return Dictionary(
        series.points.map { point in
          var text = y.format.text(point.y)
          if let range = ranges[point.x] {
            text += " (\(y.format.text(range.lower)) to \(y.format.text(range.upper)))"
          }
          return (point.x, text)
        }, uniquingKeysWith: { _, last in last })
    }
    return ReportTable(
      caption: title,
      columns: [.init(x.label, alignment: .trailing)] + series.map { .init($0.name, alignment: .trailing) },
      rows: places.map { place in
        [x.format.shortText(place)] + values.map { $0[place] ?? "" }
      })
  }

  public func markup(identifier: String) -> Markup {
    guard isWide else { return LineChartDrawing(self, isWide: false).markup(identifier: identifier) }
    // Text in a wide drawing would be too small on a phone, so there is a narrow one too, and the page shows one of
    // the two.
    return .group([
      LineChartDrawing(self, isWide: true).markup(identifier: identifier),
      LineChartDrawing(self, isWide: false, cssClass: "chart narrow-only").markup(identifier: identifier + "-narrow"),
    ])
  }
}
