import NormaTensor

/// How much a new batch counts in running statistics.
public enum UpdateRule: Sendable, Hashable, Codable {
  /// `running = (1 − weight) · running + weight · batch`: the weight of the *new*, PyTorch's `momentum`.
  case updating(Double)
  /// `running = weight · running + (1 − weight) · batch`: the weight of the *old*, Keras's, ONNX's and CS231n's `momentum`.
  case keeping(Double)
  /// The plain mean over all batches so far: PyTorch's `momentum=None`.
  case cumulative
  /// Batch n weighs `max(1/n, weight)`: the plain mean of the first `1/weight` batches, then ``updating(_:)``.
  ///
  /// Nothing of what the statistics started from is in them after the first batch. By ``updating(_:)`` alone, 12 % of the
  /// start is left after 20 batches with a weight of 0.1, and a short training is judged by it.
  case cumulativeFirst(Double)

  /// The weight of the next batch after `batchCount` others.
  public func weight(afterBatches batchCount: Int) -> Double {
    switch self {
    case .updating(let weight): weight
    case .keeping(let weight): 1 - weight
    case .cumulative: 1 / Double(batchCount + 1)
    case .cumulativeFirst(let weight): max(1 / Double(batchCount + 1), weight)
    }
  }

  /// The share that what the statistics started from has in them after so many batches.
  public func remainder(afterBatches batchCount: Int) -> Double {
    switch self {
    case .cumulative, .cumulativeFirst: batchCount == 0 ? 1 : 0
    case .updating, .keeping: Functions.power(1 - weight(afterBatches: 0), batchCount)
    }
  }
}

/// The statistics that batch normalization gathers in training and uses in inference.
///
/// A value: nothing changes it but a call of ``update(with:)``.
public struct RunningStatistics<Element: TensorElement>: Sendable, Equatable {
  /// The running means `[C]`.
  public var mean: Tensor<Element>
  /// The running variances `[C]`.
  public var variance: Tensor<Element>
  /// How many batches have been taken in.
  public var batchCount: Int
  /// How much the next batch will count.
  public let rule: UpdateRule
  /// Which estimate of a batch's variance is taken in.
  public let estimator: VarianceEstimator

  /// Statistics before the first batch, by the given conventions.
  public init(channelCount: Int, conventions: BatchNormalizationConventions = .pyTorch) {
    mean = .zeros([channelCount])
    variance = Tensor(repeating: Element(conventions.initialVariance), shape: [channelCount])
    batchCount = 0
    rule = conventions.rule
    estimator = conventions.estimator
  }

  /// The number of channels.
  public var channelCount: Int { mean.count }

  /// Takes in the statistics of one batch. An empty batch changes nothing, and neither does one with a single value per
  /// channel, which has no variance to tell.
  public mutating func update(with moments: BatchMoments) throws(NormalizationError) {
    guard moments.channelCount == channelCount else {
      throw .channelCountMismatch(expected: channelCount, found: moments.channelCount)
    }
    guard moments.count > 1 else { return }
    let weight = rule.weight(afterBatches: batchCount)
    blend(&mean, with: moments.mean, scaledBy: 1, weight: weight)
    blend(&variance, with: moments.centredSecondMoment, scaledBy: 1 / moments.divisor(estimator), weight: weight)
    batchCount += 1
  }

  /// Replaces what was gathered by the statistics of other values as a whole, such as all training data with the weights as
  /// they are, in so many batches. Moments without a variance change nothing.
  public mutating func replace(with moments: BatchMoments, batchCount: Int) throws(NormalizationError) {
    guard moments.channelCount == channelCount else {
      throw .channelCountMismatch(expected: channelCount, found: moments.channelCount)
    }
    guard moments.count > 1 else { return }
    mean = moments.mean.converted()
    variance = moments.variance(estimator).converted()
    self.batchCount = batchCount
  }
}

/// `old = (1 − weight) · old + weight · factor · new`, vectors `[C]`.
private func blend<Element: TensorElement>(
  _ old: inout Tensor<Element>, with new: Tensor<Double>, scaledBy factor: Double, weight: Double
) {
  old.withUnsafeMutableElements { old in
    new.withUnsafeElements { new in
      guard let old = old.baseAddress, let newElements = new.baseAddress else { return }
      blendElements(old, newElements, new.count, factor: factor, weight: weight)
    }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func blendElements<Element: TensorElement>(
  _ old: UnsafeMutablePointer<Element>, _ new: UnsafePointer<Double>, _ count: Int, factor: Double, weight: Double
) {
  for index in 0..<count { old[index] = Element((1 - weight) * Double(old[index]) + weight * (factor * new[index])) }
}

/// The choices in which frameworks differ, named after who made them.
public struct BatchNormalizationConventions: Sendable, Hashable, Codable {
  /// Added to the variance before the square root.
  public var epsilon: Double
  /// How running statistics are updated.
  public var rule: UpdateRule
  /// Which estimate of the variance the running statistics take in.
  public var estimator: VarianceEstimator
  /// What the running variance starts from.
  public var initialVariance: Double
  /// How far networks that are built by name lead batch renormalization to running statistics; nil for what they choose.
  public var renormalization: BatchRenormalization?

  /// Conventions by their parts.
  public init(
    epsilon: Double, rule: UpdateRule, estimator: VarianceEstimator, initialVariance: Double,
    renormalization: BatchRenormalization? = nil
  ) {
    self.renormalization = renormalization
    self.epsilon = epsilon
    self.rule = rule
    self.estimator = estimator
    self.initialVariance = initialVariance
  }

  /// PyTorch's `BatchNorm`: epsilon 1e-5, the new weighs 0.1, unbiased.
  public static let pyTorch = BatchNormalizationConventions(
    epsilon: 1e-5, rule: .updating(0.1), estimator: .unbiased, initialVariance: 1)
  /// PyTorch's, but for the first batches, of which the plain mean is taken: what the commands train with, whose trainings
  /// may be short. The same as ``pyTorch`` from batch ten on, up to what is left of its start.
  public static let norma = BatchNormalizationConventions(
    epsilon: 1e-5, rule: .cumulativeFirst(0.1), estimator: .unbiased, initialVariance: 1)
  /// Stanford CS231n's assignment: epsilon 1e-5, the old weighs 0.9, biased, and the variance starts at 0.
  public static let cs231n = BatchNormalizationConventions(
    epsilon: 1e-5, rule: .keeping(0.9), estimator: .biased, initialVariance: 0)
  /// Keras 3's `BatchNormalization`: epsilon 1e-3, the old weighs 0.99, biased.
  public static let keras = BatchNormalizationConventions(
    epsilon: 1e-3, rule: .keeping(0.99), estimator: .biased, initialVariance: 1)
  /// ONNX's `BatchNormalization` operator: epsilon 1e-5, the old weighs 0.9, biased.
  public static let onnx = BatchNormalizationConventions(
    epsilon: 1e-5, rule: .keeping(0.9), estimator: .biased, initialVariance: 1)
}
