import NormaConvolution
import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// The gradients of the operations that layers for images, signals and indices are made of, against numeric ones.
@Suite struct ImageOperationGradientTests {
  private func check(
    _ points: [Values], result: Shape, sourceLocation: SourceLocation = #_sourceLocation,
    of function: ([Variable<Double>]) throws -> Variable<Double>
  ) rethrows {
    var random = RandomGenerator(seed: 77)
    let seed = Values.normal(result, using: &random)
    // With step h the differences are off by the rounding of the sums over h: 1e-16 · 100 / 1e-5, of gradients around 1.
    for check in try checkGradients(at: points, seed: seed, of: function) {
      #expect(
        errorRelativeToScale(check.gradient, reference: check.numericGradient) < 1e-8, sourceLocation: sourceLocation)
      #expect(check.gradient.sumOfSquares() > 0, sourceLocation: sourceLocation)
    }
    expectSecondGradients(at: points, seed: seed, sourceLocation: sourceLocation, of: function)
  }

  private func draw(_ shape: Shape, seed: UInt64) -> Values {
    var random = RandomGenerator(seed: seed)
    return .normal(shape, using: &random)
  }

  /// Numbers of which no two are nearer than the step of the differences, in random order: a maximum stays where it is.
  private func distinct(_ shape: Shape, seed: UInt64) -> Values {
    var random = RandomGenerator(seed: seed)
    return Values(random.permutation(shape.elementCount).map { Double($0) / 50 - 1 }, shape: shape)
  }

  private static let spreads: [(window: Window, outputPadding: Extent2d)] = [
    (Window(3, padding: 1), 0), (Window(2, stride: 2), 1), (Window(4, stride: 2, padding: 1), 0),
    (Window(Extent2d(height: 3, width: 1), stride: 2, padding: Extent2d(height: 1, width: 0)), 1),
    (Window(2, padding: 1, dilation: 3), 2), (Window(1, stride: 3), 0),
  ]

  @Test(arguments: spreads.indices, [1, 2]) func transposedConvolution(index: Int, groups: Int) {
    let (window, outputPadding) = Self.spreads[index]
    let x = draw([2, 3, 4, 4], seed: 1)
    let weight = draw([4, 6 / groups, window.size.height, window.size.width], seed: 2)
    let output = TransposedConvolution2d.outputShape(
      for: x.shape, outputs: 6, window: window, outputPadding: outputPadding)!
    check([x, weight, draw([6], seed: 3)], result: output) {
      $0[0].transposedConvolved(
        weight: $0[1], bias: $0[2], window: window, outputPadding: outputPadding, groups: groups)
    }
  }

  @Test func convolutionAndPoolingOfSignals() {
    let window = Window(length: 3, stride: 2, padding: 1, dilation: 2)
    let x = distinct([2, 9, 4], seed: 4)
    check([x, draw([6, 2, 3], seed: 5), draw([6], seed: 6)], result: [2, 4, 6]) {
      $0[0].convolved(weight: $0[1], bias: $0[2], window: window, groups: 2)
    }
    check([x], result: [2, 4, 4]) { $0[0].maxPooledAlongSignals(window) }
    check([x], result: [2, 4, 4]) { $0[0].averagePooledAlongSignals(window, countsPadding: false) }
  }

  @Test(arguments: [(3, 2), (4, 6), (6, 5), (1, 1)]) func imagesOfOtherSizes(height: Int, width: Int) {
    let extent = Extent2d(height: height, width: width)
    let x = distinct([2, 5, 4, 3], seed: 7)
    let result: Shape = [2, height, width, 3]
    check([x], result: result) { $0[0].adaptivelyAveragePooled(to: extent) }
    check([x], result: result) { $0[0].adaptivelyMaxPooled(to: extent) }
    for interpolation: Interpolation in [.nearest, .bilinear(alignsCorners: false), .bilinear(alignsCorners: true)] {
      check([x], result: result) { $0[0].resampled(to: extent, interpolation) }
      check([x], result: [2, 10, 12, 3]) {
        $0[0].upsampled(by: Extent2d(height: 2, width: 3), interpolation)
      }
    }
  }

  @Test func vectorsByTheirIndices() throws {
    let indices = Variable(Values([0, 3, 3, 1, 3, 0], shape: [2, 3]))
    try check([draw([5, 4], seed: 8)], result: [2, 3, 4]) { try indices.embedded(in: $0[0]) }
  }

  @Test func droppedChannels() {
    check([draw([3, 2, 4, 5], seed: 9)], result: [3, 2, 4, 5]) { inputs in
      var generator = RandomGenerator(seed: 7)
      return inputs[0].channelDropout(keepProbability: 0.6, using: &generator)
    }
  }

  @Test func droppedSamples() {
    check([draw([5, 2, 4, 3], seed: 9)], result: [5, 2, 4, 3]) { inputs in
      var generator = RandomGenerator(seed: 7)
      return inputs[0].sampleDropout(keepProbability: 0.6, using: &generator)
    }
  }

  @Test func anIndexThatIsNoneIsNamed() {
    let table = Variable(Tensor<Float>.zeros([3, 2]))
    for (value, description) in [
      (Float(3), "3, number 1 of the batch, is no index of an embedding of 3 vectors"), (-1, "-1, number 1"),
      (0.5, "0.5, number 1"), (.nan, "nan, number 1"), (.infinity, "inf, number 1"),
      (0x1p100, "1.2676506002282294e+30, number 1"),
    ] {
      let error = #expect(throws: EmbeddingIndexError.self) {
        try Variable(Tensor<Float>([2, value, 7], shape: [1, 3])).embedded(in: table)
      }
      #expect(error?.position == 1 && error?.count == 3)
      #expect(error?.description.hasPrefix(description) == true, "\(String(describing: error))")
    }
  }
}
