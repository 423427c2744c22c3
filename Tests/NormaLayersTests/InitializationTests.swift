import Norma
import TestSupport
import Testing

@Suite struct InitializationTests {
  static let cases = ParityFixture.cases(of: "initialization", InitializationSettings.self)
  static let schemes: [String: Initialization] = [
    "xavier_uniform": .xavierUniform, "xavier_normal": .xavierNormal, "kaiming_uniform": .kaimingUniform,
    "kaiming_normal": .kaimingNormal,
  ]

  /// All weights of as many layers as it takes for 200,000 of them.
  private func weights(_ initialization: Initialization, inputs: Int, outputs: Int) -> [Double] {
    var random = RandomGenerator(seed: 17)
    return (0..<(200_000 / (inputs * outputs))).flatMap { _ in
      Linear<Double>(inputs: inputs, outputs: outputs, initialization: initialization, using: &random).weight.value
        .elements
    }
  }

  /// The measured deviation of n draws is off by about σ/√(2n) for a normal distribution and less for an even one, here
  /// 0.16 %; 1 % is six times that. The largest of n even draws is within 20/n of the bound but for e⁻²⁰ of all seeds.
  @Test(arguments: cases) func weightsStartWhereThePapersSay(parity: ParityCase<InitializationSettings>) throws {
    let settings = parity.settings
    let weights = weights(
      try #require(Self.schemes[settings.scheme]), inputs: settings.inputs, outputs: settings.outputs)
    let value = parity.input("value", Double.self).item
    let deviation = (weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)).squareRoot()
    let largest = try #require(weights.map(abs).max())
    if settings.measure == "bound" {
      #expect(largest <= value && largest > value * (1 - 1e-4))
      #expect(abs(deviation / (value / 3.0.squareRoot()) - 1) < 0.01)
    } else {
      #expect(abs(deviation / value - 1) < 0.01)
      // Not cut off: among so many draws some are beyond four deviations.
      #expect(largest > 4 * value)
    }
    let mean = weights.reduce(0, +) / Double(weights.count)
    #expect(abs(mean) < 6 * deviation / Double(weights.count).squareRoot())
  }

  @Test func everySchemeIsChecked() {
    #expect(Self.cases.count == 20 && Set(Self.cases.map(\.settings.scheme)) == Set(Self.schemes.keys))
  }

  @Test func theScaleOfANormalDrawIsItsDeviation() {
    let weights = weights(.normal(scale: 0.02), inputs: 100, outputs: 10)
    let deviation = (weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)).squareRoot()
    #expect(abs(deviation / 0.02 - 1) < 0.01)
    #expect(self.weights(.normal(scale: 0), inputs: 100, outputs: 10).allSatisfy { $0 == 0 })
  }

  @Test func pyTorchsDefaultForLinearLayersIsEvenOverOneByTheRootOfTheInputs() throws {
    let largest = try #require(weights(.fanInUniform, inputs: 16, outputs: 10).map(abs).max())
    #expect(largest <= 0.25 && largest > 0.2499)
  }

  @Test func biasesStartAtZeroGammaAtOneAndBetaAtZero() {
    var random = RandomGenerator(seed: 1)
    #expect(Linear<Float>(inputs: 3, outputs: 4, using: &random).bias?.value == .zeros([4]))
    #expect(BatchNorm<Float>(3).gamma?.value == .ones([3]) && BatchNorm<Float>(3).beta?.value == .zeros([3]))
    #expect(LayerNorm<Float>(3).gamma?.value == .ones([3]) && LayerNorm<Float>(3).beta?.value == .zeros([3]))
  }

  @Test func theSameSeedDrawsTheSameWeights() {
    func draw(_ seed: UInt64) -> Tensor<Float> {
      var random = RandomGenerator(seed: seed)
      return Linear<Float>(inputs: 7, outputs: 5, using: &random).weight.value
    }
    #expect(haveSameBits(draw(3), draw(3)))
    #expect(draw(3) != draw(4))
  }
}
