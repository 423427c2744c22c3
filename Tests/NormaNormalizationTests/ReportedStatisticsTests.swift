import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Inputs that people reported to other projects because statistics of them came out wrong, or seemed to. Each is named by
/// project and number in that project's public tracker, and told in own words; what is right is computed by hand.
@Suite struct ReportedStatisticsTests {
  private func conventions(_ rule: UpdateRule, _ estimator: VarianceEstimator) -> BatchNormalizationConventions {
    BatchNormalizationConventions(epsilon: 1e-5, rule: rule, estimator: estimator, initialVariance: 1)
  }

  /// Statistics after one batch.
  private func running(
    _ x: Tensor<Double>, layout: ChannelLayout = .channelsLast, _ conventions: BatchNormalizationConventions
  ) throws -> RunningStatistics<Double> {
    let moments = BatchMoments(of: x, layout: layout)
    var statistics = RunningStatistics<Double>(channelCount: moments.channelCount, conventions: conventions)
    try statistics.update(with: moments)
    return statistics
  }

  // MARK: Which variance, and whose momentum

  // pytorch#7028: with momentum 1, the running variance of three rows is not the square of NumPy's deviation: it is
  // divided by N − 1.
  @Test func aMomentumOfOneLeavesTheUnbiasedVarianceOfTheLastBatch() throws {
    let x = Tensor<Double>([2, 15, 2, 1, 2, 17, 2, 1, -4, -2, -2, -1], shape: [3, 4])
    let statistics = try running(x, conventions(.updating(1), .unbiased))
    #expect(relativeError(statistics.mean, Tensor([0, 10, 2.0 / 3, 1.0 / 3])) < 8 * Double.unitRoundoff)
    #expect(relativeError(statistics.variance, Tensor([12, 109, 16.0 / 3, 4.0 / 3])) < 8 * Double.unitRoundoff)
  }

  // pytorch#60528: four samples of three channels of four numbers in a row, each sample 1 more than the one before. What
  // is normalized is divided by the biased deviation √2.5, what is kept has the unbiased variance 2.5 · 16/15.
  @Test func outputsAreDividedByTheBiasedDeviationAndTheUnbiasedVarianceIsKept() throws {
    var x = Tensor<Double>.zeros([4, 3, 4])
    for sample in 0..<4 {
      for channel in 0..<3 {
        for place in 0..<4 { x[sample, channel, place] = Double(1 + sample + 4 * channel + place) }
      }
    }
    let (output, batch) = try BatchNormalization.forward(x, layout: .channelsFirst)
    let deviation = (2.5 + 1e-5).squareRoot()
    for channel in 0..<3 {
      for place in 0..<4 {
        #expect(abs(output[0, channel, place] - Double(place - 3) / deviation) < 8 * Double.unitRoundoff)
      }
    }
    var statistics = RunningStatistics<Double>(channelCount: 3)
    try statistics.update(with: batch.moments)
    let expected = Tensor<Double>(repeating: 0.9 + 0.1 * 2.5 * 16 / 15, shape: [3])
    #expect(relativeError(statistics.variance, expected) < 8 * Double.unitRoundoff)
  }

  // pytorch#106366: four blocks of the constants 1 to 4: the running variance is 1.0259, not 1.025 as the biased one
  // would make it.
  @Test func aSmallDifferenceToTheBiasedVarianceIsThatOfTheEstimators() throws {
    let blocks = (1...4).map { Tensor<Double>(repeating: Double($0), shape: [4, 3, 3, 2]) }
    let x = Tensor.concatenating(rows: blocks)
    let unbiased = try running(x, .pyTorch).variance
    let biased = try running(x, conventions(.updating(0.1), .biased)).variance
    let bound = 144 * Double.unitRoundoff
    #expect(relativeError(unbiased, Tensor(repeating: 0.9 + 0.1 * 1.25 * 144 / 143, shape: [2])) < bound)
    #expect(relativeError(biased, Tensor(repeating: 1.025, shape: [2])) < bound)
  }

  // keras#10443: the moving variance of 1, 2, 3, 4 after one batch that replaces what was before: 5/3 where the framework
  // below took the unbiased one, 5/4 by Keras 3.
  @Test func aBatchThatReplacesWhatWasLeavesTheVarianceOfTheEstimator() throws {
    let x = Tensor<Double>([1, 2, 3, 4], shape: [4, 1])
    #expect(try running(x, conventions(.keeping(0), .biased)).variance.item == 1.25)
    let unbiased = try running(x, conventions(.keeping(0), .unbiased)).variance
    #expect(relativeError(unbiased, Tensor([5.0 / 3])) < 4 * Double.unitRoundoff)
    #expect(BatchNormalizationConventions.keras.estimator == .biased)
  }

