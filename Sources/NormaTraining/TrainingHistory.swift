/// What happened in a training, epoch by epoch.
public struct TrainingHistory: Equatable, Sendable, Codable {
  /// One pass over the training data.
  public struct Epoch: Equatable, Sendable, Codable {
    /// Counted from 1.
    public var number: Int
    /// The mean loss of the epoch's batches, penalty included, each before its step.
    public var trainingLoss: Double
    /// The metric over training samples after the epoch, in inference.
    public var trainingMetric: Double
    /// The mean loss over the validation data after the epoch, in inference; nil without validation data.
    public var validationLoss: Double?
    /// The metric over the validation data.
    public var validationMetric: Double?
    /// The learning rate of the epoch's last step.
    public var learningRate: Double
    /// Wall-clock time of the steps, without the evaluation; nil where it was left out, as in a checkpoint.
    public var seconds: Double?

    /// An epoch with the given measurements.
    public init(
      number: Int, trainingLoss: Double, trainingMetric: Double, validationLoss: Double?, validationMetric: Double?,
      learningRate: Double, seconds: Double? = nil
    ) {
      self.number = number
      self.trainingLoss = trainingLoss
      self.trainingMetric = trainingMetric
      self.validationLoss = validationLoss
      self.validationMetric = validationMetric
      self.learningRate = learningRate
      self.seconds = seconds
    }

    /// What decides which epoch is best: the validation metric, or the training metric without validation data.
    public var decidingMetric: Double { validationMetric ?? trainingMetric }
  }

  /// The epochs that have ended.
  public var epochs: [Epoch] = []
  /// The loss of every step.
  public var stepLosses: [Double] = []
  /// Whether training ended before the last epoch because it no longer got better, or because a callback asked for it.
  public var stoppedEarly = false

  /// A history without epochs.
  public init() {}

  /// The same history without times, which differ from run to run where all else is the same.
  public var withoutTimes: TrainingHistory {
    var history = self
    for index in history.epochs.indices { history.epochs[index].seconds = nil }
    return history
  }

  /// The epoch with the highest deciding metric, the first of equals; one without a number for metric is none.
  public var best: Epoch? {
    epochs.reduce(nil) { best, epoch in
      guard !epoch.decidingMetric.isNaN else { return best }
      guard let best else { return epoch }
      return epoch.decidingMetric > best.decidingMetric ? epoch : best
    }
  }
}
