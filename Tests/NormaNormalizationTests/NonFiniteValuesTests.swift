import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// What is infinite or not a number must not leave its channel: the other channels keep their bits.
@Suite struct NonFiniteValuesTests {
  /// Channels 1 and 3 of five have such values in what is poisoned, first and last among them.
  private func poisoned(_ x: Tensor<Float>, layout: ChannelLayout) -> Tensor<Float> {
    var x = layout == .channelsLast ? x : x.transposed([0, 2, 1])
    let last = x.shape[0] - 1
    x[0, 0, 1] = .infinity
    x[last, 2, 1] = -.infinity
    x[1, 1, 3] = .nan
    return layout == .channelsLast ? x : x.transposed([0, 2, 1])
  }

  /// The elements of the channels that were left alone.
  private func healthy(_ x: Tensor<Float>, layout: ChannelLayout) -> [Float] {
    let rows = layout == .channelsFirst && x.rank == 3 ? x.transposed([0, 2, 1]) : x
    return rows.elements.enumerated().filter { [0, 2, 4].contains($0.offset % 5) }.map(\.element)
  }

  private func expectContained(
    _ x: Tensor<Float>, _ clean: Tensor<Float>, layout: ChannelLayout, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let values = healthy(clean, layout: layout)
    #expect(Tensor(values).isFinite, sourceLocation: sourceLocation)
    #expect(healthy(x, layout: layout) == values, sourceLocation: sourceLocation)
  }

  @Test(arguments: ChannelLayout.allCases, [(true, false), (false, true), (true, true)])
  func theyStayInTheirChannel(layout: ChannelLayout, poisons: (input: Bool, gradient: Bool)) throws {
    for rectifies in [false, true] {
      let shape: Shape = layout == .channelsLast ? [6, 4, 5] : [6, 5, 4]
      var generator = RandomGenerator(seed: 61)
      let clean = Tensor<Float>.normal(shape, using: &generator)
      let cleanGradient = Tensor<Float>.normal(shape, using: &generator)
      let gamma = Tensor<Float>.normal([5], mean: 1, using: &generator)
      let beta = Tensor<Float>.normal([5], using: &generator)
      let x = poisons.input ? poisoned(clean, layout: layout) : clean
      let gradient = poisons.gradient ? poisoned(cleanGradient, layout: layout) : cleanGradient

      func run(_ x: Tensor<Float>, _ gradient: Tensor<Float>) throws -> [Tensor<Float>] {
        let (output, batch) = try BatchNormalization.forward(
          x, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies)
        let training = BatchNormalization.backward(gradient, input: x, saved: batch)
        let (mean, variance) = (Tensor<Float>.ones([5]), Tensor<Float>.ones([5]))
        let inferred = BatchNormalization.inference(
          x, mean: mean, variance: variance, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies)
        let inference = BatchNormalization.inferenceBackward(
          gradient, input: x, mean: mean, variance: variance, gamma: gamma, beta: beta, layout: layout,
          rectifies: rectifies)
        return [
          output, training.input, training.gamma, training.beta, inferred, inference.input, inference.gamma,
          inference.beta, batch.moments.mean.converted(), batch.moments.centredSecondMoment.converted(),
        ]
      }
      let results = try run(x, gradient)
      for (result, expected) in zip(results, try run(clean, cleanGradient)) {
        expectContained(result, expected, layout: layout)
      }
      if poisons.input {
        // A channel with such a value has no mean to subtract: none of it is passed off as a number.
        let output = layout == .channelsLast ? results[0] : results[0].transposed([0, 2, 1])
        for row in 0..<6 { #expect(output[row, 3, 1].isNaN && output[row, 3, 3].isNaN) }
      }
    }
  }

  @Test func statisticsThatAreNotANumberStayInTheirChannel() {
    var generator = RandomGenerator(seed: 62)
    let x = Tensor<Float>.normal([8, 3], using: &generator)
    let mean = Tensor<Float>([0, .nan, 1])
    let variance = Tensor<Float>([1, 1, .infinity])
    let output = BatchNormalization.inference(x, mean: mean, variance: variance)
    for row in 0..<8 {
      #expect(output[row, 0].isFinite && output[row, 1].isNaN && output[row, 2] == 0)
    }
  }

  @Test func inLayerNormalizationTheyStayInTheirRow() {
    var generator = RandomGenerator(seed: 63)
    let clean = Tensor<Float>.normal([5, 6], using: &generator)
    let gradient = Tensor<Float>.normal([5, 6], using: &generator)
    var x = clean
    x[1, 0] = .infinity
    x[3, 4] = .nan
    let (output, rows) = LayerNormalization.forward(x)
    let expected = LayerNormalization.forward(clean)
    let gradients = LayerNormalization.backward(gradient, input: x, saved: rows)
    let expectedGradients = LayerNormalization.backward(gradient, input: clean, saved: expected.saved)
    for row in [0, 2, 4] {
      #expect(output[rows: row..<row + 1] == expected.output[rows: row..<row + 1])
      #expect(gradients.input[rows: row..<row + 1] == expectedGradients.input[rows: row..<row + 1])
    }
    for row in [1, 3] { #expect(output[rows: row..<row + 1].elements.allSatisfy { $0.isNaN }) }
  }
}