  // pytorch#15298, keras#6839: whether momentum 0 takes only the new or keeps only the old, and whether `momentum` is what
  // others call decay: the weight of the new is one less that of the old.
  @Test(arguments: [0, 0.1, 0.5, 0.99, 1]) func theWeightOfTheNewIsOneLessThatOfTheOld(weight: Double) throws {
    let x = Tensor<Double>([2, 4, 9, 5], shape: [4, 1])
    let new = try running(x, conventions(.updating(weight), .biased))
    let old = try running(x, conventions(.keeping(1 - weight), .biased))
    // 1 − (1 − weight) is rounded.
    #expect(relativeError(new.mean, old.mean) < 4 * Double.unitRoundoff)
    #expect(relativeError(new.variance, old.variance) < 4 * Double.unitRoundoff)
    if weight == 0 { #expect(new.mean.item == 0 && new.variance.item == 1) }
    if weight == 1 { #expect(new.mean.item == 5 && new.variance.item == 6.5) }
  }

  // pytorch#31498: whether `momentum=None` is a plain mean over all batches: after batches with the means 1 to 7 it is 4.
  @Test func noMomentumIsThePlainMeanOfTheBatches() throws {
    var statistics = RunningStatistics<Double>(channelCount: 1, conventions: conventions(.cumulative, .biased))
    for mean in 1...7 {
      try statistics.update(with: BatchMoments(of: Tensor([Double(mean) - 0.5, Double(mean) + 0.5], shape: [2, 1])))
    }
    #expect(relativeError(statistics.mean, Tensor([4])) < 16 * Double.unitRoundoff)
    #expect(relativeError(statistics.variance, Tensor([0.25])) < 16 * Double.unitRoundoff)
  }

  // keras#10427: one backend divided by the deviation plus epsilon instead of the root of variance plus epsilon: with a
  // variance of 0 and an epsilon of 1/4 that is 4 where 2 is right.
  @Test func epsilonStandsUnderTheRoot() {
    let x = Tensor<Float>([1, -3], shape: [2, 1])
    let output = BatchNormalization.inference(x, mean: .zeros([1]), variance: .zeros([1]), epsilon: 0.25)
    #expect(output.elements == [2, -6])
  }

  // MARK: Few batches

  // keras#7177, keras#7265, keras#3949: a training of five steps, or of one batch over and over, is right by the statistics
  // of its batches and wrong by moving ones that still hold 0.99⁵ of what they started from.
  @Test func fromTheFirstBatchOnNothingIsLeftOfTheStart() throws {
    let x = Tensor<Float>([104, 101, 99, 96, 3, 5, -1, 1], shape: [4, 2])
    let (normalized, batch) = try BatchNormalization.forward(x)
    var moved = RunningStatistics<Float>(channelCount: 2, conventions: .keras)
    var exact = RunningStatistics<Float>(
      channelCount: 2, conventions: conventions(.cumulativeFirst(0.01), .biased))
    for _ in 0..<5 {
      try moved.update(with: batch.moments)
      try exact.update(with: batch.moments)
      let output = BatchNormalization.inference(x, mean: exact.mean, variance: exact.variance)
      #expect(errorRelativeToScale(output, reference: normalized) < 32 * Float.unitRoundoff)
    }
    // What the reports saw: 95 % of a mean of 0 is left after five batches.
    #expect(abs(moved.mean.elements[0] / exact.mean.elements[0] - 0.049) < 0.001)
  }

  // pytorch#1381: a batch with one value a channel has no unbiased variance, and made the running one NaN for good. One
  // picture of several pixels is such a batch only if it has one pixel.
  @Test func aBatchOfOneValueLeavesTheRunningStatisticsAlone() throws {
    let single = Tensor<Float>([3, -1], shape: [1, 2, 1, 1])
    #expect(throws: NormalizationError.singleValuePerChannel(shape: [1, 2, 1, 1])) {
      try BatchNormalization.forward(single, layout: .channelsFirst)
    }
    var statistics = RunningStatistics<Float>(channelCount: 2)
    let before = statistics
    try statistics.update(with: BatchMoments(of: single, layout: .channelsFirst))
    #expect(statistics == before)
    let picture = Tensor<Float>([3, 5, -1, 1], shape: [1, 2, 1, 2])
    #expect(throws: Never.self) { try BatchNormalization.forward(picture, layout: .channelsFirst) }
    try statistics.update(with: BatchMoments(of: picture, layout: .channelsFirst))
    #expect(statistics.batchCount == 1 && statistics.variance.isFinite)
  }

  // keras#270, keras#3078: what is said of a sample depended on those that were asked about with it.
  @Test func inInferenceASampleDoesNotDependOnItsNeighbours() {
    let x = Tensor<Float>([0.3, 7, -2, 1e6, 0.25, 4], shape: [3, 2])
    let (mean, variance) = (Tensor<Float>([1, 2]), Tensor<Float>([4, 9]))
    let together = BatchNormalization.inference(x, mean: mean, variance: variance)
    for row in 0..<3 {
      let alone = BatchNormalization.inference(x[rows: row..<row + 1], mean: mean, variance: variance)
      #expect(haveSameBits(alone, together[rows: row..<row + 1]))
    }
  }

  // MARK: Constants and large means

  // pytorch#5410: channels that are constant, but large, came out as −1 and 1 instead of 0.
  @Test(arguments: ChannelLayout.allCases) func largeConstantsAreNormalizedToZero(layout: ChannelLayout) throws {
    let constants: [Float] = [-7.3e9, 1e10, 3.1e7, -16_777_216, 0.1]
    let rows = Tensor<Float>((0..<100).flatMap { _ in constants }, shape: [1, 100, 5])
    let x = layout == .channelsLast ? rows : rows.transposed([0, 2, 1])
    let (output, batch) = try BatchNormalization.forward(x, layout: layout)
    #expect(output.elements.allSatisfy { $0 == 0 })
    #expect(batch.moments.mean.elements == constants.map(Double.init))
  }

  // pandas#57505, pandas#22385: the deviation of 150,000 times 271.46 was 0.23, and the mean of 60,000 times a million
  // 999,645.
  @Test(arguments: [(271.46, 150_000), (1e6, 60_000)] as [(Float, Int)])
  func manyTimesTheSameNumberHasThatMeanAndNoDeviation(value: Float, count: Int) {
    let moments = BatchMoments(of: Tensor<Float>(repeating: value, shape: [count, 1]))
    #expect(moments.mean.item == Double(value) && moments.centredSecondMoment.item == 0)
  }

  // pytorch#51102: rows of four numbers about 2000 came out with variances from 0.05 to 48,426.
  @Test func aMeanOfThousandsCostsLayerNormalizationNothing() {
    let x = Tensor<Float>([1999, 2000, 2000.5, 2001.5], shape: [1, 4])
    let deviation = (0.8125 + 1e-5).squareRoot()
    let expected = [-1.25, -0.25, 0.25, 1.25].map { $0 / deviation }
    let output = LayerNormalization.forward(x).output
    #expect(
      errorOverBound(output, reference: expected, bound: expected.map { 4 * Float.unitRoundoff * abs($0) }) <= 1)
  }

