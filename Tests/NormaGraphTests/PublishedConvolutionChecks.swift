import NormaConvolution
import NormaGraph
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// The checks of single layers in ConvolutionalNetworks.ipynb of Stanford's CS231n 2019, assignment 2, with the errors that
/// public solutions reported for bounds. Images are `[N, C, H, W]` there.
@Suite struct PublishedConvolutionChecks {
  /// `[N, C, H, W]` to `[N, H, W, C]`.
  private func channelsLast(_ x: Values) -> Values { x.transposed([0, 2, 3, 1]) }

  private func inLayout(_ x: Values, _ layout: ChannelLayout) -> Values {
    layout == .channelsLast ? channelsLast(x) : x
  }

  /// The moments over samples and positions of images in the given layout.
  private func moments(_ x: Values, _ layout: ChannelLayout) -> BatchMoments {
    BatchMoments(of: layout == .channelsLast ? x : channelsLast(x))
  }

  private func deviation(_ moments: BatchMoments) -> Values { moments.variance(.biased).applying(.squareRoot) }

  private static let layouts: [ChannelLayout] = [.channelsLast, .channelsFirst]

  // "Convolution: Naive forward pass": the published output has eight decimals, so 5e-9 are rounding; of its smallest
  // number that is the 2.2e-8 that the notebook reports.
  @Test func convolutionGivesThePublishedOutput() {
    let x = Values.linearlySpaced(from: -0.1, through: 0.5, shape: [2, 3, 4, 4])
    let weight = Values.linearlySpaced(from: -0.2, through: 0.3, shape: [3, 3, 4, 4])
    let bias = Values.linearlySpaced(from: -0.1, through: 0.2, shape: [3])
    let published = Values(
      [
        -0.08759809, -0.10987781, -0.18387192, -0.2109216, 0.21027089, 0.21661097, 0.22847626, 0.23004637,
        0.50813986, 0.54309974, 0.64082444, 0.67101435, -0.98053589, -1.03143541, -1.19128892, -1.24695841,
        0.69108355, 0.66880383, 0.59480972, 0.56776003, 2.36270298, 2.36904306, 2.38090835, 2.38247847,
      ], shape: [2, 3, 2, 2])
    let y = Variable(channelsLast(x)).convolved(
      weight: Variable(weight), bias: Variable(bias), window: Window(4, stride: 2, padding: 1))
    #expect((y.value - channelsLast(published)).elements.allSatisfy { abs($0) <= 1e-8 })
  }

