import NormaDiagnosis

/// The statistics of a normalization, channel by channel: where running means and deviations lie beside those of all examples, and where
/// those of one batch do.
public struct StatisticsStrip: Picture {
  public let title: String
  /// The normalization.
  public let layer: Diagnosis.Layer

  /// The strip of a normalization.
  public init(_ layer: Diagnosis.Layer) {
    self.layer = layer
    title = "\(layer.name) · \(Words.count(layer.channels.count, "channel"))"
  }

  /// Of more channels every so many is drawn.
  public static let maximumChannelCount = 180
  private static let maximumRowCount = 512

  public var table: ReportTable {
    let plain = NumberFormat.plain
    func deviation(_ variance: Double?) -> String { variance.map { $0 < 0 ? "–" : plain.text($0.squareRoot()) } ?? "–" }
    return ReportTable(
      caption: layer.channels.count > Self.maximumRowCount
        ? "\(layer.name), the first \(Self.maximumRowCount) of \(layer.channels.count) channels" : layer.name,
      columns: [.init("channel")]
        + [
          "running mean", "mean of the examples", "mean of a batch", "running deviation", "deviation of the examples",
          "deviation of a batch", "gamma",
        ].map { .init($0, alignment: .trailing) },
      rows: layer.channels.prefix(Self.maximumRowCount).enumerated().map { number, channel in
        [
          "\(number)", channel.runningMean.map(plain.text) ?? "–", plain.text(channel.mean),
          plain.text(channel.batchMean), deviation(channel.runningVariance), deviation(channel.variance),
          deviation(channel.batchVariance), plain.text(channel.gamma),
        ]
      })
  }

  /// What the picture shows in words.
  public var summary: String {
    let shifts = layer.channels.compactMap { $0.meanShift.map(abs) }.sorted()
    let ratios = layer.channels.compactMap(\.deviationRatio).sorted()
    guard let shift = shifts.last, let low = ratios.first, let high = ratios.last else {
      return "Nothing varies in \(layer.name)."
    }
    let plain = NumberFormat.plain
    return
      "The running means of \(layer.name) are off by up to \(plain.text(shift)) deviations of the examples; the running deviations are "
      + "\(plain.text(low)) to \(plain.text(high)) of theirs."
  }

  public func markup(identifier: String) -> Markup { StatisticsStripDrawing(self).markup(identifier: identifier) }
}

/// Two bands above one another: means in deviations of the examples, and deviations as shares of them.
private struct StatisticsStripDrawing {
  private let strip: StatisticsStrip
  private let channels: [(number: Int, channel: Diagnosis.Channel)]
  private let shifts: AxisScale, ratios: AxisScale
  private let width = 376.0, panelHeight = 92.0, top = 22.0, gap = 38.0
  private let left: Double
  private var right: Double { width - 8 }

  init(_ strip: StatisticsStrip) {
    self.strip = strip
    let all = strip.layer.channels
    let spacing = max(1, (all.count + StatisticsStrip.maximumChannelCount - 1) / StatisticsStrip.maximumChannelCount)
    channels = stride(from: 0, to: all.count, by: spacing).map { ($0, all[$0]) }
    let shown = channels.map(\.channel)
    let noise = shown.map(\.batchNoise)
    shifts = AxisScale(
      covering: shown.compactMap(\.meanShift) + shown.compactMap(\.batchShift) + noise + noise.map { -$0 } + [
        -0.1, 0.1,
      ],
      tickCount: 4)
    ratios = AxisScale(
      covering: shown.compactMap(\.deviationRatio).filter { $0 > 0 } + shown.compactMap(\.batchRatio).filter { $0 > 0 }
        + [0.5, 2],
      kind: .logarithmic, tickCount: 4)
    left = ((shifts.ticks + ratios.ticks).map { Drawing.textWidth($0.label, size: 11) }.max() ?? 0) + 8
  }

