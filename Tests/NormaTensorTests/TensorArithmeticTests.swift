import Foundation
import NormaTensor
import TestSupport
import Testing

/// Sizes around the lengths at which loops are cut into parts, and odd ones.
private let shapes: [Shape] = [
  [1], [7], [5, 3], [3, 1], [1, 9], [2, 3, 5], [257, 259], [1, 70_000], [70_001, 1],
]

@Suite struct TensorArithmeticTests {
  private func operands(_ shape: Shape, _ other: Shape) -> (Tensor<Float>, Tensor<Float>) {
    var generator = RandomGenerator(seed: UInt64(shape.elementCount))
    let x = Tensor<Float>.normal(shape, using: &generator)
    return (x, Tensor<Float>.uniform(other, in: 0.5..<2, using: &generator))
  }

  @Test(arguments: shapes) func binaryOperationsWorkElementByElement(shape: Shape) {
    let (x, y) = operands(shape, shape)
    let pairs = Array(zip(x.elements, y.elements))
    #expect((x + y).elements == pairs.map { $0 + $1 })
    #expect((x - y).elements == pairs.map { $0 - $1 })
    #expect((x * y).elements == pairs.map { $0 * $1 })
    #expect((x / y).elements == pairs.map { $0 / $1 })
  }

  @Test(arguments: shapes) func perChannelOperandsAreTheSameForEachRow(shape: Shape) {
    let (x, y) = operands(shape, [shape.channelCount])
    let (a, b, channels) = (x.elements, y.elements, shape.channelCount)
    func naive(_ operation: (Float, Float) -> Float) -> [Float] { a.indices.map { operation(a[$0], b[$0 % channels]) } }
    #expect(x.applying(.add, y, broadcast: .perChannel).elements == naive(+))
    #expect(x.applying(.subtract, y, broadcast: .perChannel).elements == naive(-))
    #expect(x.applying(.multiply, y, broadcast: .perChannel).elements == naive(*))
    #expect(x.applying(.divide, y, broadcast: .perChannel).elements == naive(/))
  }

  @Test(arguments: shapes) func perRowOperandsAreTheSameForEachChannel(shape: Shape) {
    let (x, y) = operands(shape, [shape.rowCount])
    let (a, b, channels) = (x.elements, y.elements, shape.channelCount)
    func naive(_ operation: (Float, Float) -> Float) -> [Float] { a.indices.map { operation(a[$0], b[$0 / channels]) } }
    #expect(x.applying(.add, y, broadcast: .perRow).elements == naive(+))
    #expect(x.applying(.subtract, y, broadcast: .perRow).elements == naive(-))
    #expect(x.applying(.multiply, y, broadcast: .perRow).elements == naive(*))
    #expect(x.applying(.divide, y, broadcast: .perRow).elements == naive(/))
  }

  @Test(arguments: [[3, 4], [2, 3, 5], [3, 300, 300], [1, 2, 2, 1], [2, 0, 3]])
  func perSampleOperandsAreTheSameAtEachPosition(shape: [Int]) {
    let shape = Shape(shape)
    let (x, y) = operands(shape, [shape[0], shape.channelCount])
    let (a, b, channels) = (x.elements, y.elements, shape.channelCount)
    let size = a.count / shape[0]
    func naive(_ operation: (Float, Float) -> Float) -> [Float] {
      a.indices.map { operation(a[$0], b[$0 / size * channels + $0 % channels]) }
    }
    #expect(x.applying(.add, y, broadcast: .perSample).elements == naive(+))
    #expect(x.applying(.subtract, y, broadcast: .perSample).elements == naive(-))
    #expect(x.applying(.multiply, y, broadcast: .perSample).elements == naive(*))
    #expect(x.applying(.divide, y, broadcast: .perSample).elements == naive(/))
  }

  @Test func numbersStandOnEitherSide() {
    let x = Tensor<Float>([-1.5, 0.3, 7])
    let a = x.elements
    #expect((x + 0.7).elements == a.map { $0 + 0.7 } && (0.7 + x).elements == a.map { 0.7 + $0 })
    #expect((x - 0.7).elements == a.map { $0 - 0.7 } && (0.7 - x).elements == a.map { 0.7 - $0 })
    #expect((x * 0.7).elements == a.map { $0 * 0.7 } && (0.7 * x).elements == a.map { 0.7 * $0 })
    // Division itself, not a product with a reciprocal.
    #expect((x / 0.7).elements == a.map { $0 / 0.7 } && (0.7 / x).elements == a.map { 0.7 / $0 })
  }