  // "Convolution: Naive backward pass". Linear in each of its inputs: the differences have no truncation, and a large step
  // only lessens their rounding. Reported: 1.2e-8, 2.2e-10 and 3.4e-11.
  @Test func backwardOfConvolutionAgreesWithDifferences() {
    var generator = RandomGenerator(seed: 201)
    let points = [
      channelsLast(.normal([4, 3, 5, 5], using: &generator)), Values.normal([2, 3, 3, 3], using: &generator),
      Values.normal([2], using: &generator),
    ]
    let seed = channelsLast(.normal([4, 2, 5, 5], using: &generator))
    let checks = checkGradients(at: points, seed: seed, step: 0x1p-6) {
      $0[0].convolved(weight: $0[1], bias: $0[2], window: Window(3, padding: 1))
    }
    for check in checks { #expect(check.relativeError <= 1e-8) }
  }

  // "Max-Pooling: Naive forward": eight decimals again; reported as 4.2e-8 of the smallest number.
  @Test func maxPoolingGivesThePublishedOutput() {
    let x = Values.linearlySpaced(from: -0.3, through: 0.4, shape: [2, 3, 4, 4])
    let published = Values(
      [
        -0.26315789, -0.24842105, -0.20421053, -0.18947368, -0.14526316, -0.13052632, -0.08631579, -0.07157895,
        -0.02736842, -0.01263158, 0.03157895, 0.04631579, 0.09052632, 0.10526316, 0.14947368, 0.16421053,
        0.20842105, 0.22315789, 0.26736842, 0.28210526, 0.32631579, 0.34105263, 0.38526316, 0.4,
      ], shape: [2, 3, 2, 2])
    let y = Variable(channelsLast(x)).maxPooled(Window(2, stride: 2))
    #expect((y.value - channelsLast(published)).elements.allSatisfy { abs($0) <= 1e-8 })
  }

  // "Max-Pooling: Naive backward", reported: 3.3e-12. Here no two values are nearer than the step, and all sums are of
  // multiples of powers of two.
  @Test func backwardOfMaxPoolingAgreesWithDifferences() {
    var generator = RandomGenerator(seed: 202)
    let x = Values(generator.permutation(3 * 2 * 8 * 8).map { Double($0) / 16 - 12 }, shape: [3, 2, 8, 8])
    let seed = Values.normal([3, 2, 4, 4], standardDeviation: 8, using: &generator).elements.map { $0.rounded() }
    let checks = checkGradients(
      at: [channelsLast(x)], seed: channelsLast(Values(seed, shape: [3, 2, 4, 4])), step: 0x1p-6
    ) { $0[0].maxPooled(Window(2, stride: 2)) }
    #expect(checks[0].relativeError <= 1e-12)
  }

  // "Spatial batch normalization: forward", in training.
  @Test(arguments: layouts) func spatialBatchNormalizationGivesMeanBetaAndDeviationGamma(layout: ChannelLayout) throws {
    var generator = RandomGenerator(seed: 203)
    let x = inLayout(.normal([2, 3, 4, 5], mean: 10, standardDeviation: 4, using: &generator), layout)
    let variance = moments(x, layout).variance(.biased)
    // Epsilon makes the deviation that little smaller: σ / √(σ² + ε).
    let shrinking = (variance / (variance + 1e-5)).applying(.squareRoot)
    let plain = moments(try Variable(x).batchNormalized(layout: layout).output.value, layout)
    #expect(plain.mean.elements.allSatisfy { abs($0) < 1e-12 })
    #expect(relativeError(deviation(plain), shrinking) <= 1e-12)
    let (gamma, beta) = (Values([3, 4, 5]), Values([6, 7, 8]))
    let y = try Variable(x).batchNormalized(gamma: Variable(gamma), beta: Variable(beta), layout: layout).output
    #expect(y.shape == x.shape)
    #expect(relativeError(moments(y.value, layout).mean, beta) <= 1e-12)
    #expect(relativeError(deviation(moments(y.value, layout)), gamma * shrinking) <= 1e-12)
  }

  // Reported: means −0.08…0.08, deviations 0.97–1.03. A channel has 1320 values: its mean strays by 0.028 of the deviation,
  // and its deviation by 0.02; four of each. The running mean, which starts at 0, lacks 0.9^50 of 13, 0.03 deviations.
  @Test(arguments: layouts)
  func spatialBatchNormalizationInInferenceIsNearMeanZeroAndDeviationOneAfterFiftyBatches(
    layout: ChannelLayout
  ) throws {
    var generator = RandomGenerator(seed: 204)
    func images() -> Values {
      inLayout(.normal([10, 4, 11, 12], mean: 13, standardDeviation: 2.3, using: &generator), layout)
    }
    var running = RunningStatistics<Double>(channelCount: 4, conventions: .cs231n)
    for _ in 0..<50 { try running.update(with: try Variable(images()).batchNormalized(layout: layout).moments) }
    let y = Variable(images()).batchNormalized(
      mean: Variable(running.mean), variance: Variable(running.variance), layout: layout)
    let found = moments(y.value, layout)
    #expect(found.mean.elements.allSatisfy { abs($0) < 0.15 })
    #expect(deviation(found).elements.allSatisfy { abs($0 - 1) < 0.1 })
    #expect(running.batchCount == 50)
  }

  // Of numbers that deviate by 5, a step of 1e-4 is 2e-5 of the deviation: the truncation, about its square, is 4e-10, and
  // the rounding of results around 10 over the step 1e-11.
  private let wideStep = 1e-4

  // "Spatial batch normalization: backward", reported: 2.8e-7, 7.1e-12 and 3.3e-12 for x, gamma and beta.
  @Test(arguments: layouts, [false, true])
  func backwardOfSpatialBatchNormalizationAgreesWithDifferences(layout: ChannelLayout, rectifies: Bool) throws {
    var generator = RandomGenerator(seed: 205)
    let x = inLayout(.normal([2, 3, 4, 5], mean: 12, standardDeviation: 5, using: &generator), layout)
    let points = [x, Values.normal([3], using: &generator), Values.normal([3], using: &generator)]
    let checks = try checkGradients(at: points, seed: .normal(x.shape, using: &generator), step: wideStep) {
      try $0[0].batchNormalized(gamma: $0[1], beta: $0[2], layout: layout, rectifies: rectifies).output
    }
    #expect(checks[0].relativeError <= 1e-6)
    for check in checks.dropFirst() { #expect(check.relativeError <= 1e-9) }
  }

  // "Spatial group normalization: forward".
  @Test(arguments: layouts) func spatialGroupNormalizationGivesEachGroupMeanZeroAndDeviationOne(layout: ChannelLayout) {
    var generator = RandomGenerator(seed: 206)
    let x = Values.normal([2, 6, 4, 5], mean: 10, standardDeviation: 4, using: &generator)
    func groups(_ x: Values) -> BatchMoments {
      // One group of one sample a channel: [C, N·G].
      BatchMoments(of: x.reshaped(to: [4, 60]).transposed([1, 0]))
    }
    let y = Variable(inLayout(x, layout)).groupNormalized(groups: 2, layout: layout).value
    let found = groups(layout == .channelsLast ? y.transposed([0, 3, 1, 2]) : y)
    let variance = groups(x).variance(.biased)
    #expect(found.mean.elements.allSatisfy { abs($0) < 1e-12 })
    #expect(relativeError(deviation(found), (variance / (variance + 1e-5)).applying(.squareRoot)) <= 1e-12)
  }

  // "Spatial group normalization: backward", reported: 7.4e-8, 9.5e-12 and 2.5e-12 for x, gamma and beta.
  @Test(arguments: layouts) func backwardOfSpatialGroupNormalizationAgreesWithDifferences(layout: ChannelLayout) {
    var generator = RandomGenerator(seed: 110)
    let x = inLayout(.normal([2, 6, 4, 5], mean: 12, standardDeviation: 5, using: &generator), layout)
    let points = [x, Values.normal([6], using: &generator), Values.normal([6], using: &generator)]
    let checks = checkGradients(at: points, seed: .normal(x.shape, using: &generator), step: wideStep) {
      $0[0].groupNormalized(groups: 2, gamma: $0[1], beta: $0[2], layout: layout)
    }
    #expect(checks[0].relativeError <= 1e-7)
    for check in checks.dropFirst() { #expect(check.relativeError <= 1e-9) }
  }
}
