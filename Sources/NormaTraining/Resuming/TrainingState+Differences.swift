import NormaLayers
import NormaTensor

/// Something about a training that is not as it was when the training began.
public struct TrainingDifference: Hashable, Sendable, CustomStringConvertible {
  /// What differs, such as `batchSize` or `layers`.
  public var name: String
  /// What it was.
  public var saved: String
  /// What it is now.
  public var current: String

  /// A difference by its parts.
  public init(name: String, saved: String, current: String) {
    self.name = name
    self.saved = saved
    self.current = current
  }

  public var description: String { "\(name) was \(saved), and is \(current)" }
}

extension TrainingConfiguration {
  /// In what a training with these settings would not be that of a state taken with others.
  ///
  /// The number of epochs may be another, so that a training can be made longer, where the schedule is the same; and so
  /// may ``recomputesNormalized`` where it changes no bit: where no activations are rounded.
  public func differences(from saved: TrainingConfiguration) -> [TrainingDifference] {
    let roundsAlike = keptActivations != nil && keptActivations == saved.keptActivations
    func words(_ settings: TrainingConfiguration) -> [(name: String, value: String)] {
      [
        ("batchSize", "\(settings.batchSize)"), ("loss", "\(settings.loss)"),
        ("optimizer", "\(settings.optimizer)"), ("learningRate", "\(settings.learningRate)"),
        ("schedule", "\(settings.schedule)"), ("scheduleUnit", settings.scheduleUnit.rawValue),
        ("l2Penalty", "\(settings.l2Penalty)"),
        ("weightDecay", settings.weightDecay.map { "\($0)" } ?? "the optimizer's"),
        ("groups", settings.groups.isEmpty ? "none" : settings.groups.map(\.description).joined(separator: "; ")),
        ("clipping", settings.clipping.map { "\($0)" } ?? "none"),
        ("averaging", settings.averaging.map { "\($0)" } ?? "none"), ("microBatches", "\(settings.microBatches)"),
        ("sharesMoments", "\(settings.sharesMoments)"),
        ("ghostSize", settings.ghostSize.map { "\($0)" } ?? "none"),
        ("shards", settings.shards.map { "\($0)" } ?? "none"),
        ("mixup", settings.mixup.map { "\($0)" } ?? "none"),
        ("cutmix", settings.cutmix.map { "\($0)" } ?? "none"), ("dropsLastBatch", "\(settings.dropsLastBatch)"),
        ("keepsBest", "\(settings.keepsBest)"), ("monitor", settings.monitor.rawValue),
        ("patience", settings.patience.map { "\($0)" } ?? "none"),
        ("classWeights", settings.classWeights.map { "\($0)" } ?? "none"),
        ("augmentation", settings.augmentation.map { "\($0)" } ?? "none"), ("seed", "\(settings.seed)"),
        ("keptActivations", settings.keptActivations?.rawValue ?? "of full width"),
        ("recomputesNormalized", "\(roundsAlike && settings.recomputesNormalized)"),
      ]
    }
    let found = zip(words(saved), words(self)).filter { $0.value != $1.value }
      .map { TrainingDifference(name: $0.name, saved: $0.value, current: $1.value) }
    var like = self
    like.epochs = saved.epochs
    if keptActivations == nil { like.recomputesNormalized = saved.recomputesNormalized }
    // What words leave out, such as an optimizer's epsilon.
    return found.isEmpty && like != saved
      ? [TrainingDifference(name: "configuration", saved: "\(saved)", current: "\(self)")] : found
  }
}

extension Layer {
  /// The layers in words, and how their running statistics take in a batch; frozen ones take in none.
  var trainingStructure: (layers: [String], statistics: [String: StatisticsRule]) {
    var statistics: [String: StatisticsRule] = [:]
    for (path, layer) in layers {
      guard let layer = layer as? any StatisticsGathering<Element>, let kept = layer.runningStatistics else { continue }
      statistics[path] = StatisticsRule(rule: kept.rule, estimator: kept.estimator)
    }
    return (layers.map { "\($0.path): \($0.layer.summary)" }, statistics)
  }
}

extension Layer {
  /// The names of the parameters that are frozen, and the paths of the layers with frozen statistics, so marked.
  var frozenNames: [String] {
    let (parameters, statistics) = frozen
    return parameters + statistics.map { "statistics of \($0)" }
  }
}

extension TrainingState {
  /// In what the training of a model with these settings would not be the one this state was taken from.
  func differences(
    from model: any Layer<Element>, _ configuration: TrainingConfiguration
  ) -> [TrainingDifference] {
    var found = configuration.differences(from: self.configuration)
    let (layers, statistics) = model.trainingStructure
    if let (saved, current) = zip(self.layers, layers).first(where: { $0 != $1 }) {
      found.append(TrainingDifference(name: "the layer", saved: "'\(saved)'", current: "'\(current)'"))
    } else if self.layers.count != layers.count {
      found.append(
        TrainingDifference(
          name: "the number of layers", saved: "\(self.layers.count)", current: "\(layers.count)"))
    }
    func words(_ names: [String]) -> String { names.isEmpty ? "nothing" : names.joined(separator: ", ") }
    let frozen = model.frozenNames
    if self.frozen != frozen {
      found.append(TrainingDifference(name: "what is frozen", saved: words(self.frozen), current: words(frozen)))
    }
    for (path, rule) in self.statistics.sorted(by: { $0.key < $1.key }) {
      guard let current = statistics[path], current != rule else { continue }
      found.append(
        TrainingDifference(
          name: "the rule of the running statistics of '\(path)'", saved: "\(rule)", current: "\(current)"))
    }
    return found
  }
}
