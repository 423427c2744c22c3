import Norma
import TestSupport
import Testing

@Suite struct HalfWidthInferenceTests {
  @Test(arguments: HalfPrecision.allCases) func aBatchOfHalfWidthIsThatOfItsNumbers(precision: HalfPrecision) throws {
    var random = RandomGenerator(seed: 4)
    let recipe = MultilayerPerceptron(hidden: [33, 16])
    let model: Sequential<Float> = try recipe.build(sampleShape: [9], outputCount: 3, random: random)
    let pass = Pass<Float>.training(random: random)
    _ = try model(Variable(.normal([32, 9], using: &random)), in: pass)
    try pass.updateRunningStatistics()
    let serving = try InferenceModel(model)
    let x = Tensor<Float>.normal([17, 9], mean: 30, using: &random).rounded(to: precision)
    // Numbers of half width, each of which a float holds.
    let numbers = Tensor(x.bits.map(precision.value(of:)), shape: x.shape)
    #expect(try haveSameBits(serving(x), serving(numbers)))
    let wrong = Tensor<Float>.zeros([17, 8]).rounded(to: precision)
    #expect(throws: LayerError.self) { try serving(wrong) }
  }
}
