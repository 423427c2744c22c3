import NormaNormalization
import NormaTensor
import TestSupport
import Testing

@Suite struct InferenceTests {
  private func check<Element: TensorElement>(_ type: Element.Type) {
    let inputs = BatchNormalizationTests.Inputs<Element>([23, 7])
    var generator = RandomGenerator(seed: 51)
    let mean = Tensor<Element>.normal([7], mean: 3, using: &generator)
    let variance = Tensor<Element>.uniform([7], in: 0.1..<4, using: &generator)
    let output = BatchNormalization.inference(
      inputs.x, mean: mean, variance: variance, gamma: inputs.gamma, beta: inputs.beta, epsilon: 1e-3)
    let gradients = BatchNormalization.inferenceBackward(
      inputs.gradient, input: inputs.x, mean: mean, variance: variance, gamma: inputs.gamma, beta: inputs.beta,
      epsilon: 1e-3)

    // Fewer than eight roundings of each result, relative to the terms it is a sum of.
    let factor = 8 * Element.unitRoundoff + 4 * 33 * Double.unitRoundoff
    var (expected, bounds, inputGradient, inputBounds) = ([Double](), [Double](), [Double](), [Double]())
    var (gamma, beta, gammaBounds, betaBounds) = (
      [Double](repeating: 0, count: 7), [Double](repeating: 0, count: 7), [Double](repeating: 0, count: 7),
      [Double](repeating: 0, count: 7)
    )
    for index in 0..<inputs.x.count {
      let (row, channel) = (index / 7, index % 7)
      let deviation = (Double(variance[channel]) + 1e-3).squareRoot()
      let normalized = (Double(inputs.x[row, channel]) - Double(mean[channel])) / deviation
      let g = Double(inputs.gradient[row, channel])
      let scale = Double(inputs.gamma[channel])
      expected.append(scale * normalized + Double(inputs.beta[channel]))
      bounds.append(factor * (abs(scale * normalized) + abs(Double(inputs.beta[channel]))))
      inputGradient.append(scale * g / deviation)
      inputBounds.append(factor * abs(scale * g / deviation))
      gamma[channel] += g * normalized
      gammaBounds[channel] += factor * abs(g * normalized)
      beta[channel] += g
      betaBounds[channel] += factor * abs(g)
    }
    #expect(errorOverBound(output, reference: expected, bound: bounds) <= 1)
    #expect(errorOverBound(gradients.input, reference: inputGradient, bound: inputBounds) <= 1)
    #expect(errorOverBound(gradients.gamma, reference: gamma, bound: gammaBounds) <= 1)
    #expect(errorOverBound(gradients.beta, reference: beta, bound: betaBounds) <= 1)
  }

  @Test func inferenceFollowsItsFormulas() {
    check(Float.self)
    check(Double.self)
  }

  @Test(arguments: ChannelLayout.allCases) func theFusedReLUIsTheReLUAfterwards(layout: ChannelLayout) {
    let inputs = BatchNormalizationTests.Inputs<Float>([9, 7, 7])
    let (mean, variance) = (Tensor<Float>(repeating: 0.4, shape: [7]), Tensor<Float>(repeating: 2, shape: [7]))
    let plain = BatchNormalization.inference(
      inputs.x, mean: mean, variance: variance, gamma: inputs.gamma, beta: inputs.beta, layout: layout)
    let fused = BatchNormalization.inference(
      inputs.x, mean: mean, variance: variance, gamma: inputs.gamma, beta: inputs.beta, layout: layout, rectifies: true)
    #expect(haveSameBits(fused, plain.applying(.leakyReLU(slope: 0))))
    let expected = BatchNormalization.inferenceBackward(
      plain.applying(.leakyReLUGradient(slope: 0), inputs.gradient), input: inputs.x, mean: mean, variance: variance,
      gamma: inputs.gamma, beta: inputs.beta, layout: layout)
    let gradients = BatchNormalization.inferenceBackward(
      inputs.gradient, input: inputs.x, mean: mean, variance: variance, gamma: inputs.gamma, beta: inputs.beta,
      layout: layout, rectifies: true)
    #expect(gradients.input == expected.input)
    #expect(gradients.gamma == expected.gamma && gradients.beta == expected.beta)
  }

  @Test func aBatchNormalizedWithItsOwnStatisticsIsThatOfTraining() throws {
    let inputs = BatchNormalizationTests.Inputs<Double>([31, 5])
    let (output, batch) = try BatchNormalization.forward(inputs.x, gamma: inputs.gamma, beta: inputs.beta)
    let inferred = BatchNormalization.inference(
      inputs.x, mean: batch.moments.mean, variance: batch.moments.variance(.biased), gamma: inputs.gamma,
      beta: inputs.beta)
    #expect(haveSameBits(inferred, output))
  }
}
