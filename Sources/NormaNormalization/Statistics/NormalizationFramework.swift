import Foundation
import NormaTensor

/// Those whose batch normalization has conventions of its own.
public enum NormalizationFramework: String, Sendable, Hashable, Codable, CaseIterable {
  case pyTorch = "pytorch"
  case keras, onnx, cs231n, mlx

  /// Its name as it spells it.
  public var name: String {
    switch self {
    case .pyTorch: "PyTorch"
    case .keras: "Keras"
    case .onnx: "ONNX"
    case .cs231n: "CS231n"
    case .mlx: "MLX"
    }
  }

  /// Its defaults.
  public var conventions: BatchNormalizationConventions {
    switch self {
    case .pyTorch: .pyTorch
    case .keras: .keras
    case .onnx: .onnx
    case .cs231n: .cs231n
    case .mlx: .mlx
    }
  }

  /// What its `momentum` is for an update rule: the weight of the new batch or that of the old statistics; nil for the plain
  /// mean, which is `momentum=None` in PyTorch and cannot be had elsewhere. None of them knows
  /// ``UpdateRule/cumulativeFirst(_:)``: its momentum is that of later batches.
  public func momentum(for rule: UpdateRule) -> Double? {
    switch (conventions.rule, rule) {
    case (_, .cumulative): nil
    case (.keeping, .keeping(let weight)), (.updating, .updating(let weight)),
      (.updating, .cumulativeFirst(let weight)):
      weight
    case (.keeping, .updating(let weight)), (.keeping, .cumulativeFirst(let weight)), (_, .keeping(let weight)):
      complement(weight)
    default: nil
    }
  }

  /// How its layer or operator is told, such as `eps=1e-05, momentum=0.1`; nil where it cannot be had there.
  public func arguments(for conventions: BatchNormalizationConventions) -> String? {
    let epsilon = "\(self == .keras || self == .onnx ? "epsilon" : "eps")=\(conventions.epsilon)"
    if let momentum = momentum(for: conventions.rule) { return "\(epsilon), momentum=\(momentum)" }
    return self == .pyTorch ? "\(epsilon), momentum=None" : nil
  }
}

extension BatchNormalizationConventions {
  /// MLX's `BatchNorm`: epsilon 1e-5, the new weighs 0.1, biased.
  public static let mlx = BatchNormalizationConventions(
    epsilon: 1e-5, rule: .updating(0.1), estimator: .biased, initialVariance: 1)

  /// The framework whose defaults these are, if there is one.
  public var framework: NormalizationFramework? { NormalizationFramework.allCases.first { $0.conventions == self } }

  /// What behaves like this, said as a framework says it: its direction of momentum and its estimator of the variance, with
  /// the epsilon and the weight of a batch that these have. A plain mean stays one, of all batches or of the first alone, which
  /// no framework knows.
  public func expressed(in framework: NormalizationFramework) -> BatchNormalizationConventions {
    var result = self
    result.estimator = framework.conventions.estimator
    if case .cumulativeFirst = rule { return result }
    if let momentum = framework.momentum(for: rule) {
      result.rule =
        if case .keeping = framework.conventions.rule { .keeping(momentum) } else { .updating(momentum) }
    }
    return result
  }

  /// By how much running variances of other conventions are larger, where every batch had so many values a channel: N/(N − 1)
  /// where those are unbiased and these are not, (N − 1)/N the other way round, 1 where they agree.
  public func varianceFactor(to other: BatchNormalizationConventions, valuesPerBatch count: Int) -> Double {
    switch (estimator, other.estimator) {
    case (.biased, .unbiased): Double(count) / Double(count - 1)
    case (.unbiased, .biased): Double(count - 1) / Double(count)
    default: 1
    }
  }
}

extension RunningStatistics {
  /// The same statistics under conventions with another direction of momentum or another estimator of the variance.
  ///
  /// The means stay as they are. Where the estimators differ, each batch's share of the variance is multiplied by
  /// ``BatchNormalizationConventions/varianceFactor(to:valuesPerBatch:)``; what is left of the variance that the statistics
  /// started from is not, as no batch had a part in it. So this is exact, up to rounding, where all batches had the same
  /// number of values; a last batch of an epoch that was smaller makes a difference of the order of its weight.
  ///
  /// - Parameters:
  ///   - old: the conventions by which the statistics were gathered.
  ///   - new: those that they are to have; the weight of a batch must be the same.
  ///   - valuesPerBatch: how many values a channel had in each batch, at least 2: N for `[N, C]`, N·H·W for `[N, H, W, C]`.
  ///   - holdsStart: whether what the statistics started from may still have a share in them; not so where they were
  ///     replaced as a whole, by ``replace(with:batchCount:)``.
  public func converted(
    from old: BatchNormalizationConventions, to new: BatchNormalizationConventions, valuesPerBatch: Int,
    holdsStart: Bool = true
  ) -> RunningStatistics {
    require(valuesPerBatch >= 2, "\(valuesPerBatch) values a channel have no unbiased variance")
    var result = RunningStatistics(channelCount: channelCount, conventions: new)
    result.mean = mean
    result.variance = variance
    result.batchCount = batchCount
    guard old.estimator != new.estimator else { return result }
    let factor = old.varianceFactor(to: new, valuesPerBatch: valuesPerBatch)
    let initial = holdsStart ? old.rule.remainder(afterBatches: batchCount) * old.initialVariance : 0
    result.variance.withUnsafeMutableElements { elements in
      for index in elements.indices {
        elements[index] = Element(initial + factor * (Double(elements[index]) - initial))
      }
    }
    return result
  }
}

/// `1 − weight` as it is written: 0.9 for 0.1, without the rounding of the subtraction.
private func complement(_ weight: Double) -> Double { Double(String(format: "%.15g", 1 - weight)) ?? 1 - weight }
