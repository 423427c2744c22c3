import NormaTensor
import TestSupport
import Testing

@Suite struct TensorReductionTests {
  private func naiveSum(_ values: some Sequence<Double>) -> (sum: Double, magnitude: Double) {
    let total = values.reduce(DoubleDouble(0)) { $0 + DoubleDouble($1) }
    return (total.high, values.reduce(0) { $0 + abs($1) })
  }

  // A sum of n doubles in any order is off by at most n·u·Σ|x| (u the unit roundoff; Higham 2002, equation 4.4, to first
  // order), and is then rounded once to its own type.
  private func bound<Element: TensorElement>(_ type: Element.Type, _ terms: Int, _ sum: Double, _ magnitude: Double)
    -> Double
  { 1.01 * (Double(terms) * Double.unitRoundoff * magnitude + Element.unitRoundoff * abs(sum)) }

  private func check<Element: TensorElement>(_ type: Element.Type, _ shape: Shape) {
    var generator = RandomGenerator(seed: UInt64(shape.elementCount) + 7)
    let x = Tensor<Element>.normal(shape, mean: 0.5, using: &generator)
    let values = x.elements.map { Double($0) }
    let (rows, channels) = (shape.rowCount, shape.channelCount)

    let all = naiveSum(values)
    let allBound = bound(type, x.count, all.sum, all.magnitude)
    #expect(abs(Double(x.sum()) - all.sum) <= allBound)
    #expect(abs(Double(x.mean()) - all.sum / Double(x.count)) <= 2 * allBound / Double(x.count))

    let columns = (0..<channels).map { channel in naiveSum((0..<rows).map { values[$0 * channels + channel] }) }
    let overRows = x.sumOverRows()
    #expect(overRows.shape == [channels])
    #expect(
      errorOverBound(
        overRows, reference: columns.map(\.sum), bound: columns.map { bound(type, rows, $0.sum, $0.magnitude) }) <= 1)

    let lines = (0..<rows).map { row in naiveSum(values[row * channels..<(row + 1) * channels]) }
    let overChannels = x.sumOverChannels()
    #expect(overChannels.shape == shape.replacingLast(with: 1))
    #expect(
      errorOverBound(
        overChannels, reference: lines.map(\.sum), bound: lines.map { bound(type, channels, $0.sum, $0.magnitude) })
        <= 1)

    // Each square is rounded once before it is added.
    let squares = naiveSum(values.map { $0 * $0 })
    #expect(
      abs(Double(x.sumOfSquares()) - squares.sum)
        <= bound(type, x.count, squares.sum, squares.magnitude) + 1.01 * Element.unitRoundoff * squares.sum)
    #expect(x.minimum() == x.elements.min() && x.maximum() == x.elements.max())
  }

  @Test(arguments: [
    [1], [13], [5, 3], [511, 3], [512, 2], [513, 7], [4097, 1], [1, 4097], [3, 5, 7], [2, 400, 9],
  ])
  func sumsAreThoseOfALoop(shape: [Int]) {
    check(Float.self, Shape(shape))
    check(Double.self, Shape(shape))
  }

  @Test func sumsHaveTheSameBitsForEveryThreadCount() {
    var generator = RandomGenerator(seed: 3)
    let x = Tensor<Float>.normal([5001, 37], using: &generator)
    let results = resultsByThreadCount { x.sumOverRows() }
    #expect(results.allSatisfy { haveSameBits($0, results[0]) })
  }

  @Test func extremaPassOverWhatIsNotANumber() {
    let x = Tensor<Float>([.nan, 2, -3, .nan, 5])
    #expect(x.minimum() == -3 && x.maximum() == 5)
    #expect(Tensor<Float>([.nan]).minimum() == nil && Tensor<Double>([]).maximum() == nil)
    for number in [Double.infinity, -.infinity] {
      let x = Tensor<Double>([.nan, number, number])
      #expect(x.minimum() == number && x.maximum() == number)
    }
    #expect(!x.isFinite && !Tensor<Float>([.infinity]).isFinite && Tensor<Float>([1]).isFinite)
  }

  @Test func theFirstOfEqualMaximaIsNamed() {
    let x = Tensor<Float>([1, 3, 3, .nan, -1, -2, 2, .nan, 2, .nan, .nan, .nan], shape: [4, 3])
    #expect(x.indicesOfMaximaOverChannels() == [1, 1, 0, 0])
  }

  @Test func sumsOfFloatsLoseNoDigitsToTheirLength() {
    // Added one by one in Float, ones stop counting at 2^24.
    #expect(Tensor<Float>.ones([1 << 25]).sum() == Float(1 << 25))
    #expect(Tensor<Float>.ones([1 << 25, 1]).sumOverRows().item == Float(1 << 25))
  }
}
