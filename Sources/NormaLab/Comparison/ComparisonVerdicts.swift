import Norma

/// What a comparison allows to conclude. Nothing is claimed that another few seeds, or other examples of the same kind, might
/// well turn round.
struct ComparisonVerdicts {
  private let result: NormComparison
  private let groups: [NormComparison.Group]
  private let target: Double?

  /// - Parameter target: the value of the metric by which networks are sooner or later; nil to say nothing of that.
  init(_ result: NormComparison, target: Double?) {
    self.result = result
    self.target = target
    groups = result.groups
  }

  private var isRepeated: Bool { result.seedCount > 1 }

  private var pairs: [(first: NormComparison.Group, second: NormComparison.Group)] {
    groups.indices.flatMap { first in groups[(first + 1)...].map { (groups[first], $0) } }
  }

  // MARK: Sooner

  /// Which reach the target sooner; nil of one seed.
  var speed: String? {
    guard let target, isRepeated, groups.count > 1 else { return nil }
    var decided: [(first: String, second: String)] = []
    var open: [(first: String, second: String)] = []
    for (one, other) in pairs {
      if isSooner(one, than: other, at: target) {
        decided.append((one.norm, other.norm))
      } else if isSooner(other, than: one, at: target) {
        decided.append((other.norm, one.norm))
      } else {
        open.append((one.norm, other.norm))
      }
    }
    let goal = result.metricFormat.shortText(target)
    if groups.count == 2 {
      return decided.first.map {
        "\(Words.capitalized(Words.phrase(of: $0.first))) \(goal) is reached sooner than \(Words.phrase(of: $0.second)), by more than chance "
          + "explains."
      } ?? "Which of the two is sooner at \(goal) is too close to tell."
    }
    if pairs.count > Self.mostPairsListed { return summary("Sooner at \(goal) by more than chance explains", decided) }
    return sentences(
      [("Sooner at \(goal) by more than chance explains", decided.map { "\($0.first) than \($0.second)" })],
      open: ("Too close to tell which is sooner at \(goal)", open.map { "\($0.first) and \($0.second)" }))
  }

  /// Whether every seed of one kind reached a target before any seed of another came within two standard errors of it: other
  /// validation examples may shift the one as much as the other.
  private func isSooner(_ one: NormComparison.Group, than other: NormComparison.Group, at target: Double) -> Bool {
    let error = result.validation.map { result.metric.standardError(at: target, on: $0) } ?? 0
    let ours = one.firstEpochs(reaching: target), theirs = other.firstEpochs(reaching: target - 2 * error)
    guard let latest = ours.compactMap(\.self).max(), ours.allSatisfy({ $0 != nil }) else { return false }
    return theirs.allSatisfy { $0.map { $0 > latest } ?? true }
  }

  // MARK: Better

  /// Which of the saved networks are better; of one seed that it cannot tell.
  var quality: String? {
    guard result.differences != nil, groups.count > 1 else { return nil }
    guard isRepeated else {
      return "One seed cannot tell which network is sooner or better beyond chance: --seeds 3 trains each with three."
    }
    var better: [String] = [], open: [String] = [], decided: [(first: String, second: String)] = []
    for (one, other) in pairs {
      guard let difference = result.difference(one.norm, other.norm) else { continue }
      switch difference.reading {
      case .more:
        decided.append((one.norm, other.norm))
        better.append("\(one.norm) than \(other.norm) by \(text(difference))")
      case .less:
        decided.append((other.norm, one.norm))
        better.append("\(other.norm) than \(one.norm) by \(text(difference.reversed))")
      case .tooClose: open.append("\(one.norm) and \(other.norm) (\(text(difference)))")
      }
    }
    if pairs.count > Self.mostPairsListed { return summary("Better \(data), by more than chance explains", decided) }
    return sentences(
      [("Better \(data), by more than chance explains", better)],
      open: ("Too close to tell which is better \(data)", open))
  }

  private var data: String {
    (result.judgedOn == .test ? "on test data" : "on validation data") + " at the saved epoch"
  }

  private func text(_ difference: PairedDifference) -> String {
    guard result.metric.isPercentage else {
      return "\(NumberFormat.plain.text(difference.mean)) ± \(NumberFormat.plain.text(difference.uncertainty))"
    }
    let numbers = [difference.mean, difference.uncertainty].map { NumberFormat.fixed($0 * 100, decimals: 1) }
    return "\(numbers[0]) ± \(numbers[1]) points"
  }

