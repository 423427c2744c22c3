import Norma

/// That no network learned anything, and the likeliest cause.
struct LearningFailure {
  private let result: NormComparison
  private let groups: [NormComparison.Group]
  private let baseline: NormComparison.Reference
  private let best: NormComparison.Group

  /// By how many standard errors the best of a network's epochs must be better than the base line: more than usual, because the
  /// best of many is chosen.
  private static let standardErrors = 3.0

  /// Nil if some network learned, or it is not known.
  init?(_ result: NormComparison) {
    groups = result.groups
    guard !result.runs.isEmpty, let baseline = result.reference(.baseline),
      result.runs.allSatisfy({ !Self.learned($0) }),
      let best = groups.filter(\.best.mean.isFinite).max(by: { $0.best.mean < $1.best.mean }) ?? groups.first
    else { return nil }
    self.result = result
    self.baseline = baseline
    self.best = best
  }

  private static func learned(_ run: NormComparison.Run) -> Bool {
    guard let gain = run.gain else { return false }
    return gain.mean > standardErrors * gain.exampleUncertainty / 1.96
  }

  /// What happened.
  var sentence: String {
    let format = result.metricFormat
    let subject = result.runs.count == 1 ? "The network learned nothing" : "None of the networks learned anything"
    guard best.best.mean.isFinite else {
      return "\(subject): every training broke off before its first epoch had ended."
    }
    return
      "\(subject) that shows on \(result.judgedOn == .test ? "test" : "validation") data: the best \(result.validationMetricName) is "
      + "\(best.best.text(format)), and \(baseline.description) gives \(format.text(baseline.validation.metric))."
  }

  /// Why, as far as the numbers tell.
  var cause: String { "Likely cause: " + causes[0] }

  /// The causes that the numbers speak for, the likeliest first.
  private var causes: [String] {
    [brokeOff, memorized, targetScale, fewSteps, risingLoss, fadingSignals, noSignal].compactMap(\.self) + [
      "the learning rate of \(NumberFormat.plain.text(result.runs[0].epochs.last?.learningRate ?? .nan)) does not suit these data; a "
        + "linear model does learn from them."
    ]
  }

  private var brokeOff: String? {
    result.runs.allSatisfy { $0.stoppedBecause != nil }
      ? "the learning rate is too high: every training broke off with a loss that is not finite. Take a smaller --learning-rate."
      : nil
  }

  /// Something was learned by heart, or is lost with the running statistics.
  private var memorized: String? {
    let format = result.metricFormat
    let known = result.runs.compactMap { run -> (run: NormComparison.Run, metric: Double)? in
      guard let epoch = run.epochs.last else { return nil }
      return (run, max(epoch.trainingMetric, epoch.batchTrainingMetric ?? -.infinity))
    }
    guard let most = known.filter(\.metric.isFinite).max(by: { $0.metric < $1.metric }),
      most.metric > baseline.trainingMetric + 0.1
    else { return nil }
    if let epoch = most.run.epochs.last, let batch = epoch.batchTrainingMetric,
      batch - epoch.trainingMetric > TrainingHistory.Epoch.notableStatisticsGap,
      epoch.trainingMetric < baseline.trainingMetric + 0.1
    {
      return
        "the running statistics, and not the weights: by the statistics of batches the training \(result.metric.name) is "
        + "\(format.text(batch)) at the end."
    }
    return
      "the networks learn their examples by heart (training \(result.metric.name) \(format.text(most.metric)) \(most.run.phrase)), and "
      + "nothing of that holds for others: "
      + (linearIsNoBetter
        ? "the features may say little of what is to be predicted; nor does a linear model find it."
        : "try --keep or --l2.")
  }

  /// Numbers that are far from what a network gives at first.
  private var targetScale: String? {
    guard let sample = result.validation, let mean = sample.targetMean, let deviation = sample.targetDeviation,
      deviation > 0, abs(mean) > 10 || deviation > 10 || deviation < 0.01
    else { return nil }
    return
      "the numbers to predict have mean \(NumberFormat.plain.text(mean)) and deviation \(NumberFormat.plain.text(deviation)), and the "
      + "outputs of a network begin near 0 and 1: let them be standardized."
  }

  private var fewSteps: String? {
    guard let most = result.runs.compactMap(\.stepCount).max(), most < 500 else { return nil }
    return
      "only \(Words.count(most, "step")) were made. Take more --epochs, a smaller --batch-size or a higher --learning-rate."
  }

  private var risingLoss: String? {
    let rising = result.runs.allSatisfy { run in
      guard let first = run.epochs.first?.trainingLoss, let last = run.epochs.last?.trainingLoss else { return false }
      return !(last < first)
    }
    return rising
      ? "the training loss has risen from what it was before training. Take a smaller --learning-rate." : nil
  }

  /// Signals that die on the way through every network.
  private var fadingSignals: String? {
    let ratios = result.runs.compactMap { run -> Double? in
      guard let first = run.activationsBefore.first, let last = run.activationsBefore.last, first.standardDeviation > 0
      else { return nil }
      return last.standardDeviation / first.standardDeviation
    }
    guard ratios.count == result.runs.count, let largest = ratios.max(), largest < 0.01 else { return nil }
    return
      "signals fade on the way through the layers, to \(NumberFormat.plain.text(largest)) of their deviation or less. Take "
      + "--init kaiming, or a normalization."
  }

  private var noSignal: String? {
    linearIsNoBetter
      ? "the features may say nothing of what is to be predicted: a linear model does not find it either." : nil
  }

  private var linearIsNoBetter: Bool {
    result.difference(NormComparison.Reference.Kind.linear.rawValue, baseline.kind.rawValue).map {
      $0.readingOfExamples != .more
    } ?? false
  }
}
