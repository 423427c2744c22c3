import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// The everyday operations: their gradients against centred differences, and PyTorch's results.
@Suite struct EverydayOperationTests {
  static let cases = ParityFixture.cases(of: "operations", OperationSettings.self)

  private static func draw(_ shape: Shape, seed: UInt64) -> Tensor<Double> {
    var generator = RandomGenerator(seed: seed)
    return .uniform(shape, in: -2..<2, using: &generator)
  }

  /// Differences with a step h of 1e-5 are off by h²·f‴/6 and by the rounding of sums of some hundred numbers over 2h: some 1e-9 each
  /// where f‴ is below 100, and the largest gradients are above 0.1.
  private func check(
    _ points: [Tensor<Double>], sourceLocation: SourceLocation = #_sourceLocation,
    of function: ([Variable<Double>]) -> Variable<Double>
  ) {
    let seed = Self.draw(function(points.map { Variable($0) }).shape, seed: 77)
    for check in checkGradients(at: points, seed: seed, of: function) {
      let error = errorRelativeToScale(check.gradient, reference: check.numericGradient)
      #expect(error < 1e-7, sourceLocation: sourceLocation)
      #expect(check.gradient.sumOfSquares() > 0.01, sourceLocation: sourceLocation)
    }
    expectSecondGradients(at: points, seed: seed, bound: 1e-6, sourceLocation: sourceLocation, of: function)
  }

  @Test(arguments: EverydayOperation.allCases) func theGradientIsThatOfDifferences(operation: EverydayOperation) {
    for (height, width, channels) in [(3, 4, 5), (4, 5, 4)] {
      let shape = operation.sampleShape(height: height, width: width, channels: channels)
      check([Self.draw(Shape([2] + shape), seed: 1)]) { operation($0[0]) }
    }
  }

  @Test(arguments: [1, 5]) func theGradientOfTheParametricReLU(channels: Int) {
    check([Self.draw([3, 4, 5], seed: 2), Self.draw([channels], seed: 3)]) { $0[0].parametricReLU(slope: $0[1]) }
  }

  @Test func theGradientOfAProductOfTwoBatches() {
    for (left, right) in [(false, false), (true, false), (false, true), (true, true)] {
      let x = Self.draw(left ? [2, 3, 5, 4] : [2, 3, 4, 5], seed: 4)
      let y = Self.draw(right ? [2, 3, 2, 5] : [2, 3, 5, 2], seed: 5)
      check([x, y]) { $0[0].matrixProduct($0[1], transposingSelf: left, transposingOther: right) }
      let (matrix, other) = (x[rows: 0..<1].reshaped(to: [3, 20]), y[rows: 0..<1].reshaped(to: [3, 10]))
      check([matrix, other]) { $0[0].matrixProduct($0[1], transposingSelf: true) }
    }
  }

  @Test func aRowThatIsTakenSeveralTimesHasTheSumOfItsGradients() {
    check([Self.draw([4, 3], seed: 6)]) { $0[0].gathering(rows: [2, 0, 2, 1, 2]) }
    let graph = Graph<Float>()
    let x = graph.input(.zeros([3, 1]), name: "x")
    // In the order of the rows: 1e8 + 1 − 1e8 + 1 is 1, where another order gives 0 or 2.
    let seed = Tensor<Float>([1e8, 5, 1, -1e8, 1], shape: [5, 1])
    let gradient = graph.gradients(of: x.gathering(rows: [1, 2, 1, 1, 1]), seed: seed)[x]
    #expect(gradient.elements == [0, 1, 5])
  }

