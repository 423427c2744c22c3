import NormaNormalization
import NormaTensor
import TestSupport
import Testing

@Suite struct BatchNormalizationTests {
  /// A batch, its gamma and beta, and a gradient for its output.
  struct Inputs<Element: TensorElement> {
    let x: Tensor<Element>
    let gamma: Tensor<Element>
    let beta: Tensor<Element>
    let gradient: Tensor<Element>

    init(_ shape: Shape, mean: Double = 0.5, deviation: Double = 2, seed: UInt64 = 41) {
      var generator = RandomGenerator(seed: seed)
      x = .normal(shape, mean: mean, standardDeviation: deviation, using: &generator)
      gamma = .uniform([shape.channelCount], in: -2..<2, using: &generator)
      beta = .normal([shape.channelCount], using: &generator)
      gradient = .normal(shape, mean: 0.2, using: &generator)
    }
  }

  private func check<Element: TensorElement>(
    _ inputs: Inputs<Element>, gamma: Tensor<Element>?, beta: Tensor<Element>?, epsilon: Double = 1e-5,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let (output, batch) = try BatchNormalization.forward(inputs.x, gamma: gamma, beta: beta, epsilon: epsilon)
    let gradients = BatchNormalization.backward(inputs.gradient, input: inputs.x, saved: batch)
    let reference = ReferenceBatchNormalization(inputs.x, gamma: gamma, beta: beta, epsilon: epsilon)
    let expected = reference.gradients(inputs.gradient)
    #expect(output.shape == inputs.x.shape && gradients.input.shape == inputs.x.shape, sourceLocation: sourceLocation)
    #expect(
      errorOverBound(output, reference: reference.output, bound: reference.outputBound) <= 1,
      sourceLocation: sourceLocation)
    #expect(
      errorOverBound(gradients.input, reference: expected.input, bound: expected.inputBound) <= 1,
      sourceLocation: sourceLocation)
    #expect(
      errorOverBound(gradients.gamma, reference: expected.gamma, bound: expected.gammaBound) <= 1,
      sourceLocation: sourceLocation)
    #expect(
      errorOverBound(gradients.beta, reference: expected.beta, bound: expected.betaBound) <= 1,
      sourceLocation: sourceLocation)
  }

  private func checkAll<Element: TensorElement>(_ inputs: Inputs<Element>, epsilon: Double = 1e-5) throws {
    try check(inputs, gamma: inputs.gamma, beta: inputs.beta, epsilon: epsilon)
    try check(inputs, gamma: nil, beta: nil, epsilon: epsilon)
    try check(inputs, gamma: inputs.gamma, beta: nil, epsilon: epsilon)
    try check(inputs, gamma: nil, beta: inputs.beta, epsilon: epsilon)
  }

  @Test(arguments: [[2, 1], [2, 3], [7, 5], [33, 17], [5, 4, 3, 6], [3, 1, 2], [1, 2, 3, 2, 2], [700, 31]])
  func resultsAreThoseOfPlainLoopsToTheRoundingOfTheirType(shape: [Int]) throws {
    try checkAll(Inputs<Float>(Shape(shape)))
    try checkAll(Inputs<Double>(Shape(shape)))
    try checkAll(Inputs<Double>(Shape(shape)), epsilon: 1e-3)
  }

  @Test(arguments: [(1e4, 0.1), (-1e3, 1), (1e6, 1), (1e-3, 1e-4), (0, 1e6)])
  func extremeMeansAndDeviationsCostNoDigits(mean: Double, deviation: Double) throws {
    try checkAll(Inputs<Float>([257, 5], mean: mean, deviation: deviation))
    try checkAll(Inputs<Double>([257, 5], mean: mean, deviation: deviation))
  }

  @Test func aMillionRowsWithAMeanOfAThousandAreNormalizedToMeanZeroAndVarianceOne() throws {
    var generator = RandomGenerator(seed: 42)
    let x = Tensor<Float>.normal([1_000_000, 1], mean: 1000, using: &generator)
    let output = try BatchNormalization.forward(x).output
    let moments = BatchMoments(of: output)
    // Each value is off by at most 8 roundings of itself, of about 0.8 on average; epsilon takes 5e-6 of the deviation.
    #expect(abs(moments.mean.item) < 8 * Float.unitRoundoff)
    #expect(abs(moments.variance(.biased).item - 1) < 1e-5 + 2 * 8 * Float.unitRoundoff)
  }

  @Test(arguments: ChannelLayout.allCases) func aConstantChannelBecomesBetaExactly(layout: ChannelLayout) throws {
    let x = Tensor<Float>(repeating: 0.1, shape: [6, 6])
    let beta = Tensor<Float>([0.3, -1, 0, 7, 1e-3, 2])
    let (output, batch) = try BatchNormalization.forward(x, gamma: .ones([6]), beta: beta, layout: layout)
    #expect(output == Tensor<Float>.zeros([6, 6]).applying(.add, beta, broadcast: .perChannel))
    let gradients = BatchNormalization.backward(.ones([6, 6]), input: x, saved: batch)
    #expect(gradients.input == .zeros([6, 6]) && gradients.gamma == .zeros([6]))
    #expect(gradients.beta == Tensor(repeating: 6, shape: [6]))
  }

  private func checkLayouts<Element: TensorElement>(_ type: Element.Type, rectifies: Bool) throws {
    let inputs = Inputs<Element>([6, 4, 5, 3])
    let toLast = [0, 2, 3, 1]
    let first = Inputs<Element>([6, 3, 4, 5])
    // [N, C, H, W] against [N, H, W, C] of the same values.
    let (output, batch) = try BatchNormalization.forward(
      first.x, gamma: inputs.gamma, beta: inputs.beta, layout: .channelsFirst, rectifies: rectifies)
    let gradients = BatchNormalization.backward(first.gradient, input: first.x, saved: batch)
    let x = first.x.transposed(toLast)
    let gradient = first.gradient.transposed(toLast)
    let last = try BatchNormalization.forward(x, gamma: inputs.gamma, beta: inputs.beta, rectifies: rectifies)
    let expected = BatchNormalization.backward(gradient, input: x, saved: last.saved)
    // Both add the same terms, in another order and in double precision, before a few roundings of their own.
    let bound = 16 * Element.unitRoundoff + 120 * Double.unitRoundoff
    #expect(errorRelativeToScale(output.transposed(toLast), reference: last.output) < bound)
    #expect(errorRelativeToScale(gradients.input.transposed(toLast), reference: expected.input) < bound)
    #expect(errorRelativeToScale(gradients.gamma, reference: expected.gamma) < bound)
    #expect(errorRelativeToScale(gradients.beta, reference: expected.beta) < bound)

    let (mean, variance) = (Tensor<Element>([0.5, 0, -1]), Tensor<Element>([1, 2, 0.25]))
    let inferred = BatchNormalization.inference(
      first.x, mean: mean, variance: variance, gamma: inputs.gamma, beta: inputs.beta, layout: .channelsFirst,
      rectifies: rectifies)
    #expect(
      inferred.transposed(toLast)
        == BatchNormalization.inference(
          x, mean: mean, variance: variance, gamma: inputs.gamma, beta: inputs.beta, rectifies: rectifies))
  }

  @Test(arguments: [false, true]) func channelsFirstIsChannelsLastTransposed(rectifies: Bool) throws {
    try checkLayouts(Float.self, rectifies: rectifies)
    try checkLayouts(Double.self, rectifies: rectifies)
  }

  @Test(arguments: ChannelLayout.allCases) func theFusedReLUIsTheReLUAfterwards(layout: ChannelLayout) throws {
    let inputs = Inputs<Float>([40, 7, 7])
    let plain = try BatchNormalization.forward(inputs.x, gamma: inputs.gamma, beta: inputs.beta, layout: layout)
    let fused = try BatchNormalization.forward(
      inputs.x, gamma: inputs.gamma, beta: inputs.beta, layout: layout, rectifies: true)
    #expect(haveSameBits(fused.output, plain.output.applying(.leakyReLU(slope: 0))))
    let masked = plain.output.applying(.leakyReLUGradient(slope: 0), inputs.gradient)
    let expected = BatchNormalization.backward(masked, input: inputs.x, saved: plain.saved)
    let gradients = BatchNormalization.backward(inputs.gradient, input: inputs.x, saved: fused.saved)
    #expect(gradients.input == expected.input)
    #expect(gradients.gamma == expected.gamma && gradients.beta == expected.beta)
  }

  @Test func anEmptyBatchGivesAnEmptyOutputAndGradientsOfZero() throws {
    for (shape, layout, epsilon) in [
      ([0, 3], ChannelLayout.channelsLast, 1e-5), ([2, 0, 3], .channelsLast, 0), ([4, 3, 0], .channelsFirst, 1e-5),
      ([0, 3, 5], .channelsFirst, 0),
    ] {
      let x = Tensor<Float>.zeros(Shape(shape))
      let (output, batch) = try BatchNormalization.forward(
        x, gamma: .ones([3]), beta: .ones([3]), epsilon: epsilon, layout: layout)
      #expect(output.shape == x.shape && batch.moments.count == 0)
      let gradients = BatchNormalization.backward(x, input: x, saved: batch)
      #expect(gradients.input.shape == x.shape)
      #expect(gradients.gamma == .zeros([3]) && gradients.beta == .zeros([3]))
      let inferred = BatchNormalization.inference(x, mean: .zeros([3]), variance: .ones([3]), layout: layout)
      #expect(inferred.shape == x.shape)
      let inferenceGradients = BatchNormalization.inferenceBackward(
        x, input: x, mean: .zeros([3]), variance: .ones([3]), layout: layout)
      #expect(inferenceGradients.gamma == .zeros([3]) && inferenceGradients.beta == .zeros([3]))
    }
  }

  @Test func aSingleValuePerChannelIsAnErrorUnlessItIsAllowed() throws {
    for (shape, layout) in [
      ([1, 3], ChannelLayout.channelsLast), ([1, 1, 3], .channelsLast), ([1, 3, 1], .channelsFirst),
    ] {
      let x = Tensor<Float>([5, -2, 9], shape: Shape(shape))
      #expect(throws: NormalizationError.singleValuePerChannel(shape: shape)) {
        try BatchNormalization.forward(x, layout: layout)
      }
      let beta = Tensor<Float>([1, 2, 3])
      let (output, batch) = try BatchNormalization.forward(x, beta: beta, layout: layout, allowsSingleValue: true)
      #expect(output.elements == beta.elements)
      let gradients = BatchNormalization.backward(.ones(x.shape), input: x, saved: batch)
      #expect(gradients.input == .zeros(x.shape) && gradients.gamma == .zeros([3]) && gradients.beta == .ones([3]))
    }
    let message = NormalizationError.singleValuePerChannel(shape: [1, 3]).description
    #expect(message.contains("[1, 3]") && message.contains("SingleValuePolicy"))
  }

  @Test(arguments: ChannelLayout.allCases, [false, true])
  func resultsHaveTheSameBitsForEveryThreadCount(layout: ChannelLayout, rectifies: Bool) throws {
    let inputs = Inputs<Float>([129, 37, 37])
    let results = try resultsByThreadCount {
      let (output, batch) = try BatchNormalization.forward(
        inputs.x, gamma: inputs.gamma, beta: inputs.beta, layout: layout, rectifies: rectifies)
      let gradients = BatchNormalization.backward(inputs.gradient, input: inputs.x, saved: batch)
      return [output, gradients.input, gradients.gamma, gradients.beta]
    }
    for result in results { #expect(zip(result, results[0]).allSatisfy { haveSameBits($0, $1) }) }
  }

  @Test func aBackwardPassWithOtherChannelsThanTheForwardPassStops() async {
    await #expect(processExitsWith: .failure) {
      let (_, batch) = try BatchNormalization.forward(Tensor<Float>.zeros([4, 2]))
      let x = Tensor<Float>.zeros([4, 3])
      _ = BatchNormalization.backward(x, input: x, saved: batch)
    }
  }
}
