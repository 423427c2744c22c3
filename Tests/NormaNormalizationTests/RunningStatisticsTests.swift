import NormaNormalization
import NormaTensor
import TestSupport
import Testing

@Suite struct RunningStatisticsTests {
  /// Mean 4, biased variance 6, unbiased 9.
  private let batch = BatchMoments(of: Tensor<Double>([1, 4, 7], shape: [3, 1]))
  /// Mean −2, biased variance 1, unbiased 2.
  private let other = BatchMoments(of: Tensor<Double>([-1, -3], shape: [2, 1]))

  private func statistics(_ rule: UpdateRule, _ estimator: VarianceEstimator) -> RunningStatistics<Double> {
    RunningStatistics(
      channelCount: 1,
      conventions: .init(epsilon: 1e-5, rule: rule, estimator: estimator, initialVariance: 1))
  }

  private func expect(
    _ statistics: RunningStatistics<Double>, mean: Double, variance: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    // A handful of roundings for each update, of two here.
    let bound = 16 * Double.unitRoundoff
    #expect(relativeError(statistics.mean, Tensor([mean])) < bound, sourceLocation: sourceLocation)
    #expect(relativeError(statistics.variance, Tensor([variance])) < bound, sourceLocation: sourceLocation)
  }

  @Test func updatingGivesTheNewItsWeight() throws {
    var running = statistics(.updating(0.25), .unbiased)
    try running.update(with: batch)
    expect(running, mean: 1, variance: 0.75 + 2.25)
    try running.update(with: other)
    expect(running, mean: 0.75 - 0.5, variance: 2.25 + 0.5)
    #expect(running.batchCount == 2)
  }

  @Test func keepingGivesTheOldItsWeight() throws {
    var running = statistics(.keeping(0.75), .biased)
    try running.update(with: batch)
    expect(running, mean: 1, variance: 0.75 + 1.5)
    try running.update(with: other)
    expect(running, mean: 0.25, variance: 0.75 * 2.25 + 0.25)
  }

  @Test func cumulativeStatisticsAreThePlainMeansOfTheBatches() throws {
    var running = statistics(.cumulative, .unbiased)
    try running.update(with: batch)
    expect(running, mean: 4, variance: 9)
    try running.update(with: other)
    expect(running, mean: 1, variance: 5.5)
    try running.update(with: batch)
    expect(running, mean: 2, variance: 20.0 / 3)
    #expect(UpdateRule.cumulative.weight(afterBatches: 3) == 0.25)
  }

  @Test func theFirstBatchesAreAveragedAndTheLaterOnesWeighed() throws {
    var running = statistics(.cumulativeFirst(0.4), .unbiased)
    try running.update(with: batch)
    // Nothing of the start is left.
    expect(running, mean: 4, variance: 9)
    try running.update(with: other)
    expect(running, mean: 1, variance: 5.5)
    // 1/3 is less than 0.4, which the third batch weighs.
    try running.update(with: batch)
    expect(running, mean: 0.6 * 1 + 0.4 * 4, variance: 0.6 * 5.5 + 0.4 * 9)
    let weights = (0..<12).map { UpdateRule.cumulativeFirst(0.1).weight(afterBatches: $0) }
    #expect(weights == (1...12).map { max(1 / Double($0), 0.1) })
  }

  @Test func ofTheStartPyTorchsRuleKeepsAShareAndAPlainMeanNothing() {
    // 0.9²⁰, in twenty roundings at most.
    #expect(abs(UpdateRule.updating(0.1).remainder(afterBatches: 20) - 0.1215766545905693) < 20 * Double.unitRoundoff)
    for rule in [UpdateRule.cumulative, .cumulativeFirst(0.1)] {
      #expect(rule.remainder(afterBatches: 0) == 1 && rule.remainder(afterBatches: 1) == 0)
    }
  }

  @Test func statisticsCanBeReplacedAsAWhole() throws {
    var running = statistics(.updating(0.1), .unbiased)
    try running.update(with: other)
    try running.replace(with: batch, batchCount: 7)
    expect(running, mean: 4, variance: 9)
    #expect(running.batchCount == 7)
    let before = running
    // A single value has no variance.
    try running.replace(with: BatchMoments(of: Tensor<Double>.ones([1, 1])), batchCount: 1)
    #expect(running == before)
    #expect(throws: NormalizationError.channelCountMismatch(expected: 1, found: 2)) {
      try running.replace(with: BatchMoments(of: Tensor<Double>.ones([3, 2])), batchCount: 1)
    }
  }

  // PyTorch: torch.nn.BatchNorm1d; CS231n: assignment 2, batchnorm_forward; Keras 3: layers.BatchNormalization; ONNX:
  // operator BatchNormalization-15. All start from mean 0.
  @Test func presetsFollowTheirFrameworks() throws {
    let presets: [(BatchNormalizationConventions, epsilon: Double, mean: Double, variance: Double)] = [
      (.pyTorch, 1e-5, 0.1 * 4, 0.9 * 1 + 0.1 * 9), (.cs231n, 1e-5, 0.1 * 4, 0.1 * 6),
      (.keras, 1e-3, 0.01 * 4, 0.99 * 1 + 0.01 * 6), (.onnx, 1e-5, 0.1 * 4, 0.9 * 1 + 0.1 * 6),
    ]
    for (conventions, epsilon, mean, variance) in presets {
      var running = RunningStatistics<Double>(channelCount: 1, conventions: conventions)
      #expect(running.mean.item == 0 && running.batchCount == 0)
      try running.update(with: batch)
      expect(running, mean: mean, variance: variance)
      #expect(conventions.epsilon == epsilon)
    }
    #expect(RunningStatistics<Float>(channelCount: 2).rule == .updating(0.1))
  }

  @Test func batchesWithoutAVarianceChangeNothing() throws {
    var running = statistics(.updating(0.1), .unbiased)
    try running.update(with: batch)
    let before = running
    try running.update(with: BatchMoments(of: Tensor<Double>.zeros([0, 1])))
    try running.update(with: BatchMoments(of: Tensor<Double>.ones([1, 1])))
    #expect(running == before)
  }

  @Test func anotherNumberOfChannelsIsAnErrorAndChangesNothing() {
    var running = statistics(.cumulative, .biased)
    let before = running
    #expect(throws: NormalizationError.channelCountMismatch(expected: 1, found: 2)) {
      try running.update(with: BatchMoments(of: Tensor<Double>.ones([3, 2])))
    }
    #expect(running == before)
  }

  @Test func statisticsOfFloatsAreBlendedInDoublePrecisionAndRoundedOnce() throws {
    var running = RunningStatistics<Float>(channelCount: 1)
    for _ in 0..<5 {
      let before = running
      try running.update(with: batch)
      #expect(running.mean.item == Float(0.9 * Double(before.mean.item) + 0.1 * 4))
      #expect(running.variance.item == Float(0.9 * Double(before.variance.item) + 0.1 * 9))
    }
  }

  @Test func whatIsNotANumberStaysInItsChannel() throws {
    var running = RunningStatistics<Float>(channelCount: 3)
    try running.update(with: BatchMoments(of: Tensor<Float>([1, .nan, 2, 3, 0, .infinity], shape: [2, 3])))
    #expect(running.mean.elements[0] == 0.2 && running.variance.elements[0].isFinite)
    #expect(running.mean.elements[1].isNaN && !running.variance.elements[2].isFinite)
  }
}
