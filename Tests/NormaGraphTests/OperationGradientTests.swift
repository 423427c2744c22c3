import NormaGraph
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

typealias Values = Tensor<Double>

/// The gradient check of every operation: the graph's gradient against centred differences, in CS231n's measure.
///
/// With step h the differences are off by about h²·f‴/6 and by the rounding of f over h: with h = 1e-5 some 1e-10 each for
/// numbers around 1, so 1e-8 of each gradient that is not itself much smaller.
@Suite struct OperationGradientTests {
  private static func draw(_ shape: Shape, in range: Range<Double> = 0.5..<2, seed: UInt64) -> Values {
    var generator = RandomGenerator(seed: seed)
    return .uniform(shape, in: range, using: &generator)
  }

  /// Values from 0.5 to 2 of either sign: no operation has a kink or a pole nearer than the step.
  private static func drawSigned(_ shape: Shape, seed: UInt64) -> Values {
    let signs = draw(shape, in: -1..<1, seed: seed &+ 1000)
    return draw(shape, seed: seed) * Values(signs.elements.map { $0 < 0 ? -1 : 1 }, shape: shape)
  }

  /// Checks with a seed of random gradients, so that gradients of elements differ and do not add up to 0.
  private func check(
    _ points: [Values], result: Shape, bound: Double = 1e-8, sourceLocation: SourceLocation = #_sourceLocation,
    of function: ([Variable<Double>]) throws -> Variable<Double>
  ) rethrows {
    let seed = Self.drawSigned(result, seed: 77)
    let checks = try checkGradients(at: points, seed: seed, of: function)
    #expect(checks.count == points.count, sourceLocation: sourceLocation)
    for check in checks { #expect(check.relativeError < bound, sourceLocation: sourceLocation) }
    #expect(checks.contains { $0.gradient.sumOfSquares() > 0 }, sourceLocation: sourceLocation)
    expectSecondGradients(at: points, seed: seed, sourceLocation: sourceLocation, of: function)
  }

  struct Binary: Sendable, CustomStringConvertible {
    let description: String
    let function: @Sendable (Variable<Double>, Variable<Double>, Broadcast) -> Variable<Double>
  }

  private static let binaries = [
    Binary(description: "add") { $0.adding($1, broadcast: $2) },
    Binary(description: "subtract") { $0.subtracting($1, broadcast: $2) },
    Binary(description: "multiply") { $0.multiplied(by: $1, broadcast: $2) },
    Binary(description: "divide") { $0.divided(by: $1, broadcast: $2) },
  ]

  @Test(arguments: binaries, [[4, 3], [2, 3, 5], [1, 1]])
  private func binaryOperationsWithEveryBroadcast(operation: Binary, shape: [Int]) {
    let shape = Shape(shape)
    let x = Self.drawSigned(shape, seed: 1)
    let operands: [(Shape, Broadcast)] = [
      (shape, .none), ([shape.channelCount], .perChannel), ([shape.rowCount], .perRow),
      (shape.replacingLast(with: 1), .perRow),
    ]
    for (operand, broadcast) in operands {
      check([x, Self.drawSigned(operand, seed: 2)], result: shape) { operation.function($0[0], $0[1], broadcast) }
    }
  }

  @Test func operatorsAreTheOperationsTheyStandFor() {
    let points = [Self.drawSigned([3, 2], seed: 3), Self.drawSigned([3, 2], seed: 4)]
    check(points, result: [3, 2]) { ($0[0] + $0[1]) * ($0[0] - $0[1]) / $0[1] }
  }

  struct Unary: Sendable, CustomStringConvertible {
    let description: String
    /// The shape of the result for that of the input.
    var result: @Sendable (Shape) -> Shape = { $0 }
    let function: @Sendable (Variable<Double>) -> Variable<Double>
  }

  private static let unaries = [
    Unary(description: "scale") { $0.scaled(by: -2.5) }, Unary(description: "offset") { $0.offset(by: 3) },
    Unary(description: "square") { $0.squared() },
    Unary(description: "square root") { $0.squared().squareRoot() },
    Unary(description: "square root with offset") { $0.offset(by: 2.5).squareRoot() },
    Unary(description: "reciprocal") { $0.reciprocal() }, Unary(description: "exponential") { $0.exponential() },
    Unary(description: "logarithm") { $0.squared().logarithm() }, Unary(description: "ReLU") { $0.relu() },
    Unary(description: "leaky ReLU") { $0.leakyReLU(slope: 0.1) },
    Unary(description: "leaky ReLU with a negative slope") { $0.leakyReLU(slope: -0.3) },
    Unary(description: "sigmoid") { $0.sigmoid() }, Unary(description: "tanh") { $0.hyperbolicTangent() },
    Unary(description: "sum", result: { _ in [] }, function: { $0.sum() }),
    Unary(description: "mean", result: { _ in [] }, function: { $0.mean() }),
    Unary(description: "sum over rows", result: { [$0.channelCount] }, function: { $0.sumOverRows() }),
    Unary(description: "mean over rows", result: { [$0.channelCount] }, function: { $0.meanOverRows() }),
    Unary(
      description: "reshape", result: { [$0.elementCount, 1] },
      function: { $0.reshaped(to: [$0.shape.elementCount, 1]) }),
    Unary(description: "flatten", result: { [$0[0], $0.elementCount / $0[0]] }, function: { $0.flattened() }),
  ]

  @Test(arguments: unaries, [[7], [4, 3], [2, 3, 5]])
  private func unaryOperationsAndReductions(operation: Unary, shape: [Int]) {
    let shape = Shape(shape)
    check([Self.drawSigned(shape, seed: 5)], result: operation.result(shape)) { operation.function($0[0]) }
  }

  @Test func dropoutWithTheSameDraws() {
    check([Self.drawSigned([6, 5], seed: 6)], result: [6, 5]) { inputs in
      var generator = RandomGenerator(seed: 7)
      return inputs[0].dropout(keepProbability: 0.6, using: &generator)
    }
  }

  @Test func theMatrixProduct() {
    let points = [Self.drawSigned([4, 3], seed: 8), Self.drawSigned([3, 5], seed: 9)]
    check(points, result: [4, 5]) { $0[0].matrixProduct($0[1]) }
  }

  @Test(arguments: [[4, 3], [2, 2, 3]]) func theLinearMap(shape: [Int]) {
    let points = [
      Self.drawSigned(Shape(shape), seed: 10), Self.drawSigned([5, 3], seed: 11), Self.draw([5], seed: 12),
    ]
    let result = Shape(shape).replacingLast(with: 5)
    check(points, result: result) { $0[0].linear(weight: $0[1], bias: $0[2]) }
    check(Array(points.prefix(2)), result: result) { $0[0].linear(weight: $0[1], bias: nil) }
  }

  @Test func theLosses() {
    let scores = Self.drawSigned([5, 4], seed: 13)
    let labels = [0, 3, 2, 1, 3]
    check([scores], result: []) { $0[0].softmaxCrossEntropy(labels: labels) }
    check([scores], result: []) { $0[0].multiclassSVM(labels: labels) }
    let targets = Self.draw([5, 4], seed: 14)
    check([scores], result: []) { $0[0].meanSquaredError(targets: targets) }
  }

  @Test(arguments: [[7, 3], [2, 3, 4], [4, 1]], [true, false])
  func batchNormalizationInItsThreeForms(shape: [Int], affine: Bool) throws {
    let shape = Shape(shape)
    let x = Self.drawSigned(shape, seed: 15)
    let vectors = [Self.drawSigned([shape.channelCount], seed: 16), Self.draw([shape.channelCount], seed: 17)]
    let points = [x] + (affine ? vectors : [])
    func gamma(_ inputs: [Variable<Double>]) -> Variable<Double>? { affine ? inputs[1] : nil }
    func beta(_ inputs: [Variable<Double>]) -> Variable<Double>? { affine ? inputs[2] : nil }
    try check(points, result: shape) { try $0[0].stagedBatchNormalized(gamma: gamma($0), beta: beta($0)).output }
    try check(points, result: shape) { try $0[0].batchNormalized(gamma: gamma($0), beta: beta($0)).output }
    try check(points, result: shape) {
      try $0[0].batchNormalized(gamma: gamma($0), beta: beta($0), rectifies: true).output
    }
  }

  @Test(arguments: [(true, false), (false, true)])
  func batchNormalizationWithGammaOrBetaAlone(hasGamma: Bool, hasBeta: Bool) throws {
    let points = [Self.drawSigned([5, 3], seed: 18), Self.drawSigned([3], seed: 19)]
    try check(points, result: [5, 3]) {
      try $0[0].batchNormalized(gamma: hasGamma ? $0[1] : nil, beta: hasBeta ? $0[1] : nil).output
    }
    try check(points, result: [5, 3]) {
      try $0[0].stagedBatchNormalized(gamma: hasGamma ? $0[1] : nil, beta: hasBeta ? $0[1] : nil).output
    }
    check(points, result: [5, 3]) {
      $0[0].layerNormalized(gamma: hasGamma ? $0[1] : nil, beta: hasBeta ? $0[1] : nil)
    }
  }

  @Test func batchNormalizationWithChannelsFirst() throws {
    let points = [Self.drawSigned([3, 2, 4], seed: 20), Self.drawSigned([2], seed: 21), Self.draw([2], seed: 22)]
    for rectifies in [false, true] {
      try check(points, result: [3, 2, 4]) {
        try $0[0].batchNormalized(gamma: $0[1], beta: $0[2], layout: .channelsFirst, rectifies: rectifies).output
      }
    }
  }

  @Test func batchNormalizationInInference() {
    let points = [Self.drawSigned([5, 3], seed: 23), Self.drawSigned([3], seed: 24), Self.draw([3], seed: 25)]
    let (mean, variance) = (Self.draw([3], seed: 26), Self.draw([3], seed: 27))
    for rectifies in [false, true] {
      check(points, result: [5, 3]) {
        $0[0].batchNormalized(
          mean: Variable(mean), variance: Variable(variance), gamma: $0[1], beta: $0[2], rectifies: rectifies)
      }
      check([points[0]], result: [5, 3]) {
        $0[0].batchNormalized(mean: Variable(mean), variance: Variable(variance), rectifies: rectifies)
      }
    }
  }

  @Test(arguments: [[4, 5], [2, 3, 4]]) func layerNormalization(shape: [Int]) {
    let shape = Shape(shape)
    let points = [
      Self.drawSigned(shape, seed: 28), Self.drawSigned([shape.channelCount], seed: 29),
      Self.draw([shape.channelCount], seed: 30),
    ]
    check(points, result: shape) { $0[0].layerNormalized(gamma: $0[1], beta: $0[2]) }
    check([points[0]], result: shape) { $0[0].layerNormalized() }
  }

  @Test(arguments: [[4, 5], [2, 3, 4]]) func rmsNormalization(shape: [Int]) {
    let shape = Shape(shape)
    let points = [Self.drawSigned(shape, seed: 34), Self.drawSigned([shape.channelCount], seed: 35)]
    check(points, result: shape) { $0[0].rmsNormalized(gamma: $0[1]) }
    check([points[0]], result: shape) { $0[0].rmsNormalized() }
  }

  // Of so many gradients some are a hundredth of the others, so the same error weighs more: sums of 24 terms of up to 10 are
  // rounded by some 3e-15, over 2h that is 1.5e-10, beside gradients of 5e-4. CS231n's notebook reports 7e-8.
  @Test(arguments: ChannelLayout.allCases, [1, 2, 4]) func groupNormalization(layout: ChannelLayout, groups: Int) {
    let shape: Shape = layout == .channelsLast ? [2, 3, 2, 4] : [2, 4, 3, 2]
    let points = [Self.drawSigned(shape, seed: 31), Self.drawSigned([4], seed: 32), Self.draw([4], seed: 33)]
    func check(_ used: [Int], _ function: ([Variable<Double>]) -> Variable<Double>) {
      self.check(used.map { points[$0] }, result: shape, bound: 3e-7, of: function)
    }
    for rectifies in [false, true] {
      check([0, 1, 2]) {
        $0[0].groupNormalized(groups: groups, gamma: $0[1], beta: $0[2], layout: layout, rectifies: rectifies)
      }
      check([0]) { $0[0].groupNormalized(groups: groups, layout: layout, rectifies: rectifies) }
    }
    check([0, 1]) { $0[0].groupNormalized(groups: groups, gamma: $0[1], layout: layout) }
    check([0, 2]) { $0[0].groupNormalized(groups: groups, beta: $0[1], layout: layout) }
  }
}