  /// More pairs than these are not listed one by one.
  private static let mostPairsListed = 15

  /// What each is ahead of, where there are too many pairs to list them.
  private func summary(_ title: String, _ decided: [(first: String, second: String)]) -> String {
    let entries = groups.compactMap { group -> String? in
      let behind = decided.filter { $0.first == group.norm }.map(\.second)
      return behind.isEmpty ? nil : "\(group.norm) than \(behind.joined(separator: ", "))"
    }
    let open = pairs.count - decided.count
    return (entries.isEmpty ? "" : "\(title): \(entries.joined(separator: "; ")). ")
      + "\(open == pairs.count ? "All \(open)" : "The other \(open) of \(pairs.count)") pairs are too close to tell."
  }

  private func sentences(
    _ groups: [(title: String, entries: [String])], open: (title: String, entries: [String])
  ) -> String {
    (groups + [open]).filter { !$0.entries.isEmpty }
      .map { "\($0.title): \($0.entries.joined(separator: ", "))." }.joined(separator: " ")
  }

  // MARK: References

  /// What a linear model and the base line reach, and which networks are better than the linear model.
  var references: String? {
    guard let linear = result.reference(.linear), let baseline = result.reference(.baseline) else { return nil }
    let format = result.metricFormat
    func score(_ reference: NormComparison.Reference) -> String {
      format.text((result.judgedOn == .test ? reference.test : nil)?.metric ?? reference.validation.metric)
    }
    let kind = result.judgedOn == .test ? "test \(result.metric.name)" : result.validationMetricName
    let opening =
      "A linear model (\(linear.description)) has \(score(linear)) \(kind); \(baseline.description) gives \(score(baseline))."
    guard isRepeated else {
      let behind = groups.filter { ($0.test ?? $0.best).mean < (linear.test ?? linear.validation).metric }
      return behind.isEmpty
        ? opening : "\(opening) \(Words.capitalized(behind.phrase)) the network did worse than the linear model."
    }
    var (better, worse, open): ([String], [String], [String]) = ([], [], [])
    for group in groups {
      guard let difference = result.difference(group.norm, linear.kind.rawValue) else { continue }
      switch difference.reading {
      case .more: better.append("\(group.norm) by \(text(difference))")
      case .less: worse.append("\(group.norm) by \(text(difference.reversed))")
      case .tooClose: open.append("\(group.norm) (\(text(difference)))")
      }
    }
    return opening + " "
      + sentences(
        [("Better than the linear model", better), ("Worse than the linear model", worse)],
        open: ("Too close to the linear model to tell", open))
  }

  /// Which targets say nothing, because the base line reaches them.
  var lowTargets: String? {
    guard let baseline = result.reference(.baseline) else { return nil }
    let low = result.targets.filter { !result.meaningfulTargets.contains($0) && $0.isFinite }
    guard !low.isEmpty else { return nil }
    let format = result.metricFormat
    return
      "\(Words.capitalized(baseline.description)) gives \(format.text(baseline.validation.metric)) without looking, so that reaching "
      + "\(Words.list(low.map(format.shortText))) says nothing."
  }

  // MARK: Running statistics

  /// Kinds whose saved networks are good by the statistics of their batches, and not by the running ones that inference uses.
  var statisticsGaps: [String] {
    groups.compactMap { group in
      guard let batch = group.saved(\.batchTrainingMetric), let running = group.saved(\.trainingMetric),
        batch.mean - running.mean > TrainingHistory.Epoch.notableStatisticsGap
      else { return nil }
      let format = result.metricFormat
      return
        "\(Words.capitalized(group.phrase)) the saved network’s training \(result.metric.name) is \(batch.text(format)) when the "
        + "examples are normalized by their own statistics, and \(running.text(format)) by the running statistics of inference: these lag "
        + "behind the weights. A larger --bn-momentum, more --epochs or a larger --batch-size help, and "
        + "norma train --recalibrate."
    }
  }
}

extension TrainingHistory.Epoch {
  /// From which `statisticsGap` on training and inference are said to part: three points of accuracy, or as much of R².
  public static var notableStatisticsGap: Double { 0.03 }
}
