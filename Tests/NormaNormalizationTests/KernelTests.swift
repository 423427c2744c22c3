import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// The kernels against the definition in double precision, and those of all sets and the twins against each other.
@Suite struct KernelTests {
  /// Shapes that reach every path: few channels folded into wide rows and rows that are left over, widths that are no
  /// multiple of a vector, columns and rows cut into tickets, planes of one value and of many.
  static let shapes: [(shape: [Int], layout: ChannelLayout)] = [
    ([2, 1], .channelsLast), ([3, 5], .channelsLast), ([64, 1], .channelsLast), ([1000, 1], .channelsLast),
    ([65, 3], .channelsLast), ([4097, 3], .channelsLast), ([200, 16], .channelsLast), ([129, 17], .channelsLast),
    ([33, 31], .channelsLast), ([2000, 33], .channelsLast), ([50, 100], .channelsLast), ([64, 100], .channelsLast),
    ([7, 63], .channelsLast), ([9, 64], .channelsLast), ([1025, 65], .channelsLast), ([8, 257], .channelsLast),
    ([300, 1000], .channelsLast), ([1300, 300], .channelsLast), ([3, 4096], .channelsLast),
    ([5, 7, 9, 11], .channelsLast), ([8, 14, 14, 48], .channelsLast), ([40_000, 6], .channelsLast),
    ([2, 3, 1], .channelsFirst), ([2, 3, 2], .channelsFirst), ([4, 3, 5, 7], .channelsFirst),
    ([3, 17, 14, 14], .channelsFirst), ([2, 2, 65], .channelsFirst), ([2, 5, 70, 70], .channelsFirst),
    ([16, 1, 130], .channelsFirst), ([6, 40, 3, 3], .channelsFirst),
  ]

  private struct Results<Element: TensorElement> {
    var tensors: [(name: String, values: Tensor<Element>)]
  }

  private func run<Element: TensorElement>(
    _ x: Tensor<Element>, _ gradient: Tensor<Element>, _ gamma: Tensor<Element>, _ beta: Tensor<Element>,
    _ layout: ChannelLayout, rectifies: Bool
  ) throws -> Results<Element> {
    let (y, batch) = try BatchNormalization.forward(
      x, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies)
    let gradients = BatchNormalization.backward(gradient, input: x, saved: batch)
    let variance: Tensor<Element> = batch.moments.variance(.biased).converted()
    let inference = BatchNormalization.inference(
      x, mean: batch.moments.mean.converted(), variance: variance, gamma: gamma, beta: beta, layout: layout,
      rectifies: rectifies)
    return Results(tensors: [
      ("y", y), ("dx", gradients.input), ("dgamma", gradients.gamma), ("dbeta", gradients.beta),
      ("mean", batch.moments.mean.converted()), ("variance", variance), ("inference", inference),
    ])
  }

  private func data(
    _ shape: [Int], _ layout: ChannelLayout, seed: UInt64
  ) -> (x: Tensor<Float>, gradient: Tensor<Float>, gamma: Tensor<Float>, beta: Tensor<Float>) {
    var random = RandomGenerator(seed: seed)
    let channels = layout == .channelsLast ? shape[shape.count - 1] : shape[1]
    return (
      .normal(Shape(shape), mean: 3, standardDeviation: 2, using: &random), .normal(Shape(shape), using: &random),
      .uniform([channels], in: 0.5..<1.5, using: &random), .normal([channels], using: &random)
    )
  }

  @Test(arguments: shapes.indices)
  func resultsAreThoseOfDoublePrecisionToAMillionth(index: Int) throws {
    let (shape, layout) = Self.shapes[index]
    let data = data(shape, layout, seed: UInt64(index))
    let found = try run(data.x, data.gradient, data.gamma, data.beta, layout, rectifies: false)
    let expected = try run(
      data.x.converted(to: Double.self), data.gradient.converted(), data.gamma.converted(), data.beta.converted(),
      layout, rectifies: false)
    // With very few values a channel the terms of dx cancel; what they cancel from is the scale then.
    let variance = expected.tensors[5].values.minimum() ?? 1
    let terms = 4 / (variance + 1e-5).squareRoot()
    for ((name, values), (_, reference)) in zip(found.tensors, expected.tensors) {
      let error = errorRelativeToScale(values.converted(), reference: reference, floor: name == "dx" ? terms : 1)
      #expect(error <= 1e-6, "\(name) of \(shape), \(layout)")
    }
  }

  @Test(arguments: [false, true])
  func everyInstructionSetAndThreadCountGivesTheSameBits(rectifies: Bool) throws {
    for (index, (shape, layout)) in Self.shapes.enumerated() {
      let data = data(shape, layout, seed: UInt64(100 + index))
      var first: Results<Float>?
      for (name, results) in try resultsByKernels({
        try resultsByThreadCount {
          try run(data.x, data.gradient, data.gamma, data.beta, layout, rectifies: rectifies)
        }
      }) {
        for results in results {
          guard let first else {
            first = results
            continue
          }
          for ((what, values), (_, expected)) in zip(results.tensors, first.tensors) {
            #expect(haveSameBits(values, expected), "\(what) of \(shape), \(layout), \(name)")
          }
        }
      }
    }
  }

  @Test func layerNormalizationHasTheSameBitsOnEveryInstructionSet() {
    for shape: Shape in [
      [1, 1], [3, 7], [65, 16], [130, 33], [21, 64], [200, 768], [5, 5000], [16_400, 208], [12_300, 257],
    ] {
      var random = RandomGenerator(seed: 5)
      let x = Tensor<Float>.normal(shape, mean: 10, using: &random)
      let g = Tensor<Float>.normal(shape, using: &random)
      let results = resultsByKernels {
        let (y, rows) = LayerNormalization.forward(x)
        let gradients = LayerNormalization.backward(g, input: x, saved: rows)
        return [y, gradients.input, gradients.gamma, gradients.beta]
      }
      for (name, result) in results.dropFirst() {
        for (values, expected) in zip(result, results[0].result) {
          #expect(haveSameBits(values, expected), "\(shape), \(name)")
        }
      }
    }
  }

  @Test func constantChannelsHaveVarianceZeroAndFiniteGradients() throws {
    for (shape, layout) in Self.shapes {
      let x = Tensor<Float>(repeating: 0.1, shape: Shape(shape))
      let (y, batch) = try BatchNormalization.forward(x, layout: layout)
      #expect(batch.moments.centredSecondMoment.elements.allSatisfy { $0 == 0 })
      #expect(y.elements.allSatisfy { $0 == 0 })
      #expect(BatchNormalization.backward(.ones(x.shape), input: x, saved: batch).input.isFinite)
    }
  }
}
