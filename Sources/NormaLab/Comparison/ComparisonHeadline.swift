/// What a comparison comes to, in sentences computed from its numbers.
struct ComparisonHeadline {
  private let result: NormComparison
  private let format: NumberFormat
  private let groups: [NormComparison.Group]
  /// The highest target that says something and that any run reached.
  private let target: Double?
  private let failure: LearningFailure?

  init(_ result: NormComparison) {
    self.result = result
    format = result.metricFormat
    groups = result.groups
    target = result.meaningfulTargets.filter { target in
      result.runs.contains { $0.firstEpoch(reaching: target) != nil }
    }.max()
    failure = LearningFailure(result)
  }

  private var isRepeated: Bool { result.seedCount > 1 }

  /// Who reached the highest target that was reached at all, and when; and who did not. Or that nothing was learned.
  var sentence: String {
    guard !result.runs.isEmpty else { return "There are no runs to compare." }
    if let failure { return failure.sentence }
    if let target { return sentence(for: target) }
    guard let best else { return "No run has a finite \(result.validationMetricName)." }
    let value = best.best.text(format)
    let place = isRepeated ? best.phrase : "\(best.phrase) \(Words.after(epoch: best.runs[0].bestEpoch))"
    guard let lowest = result.meaningfulTargets.min() else {
      return "The best \(result.validationMetricName), \(value), was reached \(place)."
    }
    let goal = "\(format.shortText(lowest)) \(result.validationMetricName)"
    return result.runs.count == 1
      ? "The network did not reach \(goal); its best was \(value), \(place)."
      : "No run reached \(goal); the best was \(value), \(place)."
  }

  /// What may be concluded, and what may not: which network is sooner, which is better, what a linear model does, and why nothing
  /// was learned where nothing was. These belong beside the headline wherever it stands.
  var verdicts: [String] {
    let verdicts = ComparisonVerdicts(result, target: failure == nil ? target : nil)
    return [failure?.cause, verdicts.speed, verdicts.quality, verdicts.references, verdicts.lowTargets].compactMap(
      \.self)
      + verdicts.statisticsGaps
  }

  /// What else a reader of the page must know to judge the headline.
  var details: [String] {
    verdicts + [bestValues, testValues, unevenClasses, plainWins, otherOrder].compactMap(\.self)
  }

  /// Why runs stopped early.
  var stops: [String] {
    result.runs.compactMap { run in
      run.stoppedBecause.map {
        "The run \(run.phrase)\(seed(of: run)) stopped early: \($0)\($0.hasSuffix(".") ? "" : ".")"
      }
    }
  }

  private func seed(of run: NormComparison.Run) -> String {
    isRepeated ? run.seed.map { " and seed \($0)" } ?? "" : ""
  }

  private func sentence(for target: Double) -> String {
    let goal = format.shortText(target)
    let start = "\(result.validationMetricName) reached \(goal)"
    if isRepeated {
      let ordered = groups.map { (group: $0, epochs: $0.firstEpochs(reaching: target)) }.sorted { one, other in
        meanEpoch(one.epochs) < meanEpoch(other.epochs)
      }
      let clauses = ordered.enumerated().map { index, entry in
        "\(entry.group.phrase)\(index == 0 ? ", \(start)" : "") \(when(entry.epochs, entry.group))"
      }
      return Words.capitalized(clauses.joined(separator: "; ")) + "."
    }
    let clauses = reached(target).enumerated().map { index, entry in
      "\(entry.groups.phrase)\(index == 0 ? ", \(start)" : "") \(Words.after(epoch: entry.epoch))"
    }
    let others = groups.filter { $0.firstEpochs(reaching: target) == [nil] }.map { group -> String in
      let subject = "\(group.phrase) it stayed below \(goal)"
      let epochs = group.runs[0].trainedEpochCount
      return group.runs[0].stoppedBecause != nil
        ? "\(subject) until training stopped \(Words.after(epoch: epochs))"
        : "\(subject) in all \(Words.count(epochs, "epoch"))"
    }
    return Words.capitalized((clauses + others).joined(separator: "; ")) + "."
  }

  private func meanEpoch(_ epochs: [Int?]) -> Double {
    Spread(epochs.map { $0.map(Double.init) ?? 1e9 }).mean
  }

  /// In how many of the seeds, and when.
  private func when(_ epochs: [Int?], _ group: NormComparison.Group) -> String {
    let known = epochs.compactMap(\.self)
    if known.isEmpty {
      return "in none of \(epochs.count) seeds within \(Words.range(group.runs.map(\.trainedEpochCount), "epoch"))"
    }
    let time = known.max() == 0 ? "before training" : "after \(Words.range(known, "epoch"))"
    return known.count == epochs.count ? time : "in \(known.count) of \(epochs.count) seeds, \(time)"
  }

  /// The kinds that reached a target with a single seed, by the epoch after which they did.
  private func reached(_ target: Double) -> [(epoch: Int, groups: [NormComparison.Group])] {
    let reached = groups.compactMap { group in
      group.runs[0].firstEpoch(reaching: target).map { (group: group, epoch: $0) }
    }
    return Set(reached.map(\.epoch)).sorted().map { epoch in
      (epoch, reached.filter { $0.epoch == epoch }.map(\.group))
    }
  }

  private var finiteGroups: [NormComparison.Group] { groups.filter(\.best.mean.isFinite) }

  private var best: NormComparison.Group? { finiteGroups.max { $0.best.mean < $1.best.mean } }

  private var bestValues: String? {
    let groups = finiteGroups.sorted { $0.best.mean > $1.best.mean }
    guard groups.count > 1 || (groups.count == 1 && target != nil) else { return nil }
    let values = groups.map { "\($0.best.text(format)) \($0.phrase)" }
    return "Best \(result.validationMetricName): \(Words.list(values))."
  }

  private var testValues: String? {
    let tested = groups.compactMap { group in group.test.map { (group: group, value: $0) } }
    guard !tested.isEmpty else { return nil }
    let values = tested.map { "\($0.value.text(format)) \($0.group.phrase)" }
    return "Test \(result.metric.name): \(Words.list(values))."
  }

  private var unevenClasses: String? {
    guard result.metric.name == ComparedMetric.balancedAccuracy.metric.name, let sample = result.validation,
      let counts = sample.classCounts, let largest = counts.indices.max(by: { counts[$0] < counts[$1] })
    else { return nil }
    let name = sample.classNames?[largest] ?? "\(largest)"
    return
      "The classes are uneven, \(format.text(Double(counts[largest]) / Double(sample.count))) of the validation data are “\(name)”, "
      + "so the networks are compared by balanced accuracy, the mean of the classes’ recalls; the plain accuracy stands beside it."
  }

  private var plainWins: String? {
    guard let target, !isRepeated, groups.count > 1, let fastest = reached(target).first,
      fastest.groups.contains(where: { $0.norm == "none" })
    else { return nil }
    return fastest.groups.count == 1
      ? "Normalization did not speed learning up here: the network without it was first."
      : "Normalization did not speed learning up here: the network without it was just as fast."
  }

  /// Said only if another run was first at the lowest target than at the one in the headline.
  private var otherOrder: String? {
    guard let target, !isRepeated, let lowest = result.meaningfulTargets.filter(\.isFinite).min(), lowest < target,
      let first = reached(lowest).first, let headlined = reached(target).first,
      !first.groups.contains(where: { group in headlined.groups.contains { $0.norm == group.norm } })
    else { return nil }
    return "At \(format.shortText(lowest)) the order was another: it was reached first \(first.groups.phrase), "
      + "\(Words.after(epoch: first.epoch))."
  }
}