  // pytorch#40302: rows with a mean of 100 and deviations of 0.01 had a variance of exactly 0.
  @Test func aSmallVarianceBesideALargeMeanIsNotZero() {
    let step: Float = 0x1p-7
    let x = Tensor<Float>((0..<4096).map { $0 % 2 == 0 ? 100 + step : 100 - step }, shape: [1, 4096])
    let expected = Double(step) / (Double(step * step) + 1e-5).squareRoot()
    let output = LayerNormalization.forward(x).output
    for (index, value) in output.elements.enumerated() {
      #expect(abs(Double(value) * (index % 2 == 0 ? 1 : -1) / expected - 1) < 4 * Float.unitRoundoff)
    }
  }

  // pandas#28244: a first value of a thousand million spoiled the deviation of the small ones after it. The squares add up
  // to 7.2809280…e17, and without the first value the deviation is 0.5509.
  @Test func aHugeFirstValueSpoilsNothing() {
    let x = Tensor<Double>([9.54e8, 0.6225, 0, 1.14, 0], shape: [5, 1])
    let moments = BatchMoments(of: x)
    #expect(relativeError(moments.mean, Tensor([190_800_000.3525])) < 8 * Double.unitRoundoff)
    #expect(relativeError(moments.centredSecondMoment, Tensor([7.2809279932743e17])) < 16 * Double.unitRoundoff)
    let rest = BatchMoments(of: x[rows: 1..<5]).variance(.unbiased)
    #expect(abs(rest.item.squareRoot() - 0.5509) < 5e-5)
  }

  // pandas#52407: variances of numbers between 1e-16 and 1e-73 came out negative.
  @Test(arguments: [
    ([3.16188252e-18, 2.95781651e-16, 2.23153542e-51], 2.8853851912e-32),
    ([2.23153542e-51, 0, 0], 1.6599167769e-102), ([0, 0, 5.39943432e-48], 9.7179636587e-96),
    ([5.39943432e-48, 1.38206260e-73, 0], 9.7179636587e-96),
  ])
  func tinyNumbersHaveVariancesThatAreNotNegative(values: [Double], expected: Double) {
    let variance = BatchMoments(of: Tensor(values, shape: [3, 1])).variance(.unbiased).item
    #expect(variance >= 0 && abs(variance / expected - 1) < 1e-9)
  }
}