  @Test func aPowerOfZeroHasNoGradientWhereItCountsForNothing() {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([0, 2]), name: "x")
    #expect(graph.gradients(of: x.raised(to: 0).sum(), isLast: false)[x].elements == [0, 0])
    #expect(graph.gradients(of: x.raised(to: 1).sum())[x].elements == [1, 1])
  }

  // MARK: - PyTorch

  /// At most 24 roundings lie between the inputs and a number of a result or a gradient, each of a value that is at most four times the
  /// largest of these, or 4.
  private func expect<Element: TensorElement>(
    _ found: Tensor<Element>, _ expected: Tensor<Double>, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let unit = Element.unitRoundoff + 2 * Double.unitRoundoff
    let largest = expected.elements.reduce(1) { max($0, abs($1)) }
    #expect(found.shape == expected.shape, "\(what)", sourceLocation: sourceLocation)
    let error = errorOverBound(
      found, reference: expected.elements, bound: expected.elements.map { _ in 96 * unit * largest })
    #expect(error <= 1, "\(what) in \(Element.self)", sourceLocation: sourceLocation)
  }

  private func checkParity<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<OperationSettings>) throws
  {
    let operation = try #require(EverydayOperation(rawValue: parity.settings.operation))
    let name = parity.settings.name
    let isExtreme = name.hasSuffix("_extreme")
    let values =
      isExtreme
      ? parity.fixture.tensor("extreme")
      : HashedNumbers("\(name).x").values(Shape(parity.settings.shape), bound: 2).converted(to: Element.self)
    let graph = Graph<Element>()
    let x = graph.input(values, name: "x")
    let y = operation(x)
    let seed = HashedNumbers("\(name).dy").values(y.shape)
    let dx = graph.gradients(of: y, seed: seed.converted())[x]
    guard isExtreme else {
      expect(y.value, parity.expected("y"), "\(name), y")
      expect(dx, parity.expected("dx"), "\(name), dx")
      return
    }
    // A value has some eight roundings of its own size. PyTorch's own in double precision are those of x times a share that has lost its
    // digits where that is near 0: 4v of x. In a gradient 1 − σ(x) is off by u, and is multiplied by x; beyond 44 it is 0 in both.
    let unit = Element.unitRoundoff + 2 * Double.unitRoundoff
    let smallest = 4 * Double(Element.leastNormalMagnitude)
    let places = values.elements.map { min(abs(Double($0)), 44) }
    let expected = parity.expected("y").elements
    #expect(
      errorOverBound(
        y.value, reference: expected,
        bound: zip(expected, places).map { 8 * unit * abs($0) + 8 * Double.unitRoundoff * $1 + smallest }) <= 1,
      "\(name), y in \(Element.self)")
    #expect(
      errorOverBound(
        dx, reference: parity.expected("dx").elements,
        bound: zip(seed.elements, places).map { (16 + $1) * unit * abs(Double($0)) + smallest }) <= 1,
      "\(name), dx in \(Element.self)")
  }

  @Test(arguments: cases.filter { $0.settings.operation != "prelu" })
  func operationsArePyTorchs(parity: ParityCase<OperationSettings>) throws {
    try checkParity(Double.self, parity)
    try checkParity(Float.self, parity)
  }

  @Test func everyOperationIsComparedWithPyTorchs() {
    let compared = Set(Self.cases.map(\.settings.operation))
    #expect(compared == Set(EverydayOperation.allCases.map(\.rawValue) + ["prelu"]))
  }

  private func checkParametricReLU<Element: TensorElement>(
    _ type: Element.Type, _ parity: ParityCase<OperationSettings>
  ) {
    let graph = Graph<Element>()
    let (x, slope) = (graph.input(parity.input("x"), name: "x"), graph.input(parity.input("slope"), name: "slope"))
    let y = x.parametricReLU(slope: slope)
    let gradients = graph.gradients(of: y, seed: parity.input("dy"))
    expect(y.value, parity.expected("y"), "y")
    expect(gradients[x], parity.expected("dx"), "dx")
    expect(gradients[slope], parity.expected("dslope"), "dslope")
  }

  @Test(arguments: cases.filter { $0.settings.operation == "prelu" })
  func theParametricReLUIsPyTorchs(parity: ParityCase<OperationSettings>) {
    checkParametricReLU(Double.self, parity)
    checkParametricReLU(Float.self, parity)
  }

  // MARK: - Numbers at the edge

  @Test func softmaxOfLargeNumbersDoesNotOverflow() {
    let x = Variable(Tensor<Float>([1e4, 1e4, -1e4, 0, -.infinity, 0], shape: [2, 3]))
    #expect(x.softmax().value.elements == [0.5, 0.5, 0, 0.5, 0, 0.5])
    let half = Functions.logarithm(Float(2))
    #expect(x.logSumExp().value.elements == [1e4 + half, half])
    #expect(x.logSoftmax().value.elements == [-half, -half, -2e4 - half, -half, -.infinity, -half])
    let nothing = Variable(Tensor<Float>(repeating: -.infinity, shape: [1, 2]))
    #expect(nothing.logSumExp().value.elements == [-.infinity])
    #expect(Variable(Tensor<Float>.zeros([2, 0])).logSumExp().value.elements == [-.infinity, -.infinity])
  }

  @Test func aNumberIsPassedOnThatIsNone() {
    let x = Variable(Tensor<Float>([.nan, 1]))
    for operation in EverydayOperation.allCases.prefix(while: { $0 != .product }) {
      let y = operation(x).value.elements
      #expect(y[0].isNaN && y[1].isFinite, "\(operation)")
    }
  }
}
