import NormaConvolution
import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// The gradients of convolution and pooling against numeric ones.
@Suite struct ConvolutionGradientTests {
  private static let windows = [
    Window(3, padding: 1), Window(2, stride: 2), Window(Extent2d(height: 3, width: 1), stride: 2, padding: 1),
    Window(2, padding: 1, dilation: 2), Window(1, stride: 3),
  ]

  private func check(
    _ points: [Values], result: Shape, of function: ([Variable<Double>]) throws -> Variable<Double>
  ) rethrows {
    var random = RandomGenerator(seed: 77)
    let seed = Values.normal(result, using: &random)
    // With step h the differences are off by the rounding of the sums over h: 1e-16 · 100 / 1e-5, of gradients around 1.
    for check in try checkGradients(at: points, seed: seed, of: function) {
      #expect(errorRelativeToScale(check.gradient, reference: check.numericGradient) < 1e-8)
    }
    expectSecondGradients(at: points, seed: seed, of: function)
  }

  private func images(_ shape: Shape, seed: UInt64) -> Values {
    var random = RandomGenerator(seed: seed)
    return .normal(shape, using: &random)
  }

  /// Numbers of which no two are nearer than the step of the differences, in random order: a maximum stays where it is.
  private func distinct(_ shape: Shape, seed: UInt64) -> Values {
    var random = RandomGenerator(seed: seed)
    return Values(random.permutation(shape.elementCount).map { Double($0) / 50 - 1 }, shape: shape)
  }

  @Test(arguments: windows.indices, [1, 2]) func convolution(index: Int, groups: Int) {
    let window = Self.windows[index]
    let x = images([2, 5, 6, 4], seed: 1)
    let weight = images([6, 4 / groups, window.size.height, window.size.width], seed: 2)
    let output = Convolution2d.outputShape(for: x.shape, outputs: 6, window: window)!
    check([x, weight, images([6], seed: 3)], result: output) { inputs in
      inputs[0].convolved(weight: inputs[1], bias: inputs[2], window: window, groups: groups)
    }
  }

  @Test(arguments: windows.indices) func pooling(index: Int) {
    let window = Self.windows[index]
    guard 2 * window.padding.width <= window.size.width else { return }
    let x = distinct([2, 5, 6, 3], seed: UInt64(index))
    let output = Pooling2d.outputShape(for: x.shape, window: window)!
    check([x], result: output) { $0[0].maxPooled(window) }
    check([x], result: output) { $0[0].averagePooled(window) }
    check([x], result: output) { $0[0].averagePooled(window, countsPadding: false) }
  }

  @Test func globalAverageAndPaddedChannels() {
    check([images([3, 4, 2, 5], seed: 4)], result: [3, 5]) { $0[0].globallyAveraged() }
    check([images([3, 4, 2, 5], seed: 5)], result: [3, 4, 2, 9]) { $0[0].paddedChannels(to: 9) }
  }

  @Test func aSumWithReLU() {
    check([distinct([4, 5], seed: 6), distinct([4, 5], seed: 7)], result: [4, 5]) {
      $0[0].adding($0[1], rectifies: true)
    }
  }

  @Test func whatIsComputedAgainGivesTheSameBits() throws {
    let (x, weight) = (images([4, 5, 5, 3], seed: 8), images([6, 3, 3, 3], seed: 9))
    func gradients<Element: TensorElement>(_ type: Element.Type, isRecomputed: Bool) throws -> [Tensor<Element>] {
      let graph = Graph<Element>()
      let inputs = [x, weight].map { graph.input($0.converted(to: Element.self), name: "x") }
      let y = try inputs[0].batchNormalized(rectifies: true, isRecomputed: isRecomputed).output
      let found = graph.gradients(of: y.convolved(weight: inputs[1], window: Window(3, padding: 1)).squared().sum())
      return inputs.map { found[$0] }
    }
    #expect(try gradients(Float.self, isRecomputed: true) == gradients(Float.self, isRecomputed: false))
    #expect(try gradients(Double.self, isRecomputed: true) == gradients(Double.self, isRecomputed: false))
  }
}
