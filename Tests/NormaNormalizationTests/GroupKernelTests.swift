import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Group normalization on the kernels against the definition in double precision, and against itself on every
/// instruction set.
@Suite struct GroupKernelTests {
  struct Case: Sendable {
    var shape: [Int]
    var groups: Int
    var layout: ChannelLayout

    init(_ shape: [Int], _ groups: Int, _ layout: ChannelLayout) {
      (self.shape, self.groups, self.layout) = (shape, groups, layout)
    }

    var channels: Int { layout == .channelsLast ? shape[shape.count - 1] : shape[1] }
  }

  /// Shapes that reach every path: single values, few channels folded into wide rows with positions left over, too few
  /// for the kernels, strips of groups that are and are not whole vectors, several samples a ticket and several tickets a
  /// sample, many samples, planes of few values and of many.
  static let cases: [Case] = [
    Case([3, 2], 1, .channelsLast), Case([5, 6], 3, .channelsLast), Case([4, 17], 1, .channelsLast),
    Case([70, 33], 3, .channelsLast), Case([9, 64], 8, .channelsLast), Case([3, 4096], 32, .channelsLast),
    Case([2000, 48], 6, .channelsLast), Case([2, 3, 1], 1, .channelsLast), Case([3, 5, 2], 2, .channelsLast),
    Case([2, 100, 1], 1, .channelsLast), Case([2, 131, 3], 3, .channelsLast), Case([3, 131, 6], 2, .channelsLast),
    Case([4, 7, 9, 5], 5, .channelsLast), Case([5, 3, 3, 20], 5, .channelsLast),
    Case([2, 9, 9, 31], 31, .channelsLast),
    Case([7, 14, 14, 48], 12, .channelsLast), Case([3, 5, 7, 65], 13, .channelsLast),
    Case([2, 60, 60, 64], 32, .channelsLast), Case([2, 40, 40, 80], 20, .channelsLast),
    Case([1, 70, 70, 70], 35, .channelsLast), Case([3, 30, 30, 130], 65, .channelsLast),
    Case([2, 14, 14, 512], 32, .channelsLast), Case([1, 9, 9, 1030], 2, .channelsLast),
    Case([150, 5, 5, 40], 4, .channelsLast), Case([17, 30, 30, 48], 3, .channelsLast),
    Case([3, 2, 1], 2, .channelsFirst), Case([3, 4, 2], 2, .channelsFirst), Case([4, 6, 5, 7], 3, .channelsFirst),
    Case([4, 6, 5, 7], 6, .channelsFirst), Case([4, 6, 5, 7], 1, .channelsFirst), Case([70, 12], 4, .channelsFirst),
    Case([3, 64, 14, 14], 32, .channelsFirst), Case([2, 34, 60, 60], 17, .channelsFirst),
    Case([2, 3, 200, 210], 3, .channelsFirst), Case([1, 5, 130, 131], 1, .channelsFirst),
    Case([200, 16, 3, 3], 4, .channelsFirst),
  ]

  private func run<Element: TensorElement>(
    _ x: Tensor<Element>, _ gradient: Tensor<Element>, _ gamma: Tensor<Element>, _ beta: Tensor<Element>,
    _ settings: Case, rectifies: Bool
  ) -> [(name: String, values: Tensor<Element>)] {
    let (y, statistics) = GroupNormalization.forward(
      x, groups: settings.groups, gamma: gamma, beta: beta, layout: settings.layout, rectifies: rectifies)
    let gradients = GroupNormalization.backward(gradient, input: x, saved: statistics)
    return [
      ("y", y), ("dx", gradients.input), ("dgamma", gradients.gamma), ("dbeta", gradients.beta),
      ("mean", statistics.mean.converted()), ("1/s", statistics.reciprocalDeviation.converted()),
    ]
  }

  private func data(
    _ settings: Case, seed: UInt64
  ) -> (x: Tensor<Float>, gradient: Tensor<Float>, gamma: Tensor<Float>, beta: Tensor<Float>) {
    var random = RandomGenerator(seed: seed)
    let shape = Shape(settings.shape)
    return (
      .normal(shape, mean: 3, standardDeviation: 2, using: &random), .normal(shape, using: &random),
      .uniform([settings.channels], in: 0.5..<1.5, using: &random), .normal([settings.channels], using: &random)
    )
  }

  @Test(arguments: cases.indices) func resultsAreThoseOfDoublePrecisionToAMillionth(index: Int) {
    let settings = Self.cases[index]
    let data = data(settings, seed: UInt64(index))
    let expected = run(
      data.x.converted(to: Double.self), data.gradient.converted(), data.gamma.converted(), data.beta.converted(),
      settings, rectifies: false)
    // With very few values a group the terms of dx cancel; what they cancel from is the scale then.
    let terms = 4 * (expected[5].values.maximum() ?? 1)
    let found = run(data.x, data.gradient, data.gamma, data.beta, settings, rectifies: false)
    for ((name, values), (_, reference)) in zip(found, expected) {
      let error = errorRelativeToScale(values.converted(), reference: reference, floor: name == "dx" ? terms : 1)
      #expect(error <= 1e-6, "\(name) of \(settings)")
    }
  }

  @Test func reluTakesWhatIsNotPositiveAndItsGradient() {
    for (index, settings) in Self.cases.enumerated() {
      let data = data(settings, seed: UInt64(200 + index))
      let plain = run(data.x, data.gradient, data.gamma, data.beta, settings, rectifies: false)
      let active = plain[0].values.applying(.leakyReLUGradient(slope: 0), data.gradient)
      let masked = run(data.x, active, data.gamma, data.beta, settings, rectifies: false)
      let fused = run(data.x, data.gradient, data.gamma, data.beta, settings, rectifies: true)
      #expect(haveSameBits(fused[0].values, plain[0].values.applying(.leakyReLU(slope: 0))), "\(settings)")
      for part in 1..<4 { #expect(fused[part].values == masked[part].values, "\(fused[part].name) of \(settings)") }
    }
  }

  @Test(arguments: [false, true]) func everyInstructionSetAndThreadCountGivesTheSameBits(rectifies: Bool) {
    for (index, settings) in Self.cases.enumerated() {
      let data = data(settings, seed: UInt64(100 + index))
      var first: [(name: String, values: Tensor<Float>)]?
      for (name, results) in resultsByKernels({
        resultsByThreadCount {
          run(data.x, data.gradient, data.gamma, data.beta, settings, rectifies: rectifies)
        }
      }) {
        for results in results {
          guard let first else {
            first = results
            continue
          }
          for ((what, values), (_, expected)) in zip(results, first) {
            #expect(haveSameBits(values, expected), "\(what) of \(settings), \(name)")
          }
        }
      }
    }
  }
}