  @Test func absoluteValuesAndBoundsPassOnWhatIsNotANumber() {
    let x = Tensor<Float>([-.infinity, -2, -0.0, 3, .infinity, .nan])
    #expect(x.applying(.absolute).elements.dropLast() == [.infinity, 2, 0, 3, .infinity])
    #expect(x.applying(.clamp(-1...2)).elements.dropLast() == [-1, -1, 0, 2, 2])
    #expect(x.applying(.absolute).elements[5].isNaN && x.applying(.clamp(-1...2)).elements[5].isNaN)
  }

  @Test(arguments: shapes) func unaryOperationsWorkElementByElement(shape: Shape) {
    let (x, positive) = operands(shape, shape)
    let (a, p) = (x.elements, positive.elements)
    #expect((-x).elements == a.map { -$0 })
    #expect((2.5 * x).elements == a.map { 2.5 * $0 })
    #expect((x + 0.75).elements == a.map { 0.75 + $0 })
    #expect(x.applying(.square).elements == a.map { $0 * $0 })
    #expect(positive.applying(.squareRoot).elements == p.map { $0.squareRoot() })
    #expect(positive.applying(.reciprocal).elements == p.map { 1 / $0 })
    #expect(x.applying(.leakyReLU(slope: 0)).elements == a.map { max(0, $0) })
    #expect(x.applying(.leakyReLU(slope: 0.25)).elements == a.map { $0 > 0 ? $0 : 0.25 * $0 })
  }

  @Test func transcendentalFunctionsAreThoseOfTheSystemToAFewRoundings() {
    let x = Tensor<Double>.linearlySpaced(from: -30, through: 30, shape: [601])
    let positive = Tensor<Double>.linearlySpaced(from: 0.01, through: 50, shape: [500])
    let bound = 8 * Double.unitRoundoff
    #expect(relativeError(x.applying(.exponential), Tensor(x.elements.map { Foundation.exp($0) })) < bound)
    #expect(relativeError(x.applying(.hyperbolicTangent), Tensor(x.elements.map { Foundation.tanh($0) })) < bound)
    #expect(relativeError(positive.applying(.logarithm), Tensor(positive.elements.map { Foundation.log($0) })) < bound)
    #expect(relativeError(x.applying(.sigmoid), Tensor(x.elements.map { 1 / (1 + Foundation.exp(-$0)) })) < bound)
  }

  @Test func theSigmoidOfExtremeNumbersIsZeroOrOne() {
    let y = Tensor<Float>([-.infinity, -1e4, 0, 1e4, .infinity, .nan]).applying(.sigmoid).elements
    #expect(y.prefix(5) == [0, 0, 0.5, 1, 1])
    #expect(y[5].isNaN)
  }

  @Test(arguments: [0, 0.5] as [Float]) func aRectifierPassesOnWhatIsNotANumber(slope: Float) {
    let x = Tensor<Float>([.nan, .infinity, -1, 0])
    let y = x.applying(.leakyReLU(slope: slope)).elements
    #expect(y[0].isNaN && y[1] == .infinity && y[2] == -slope && y[3] == 0)
    #expect(Tensor<Float>([-.infinity]).applying(.leakyReLU(slope: 0)).item == 0)
  }

  @Test func anInactiveReLUGivesNoGradientHoweverLargeTheIncomingOne() {
    let x = Tensor<Float>([-1, 0, 1, -1])
    let gradient = Tensor<Float>([.infinity, .nan, .infinity, -2])
    #expect(x.applying(.leakyReLUGradient(slope: 0), gradient).elements == [0, 0, .infinity, 0])
    #expect(x.applying(.leakyReLUGradient(slope: 0.5), Tensor([4, 6, 8, 10])).elements == [2, 3, 8, 5])
  }

  @Test func localGradientsFollowTheirFormulas() {
    let y = Tensor<Double>([0.25, 0.5, -0.5])
    let gradient = Tensor<Double>([1, 2, 4])
    #expect(y.applying(.sigmoidGradient, gradient).elements == [0.1875, 0.5, -3])
    #expect(y.applying(.hyperbolicTangentGradient, gradient).elements == [0.9375, 1.5, 3])
  }

  @Test func addingShapesThatDifferStops() async {
    await #expect(processExitsWith: .failure) { _ = Tensor<Float>.zeros([2, 3]) + Tensor<Float>.zeros([3, 2]) }
  }

  @Test func multiplyingMatricesThatDoNotFitStops() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor<Float>.zeros([2, 3]).matrixProduct(Tensor<Float>.zeros([2, 3]))
    }
  }
}
