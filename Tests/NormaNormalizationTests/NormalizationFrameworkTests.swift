import Foundation
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

@Suite struct NormalizationFrameworkTests {
  @Test func momentumMeansOppositeThingsInDifferentPlaces() {
    let new: [NormalizationFramework] = [.pyTorch, .mlx]
    for framework in NormalizationFramework.allCases {
      let isNew = new.contains(framework)
      #expect(framework.momentum(for: .updating(0.1)) == (isNew ? 0.1 : 0.9))
      #expect(framework.momentum(for: .keeping(0.99)) == (isNew ? 0.01 : 0.99))
      #expect(framework.momentum(for: .cumulative) == nil)
    }
  }

  @Test func everyFrameworkKnowsItsOwnDefaults() {
    let arguments: [NormalizationFramework: String] = [
      .pyTorch: "eps=1e-05, momentum=0.1", .keras: "epsilon=0.001, momentum=0.99", .onnx: "epsilon=1e-05, momentum=0.9",
      .cs231n: "eps=1e-05, momentum=0.9", .mlx: "eps=1e-05, momentum=0.1",
    ]
    for framework in NormalizationFramework.allCases {
      #expect(framework.conventions.framework == framework)
      #expect(framework.arguments(for: framework.conventions) == arguments[framework])
    }
    #expect(
      BatchNormalizationConventions(epsilon: 1, rule: .updating(0.1), estimator: .biased, initialVariance: 1).framework
        == nil)
  }

  @Test func aPlainMeanIsPyTorchsAlone() {
    var conventions = BatchNormalizationConventions.pyTorch
    conventions.rule = .cumulative
    for framework in NormalizationFramework.allCases {
      let arguments = framework.arguments(for: conventions)
      #expect(arguments == (framework == .pyTorch ? "eps=1e-05, momentum=None" : nil))
      #expect(conventions.expressed(in: framework).rule == .cumulative)
    }
  }

  @Test func aPlainMeanOfTheFirstBatchesStaysOneAndItsMomentumIsThatOfLaterOnes() {
    let momenta: [NormalizationFramework: String] = [
      .pyTorch: "0.1", .mlx: "0.1", .keras: "0.9", .onnx: "0.9", .cs231n: "0.9",
    ]
    for framework in NormalizationFramework.allCases {
      let expressed = BatchNormalizationConventions.norma.expressed(in: framework)
      #expect(expressed.rule == .cumulativeFirst(0.1) && expressed.estimator == framework.conventions.estimator)
      #expect(framework.arguments(for: .norma)?.hasSuffix("momentum=\(momenta[framework] ?? "")") == true)
    }
    #expect(BatchNormalizationConventions.norma.framework == nil)
  }

  @Test func whatIsExpressedElsewhereBehavesTheSame() {
    for source in NormalizationFramework.allCases {
      for framework in NormalizationFramework.allCases {
        let expressed = source.conventions.expressed(in: framework)
        #expect(expressed.epsilon == source.conventions.epsilon)
        #expect(expressed.initialVariance == source.conventions.initialVariance)
        #expect(expressed.estimator == framework.conventions.estimator)
        // 1 − 0.9 is 0.1 but for its last digits.
        let weights = [expressed, source.conventions].map { $0.rule.weight(afterBatches: 3) }
        #expect(abs(weights[0] - weights[1]) < 1e-15)
        // There and back nothing is lost.
        #expect(expressed.expressed(in: source) == source.conventions)
      }
    }
    #expect(BatchNormalizationConventions.pyTorch.expressed(in: .keras).rule == .keeping(0.9))
    #expect(BatchNormalizationConventions.keras.expressed(in: .mlx).rule == .updating(0.01))
  }

  @Test func theFactorOfTheVarianceIsThatOfTheDivisors() {
    let (unbiased, biased) = (BatchNormalizationConventions.pyTorch, BatchNormalizationConventions.keras)
    #expect(biased.varianceFactor(to: unbiased, valuesPerBatch: 50) == 50.0 / 49)
    #expect(unbiased.varianceFactor(to: biased, valuesPerBatch: 50) == 49.0 / 50)
    #expect(unbiased.varianceFactor(to: unbiased, valuesPerBatch: 50) == 1)
    #expect(biased.varianceFactor(to: .mlx, valuesPerBatch: 2) == 1)
  }

  /// Statistics gathered from batches of six values a channel.
  private func gathered(_ conventions: BatchNormalizationConventions, batches: Int) throws -> RunningStatistics<Double>
  {
    var random = RandomGenerator(seed: 3)
    var statistics = RunningStatistics<Double>(channelCount: 4, conventions: conventions)
    for _ in 0..<batches {
      try statistics.update(with: BatchMoments(of: Tensor<Double>.normal([6, 4], mean: 2, using: &random)))
    }
    return statistics
  }

  @Test(arguments: [0, 1, 2, 30])
  func convertedStatisticsAreThoseThatTheOthersWouldHaveGathered(batches: Int) throws {
    for source in [
      .pyTorch, .keras, .cs231n, .mlx,
      BatchNormalizationConventions(epsilon: 1e-5, rule: .cumulative, estimator: .biased, initialVariance: 1),
    ] as [BatchNormalizationConventions] {
      for framework in NormalizationFramework.allCases {
        let target = source.expressed(in: framework)
        let before = try gathered(source, batches: batches)
        let converted = before.converted(from: source, to: target, valuesPerBatch: 6)
        let expected = try gathered(target, batches: batches)
        #expect(haveSameBits(converted.mean, before.mean))
        #expect(
          converted.batchCount == batches && converted.rule == target.rule && converted.estimator == target.estimator)
        if target.estimator == source.estimator { #expect(haveSameBits(converted.variance, before.variance)) }
        // Each step rounds a few times, and 1 − 0.9 differs from 0.1.
        #expect(relativeError(converted.variance, expected.variance) < 1e-13)
      }
    }
  }
}
