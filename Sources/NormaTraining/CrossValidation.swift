import NormaData
import NormaLayers
import NormaTensor

/// How good a way to train is, measured on every example once: a network is trained anew for each part of the data, on all others,
/// and judged on that part.
///
/// What decides which epoch is best, and when to stop, is set aside from the examples trained on: the part that judges is not
/// looked at before.
public struct CrossValidation: Sendable {
  /// The evaluation of each part, in order.
  public let evaluations: [Evaluation]
  /// How many examples each part has.
  public let counts: [Int]

  /// Trains and judges a network for each fold.
  ///
  /// - Parameters:
  ///   - folds: the divided data.
  ///   - configuration: how each network is trained.
  ///   - validationShare: which share of the examples trained on decides the best epoch; 0 for none.
  ///   - random: decides who that is.
  ///   - group: the processes that train each together; nil for this one alone.
  ///   - model: builds the network of a fold, for its data.
  ///   - onEvent: called with the number of the fold, from 0, and what its trainer reports.
  /// - Throws: what preparing the data and training throw.
  public init(
    _ folds: DataSplits.Folds, configuration: TrainingConfiguration, validationShare: Double = 0.2,
    random: RandomGenerator, group: (any ProcessGroup)? = nil, model: (DataSplits) throws -> any Layer<Float>,
    onEvent: (Int, Trainer<Float>.Event) throws -> Trainer<Float>.Decision = { _, _ in .proceed }
  ) throws {
    var evaluations: [Evaluation] = []
    var counts: [Int] = []
    for fold in 0..<folds.count {
      let data = try folds.splits(fold)
      var random = random.split(UInt64(fold))
      let count = Int(validationShare * Double(data.training.count))
      let parts = count > 0 ? try? data.training.split(validationCount: count, using: &random) : nil
      let network = try model(data)
      try Trainer(network, configuration: configuration, group: group).fit(
        parts?.training ?? data.training, validation: parts?.validation
      ) { try onEvent(fold, $0) }
      evaluations.append(try network.evaluate(on: data.validation, loss: configuration.loss, in: group))
      counts.append(data.validation.count)
    }
    self.evaluations = evaluations
    self.counts = counts
  }

  /// The metric of each part.
  public var metrics: [Double] { evaluations.map(\.metric) }

  /// The mean of the parts' metrics.
  public var mean: Double { metrics.reduce(0, +) / Double(metrics.count) }

  /// The standard deviation of the parts' metrics around their mean, of a sample.
  public var deviation: Double {
    let mean = mean
    return (metrics.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, metrics.count - 1))).squareRoot()
  }
}
