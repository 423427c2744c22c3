extension NormComparison {
  /// The training of one network.
  public struct Run: Codable, Sendable, Equatable {
    /// The kind of normalization as in `--norm`: "none", "batch", "layer" and so on.
    public var norm: String
    /// The seed of its weights, order and dropout; nil in a file of a version before there were several.
    public var seed: UInt64?
    /// The epochs in order, with or without the state before training.
    public var epochs: [Epoch]
    /// The training loss of every ``stepInterval``th step.
    public var stepLosses: [Double]
    /// How many steps lie between two values of ``stepLosses``.
    public var stepInterval: Int
    /// The activations of each layer before training.
    public var activationsBefore: [Activation]
    /// The activations of each layer after training.
    public var activationsAfter: [Activation]
    /// The layers that have parameters, from input to output: those whose norms the epochs hold.
    public var layerNames: [String]
    /// The number of the epoch whose network was saved: that with the best of what was monitored.
    public var bestEpoch: Int
    /// The validation metric of that epoch.
    public var bestValidationMetric: Double
    /// The saved network's metric on test data, if there was any.
    public var testMetric: Double?
    /// How good the saved network is on validation and test data.
    public var validation: Scores?, test: Scores?
    /// By how much the saved network is better than the base line on the data that decide; nil where it is not known, as after
    /// a training that broke off.
    public var gain: PairedDifference?
    /// How many steps were made.
    public var stepCount: Int?
    /// How many numbers are trained.
    public var parameterCount: Int
    /// How long the run took, in seconds.
    public var seconds: Double
    /// The filters of the first convolution after training; nil if the network has none.
    public var firstFilters: Filters?
    /// Why the run ended before its last epoch, such as "the loss is not finite at step 12, in layer 3"; `nil` if it
    /// did not.
    public var stoppedBecause: String?

    /// A run with the given measurements.
    public init(
      norm: String, seed: UInt64? = nil, epochs: [Epoch], stepLosses: [Double], stepInterval: Int,
      activationsBefore: [Activation], activationsAfter: [Activation], layerNames: [String], bestEpoch: Int,
      bestValidationMetric: Double,
      testMetric: Double? = nil, parameterCount: Int, seconds: Double, firstFilters: Filters? = nil,
      stoppedBecause: String? = nil
    ) {
      self.norm = norm
      self.seed = seed
      self.epochs = epochs
      self.stepLosses = stepLosses
      self.stepInterval = stepInterval
      self.activationsBefore = activationsBefore
      self.activationsAfter = activationsAfter
      self.layerNames = layerNames
      self.bestEpoch = bestEpoch
      self.bestValidationMetric = bestValidationMetric
      self.testMetric = testMetric
      self.parameterCount = parameterCount
      self.seconds = seconds
      self.firstFilters = firstFilters
      self.stoppedBecause = stoppedBecause
    }
  }
}