  func markup(identifier: String) -> Markup {
    let second = top + panelHeight + gap
    return Drawing.svg(
      width: width, height: second + panelHeight + 18, cssClass: "chart", identifier: identifier, title: strip.title,
      description: strip.summary,
      panel("mean, in deviations of the examples", shifts, from: top, reference: 0)
        + [band(from: top)]
        + dots(shifts, from: top, batch: \.batchShift, running: \.meanShift)
        + panel("deviation, as a multiple of the examples’", ratios, from: second, reference: 1)
        + dots(ratios, from: second, batch: \.batchRatio, running: \.deviationRatio)
        + [text("channels", x: (left + right) / 2, y: second + panelHeight + 14, anchor: "middle", cssClass: "small")])
  }

  private func panel(_ label: String, _ scale: AxisScale, from top: Double, reference: Double) -> [Markup] {
    var parts = [text(label, x: 0, y: top - 10, anchor: "start", cssClass: "small")]
    for tick in scale.ticks {
      guard let height = y(tick.value, scale, top) else { continue }
      parts.append(.element("path", ["class": "grid", "d": "M\(n(left)),\(n(height))H\(n(right))"]))
      parts.append(text(tick.label, x: left - 6, y: height + 4, anchor: "end", cssClass: "small"))
    }
    if let height = y(reference, scale, top) {
      parts.append(.element("path", ["class": "reference", "d": "M\(n(left)),\(n(height))H\(n(right))"]))
    }
    return parts
  }

  /// By how much the mean of a batch is off.
  private func band(from top: Double) -> Markup {
    func edge(_ sign: Double) -> [String] {
      channels.indices.compactMap { place in
        y(sign * channels[place].channel.batchNoise, shifts, top).map { "\(n(x(place))),\(n($0))" }
      }
    }
    let outline = edge(1) + edge(-1).reversed()
    guard outline.count > 3 else { return .empty }
    return .element(
      "g", ["class": "series-1"], [.element("path", ["class": "band", "d": "M\(outline.joined(separator: "L"))z"])])
  }

  private func dots(
    _ scale: AxisScale, from top: Double, batch: (Diagnosis.Channel) -> Double?,
    running: (Diagnosis.Channel) -> Double?
  ) -> [Markup] {
    func marks(_ value: (Diagnosis.Channel) -> Double?, radius: String) -> [Markup] {
      channels.enumerated().compactMap { place, entry in
        guard let value = value(entry.channel), let height = y(value, scale, top) else { return nil }
        return .element("circle", ["class": "dot", "cx": n(x(place)), "cy": n(height), "r": radius])
      }
    }
    // What is no number has no place: its channel is crossed out.
    let missing = channels.enumerated().compactMap { place, entry -> Markup? in
      guard entry.channel.variance > 0, running(entry.channel).map({ $0.isNaN }) ?? true else { return nil }
      return .element(
        "path", ["class": "line", "d": "M\(n(x(place) - 3)),\(n(top + 2))l6,6m0,-6l-6,6"],
        [.element("title", text: "channel \(entry.number): no number")])
    }
    return [
      .element("g", ["class": "series-1"], marks(batch, radius: "2")),
      .element("g", ["class": "series-0"], marks(running, radius: "2.5") + missing),
    ]
  }

  private func x(_ place: Int) -> Double {
    left + 4 + (Double(place) + 0.5) / Double(max(1, channels.count)) * (right - left - 8)
  }

  private func y(_ value: Double, _ scale: AxisScale, _ top: Double) -> Double? {
    scale.position(of: value).map { top + panelHeight - $0 * panelHeight }
  }

  private func n(_ value: Double) -> String { Drawing.number(value) }

  private func text(_ text: String, x: Double, y: Double, anchor: String, cssClass: String) -> Markup {
    .element("text", ["class": cssClass, "x": n(x), "y": n(y), "text-anchor": anchor], text: text)
  }
}

extension Diagnosis.Channel {
  /// How far the mean of the first batch is from that of all examples, in their deviations.
  fileprivate var batchShift: Double? { variance > 0 ? (batchMean - mean) / variance.squareRoot() : nil }
  /// The deviation of the first batch in those of all examples.
  fileprivate var batchRatio: Double? { variance > 0 ? (batchVariance / variance).squareRoot() : nil }
}
