import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// Scaled dot-product attention.
@Suite struct AttentionTests {
  private func draw(_ shape: Shape, seed: UInt64) -> Values {
    var random = RandomGenerator(seed: seed)
    return .normal(shape, using: &random)
  }

  private func attend<Element: TensorElement>(
    _ inputs: [Variable<Element>], heads: Int, isCausal: Bool = false, keepProbability: Double = 1
  ) -> Variable<Element> {
    var random = RandomGenerator(seed: 3)
    return inputs[0].attention(
      keys: inputs[1], values: inputs[2], heads: heads, isCausal: isCausal, keepProbability: keepProbability,
      using: &random)
  }

  @Test(arguments: [1, 2], [false, true]) func gradientsAreTheNumericOnes(heads: Int, isCausal: Bool) {
    let points = [draw([2, 3, 4], seed: 1), draw([2, 5, 4], seed: 2), draw([2, 5, 6], seed: 3)]
    for keepProbability in [1, 0.7] {
      let checks = checkGradients(at: points, seed: draw([2, 3, 6], seed: 4)) {
        attend($0, heads: heads, isCausal: isCausal, keepProbability: keepProbability)
      }
      // With step h the differences are off by the rounding of the sums over h: 1e-16 · 100 / 1e-5, of gradients around 1.
      for check in checks {
        #expect(errorRelativeToScale(check.gradient, reference: check.numericGradient) < 1e-8)
        #expect(check.gradient.sumOfSquares() > 0)
      }
    }
  }

  @Test func keysThatAreAlikeGiveTheMeanOfTheirValues() {
    let values = Values([1, 2, 3, 4, 5, 6, 7, 8], shape: [1, 4, 2])
    let inputs = [draw([1, 4, 2], seed: 5), Values.ones([1, 4, 2]), values].map { Variable($0) }
    // Four equal weights are quarters; sums of small whole numbers are exact.
    #expect(attend(inputs, heads: 2).value.elements == [4, 5, 4, 5, 4, 5, 4, 5])
    // Of a causal query's equal weights, each is a fraction of one rounding.
    let causal = attend(inputs, heads: 2, isCausal: true).value.elements
    #expect(zip(causal, [1, 2, 2, 3, 3, 4, 4, 5]).allSatisfy { abs($0 - $1) <= 4 * $1 * Double.ulpOfOne })
  }

  @Test func whatIsCausalDoesNotSeeAhead() {
    let x = draw([2, 6, 4], seed: 6)
    var changed = x
    for channel in 0..<4 { changed[1, 4, channel] += 1 }
    let (before, after) = (x, changed)
    func rows(_ x: Values) -> [[Double]] {
      let x = Variable(x)
      let y = attend([x, x, x], heads: 2, isCausal: true).value
      return (0..<12).map { row in (0..<4).map { y[row / 6, row % 6, $0] } }
    }
    let (first, second) = (rows(before), rows(after))
    for row in 0..<12 { #expect((first[row] == second[row]) == (row < 10), "row \(row)") }
  }

  @Test func shapesThatDoNotFitHaveTheirError() {
    let operation = CausalMaskOperation<Float>()
    #expect(throws: ShapeError.self) { try operation.outputShape(for: [[4]]) }
  }
}
