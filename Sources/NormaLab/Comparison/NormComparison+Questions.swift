import Norma

extension NormComparison {
  /// How the metric's values are written.
  var metricFormat: NumberFormat { metric.isPercentage ? .percentage : .plain }

  /// The metric on the validation data, by name.
  var validationMetricName: String { "validation \(metric.name)" }

  /// A kind of normalization with the runs of all its seeds.
  struct Group {
    let norm: String
    var runs: [Run]
  }

  /// The kinds of normalization in the order of their first runs.
  var groups: [Group] {
    var groups: [Group] = []
    for run in runs {
      if let place = groups.firstIndex(where: { $0.norm == run.norm && run.seed != nil }) {
        groups[place].runs.append(run)
      } else {
        groups.append(Group(norm: run.norm, runs: [run]))
      }
    }
    return groups
  }

  /// How many seeds each kind was trained with.
  var seedCount: Int { groups.map(\.runs.count).max() ?? 0 }

  /// The first run of each kind: what is shown of one network alone.
  var firstRuns: [Run] { groups.compactMap(\.runs.first) }

  /// A reference of a kind.
  func reference(_ kind: Reference.Kind) -> Reference? { references?.first { $0.kind == kind } }

  /// By how much one is better than another, whichever stands first in the list.
  func difference(_ first: String, _ second: String) -> PairedDifference? {
    for entry in differences ?? [] {
      if entry.first == first && entry.second == second { return entry.difference }
      if entry.first == second && entry.second == first { return entry.difference.reversed }
    }
    return nil
  }

  /// The targets that say something: those above what the base line reaches.
  var meaningfulTargets: [Double] {
    guard let baseline = reference(.baseline)?.validation.metric, baseline.isFinite else { return targets }
    return targets.filter { $0 > baseline }
  }
}

extension NormComparison.Group {
  /// The kind as part of a sentence: "with batch normalization".
  var phrase: String { runs[0].phrase }

  /// The validation metric of the saved networks.
  var best: Spread { Spread(runs.map(\.bestValidationMetric)) }

  /// Their metric on test data, if there are any.
  var test: Spread? {
    let values = runs.compactMap(\.testMetric)
    return values.isEmpty ? nil : Spread(values)
  }

  /// The first epochs after which the validation metric was at least `target`, seed by seed; nil where it never was.
  func firstEpochs(reaching target: Double) -> [Int?] { runs.map { $0.firstEpoch(reaching: target) } }

  /// Something of the saved networks' epochs, where all have it.
  func saved(_ value: (NormComparison.Epoch) -> Double?) -> Spread? {
    let values = runs.compactMap { run in run.epochs.first { $0.number == run.bestEpoch }.flatMap(value) }
    return values.count == runs.count ? Spread(values) : nil
  }

  /// A value after every epoch, over the seeds. A seed that ended earlier counts with its last value.
  func course(_ value: (NormComparison.Epoch) -> Double?) -> [(x: Double, spread: Spread)] {
    guard let longest = runs.max(by: { $0.epochs.count < $1.epochs.count }) else { return [] }
    return longest.epochs.indices.compactMap { place in
      let values = runs.compactMap { run -> Double? in
        guard let last = run.epochs.indices.last else { return nil }
        return value(run.epochs[min(place, last)])
      }
      return values.isEmpty ? nil : (Double(longest.epochs[place].number), Spread(values))
    }
  }
}

extension NormComparison.Epoch {
  /// The loss on training data as the network of the epoch's end has it in inference; that of the epoch's steps where nothing else
  /// was measured, as before training.
  var lossOfTraining: Double { inferenceTrainingLoss ?? trainingLoss }
}

extension PairedDifference {
  /// The same the other way round.
  var reversed: PairedDifference {
    var copy = self
    (copy.mean, copy.lowest, copy.highest) = (-mean, -highest, -lowest)
    return copy
  }
}

extension NormComparison.Run {
  /// The number of the first epoch after which the validation metric was at least `target`; `nil` if it never was.
  public func firstEpoch(reaching target: Double) -> Int? {
    // A share that was computed in single precision may miss its own decimal value by a rounding.
    epochs.first { $0.validationMetric >= target - 1e-7 }?.number
  }

  /// How many epochs were trained.
  var trainedEpochCount: Int { max(0, epochs.last?.number ?? 0) }

  /// The run as part of a sentence: "with batch normalization".
  var phrase: String { Words.phrase(of: norm) }
}

extension Array where Element == NormComparison.Group {
  /// A style for each kind of normalization, the same in every report.
  var styles: [SeriesStyle] {
    var next = 5
    return map { group in
      switch group.norm {
      case "batch": return SeriesStyle(0)
      case "none": return SeriesStyle(1)
      case "layer": return SeriesStyle(2)
      case "group": return SeriesStyle(3)
      case "instance": return SeriesStyle(4)
      default:
        defer { next += 1 }
        return SeriesStyle(next)
      }
    }
  }

  /// The kinds as part of a sentence: "with batch normalization and without normalization".
  var phrase: String { Words.list(map(\.phrase)) }
}

/// Small help for sentences.
enum Words {
  /// "a", "a and b", "a, b and c".
  static func list(_ parts: [String]) -> String {
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + last
  }

  /// "1 epoch", "2 epochs"; "1 class", "2 classes" where the plural is given.
  static func count(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
    "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
  }

  /// "1 epoch", "2 to 4 epochs".
  static func range(_ numbers: [Int], _ noun: String) -> String {
    guard let least = numbers.min(), let greatest = numbers.max() else { return "no \(noun)s" }
    return least == greatest ? count(least, noun) : "\(least) to \(count(greatest, noun))"
  }

  /// A kind of normalization as part of a sentence: "with batch normalization".
  static func phrase(of norm: String) -> String {
    switch norm {
    case "none": "without normalization"
    default: "with \(NormalizationKind(rawValue: norm)?.words ?? "normalization “\(norm)”")"
    }
  }

  /// "before training", "after 2 epochs".
  static func after(epoch: Int) -> String { epoch == 0 ? "before training" : "after \(count(epoch, "epoch"))" }

  /// The text with its first letter in upper case.
  static func capitalized(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
