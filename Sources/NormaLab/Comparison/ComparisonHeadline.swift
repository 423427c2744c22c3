/// What a comparison comes to, in sentences computed from its numbers.
struct ComparisonHeadline {
  private let result: NormComparison
  private let format: NumberFormat
  /// The highest target that any run reached.
  private let target: Double?

  init(_ result: NormComparison) {
    self.result = result
    format = result.metricFormat
    target = result.targets.filter { target in
      result.runs.contains { $0.firstEpoch(reaching: target) != nil }
    }.max()
  }

  /// Who reached the highest target that was reached at all, and when; and who did not.
  var sentence: String {
    guard !result.runs.isEmpty else { return "There are no runs to compare." }
    if let target { return sentence(for: target) }
    guard let best else { return "No run has a finite \(result.validationMetricName)." }
    let value = format.text(best.bestValidationMetric)
    let place = "\(best.phrase) \(Words.after(epoch: best.bestEpoch))"
    guard let lowest = result.targets.min() else {
      return "The best \(result.validationMetricName), \(value), was reached \(place)."
    }
    let goal = "\(format.shortText(lowest)) \(result.validationMetricName)"
    return result.runs.count == 1
      ? "The network did not reach \(goal); its best was \(value), \(place)."
      : "No run reached \(goal); the best was \(value), \(place)."
  }

  /// What else a reader must know to judge the headline: the best values, and a different order at a lower target.
  var details: [String] { [bestValues, testValues, plainWins, otherOrder].compactMap(\.self) }

  /// Why runs stopped early.
  var stops: [String] {
    result.runs.compactMap { run in
      run.stoppedBecause.map { "The run \(run.phrase) stopped early: \($0)\($0.hasSuffix(".") ? "" : ".")" }
    }
  }

  private func sentence(for target: Double) -> String {
    let goal = format.shortText(target)
    let clauses = groups(for: target).enumerated().map { index, group in
      let start =
        index == 0 ? "\(group.runs.phrase), \(result.validationMetricName) reached \(goal)" : group.runs.phrase
      return "\(start) \(Words.after(epoch: group.epoch))"
    }
    let others = result.runs.filter { $0.firstEpoch(reaching: target) == nil }.map { run -> String in
      let subject = "\(run.phrase) it stayed below \(goal)"
      if run.stoppedBecause != nil {
        return "\(subject) until training stopped \(Words.after(epoch: run.trainedEpochCount))"
      }
      return "\(subject) in all \(Words.count(run.trainedEpochCount, "epoch"))"
    }
    return Words.capitalized((clauses + others).joined(separator: "; ")) + "."
  }

  /// The runs that reached a target, by the epoch after which they did.
  private func groups(for target: Double) -> [(epoch: Int, runs: [NormComparison.Run])] {
    let reached = result.runs.compactMap { run in run.firstEpoch(reaching: target).map { (run: run, epoch: $0) } }
    return Set(reached.map(\.epoch)).sorted().map { epoch in
      (epoch, reached.filter { $0.epoch == epoch }.map(\.run))
    }
  }

  private var finiteRuns: [NormComparison.Run] { result.runs.filter(\.bestValidationMetric.isFinite) }

  private var best: NormComparison.Run? { finiteRuns.max { $0.bestValidationMetric < $1.bestValidationMetric } }

  private var bestValues: String? {
    let runs = finiteRuns.sorted { $0.bestValidationMetric > $1.bestValidationMetric }
    guard runs.count > 1 || (runs.count == 1 && target != nil) else { return nil }
    let values = runs.map { "\(format.text($0.bestValidationMetric)) \($0.phrase)" }
    return "Best \(result.validationMetricName): \(Words.list(values))."
  }

  private var testValues: String? {
    let tested = result.runs.compactMap { run in run.testMetric.map { (run: run, value: $0) } }
    guard !tested.isEmpty else { return nil }
    let values = tested.map { "\(format.text($0.value)) \($0.run.phrase)" }
    return "Test \(result.metric.name): \(Words.list(values))."
  }

  private var plainWins: String? {
    guard let target, result.runs.count > 1, let fastest = groups(for: target).first,
      fastest.runs.contains(where: { $0.norm == "none" })
    else { return nil }
    return fastest.runs.count == 1
      ? "Normalization did not speed learning up here: the network without it was first."
      : "Normalization did not speed learning up here: the network without it was just as fast."
  }

  /// Said only if another run was first at the lowest target than at the one in the headline.
  private var otherOrder: String? {
    guard let target, let lowest = result.targets.filter(\.isFinite).min(), lowest < target,
      let first = groups(for: lowest).first, let headlined = groups(for: target).first,
      !first.runs.contains(where: { run in headlined.runs.contains { $0.norm == run.norm } })
    else { return nil }
    return "At \(format.shortText(lowest)) the order was another: it was reached first \(first.runs.phrase), "
      + "\(Words.after(epoch: first.epoch))."
  }
}
