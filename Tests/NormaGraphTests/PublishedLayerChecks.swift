import Foundation
import NormaGraph
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// The checks of single layers in Stanford's CS231n 2019, assignment 2 (FullyConnectedNets.ipynb,
/// BatchNormalization.ipynb, Dropout.ipynb), with the errors that public solutions reported for bounds.
@Suite struct PublishedLayerChecks {
  /// The notebook's activations before normalization: a two-layer net with random weights.
  private func activations(
    _ rows: Int, weights: (Values, Values), using generator: inout RandomGenerator
  ) -> Values {
    Values.normal([rows, 50], using: &generator).matrixProduct(weights.0).applying(.leakyReLU(slope: 0))
      .matrixProduct(weights.1)
  }

  private func weights(using generator: inout RandomGenerator) -> (Values, Values) {
    (.normal([50, 60], using: &generator), .normal([60, 3], using: &generator))
  }

  private func expectNear(
    _ x: Values, _ expected: Values, _ bound: Double, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(relativeError(x, expected) <= bound, sourceLocation: sourceLocation)
  }

  private func deviation(_ moments: BatchMoments) -> Values { moments.variance(.biased).applying(.squareRoot) }

  @Test func forwardInTrainingGivesMeanBetaAndDeviationGamma() throws {
    var generator = RandomGenerator(seed: 101)
    let a = activations(200, weights: weights(using: &generator), using: &generator)
    let (gamma, beta) = (Values([1, 2, 3]), Values([11, 12, 13]))
    let batch = BatchMoments(of: a)
    for epsilon in [0, 1e-5] {
      let y = try Variable(a).batchNormalized(gamma: Variable(gamma), beta: Variable(beta), epsilon: epsilon).output
      let moments = BatchMoments(of: y.value)
      expectNear(moments.mean, beta, 1e-12)
      // Epsilon makes the deviation that little smaller: σ / √(σ² + ε).
      let variance = batch.variance(.biased)
      let shrinking = (variance / (variance + epsilon)).applying(.squareRoot)
      expectNear(deviation(moments), gamma * shrinking, 1e-12)
    }
    let plain = BatchMoments(of: try Variable(a).batchNormalized(epsilon: 0).output.value)
    #expect(plain.mean.elements.allSatisfy { abs($0) < 1e-12 })
    expectNear(deviation(plain), .ones([3]), 1e-12)
  }

  // Reported: means −0.10…−0.04, deviations 0.98–1.02. The mean of 200 values strays by 1/√200 ≈ 0.07 of the deviation, the
  // deviation by about half of that or more for such skewed sums: four of each. The running variance, which starts at 0,
  // has come up to 1 − 0.9^50 ≈ 0.995 of itself.
  @Test func forwardInInferenceIsNearMeanZeroAndDeviationOneAfterFiftyBatches() throws {
    var generator = RandomGenerator(seed: 102)
    let weights = weights(using: &generator)
    var running = RunningStatistics<Double>(channelCount: 3, conventions: .cs231n)
    for _ in 0..<50 {
      let a = activations(200, weights: weights, using: &generator)
      try running.update(with: try Variable(a).batchNormalized().moments)
    }
    let a = activations(200, weights: weights, using: &generator)
    let y = Variable(a).batchNormalized(mean: Variable(running.mean), variance: Variable(running.variance))
    let moments = BatchMoments(of: y.value)
    #expect(moments.mean.elements.allSatisfy { abs($0) < 0.3 })
    #expect(deviation(moments).elements.allSatisfy { abs($0 - 1) < 0.2 })
    #expect(running.batchCount == 50)
  }

  // Of numbers that deviate by 5, a step of 1e-4 is 2e-5 of the deviation: the truncation, about its square, is 4e-10, and
  // the rounding of results around 10 over the step 1e-11.
  private let wideStep = 1e-4

