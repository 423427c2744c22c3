/// What happened in a training, epoch by epoch.
public struct TrainingHistory: Equatable, Sendable, Codable {
  /// One pass over the training data.
  public struct Epoch: Equatable, Sendable, Codable {
    /// Counted from 1.
    public var number: Int
    /// The mean loss of the epoch's batches, penalty included, each before its step: by the batches' own statistics.
    public var trainingLoss: Double
    /// The metric over training samples after the epoch, in inference: by running statistics.
    public var trainingMetric: Double
    /// The loss over the same samples after the epoch, in inference, without a penalty; nil in a history that an earlier
    /// version wrote.
    public var inferenceTrainingLoss: Double?
    /// Loss and metric over the same samples after the epoch, normalized by their own statistics, 256 or more at a time, without
    /// dropout; nil for a model that gathers no running statistics. Where they are good and those in inference are
    /// not, the running statistics are to blame, and not the weights.
    public var batchTrainingLoss: Double?, batchTrainingMetric: Double?
    /// The mean loss over the validation data after the epoch, in inference; nil without validation data.
    public var validationLoss: Double?
    /// The metric over the validation data.
    public var validationMetric: Double?
    /// The learning rate of the epoch's last step.
    public var learningRate: Double
    /// Wall-clock time of the steps, without the evaluation; nil where it was left out, as in a checkpoint.
    public var seconds: Double?

    private enum CodingKeys: String, CodingKey {
      case number, trainingLoss, trainingMetric, inferenceTrainingLoss, batchTrainingLoss, batchTrainingMetric
      case validationLoss, validationMetric, learningRate, seconds
    }

    /// An epoch with the given measurements.
    public init(
      number: Int, trainingLoss: Double, trainingMetric: Double, validationLoss: Double?, validationMetric: Double?,
      learningRate: Double, seconds: Double? = nil, inferenceTrainingLoss: Double? = nil,
      batchTrainingLoss: Double? = nil, batchTrainingMetric: Double? = nil
    ) {
      self.number = number
      self.trainingLoss = trainingLoss
      self.trainingMetric = trainingMetric
      self.validationLoss = validationLoss
      self.validationMetric = validationMetric
      self.learningRate = learningRate
      self.seconds = seconds
      self.inferenceTrainingLoss = inferenceTrainingLoss
      self.batchTrainingLoss = batchTrainingLoss
      self.batchTrainingMetric = batchTrainingMetric
    }

    /// What decides which epoch is best: the validation metric, or the training metric without validation data.
    public var decidingMetric: Double { validationMetric ?? trainingMetric }

    /// The loss that goes with it.
    public var decidingLoss: Double { validationLoss ?? inferenceTrainingLoss ?? trainingLoss }

    /// By how much the metric on the training samples falls when running statistics take the place of the batches' own; nil for
    /// a model that gathers none.
    public var statisticsGap: Double? { batchTrainingMetric.map { $0 - trainingMetric } }
  }

  /// What decides which epoch is best.
  public enum Monitor: String, Sendable, Hashable, Codable, CaseIterable {
    /// The metric, where it is equal the loss; or the loss alone: on validation data, or on training data without any.
    case metric, loss
  }

  /// The epochs that have ended.
  public var epochs: [Epoch] = []
  /// The loss of every step.
  public var stepLosses: [Double] = []
  /// Whether training ended before the last epoch because it no longer got better, or because a callback asked for it.
  public var stoppedEarly = false
  /// What decides which epoch is best.
  public var monitor: Monitor

  private enum CodingKeys: String, CodingKey { case epochs, stepLosses, stoppedEarly, monitor }

  /// A history without epochs.
  public init(monitor: Monitor = .metric) { self.monitor = monitor }

  /// The same history without times, which differ from run to run where all else is the same.
  public var withoutTimes: TrainingHistory {
    var history = self
    for index in history.epochs.indices { history.epochs[index].seconds = nil }
    return history
  }

  /// The epoch with the best of what is monitored, the first of equals: the highest metric, among those of the same the lowest
  /// loss; or the lowest loss. An epoch without a number for it is none.
  public var best: Epoch? {
    epochs.reduce(nil) { best, epoch in
      guard !value(of: epoch).isNaN else { return best }
      guard let best else { return epoch }
      return isBetter(epoch, than: best) ? epoch : best
    }
  }

  private func value(of epoch: Epoch) -> Double { monitor == .metric ? epoch.decidingMetric : epoch.decidingLoss }

  private func isBetter(_ epoch: Epoch, than best: Epoch) -> Bool {
    if monitor == .metric && epoch.decidingMetric != best.decidingMetric {
      return epoch.decidingMetric > best.decidingMetric
    }
    return epoch.decidingLoss < best.decidingLoss
  }
}

extension TrainingHistory {
  /// A history from a file; one that says nothing of what decides is of a time when the metric alone did.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    epochs = try values.decode([Epoch].self, forKey: .epochs)
    stepLosses = try values.decode([Double].self, forKey: .stepLosses)
    stoppedEarly = try values.decode(Bool.self, forKey: .stoppedEarly)
    monitor = try values.decodeIfPresent(Monitor.self, forKey: .monitor) ?? .metric
  }
}
