import NormaTensor
import Testing

@Suite struct RandomTensorTests {
  /// The mean of a function of the draws, held to five deviations of a mean of that many.
  private func expectMean(
    _ draws: [Double], of function: (Double) -> Double, is expected: Double, variance: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let mean = draws.reduce(0) { $0 + function($1) } / Double(draws.count)
    let bound = 5 * (variance / Double(draws.count)).squareRoot()
    #expect(abs(mean - expected) < bound, sourceLocation: sourceLocation)
  }

  @Test func uniformDrawsHaveTheMomentsOfTheDistribution() {
    var generator = RandomGenerator(seed: 21)
    let draws = Tensor<Double>.uniform([200_000], in: -1..<3, using: &generator).elements
    #expect(draws.allSatisfy { (-1..<3).contains($0) })
    // E (x − 1)^k = 2^k / (k + 1) for even k; the variance of (x − 1)² is 16/5 − 16/9, of (x − 1)⁴ 256/9 − 256/25.
    expectMean(draws, of: { $0 }, is: 1, variance: 4.0 / 3)
    expectMean(draws, of: { ($0 - 1) * ($0 - 1) }, is: 4.0 / 3, variance: 16.0 / 5 - 16.0 / 9)
    expectMean(draws, of: { ($0 - 1) * ($0 - 1) * ($0 - 1) }, is: 0, variance: 64.0 / 7)
  }

  @Test func normalDrawsHaveTheMomentsOfTheDistribution() {
    var generator = RandomGenerator(seed: 22)
    let draws = Tensor<Double>.normal([200_001], mean: 3, standardDeviation: 0.5, using: &generator).elements
      .map { ($0 - 3) / 0.5 }
    // Of a standard normal number, E x² = 1, E x⁴ = 3, E x⁶ = 15, E x⁸ = 105.
    expectMean(draws, of: { $0 }, is: 0, variance: 1)
    expectMean(draws, of: { $0 * $0 }, is: 1, variance: 2)
    expectMean(draws, of: { $0 * $0 * $0 }, is: 0, variance: 15)
    expectMean(draws, of: { $0 * $0 * $0 * $0 }, is: 3, variance: 96)
    // P(|x| < 1) = 0.682689…, P(|x| > 3) = 0.002699…
    expectMean(draws, of: { abs($0) < 1 ? 1 : 0 }, is: 0.6826894921, variance: 0.2166)
    expectMean(draws, of: { abs($0) > 3 ? 1 : 0 }, is: 0.0026997961, variance: 0.0026925)
  }

  @Test func bothNumbersOfANormalPairAreIndependent() {
    var generator = RandomGenerator(seed: 23)
    let products = (0..<100_000).map { _ in
      let (first, second) = generator.normalPair()
      return first * second
    }
    expectMean(products, of: { $0 }, is: 0, variance: 1)
  }

  @Test func theSameSeedGivesTheSameTensorAndTheNextAnother() {
    var first = RandomGenerator(seed: 24)
    var second = RandomGenerator(seed: 24)
    let x = Tensor<Float>.normal([3, 5], using: &first)
    #expect(x == Tensor<Float>.normal([3, 5], using: &second))
    #expect(x != Tensor<Float>.normal([3, 5], using: &second))
    #expect(Tensor<Float>.normal([0, 5], using: &first).count == 0)
  }

  // This number of seed 1 is the first above 1 − 2⁻²⁵, which Float rounds to 1.
  @Test func aFloatIsNeverRoundedUpToTheExcludedBound() {
    let state = RandomGenerator.State(key: 1, drawn: 38_702_312)
    var generator = RandomGenerator(state: state)
    #expect(Float(generator.uniform()) == 1)
    generator = RandomGenerator(state: state)
    #expect(Tensor<Float>.uniform([1], in: 0..<1, using: &generator).item == Float(1).nextDown)
    #expect(Tensor<Float>.uniform([3], in: 2..<2, using: &generator).elements == [2, 2, 2])
  }
}
