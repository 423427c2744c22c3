import Foundation
import Norma

/// What `norma compare` found: one architecture trained once per kind of normalization and seed, everything else the same.
///
/// This is what `--json` prints and `result.json` holds, see ``ResultFile``. It has no date in it, so the same
/// command with the same seed gives the same bytes, the times aside. Losses and metrics may be infinite or not a
/// number, as in a run that diverged.
public struct NormComparison: Codable, Sendable, Equatable {
  /// The name of the comparison: the report's title.
  public var title: String
  /// The data in a sentence: what it is and how many rows were used for what.
  public var dataDescription: String
  /// Whom the data comes from, where its licence asks for it to be said.
  public var attribution: String?
  /// The settings that all runs share, in the order to show them.
  public var settings: [Setting]
  /// The command line that gives this result again.
  public var command: String
  /// What is measured on the validation data.
  public var metric: Metric
  /// The values of the metric whose first epoch is looked for in each run.
  public var targets: [Double]
  /// The validation data; nil in a file of a version before there were several seeds.
  public var validation: Sample?
  /// Which data decide what is better: those of ``differences``.
  public var judgedOn: JudgedOn?
  /// What the networks are held against.
  public var references: [Reference]?
  /// By how much each is better than another, over the seeds: networks by their normalization, then the references by their
  /// kinds. Each pair once.
  public var differences: [Difference]?
  /// The runs, in the order they were asked for: the seeds of the first normalization, those of the second, and so on.
  public var runs: [Run]
  /// The version of Norma that made this.
  public var version: String

  /// A result with the given parts.
  public init(
    title: String, dataDescription: String, attribution: String? = nil, settings: [Setting], command: String,
    metric: Metric, targets: [Double], validation: Sample? = nil, judgedOn: JudgedOn? = nil,
    references: [Reference]? = nil, differences: [Difference]? = nil, runs: [Run], version: String
  ) {
    self.title = title
    self.dataDescription = dataDescription
    self.attribution = attribution
    self.settings = settings
    self.command = command
    self.metric = metric
    self.targets = targets
    self.validation = validation
    self.judgedOn = judgedOn
    self.references = references
    self.differences = differences
    self.runs = runs
    self.version = version
  }
}

extension NormComparison {
  /// A setting and its value, as they are shown.
  public struct Setting: Codable, Sendable, Equatable {
    /// What is set, such as "learning rate".
    public var name: String
    /// What it is set to.
    public var value: String

    /// A setting with a name and a value.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// A measure of quality of which more is better.
  public struct Metric: Codable, Sendable, Equatable {
    /// The name in running text: "accuracy", "balanced accuracy" or "R²".
    public var name: String
    /// Whether the values are shares to show in per cent: 0.95 as 95 %.
    public var isPercentage: Bool

    /// A metric with a name, shown in per cent or as it is.
    public init(name: String, isPercentage: Bool) {
      self.name = name
      self.isPercentage = isPercentage
    }
  }

  /// The state after one epoch; number 0 is the state before training.
  public struct Epoch: Codable, Sendable, Equatable {
    /// How many epochs had been trained.
    public var number: Int
    /// The mean loss of the epoch's batches, each before its step, by the batches' own statistics.
    public var trainingLoss: Double
    /// The mean loss on the validation data.
    public var validationLoss: Double
    /// The metric on training samples after the epoch, by running statistics, as the saved network would have it.
    public var trainingMetric: Double
    /// The metric on the validation data.
    public var validationMetric: Double
    /// How long the epoch took, in seconds.
    public var seconds: Double
    /// The learning rate at the epoch's end.
    public var learningRate: Double
    /// The Euclidean norm of each layer's weights, in the order of ``Run/layerNames``.
    public var weightNorms: [Double]
    /// The Euclidean norm of each layer's gradients, in the same order; empty if none were taken.
    public var gradientNorms: [Double]
    /// The loss on the training samples after the epoch, by running statistics; nil before training.
    public var inferenceTrainingLoss: Double?
    /// Loss and metric on the same samples by the statistics of batches; nil for a network that gathers none.
    public var batchTrainingLoss: Double?, batchTrainingMetric: Double?

    /// An epoch with the given measurements.
    public init(
      number: Int, trainingLoss: Double, validationLoss: Double, trainingMetric: Double, validationMetric: Double,
      seconds: Double, learningRate: Double, weightNorms: [Double], gradientNorms: [Double],
      inferenceTrainingLoss: Double? = nil, batchTrainingLoss: Double? = nil, batchTrainingMetric: Double? = nil
    ) {
      self.number = number
      self.trainingLoss = trainingLoss
      self.validationLoss = validationLoss
      self.trainingMetric = trainingMetric
      self.validationMetric = validationMetric
      self.seconds = seconds
      self.learningRate = learningRate
      self.weightNorms = weightNorms
      self.gradientNorms = gradientNorms
      self.inferenceTrainingLoss = inferenceTrainingLoss
      self.batchTrainingLoss = batchTrainingLoss
      self.batchTrainingMetric = batchTrainingMetric
    }
  }

  /// How the values of a layer are distributed.
  public typealias Histogram = NormaLab.Histogram

  /// The values that come out of one layer, over a batch of data.
  public struct Activation: Codable, Sendable, Equatable {
    /// The layer's name.
    public var layer: String
    /// The mean of the values.
    public var mean: Double
    /// The standard deviation of the values.
    public var standardDeviation: Double
    /// The share of values that are exactly zero, from 0 to 1.
    public var shareOfZeros: Double
    /// How the values are distributed.
    public var histogram: Histogram

    /// A layer's activations, summed up.
    public init(
      layer: String, mean: Double, standardDeviation: Double, shareOfZeros: Double, histogram: Histogram
    ) {
      self.layer = layer
      self.mean = mean
      self.standardDeviation = standardDeviation
      self.shareOfZeros = shareOfZeros
      self.histogram = histogram
    }
  }

  /// The filters of a network's first convolution.
  public struct Filters: Codable, Sendable, Equatable {
    /// How many values each has.
    public var channels, height, width: Int
    /// The weights, filter by filter, channel by channel, row by row.
    public var weights: [Float]

    /// How many filters there are.
    public var count: Int { weights.count / max(1, channels * height * width) }

    /// The first 64 filters, or fewer, of a network's first convolution, as they are; nil if the network has none.
    init?(firstOf model: any Layer<Float>) {
      guard let convolution = model.layers.lazy.compactMap({ $0.layer as? Conv2d<Float> }).first else { return nil }
      let weight = convolution.weight.value
      (channels, height, width) = (weight.shape[1], weight.shape[2], weight.shape[3])
      weights = weight[rows: 0..<min(64, weight.shape[0])].elements
    }

    /// The weights of one filter.
    func values(of number: Int) -> [Double] {
      let length = channels * height * width
      return weights[number * length..<(number + 1) * length].map(Double.init)
    }
  }
}