  // Reported: 1.7e-9, 7.4e-13 and 2.9e-12 for x, gamma and beta.
  @Test func backwardOfFourByFiveAgreesWithDifferences() throws {
    var generator = RandomGenerator(seed: 103)
    let x = Values.normal([4, 5], mean: 12, standardDeviation: 5, using: &generator)
    let points = [x, Values.normal([5], using: &generator), Values.normal([5], using: &generator)]
    let seed = Values.normal([4, 5], using: &generator)
    let staged = try checkGradients(at: points, seed: seed, step: wideStep) {
      try $0[0].stagedBatchNormalized(gamma: $0[1], beta: $0[2]).output
    }
    let closed = try checkGradients(at: points, seed: seed, step: wideStep) {
      try $0[0].batchNormalized(gamma: $0[1], beta: $0[2]).output
    }
    let fused = try checkGradients(at: points, seed: seed, step: wideStep) {
      try $0[0].batchNormalized(gamma: $0[1], beta: $0[2], rectifies: true).output
    }
    for check in staged + closed + fused { #expect(check.relativeError <= 1e-8) }
  }

  @Test func layerNormalizationGivesEachRowMeanBetaAndDeviationGamma() {
    var generator = RandomGenerator(seed: 104)
    let a = activations(4, weights: weights(using: &generator), using: &generator)
    let rows = BatchMoments(of: a.transposed([1, 0]))
    let variance = rows.variance(.biased)
    let shrinking = (variance / (variance + 1e-5)).applying(.squareRoot)
    let y = Variable(a).layerNormalized(
      gamma: Variable(Tensor(repeating: 3, shape: [3])), beta: Variable(Tensor(repeating: 5, shape: [3])))
    let moments = BatchMoments(of: y.value.transposed([1, 0]))
    expectNear(moments.mean, Tensor(repeating: 5, shape: [4]), 1e-12)
    expectNear(deviation(moments), 3 * shrinking, 1e-12)
  }

  @Test func backwardOfLayerNormalizationOfFourByFiveAgreesWithDifferences() {
    var generator = RandomGenerator(seed: 105)
    let points = [
      Values.normal([4, 5], mean: 12, standardDeviation: 5, using: &generator),
      Values.normal([5], using: &generator), Values.normal([5], using: &generator),
    ]
    let seed = Values.normal([4, 5], using: &generator)
    let checks = checkGradients(at: points, seed: seed, step: wideStep) {
      $0[0].layerNormalized(gamma: $0[1], beta: $0[2])
    }
    for check in checks { #expect(check.relativeError <= 1e-8) }
  }

  // FullyConnectedNets.ipynb, "Affine layer: forward": the output it names, to its eight decimals. Weights there are
  // [inputs, outputs].
  @Test func theAffineLayerGivesThePublishedOutput() {
    let x = Variable(Values.linearlySpaced(from: -0.1, through: 0.5, shape: [2, 4, 5, 6]))
    let weight = Variable(Values.linearlySpaced(from: -0.2, through: 0.3, shape: [120, 3]))
    let bias = Variable(Values.linearlySpaced(from: -0.3, through: 0.1, shape: [3]))
    let published = Values([1.49834967, 1.70660132, 1.91485297, 3.25553199, 3.5141327, 3.77273342], shape: [2, 3])
    let y = x.flattened().matrixProduct(weight).adding(bias, broadcast: .perChannel)
    expectNear(y.value, published, 1e-9)
    let transposed = Variable(weight.value.transposed([1, 0]))
    expectNear(x.flattened().linear(weight: transposed, bias: bias).value, y.value, 1e-14)
  }

  // "ReLU activation: forward": the published output has eight decimals, of 0.04545455 that is 5e-8.
  @Test func theReLULayerGivesThePublishedOutput() {
    let x = Variable(Values.linearlySpaced(from: -0.5, through: 0.5, shape: [3, 4]))
    let published = Values(
      [0, 0, 0, 0, 0, 0, 0.04545455, 0.13636364, 0.22727273, 0.31818182, 0.40909091, 0.5], shape: [3, 4])
    let difference = x.relu().value - published
    #expect(difference.elements.allSatisfy { abs($0) <= 1e-8 })
  }

  // These layers are linear around each point: the differences have no truncation, and a large step only lessens their
  // rounding.
  private let linearStep = 0x1p-6

  @Test func backwardOfTheAffineLayerAgreesWithDifferences() {
    var generator = RandomGenerator(seed: 106)
    let points = [
      Values.normal([10, 2, 3], using: &generator), Values.normal([6, 5], using: &generator),
      Values.normal([5], using: &generator),
    ]
    let checks = checkGradients(at: points, seed: .normal([10, 5], using: &generator), step: linearStep) {
      $0[0].flattened().matrixProduct($0[1]).adding($0[2], broadcast: .perChannel)
    }
    for check in checks { #expect(check.relativeError <= 1e-10) }
  }

  @Test func backwardOfTheReLULayerAgreesWithDifferences() {
    var generator = RandomGenerator(seed: 107)
    // No value is within the step of the kink at 0.
    let x = Values(
      Values.normal([10, 10], using: &generator).elements.map { $0 < 0 ? $0 - 0.1 : $0 + 0.1 }, shape: [10, 10])
    let checks = checkGradients(at: [x], seed: .normal([10, 10], using: &generator), step: linearStep) { $0[0].relu() }
    #expect(checks[0].relativeError <= 1e-12)
  }

  @Test func backwardOfAffineThenReLUAgreesWithDifferences() {
    var generator = RandomGenerator(seed: 108)
    let points = [
      Values.normal([2, 3, 4], using: &generator), Values.normal([12, 10], using: &generator),
      Values.normal([10], using: &generator),
    ]
    let checks = checkGradients(at: points, seed: .normal([2, 10], using: &generator)) {
      $0[0].flattened().matrixProduct($0[1]).adding($0[2], broadcast: .perChannel).relu()
    }
    for check in checks { #expect(check.relativeError <= 1e-8) }
  }

  @Test func backwardOfDropoutAgreesWithDifferences() {
    var generator = RandomGenerator(seed: 109)
    let x = Values.normal([10, 10], mean: 10, using: &generator)
    let checks = checkGradients(at: [x], seed: .normal([10, 10], using: &generator), step: linearStep) {
      var generator = RandomGenerator(seed: 123)
      return $0[0].dropout(keepProbability: 0.2, using: &generator)
    }
    #expect(checks[0].relativeError <= 1e-10)
  }
}
