import NormaTensor
import TestSupport
import Testing

@Suite struct TensorValueTests {
  @Test func aCopyIsNotChangedByWritingToTheOriginal() {
    var x = Tensor<Float>([1, 2, 3, 4, 5, 6], shape: [2, 3])
    let copy = x
    x[1, 2] = 7
    #expect(copy.elements == [1, 2, 3, 4, 5, 6])
    #expect(x.elements == [1, 2, 3, 4, 5, 7])
  }

  @Test func writingToASliceLeavesTheWholeAsItWas() {
    let x = Tensor<Double>([1, 2, 3, 4, 5, 6], shape: [3, 2])
    var slice = x[rows: 1..<2]
    slice[0, 0] = 9
    #expect(x.elements == [1, 2, 3, 4, 5, 6])
    #expect(slice == Tensor([9, 4], shape: [1, 2]))
  }

  @Test func writingToTheWholeLeavesSlicesAndReshapesAsTheyWere() {
    var x = Tensor<Double>([1, 2, 3, 4, 5, 6], shape: [3, 2])
    let slice = x[rows: 1..<3]
    let flat = x.reshaped(to: [6])
    x[1, 1] = -1
    #expect(slice.elements == [3, 4, 5, 6])
    #expect(flat.elements == [1, 2, 3, 4, 5, 6])
    #expect(x.elements == [1, 2, 3, -1, 5, 6])
  }

  @Test func aSliceThatOutlivesItsWholeIsWrittenInItsOwnPlace() {
    var slice = Tensor<Float>([1, 2, 3, 4, 5, 6], shape: [3, 2])[rows: 1..<2]
    slice[0, 1] = 8
    #expect(slice.elements == [3, 8])
    #expect(slice[rows: 0..<1].elements == [3, 8])
  }

  @Test func copiesAndSlicesShareMemoryUntilOneIsWrittenTo() {
    func address(_ tensor: Tensor<Float>) -> UnsafePointer<Float>? { tensor.withUnsafeElements { $0.baseAddress } }
    let x = Tensor<Float>.zeros([4, 5])
    var copy = x
    #expect(address(copy) == address(x))
    #expect(address(x[rows: 2..<4]) == address(x).map { $0 + 10 })
    #expect(address(x.reshaped(to: [20])) == address(x))
    copy[0, 0] = 1
    #expect(address(copy) != address(x))
  }

  @Test func addingATensorToItselfInPlaceDoublesIt() {
    var x = Tensor<Double>([1, 2, 3])
    x += x
    #expect(x.elements == [2, 4, 6])
    let before = x
    x += Tensor([1, 1, 1])
    #expect(x.elements == [3, 5, 7])
    #expect(before.elements == [2, 4, 6])
  }

  @Test func aSliceOfASliceCountsFromTheSlice() {
    let x = Tensor<Double>((0..<24).map(Double.init), shape: [6, 2, 2])
    let inner = x[rows: 2..<6][rows: 1..<3]
    #expect(inner.shape == [2, 2, 2])
    #expect(inner.elements == (12..<20).map(Double.init))
    #expect(inner[1, 0, 1] == 17)
  }

  @Test func linearlySpacedValuesStartAndEndWhereTheyAreTold() {
    let x = Tensor<Double>.linearlySpaced(from: -1, through: 3, shape: [3, 3])
    #expect(x.elements == [-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3])
    #expect(Tensor<Double>.linearlySpaced(from: 5, through: 9, shape: [1]).elements == [5])
  }

  @Test func tensorsAreEqualWhereShapeAndElementsAre() {
    #expect(Tensor<Float>([1, 2], shape: [1, 2]) != Tensor([1, 2], shape: [2, 1]))
    #expect(Tensor<Float>([1, 2]) == Tensor([1, 2]))
    #expect(Tensor<Float>([1, .nan]) != Tensor([1, .nan]))
    #expect(Tensor<Float>([0]) == Tensor([-0.0]))
  }

  @Test func conversionRoundsToNearestAndKeepsWhatIsNotANumber() {
    let x = Tensor<Double>([1 + 0x1p-25, 1 + 0x1.8p-24, .infinity, .nan, 1e300])
    let rounded = x.converted(to: Float.self)
    #expect(rounded.elements.prefix(3) == [1, 1 + 0x1p-23, .infinity])
    #expect(rounded.elements[3].isNaN)
    #expect(rounded.elements[4] == .infinity)
    #expect(Tensor<Float>([0.1]).converted(to: Double.self).item == Double(Float(0.1)))
    #expect(Tensor<Float>.zeros([0, 3]).converted(to: Double.self).shape == [0, 3])
  }

  @Test func anEmptyTensorPassesThroughEveryOperation() {
    let x = Tensor<Float>.zeros([0, 3])
    #expect(x.count == 0 && x.elements.isEmpty)
    #expect((x + x).shape == [0, 3] && (2 * x).shape == [0, 3] && (-x).shape == [0, 3])
    #expect(x.applying(.add, Tensor([1, 2, 3]), broadcast: .perChannel).shape == [0, 3])
    #expect(x.applying(.add, .zeros([0]), broadcast: .perRow).shape == [0, 3])
    #expect(x.transposed([1, 0]).shape == [3, 0])
    #expect(x.flattened().shape == [0, 3] && x[rows: 0..<0] == x && x.gathering(rows: []) == x)
    #expect(Tensor.concatenating(rows: [x, .ones([1, 3]), x]) == .ones([1, 3]))
    #expect(x.sum() == 0 && x.mean().isNaN && x.sumOfSquares() == 0)
    #expect(x.sumOverRows() == .zeros([3]) && x.sumOverChannels().shape == [0, 1])
    #expect(x.minimum() == nil && x.maximum() == nil && x.isFinite)
    #expect(x.indicesOfMaximaOverChannels().isEmpty)
    #expect(x.matrixProduct(.ones([3, 4])).shape == [0, 4])
    #expect(x.matrixProduct(.ones([0, 4]), transposingSelf: true) == .zeros([3, 4]))
    var y = x
    y += x
    #expect(y == x)
  }

  @Test func aScalarHasOneElementAndNoAxes() {
    let x = Tensor<Double>.scalar(3)
    #expect(x.rank == 0 && x.count == 1 && x.item == 3 && x[] == 3)
    #expect(x.transposed([]) == x && x.reshaped(to: [1, 1]).item == 3)
  }
}

@Suite struct ShapeTests {
  @Test func aShapeIsReadAsRowsByChannels() {
    let shape: Shape = [2, 3, 4, 5]
    #expect(shape.elementCount == 120 && shape.rowCount == 24 && shape.channelCount == 5)
    #expect(Shape([]).elementCount == 1 && Shape([]).rowCount == 1 && Shape([]).channelCount == 1)
    #expect(Shape([4, 0, 3]).elementCount == 0)
  }

  @Test func axesAreReplacedAtEitherEnd() {
    let shape: Shape = [2, 3, 4]
    #expect(shape.replacingFirst(with: 7) == [7, 3, 4] && shape.replacingLast(with: 7) == [2, 3, 7])
    #expect(Array(shape) == [2, 3, 4] && shape.description == "[2, 3, 4]")
    #expect(Shape([2, 3]) != Shape([2, 3, 1]) && Shape([2, 0]) != Shape([2]))
  }
}
