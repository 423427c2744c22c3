import NormaTensor
import TestSupport
import Testing

/// What is done along one axis, against loops over indices.
@Suite struct TensorAxesTests {
  static let shape: Shape = [3, 4, 5]

  private static func draw<Element: TensorElement>(_ shape: Shape = shape, seed: UInt64 = 1) -> Tensor<Element> {
    var generator = RandomGenerator(seed: seed)
    return .normal(shape, using: &generator)
  }

  /// A tensor whose element at each index is that of another at the index that is `source` along an axis; `value` where there is none.
  private func naive(_ x: Tensor<Double>, _ axis: Int, _ sources: [Int?], _ value: Double = 0) -> Tensor<Double> {
    var lengths = Array(x.shape)
    lengths[axis] = sources.count
    var elements: [Double] = []
    for i in 0..<lengths[0] {
      for j in 0..<lengths[1] {
        for k in 0..<lengths[2] {
          var index = [i, j, k]
          if let source = sources[index[axis]] {
            index[axis] = source
            elements.append(x[index[0], index[1], index[2]])
          } else {
            elements.append(value)
          }
        }
      }
    }
    return Tensor(elements, shape: Shape(lengths))
  }

  @Test(arguments: 0..<3) func slicesAndGatheredPlacesAreThoseOfALoop(axis: Int) {
    let x: Tensor<Double> = Self.draw()
    #expect(x.sliced(1..<3, axis: axis) == naive(x, axis, [1, 2]))
    #expect(x.sliced(1..<3, axis: axis - 3) == naive(x, axis, [1, 2]))
    #expect(x.sliced(2..<2, axis: axis).count == 0)
    for indices in [[2, 0, 0, 1, 2, 2], [1, 2, 0], []] {
      #expect(x.gathering(indices, axis: axis) == naive(x, axis, indices))
    }
  }

