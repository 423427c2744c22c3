/// Where a training run stands, as one line that fits the terminal.
public struct ProgressLine: Sendable {
  /// What is being trained.
  public var label: String
  /// The epoch under way, from 1, and how many there are.
  public var epoch: Int, epochs: Int
  /// The steps of this epoch that are done, and how many it has.
  public var step: Int, stepsPerEpoch: Int
  /// Samples a second, if known.
  public var samplesPerSecond: Double?
  /// Seconds until the last epoch ends, if known.
  public var secondsLeft: Double?
  /// The loss, if there is one yet.
  public var loss: Double?
  /// The metric's value, if there is one.
  public var metric: Double?
  /// The metric's name.
  public var metricLabel: MetricLabel

  /// A line about a run that has just begun.
  public init(label: String, epochs: Int, stepsPerEpoch: Int, metricLabel: MetricLabel = .accuracy) {
    self.label = label
    self.epoch = 1
    self.epochs = epochs
    self.step = 0
    self.stepsPerEpoch = stepsPerEpoch
    self.metricLabel = metricLabel
  }

  private enum Part: CaseIterable {
    case label, epochWord, bar, percentage, rate, rateUnit, remaining, loss, metric
  }

  /// What a narrow terminal does without, first things first.
  private static let dispensable: [Part] = [
    .epochWord, .percentage, .rateUnit, .rate, .bar, .remaining, .label, .metric,
  ]
  private static let barWidths = 8...30

  /// The line, in at most `width` columns: with all there is to say where that fits, and with less and less where it does
  /// not. With `usesColor` escape sequences, which take up no columns, colour the bar.
  public func text(width: Int, glyphs: Glyphs = .unicode, usesColor: Bool = false) -> String {
    var parts = Set(Part.allCases)
    for dispensable in [nil] + Self.dispensable {
      if let dispensable { parts.remove(dispensable) }
      let (before, after) = fields(parts)
      let fieldsWidth = (before + after).map(\.columns).reduce(2 * (before.count + after.count - 1), +)
      if parts.contains(.bar) {
        let room = width - fieldsWidth - 2
        guard room >= Self.barWidths.lowerBound else { continue }
        let bar = bar(width: min(room, Self.barWidths.upperBound), glyphs: glyphs, usesColor: usesColor)
        return (before + [bar] + after).joined(separator: "  ")
      }
      if fieldsWidth <= width { return (before + after).joined(separator: "  ") }
    }
    let (before, after) = fields(parts)
    return (before + after).joined(separator: "  ").truncated(toColumns: width, ellipsis: glyphs.ellipsis)
  }

  /// What stands before and after the bar, padded so that it stays in its place as the numbers change.
  private func fields(_ parts: Set<Part>) -> (before: [String], after: [String]) {
    var before: [String] = []
    var after: [String] = []
    if parts.contains(.label), !label.isEmpty {
      before.append(label.singleLine)
    }
    before.append((parts.contains(.epochWord) ? "epoch " : "") + epochCounter(epoch, of: epochs))

    // Without a bar the percentage takes its place.
    if parts.contains(.percentage) || !parts.contains(.bar) {
      after.append(Formatting.progress(fraction).padded(toColumns: 4, alignedRight: true))
    }
    if parts.contains(.rate) {
      let unit = parts.contains(.rateUnit) ? " samples/s" : "/s"
      after.append((Formatting.rate(samplesPerSecond) + unit).padded(toColumns: 5 + unit.columns, alignedRight: true))
    }
    if parts.contains(.remaining) {
      after.append((Formatting.clock(secondsLeft) + " left").padded(toColumns: 9, alignedRight: true))
    }
    if let loss { after.append("loss " + Formatting.number(loss).padded(toColumns: 6, alignedRight: true)) }
    if parts.contains(.metric), let metric {
      after.append("\(metricLabel.name) " + metricLabel.text(metric).padded(toColumns: 5, alignedRight: true))
    }
    return (before, after)
  }

  private func bar(width: Int, glyphs: Glyphs, usesColor: Bool) -> String {
    let bar = Formatting.bar(fraction, width: width, glyphs: glyphs)
    return usesColor ? "\u{1B}[32m\(bar.done)\u{1B}[0;2m\(bar.remaining)\u{1B}[0m" : bar.done + bar.remaining
  }

  private var fraction: Double {
    stepsPerEpoch > 0 ? Double(step) / Double(stepsPerEpoch) : 1
  }
}

/// `3/10`, as wide for every epoch.
func epochCounter(_ epoch: Int, of epochs: Int) -> String {
  "\(epoch)/\(epochs)".padded(toColumns: 2 * "\(epochs)".count + 1, alignedRight: true)
}
