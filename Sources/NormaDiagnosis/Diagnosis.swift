import NormaData
import NormaLayers
import NormaNormalization
import NormaTensor
import NormaTraining

/// What ails the normalizations of a network, held against examples such as it learned from.
///
/// ```swift
/// let diagnosis = try Diagnosis(of: model, on: data, loss: .softmaxCrossEntropy)
/// for finding in diagnosis.findings { print(finding.statement, finding.remedy) }
/// ```
///
/// It goes by the network's operations, so it knows layers of a program's own and models from elsewhere alike. Nothing in the network
/// changes. Where nothing is wrong there are no findings: what counts as wrong is beyond what chance does to statistics of as many
/// examples, as the page <doc:WhatIsLookedFor> says.
public struct Diagnosis: Sendable, Codable, Equatable {
  /// What is known of the training.
  public struct Training: Sendable, Codable, Equatable {
    /// How many examples were normalized together.
    public var batchSize: Int?
    /// How many batches running statistics had seen when the weights were those of the network.
    public var stepCount: Int?
    /// Whether the running statistics were recomputed since.
    public var isRecalibrated: Bool

    /// What is known; nil for what is not.
    public init(batchSize: Int? = nil, stepCount: Int? = nil, isRecalibrated: Bool = false) {
      self.batchSize = batchSize
      self.stepCount = stepCount
      self.isRecalibrated = isRecalibrated
    }
  }

  /// A channel of a normalization: of what it normalizes; of one whose statistics are no means and variances of that, such as EvoNorm-B0 and whitening,
  /// of what comes out, by running statistics and in training.
  public struct Channel: Sendable, Codable, Equatable {
    /// What inference normalizes by; nil where it is no finite number.
    public var runningMean: Double?, runningVariance: Double?
    /// Mean and variance of all examples that were looked at.
    public var mean: Double, variance: Double
    /// Mean and variance of one batch of them.
    public var batchMean: Double, batchVariance: Double
    /// By how much the mean of a batch deviates from that of all, in deviations of the values.
    public var batchNoise: Double
    /// The scale, 1 where there is none.
    public var gamma: Double
    /// What comes out for all examples alike, behind the nonlinearity if there is one; nil where it depends on the example.
    public var constantResult: Double?

    /// Whether nothing that comes out depends on the example.
    public var isDead: Bool { constantResult != nil }

    /// How far the running mean is from that of all examples, in their deviations; nil for a channel without any.
    public var meanShift: Double? {
      guard let runningMean, variance > 0 else { return nil }
      return (runningMean - mean) / variance.squareRoot()
    }
    /// The running deviation in those of all examples; nil for a channel without any.
    public var deviationRatio: Double? {
      guard let runningVariance, runningVariance >= 0, variance > 0 else { return nil }
      return (runningVariance / variance).squareRoot()
    }
  }

  /// A normalization by running or given statistics.
  public struct Layer: Sendable, Codable, Equatable {
    /// What files call it.
    public var name: String
    /// What it is.
    public var summary: String
    /// What it adds to variances.
    public var epsilon: Double
    /// How many batches its running statistics took in; nil where it does not say.
    public var batchCount: Int?
    /// The layer that it can be folded into.
    public var foldsInto: String?
    /// Its channels.
    public var channels: [Channel]
  }

  /// The mean loss, by what is normalized.
  public struct Loss: Sendable, Codable, Equatable {
    /// By running statistics, as in inference; nil where it is no finite number.
    public var running: Double?
    /// By those of batches, as in training.
    public var batch: Double
    /// By those of all examples together: what recalibration would make of it.
    public var population: Double
    /// The standard error of the difference between the first and the last, over the examples.
    public var standardError: Double?
  }

  /// How many examples were looked at, and how many were normalized together.
  public let exampleCount: Int, batchSize: Int
  /// The normalizations, in the order of the computation.
  public let layers: [Layer]
  /// What ails them, the causes first.
  public let findings: [Finding]
  /// The loss; nil without targets.
  public let loss: Loss?

  /// Whether anything ails the network; advice does not count.
  public var isHealthy: Bool { findings.allSatisfy(\.kind.isAdvice) }

  /// The most examples that are looked at unless told otherwise.
  public static let usualExampleCount = 1000

  /// Looks at a network.
  ///
  /// - Parameters:
  ///   - model: the network.
  ///   - dataset: examples such as it learned from, best those; of more than the limit some are drawn by chance.
  ///   - loss: what it learned by; nil to leave its targets alone.
  ///   - training: what is known of the training.
  ///   - limit: the most examples that are looked at.
  /// - Throws: `TrainingError` and `LayerError` where the data do not fit, or give outputs that are no numbers even by the statistics of
  ///   batches; what following the network throws.
  public init(
    of model: any NormaLayers.Layer<Float>, on dataset: Dataset<Float>, loss: (any LossFunction)?,
    training: Training = Training(), limit: Int = Self.usualExampleCount
  ) throws {
    if loss != nil { try model.check(dataset) }
    var random = RandomGenerator(seed: 0)
    let rows = random.permutation(dataset.count).prefix(limit)
    let examples = dataset.batch(Array(rows))
    try self.init(
      of: model, on: examples.features, targets: loss == nil ? nil : examples.targets, loss: loss, training: training)
  }

  /// Looks at a network with examples `[N, …]` of which nothing is known but themselves, in an order that means nothing.
  public init(
    of model: any NormaLayers.Layer<Float>, on features: Tensor<Float>, training: Training = Training()
  ) throws {
    try self.init(of: model, on: features, targets: nil, loss: nil, training: training)
  }

  private init(
    of model: any NormaLayers.Layer<Float>, on features: Tensor<Float>, targets: Dataset<Float>.Targets?,
    loss: (any LossFunction)?, training: Training
  ) throws {
    let examination = try Examination(model, features, targets, loss, training)
    exampleCount = examination.count
    batchSize = examination.batchSize
    self.loss = examination.lossSummary
    findings = try examination.findings()
    layers = zip(examination.sites, examination.channels).map { site, channels in
      Layer(
        name: site.name, summary: site.summary, epsilon: site.epsilon,
        batchCount: site.layer?.runningStatistics?.batchCount ?? site.whole?.batchCount,
        foldsInto: site.foldsInto?.path,
        channels: channels.enumerated().map { number, channel in
          var running = (mean: site.mean[number], variance: site.variance[number])
          var examples = (mean: channel.mean, variance: channel.variance)
          // Of a layer as a whole the former is what comes out in training, the latter what comes out in inference.
          if site.whole != nil { swap(&running, &examples) }
          return Channel(
            runningMean: running.mean.isFinite ? running.mean : nil,
            runningVariance: running.variance.isFinite ? running.variance : nil,
            mean: examples.mean, variance: examples.variance, batchMean: channel.firstBatch.mean,
            batchVariance: channel.firstBatch.variance,
            batchNoise: channel.variance > 0
              ? (channel.meanSpread / channel.variance / Double(examination.batchSize)).squareRoot() : 0,
            gamma: site.gamma[number], constantResult: channel.constantResult)
        })
    }
  }
}
