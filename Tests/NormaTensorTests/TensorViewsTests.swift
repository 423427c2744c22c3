import NormaTensor
import Testing

/// The elements of a permuted tensor, index by index.
private func naiveTranspose(_ x: Tensor<Double>, _ axes: [Int]) -> [Double] {
  var strides = [Int](repeating: 1, count: x.rank)
  for axis in (0..<x.rank).reversed() where axis + 1 < x.rank { strides[axis] = strides[axis + 1] * x.shape[axis + 1] }
  let lengths = axes.map { x.shape[$0] }
  let elements = x.elements
  return (0..<x.count).map { flat in
    var (rest, source) = (flat, 0)
    for axis in axes.indices.reversed() {
      source += rest % lengths[axis] * strides[axes[axis]]
      rest /= lengths[axis]
    }
    return elements[source]
  }
}

@Suite struct TensorViewsTests {
  @Test func reshapingKeepsTheOrderOfTheElements() {
    let x = Tensor<Float>((0..<24).map(Float.init), shape: [2, 3, 4])
    #expect(x.reshaped(to: [4, 6]).elements == x.elements)
    #expect(x.flattened().shape == [2, 12])
    #expect(x[rows: 1..<2].flattened().elements == (12..<24).map(Float.init))
  }

  @Test(arguments: [
    ([5], [0]), ([3, 4], [1, 0]), ([3, 4], [0, 1]), ([2, 3, 4], [2, 0, 1]), ([2, 3, 4], [1, 0, 2]),
    ([2, 1, 3, 5], [0, 2, 3, 1]), ([2, 3, 5, 4], [0, 3, 1, 2]), ([2, 3, 1, 2, 4], [4, 2, 0, 3, 1]),
    ([3, 40, 50, 7], [0, 2, 1, 3]), ([40_000, 3], [1, 0]), ([3, 40_000], [1, 0]), ([2, 0, 3], [2, 1, 0]),
  ])
  func transposingPermutesTheAxes(shape: [Int], axes: [Int]) {
    let shape = Shape(shape)
    let x = Tensor<Double>((0..<shape.elementCount).map(Double.init), shape: shape)
    let y = x.transposed(axes)
    #expect(y.shape == Shape(axes.map { shape[$0] }))
    #expect(y.elements == naiveTranspose(x, axes))
    let inverse = axes.indices.map { axis in axes.firstIndex(of: axis)! }
    #expect(y.transposed(inverse) == x)
  }

  @Test func transposingASliceReadsTheSlice() {
    let x = Tensor<Double>((0..<12).map(Double.init), shape: [4, 3])
    #expect(x[rows: 2..<4].transposed([1, 0]).elements == [6, 9, 7, 10, 8, 11])
  }

  @Test func gatheringTakesRowsInTheirOrderAsOftenAsTheyAreNamed() {
    let x = Tensor<Float>((0..<12).map(Float.init), shape: [3, 2, 2])
    let y = x.gathering(rows: [2, 0, 2])
    #expect(y.shape == [3, 2, 2])
    #expect(y.elements == [8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11])
    #expect(x[rows: 1..<3].gathering(rows: [1]).elements == [8, 9, 10, 11])
    #expect(x.gathering(rows: []).shape == [0, 2, 2])
  }

  @Test func concatenatingPutsRowsOneAfterTheOther() {
    let x = Tensor<Float>((0..<6).map(Float.init), shape: [3, 2])
    let y = Tensor.concatenating(rows: [x[rows: 2..<3], .zeros([0, 2]), x[rows: 0..<2]])
    #expect(y == Tensor([4, 5, 0, 1, 2, 3], shape: [3, 2]))
  }

  @Test func slicesPutTogetherAgainAreTheWhole() {
    var generator = RandomGenerator(seed: 1)
    let x = Tensor<Float>.normal([11, 3, 2], using: &generator)
    let parts = [0..<4, 4..<4, 4..<5, 5..<11].map { x[rows: $0] }
    #expect(Tensor.concatenating(rows: parts) == x)
  }
}
