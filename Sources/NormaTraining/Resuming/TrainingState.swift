import NormaLayers
import NormaNormalization
import NormaTensor

/// All that a training consists of between two steps, so that it can go on later as if it had never stopped: to the last
/// bit, with any number of threads.
///
/// ```swift
/// var folder = TrainingStateFolder("run", kept: 2)
/// if let state: TrainingState<Float> = try folder.latest() { try trainer.restore(state) }
/// try trainer.fit(training, validation: validation) { event in
///   if case .epoch = event { try folder.write(trainer.state) }
///   return .proceed
/// }
/// ```
///
/// A value: taking it copies nothing, because tensors share their memory until the training goes on.
public struct TrainingState<Element: TensorElement>: Sendable {
  /// How the model is trained.
  public let configuration: TrainingConfiguration
  /// Parameters and running statistics.
  public let model: ModelState<Element>
  /// What has happened so far.
  public let history: TrainingHistory
  /// Text that is saved along with it; the trainer pays no heed to it.
  public var notes: [String: String] = [:]

  /// The layers of the model, in words: the same parameters in other layers would be another training.
  let layers: [String]
  /// What of the model the training leaves as it is.
  let frozen: [String]
  /// How each layer's running statistics take in a batch, by the layer's path.
  let statistics: [String: StatisticsRule]
  /// The best state so far, where the configuration asks for it and there is one.
  let best: ModelState<Element>?
  package let optimizer: Optimizer<Element>
  /// The means of the running statistics, by their names, where a mean of the weights is kept with them.
  let averagedBuffers: [String: Tensor<Element>]
  /// The generator of the order of samples, at the beginning of the epoch under way.
  let orderRandom: RandomGenerator.State
  let dropoutRandom: RandomGenerator.State
  /// The call of `fit` that was under way; nil between two calls.
  let progress: TrainingProgress?
  /// The checksum of the data it was learning from, where a call of `fit` was under way.
  let dataChecksum: UInt32?

  /// Steps made so far, of all epochs.
  public var stepCount: Int { history.stepLosses.count }
  /// The epoch of the next step, counted from 1.
  public var epoch: Int { history.epochs.count + 1 }
  /// How many steps of that epoch are done.
  public var stepsOfEpoch: Int { progress?.stepsOfEpoch ?? 0 }
}

/// How running statistics take in a batch.
struct StatisticsRule: Hashable, Sendable, Codable, CustomStringConvertible {
  var rule: UpdateRule
  var estimator: VarianceEstimator

  private enum CodingKeys: String, CodingKey { case rule, estimator }

  var description: String { "\(rule), \(estimator)" }
}

/// Where a call of `fit` stands.
struct TrainingProgress: Hashable, Sendable, Codable {
  /// How many epochs the history had before the call.
  var epochsBefore: Int
  var epochsSinceBest = 0
  /// Of the epoch under way: the steps made, the sum of their samples' losses, how many samples that were, the last rate.
  var stepsOfEpoch = 0
  var lossSum = 0.0
  var sampleCount = 0
  var learningRate = 0.0

  private enum CodingKeys: String, CodingKey {
    case epochsBefore, epochsSinceBest, stepsOfEpoch, lossSum, sampleCount, learningRate
  }

  init(epochsBefore: Int) { self.epochsBefore = epochsBefore }

  /// Takes in one step.
  mutating func add(loss: Double, sampleCount count: Int, learningRate: Double) {
    stepsOfEpoch += 1
    lossSum += loss * Double(count)
    sampleCount += count
    self.learningRate = learningRate
  }

  /// Takes in the end of an epoch, which may have been the best so far.
  mutating func endEpoch(isBest: Bool) {
    (stepsOfEpoch, lossSum, sampleCount) = (0, 0, 0)
    epochsSinceBest = isBest ? 0 : epochsSinceBest + 1
  }
}
