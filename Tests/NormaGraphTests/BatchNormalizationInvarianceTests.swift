import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// What Ioffe and Szegedy (2015, section 3.3) say batch normalization makes of the scale of the weights before it. It
/// holds exactly with epsilon 0, which these tests use, to the rounding of sums of 8 and of 20 terms.
@Suite struct BatchNormalizationInvarianceTests {
  private let bound = 1e-12

  private struct Pass {
    let output: Values
    let input: Values
    let weight: Values
    let bias: Values
  }

  /// One layer `BN(W·u + b)` and its gradients for a random one of its output.
  private func pass(scale: Double = 1, bias: Values = .zeros([6])) throws -> Pass {
    var generator = RandomGenerator(seed: 81)
    let graph = Graph<Double>()
    let u = graph.input(.normal([20, 8], using: &generator), name: "u")
    let weight = graph.parameter(scale * Values.normal([6, 8], using: &generator), name: "W")
    let bias = graph.parameter(bias, name: "b")
    let (gamma, beta) = (Values.normal([6], using: &generator), Values.normal([6], using: &generator))
    let output = try u.linear(weight: weight, bias: bias)
      .batchNormalized(gamma: Variable(gamma), beta: Variable(beta), epsilon: 0).output
    let gradients = graph.gradients(of: output, seed: .normal([20, 6], using: &generator))
    return Pass(output: output.value, input: gradients[u], weight: gradients[weight], bias: gradients[bias])
  }

  @Test(arguments: [0.01, 3.7, 1000]) func theOutputDoesNotChangeWithTheScaleOfTheWeights(scale: Double) throws {
    #expect(errorRelativeToScale(try pass(scale: scale).output, reference: try pass().output) < bound)
  }

  @Test(arguments: [0.01, 3.7, 1000])
  func theGradientOfTheInputDoesNotChangeWithTheScaleOfTheWeights(scale: Double) throws {
    #expect(errorRelativeToScale(try pass(scale: scale).input, reference: try pass().input) < bound)
  }

  @Test(arguments: [0.01, 3.7, 1000]) func theGradientOfScaledWeightsIsDividedByTheScale(scale: Double) throws {
    #expect(errorRelativeToScale(scale * (try pass(scale: scale).weight), reference: try pass().weight) < bound)
  }

  @Test func scalingByAPowerOfTwoChangesNoBit() throws {
    #expect(haveSameBits(try pass(scale: 8).output, try pass().output))
  }

  @Test func aBiasBeforeItHasNoEffect() throws {
    let biased = try pass(bias: Tensor([10, -20, 0.5, 3, -7, 1]))
    let plain = try pass()
    // The mean of up to 20 takes that many times the rounding.
    #expect(errorRelativeToScale(biased.output, reference: plain.output) < 20 * bound)
    #expect(errorRelativeToScale(biased.input, reference: plain.input) < 20 * bound)
    #expect(errorRelativeToScale(biased.weight, reference: plain.weight) < 20 * bound)
    // Its gradient is a sum that cancels: of 20 numbers around 1.
    #expect(biased.bias.elements.allSatisfy { abs($0) < bound } && plain.bias.elements.allSatisfy { abs($0) < bound })
  }
}