  @Test(arguments: 0..<3) func paddingFillsAsItsModeSays(axis: Int) {
    let x: Tensor<Double> = Self.draw()
    let last = Self.shape[axis] - 1
    let middle = (0...last).map(Optional.init)
    #expect(
      x.padded(axis: axis, before: 2, after: 1, mode: .constant(7)) == naive(x, axis, [nil, nil] + middle + [nil], 7))
    #expect(
      x.padded(axis: axis, before: 2, after: 1, mode: .reflect) == naive(x, axis, [2, 1] + middle + [last - 1]))
    #expect(
      x.padded(axis: axis, before: 2, after: 4, mode: .replicate)
        == naive(x, axis, [0, 0] + middle + [last, last, last, last]))
    #expect(
      x.padded(axis: axis, before: 2, after: 3, mode: .circular)
        == naive(x, axis, [last - 1, last] + middle + [0, 1, 2]))
    #expect(Tensor<Double>.zeros([2, 0]).padded(axis: 1, before: 1, after: 2, mode: .constant(1)) == .ones([2, 3]))
  }

  @Test func whatCannotBePaddedOrTakenStops() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor<Float>.zeros([3]).padded(axis: 0, before: 3, after: 0, mode: .reflect)
    }
    await #expect(processExitsWith: .failure) { _ = Tensor<Float>.zeros([3]).padded(axis: 0, before: -1, after: 0) }
    await #expect(processExitsWith: .failure) { _ = Tensor<Float>.zeros([3, 2]).gathering([2], axis: 1) }
    await #expect(processExitsWith: .failure) { _ = Tensor<Float>.zeros([3, 2]).gathering([-1], axis: 1) }
    await #expect(processExitsWith: .failure) { _ = Tensor<Float>.zeros([3, 2]).sliced(0..<1, axis: 2) }
    await #expect(processExitsWith: .failure) {
      _ = Tensor<Float>.concatenating([.zeros([3, 2]), .zeros([3, 2, 1])], axis: 0)
    }
  }

  @Test(arguments: 0..<3) func partsPutTogetherAgainAreTheWhole(axis: Int) {
    let x: Tensor<Double> = Self.draw()
    let parts = [0..<1, 1..<1, 1..<Self.shape[axis]].map { x.sliced($0, axis: axis) }
    #expect(Tensor.concatenating(parts, axis: axis) == x)
  }

  /// Adding up is the transpose of picking: both have the same inner product with anything.
  @Test(arguments: [[3, 4, 5], [50, 1, 1], [7, 3, 700], [2, 40, 9000]], 0..<3)
  func addingUpWhatWasPickedIsTheTranspose(shape: [Int], axis: Int) {
    let x: Tensor<Double> = Self.draw(Shape(shape))
    var generator = RandomGenerator(seed: 3)
    let indices = (0..<9).map { _ in Int.random(in: 0..<shape[axis], using: &generator) }
    let picked = x.gathering(indices, axis: axis)
    let y: Tensor<Double> = Self.draw(picked.shape, seed: 4)
    let results = resultsByThreadCount { y.addingPicked(indices, axis: axis, length: shape[axis]) }
    #expect(results.allSatisfy { haveSameBits($0, results[0]) })
    let (left, right) = ((picked * y).sum(), (x * results[0]).sum())
    // Sums of products of both, in different orders.
    let magnitude = zip(picked.elements, y.elements).reduce(0) { $0 + abs($1.0 * $1.1) }
    #expect(abs(left - right) <= 2 * Double(picked.count + 9) * Double.unitRoundoff * magnitude)
  }

  @Test(arguments: 0..<3) func cumulativeSumsAreThoseOfALoop(axis: Int) {
    let x: Tensor<Float> = Self.draw()
    let length = Self.shape[axis]
    var (forward, backward) = ([Tensor<Float>](), [Tensor<Float>]())
    for place in 0..<length {
      forward.append(x.sliced(0..<place + 1, axis: axis).sum(over: [axis]))
      backward.append(x.sliced(place..<length, axis: axis).sum(over: [axis]))
    }
    for (isReversed, sums) in [(false, forward), (true, backward)] {
      let found = x.cumulativeSum(axis: axis, isReversed: isReversed)
      // Added up in double precision in another order, and rounded once: at most the rounding to either side.
      for (place, sum) in sums.enumerated() {
        #expect(
          errorOverBound(
            found.sliced(place..<place + 1, axis: axis).reshaped(to: sum.shape),
            reference: sum.elements.map(Double.init),
            bound: sum.elements.map { 2 * Float.unitRoundoff * Double(abs($0)) + 1e-15 }) <= 1)
      }
    }
    // Added one by one in Float, ones stop counting at 2²⁴.
    #expect(Tensor<Float>.ones([1 << 25]).cumulativeSum(axis: 0)[(1 << 25) - 1] == Float(1 << 25))
  }

  @Test(arguments: [[], [0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2], [-1], [-1, 0]])
  func sumsOverAxesAreThoseOfALoop(axes: [Int]) {
    let x: Tensor<Double> = Self.draw()
    let summed = axes.map { $0 < 0 ? $0 + 3 : $0 }
    let others = (0..<3).filter { !summed.contains($0) }
    var sums: [[Int]: Double] = [:]
    for i in 0..<3 {
      for j in 0..<4 { for k in 0..<5 { sums[others.map { [i, j, k][$0] }, default: 0] += x[i, j, k] } }
    }
    let found = x.sum(over: axes)
    #expect(found.shape == Shape(others.map { Self.shape[$0] }))
    let expected = sums.keys.sorted { $0.lexicographicallyPrecedes($1) }.map { sums[$0]! }
    // Sums of sixty numbers of up to 4.
    #expect(
      errorOverBound(found, reference: expected, bound: expected.map { _ in 60 * 240 * Double.unitRoundoff }) <= 1)
    #expect(Tensor<Float>.ones([2, 3, 0]).sum(over: [2]) == .zeros([2, 3]))
  }

  @Test func sumsOverAxesHaveTheSameBitsForEveryThreadCountAndBatch() {
    let x: Tensor<Float> = Self.draw([60, 31, 17, 5])
    for axes in [[1], [1, 2], [2], [3], [1, 3], [0, 2]] {
      let results = resultsByThreadCount { x.sum(over: axes) }
      #expect(results.allSatisfy { haveSameBits($0, results[0]) })
      if !axes.contains(0) { #expect(haveSameBits(x[rows: 7..<9].sum(over: axes), results[0][rows: 7..<9])) }
    }
  }

  @Test func pixelsAreShuffledByThePlaceOfTheirChannel() {
    // Channels of one pixel: c, then row, then column of its square.
    let x = Tensor<Float>((0..<8).map(Float.init), shape: [1, 1, 1, 8])
    let y = x.pixelShuffled(by: 2)
    #expect(y.shape == [1, 2, 2, 2] && y.elements == [0, 4, 1, 5, 2, 6, 3, 7])
    let images: Tensor<Float> = Self.draw([2, 3, 4, 18])
    #expect(images.pixelShuffled(by: 3).pixelUnshuffled(by: 3) == images)
  }

  @Test func labelsBecomeRowsAndRowsLabels() {
    let rows = Tensor<Float>.oneHot([2, 0, 1, 2], count: 3)
    #expect(rows.shape == [4, 3] && rows.elements == [0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1])
    #expect(rows.indicesOfMaxima(axis: -1) == [2, 0, 1, 2])
    #expect(rows.indicesOfMaxima(axis: 0) == [1, 2, 0])
  }

  @Test func aLabelBeyondTheClassesStops() async {
    await #expect(processExitsWith: .failure) { _ = Tensor<Float>.oneHot([3], count: 3) }
  }

  @Test func productsOfBatchesAreThoseOfTheirMatrices() {
    for (batch, rows, inner, columns) in [
      (6, 3, 5, 4), (1, 7, 9, 2), (3, 150, 300, 90), (40, 33, 20, 17), (4, 2, 0, 3), (0, 2, 3, 4),
    ] {
      for (left, right) in [(false, false), (true, false), (false, true), (true, true)] {
        let x: Tensor<Float> = Self.draw(Shape([batch] + (left ? [inner, rows] : [rows, inner])))
        let y: Tensor<Float> = Self.draw(Shape([batch] + (right ? [columns, inner] : [inner, columns])), seed: 2)
        let found = resultsByThreadCount { x.matrixProduct(y, transposingSelf: left, transposingOther: right) }
        #expect(found[0].shape == [batch, rows, columns])
        for place in 0..<batch {
          let one = x[rows: place..<place + 1].reshaped(to: Shape(x.shape.dropFirst())).matrixProduct(
            y[rows: place..<place + 1].reshaped(to: Shape(y.shape.dropFirst())), transposingSelf: left,
            transposingOther: right)
          for result in found {
            #expect(haveSameBits(result[rows: place..<place + 1].reshaped(to: [rows, columns]), one))
          }
        }
      }
    }
  }

  @Test func productsOfBatchesThatDifferStop() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor<Float>.zeros([2, 2, 3]).matrixProduct(Tensor<Float>.zeros([3, 3, 2]))
    }
  }
}
