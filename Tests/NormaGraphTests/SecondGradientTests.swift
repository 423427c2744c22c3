import NormaConvolution
import NormaGraph
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Gradients of gradients. Those of each operation are checked where its gradient is (`expectSecondGradients`); here are the rest, PyTorch's
/// double backward, and what is made of them.
@Suite struct SecondGradientTests {
  private static func draw(_ shape: Shape, seed: UInt64) -> Values {
    var random = RandomGenerator(seed: seed)
    return .normal(shape, using: &random)
  }

  private func expect(
    _ points: [Values], result: Shape, bound: Double = 1e-7, sourceLocation: SourceLocation = #_sourceLocation,
    of function: ([Variable<Double>]) throws -> Variable<Double>
  ) {
    expectSecondGradients(
      at: points, seed: Self.draw(result, seed: 3), bound: bound, sourceLocation: sourceLocation, of: function)
  }

  // MARK: - Operations whose gradients are checked elsewhere

  @Test func normalizationsWithoutParameters() {
    let x = Self.draw([2, 3, 4, 3], seed: 1)
    for axes in [[0, 2, 3], [1], [-1], [0, 1, 2, 3]] {
      expect([x], result: x.shape) { $0[0].meanVarianceNormalized(over: axes) }
    }
    for norm in LpNormalization.Norm.allCases {
      for axis in [0, 2, -1] { expect([x], result: x.shape) { $0[0].normalized(by: norm, axis: axis) } }
    }
    for size in [1, 2, 5] {
      let normalization = LocalResponseNormalization(size: size, alpha: 0.7, beta: 0.6, k: 1.5)
      expect([x], result: x.shape) { $0[0].normalized(by: normalization) }
    }
  }

  @Test func aRowOfZerosHasNoSecondGradientByItsNorm() throws {
    let graph = Graph<Double>()
    let x = graph.input(Values([0, 0, 3, 4], shape: [2, 2]), name: "x")
    for norm in LpNormalization.Norm.allCases {
      let slopes = try graph.gradients(
        of: x.normalized(by: norm), withRespectTo: [x], seed: Variable(Values([1, 2, 3, 4], shape: [2, 2])),
        differentiable: true)
      let second = graph.gradients(of: slopes[0].squared().sum())[x]
      #expect(slopes[0].value.elements[0..<2] == [0, 0] && second.elements[0..<2] == [0, 0])
      #expect(second.isFinite)
    }
  }

  @Test func losses() {
    let scores = Self.draw([5, 4], seed: 4)
    let labels = [0, 3, 2, 1, 3]
    let weights = [1, 0.5, 2, 0, 1.5]
    let targets = Self.draw([5, 4], seed: 5)
    for weights in [nil, weights] {
      expect([scores], result: []) { $0[0].softmaxCrossEntropy(labels: labels, weights: weights) }
      expect([scores], result: []) {
        $0[0].softmaxCrossEntropy(labels: labels, weights: weights, labelSmoothing: 0.2)
      }
      expect([scores], result: []) { $0[0].focalLoss(labels: labels, focus: 2, weights: weights) }
      expect([scores], result: []) { $0[0].focalLoss(labels: labels, focus: 1.5, weights: weights) }
      expect([scores], result: []) { $0[0].multiclassSVM(labels: labels, weights: weights) }
      expect([scores], result: []) { $0[0].meanSquaredError(targets: targets, weights: weights) }
      expect([scores], result: []) { $0[0].huberLoss(targets: targets, threshold: 0.8, weights: weights) }
      expect([scores], result: []) {
        $0[0].binaryCrossEntropy(targets: targets.applying(.sigmoid), weights: weights)
      }
    }
  }

  @Test func attentionAndWhitening() throws {
    let (queries, keys, values) = (
      Self.draw([2, 3, 4], seed: 6), Self.draw([2, 5, 4], seed: 7), Self.draw([2, 5, 6], seed: 8)
    )
    for isCausal in [false, true] {
      expect([queries, keys, values], result: [2, 3, 6]) { inputs in
        var random = RandomGenerator(seed: 9)
        return inputs[0].attention(
          keys: inputs[1], values: inputs[2], heads: 2, isCausal: isCausal, keepProbability: 0.8, using: &random)
      }
    }
    expect([Self.draw([7, 4], seed: 10)], result: [7, 4], bound: 1e-6) {
      try $0[0].whitened(groups: 2, iterations: 3).output
    }
  }

  // MARK: - Third derivatives

  /// The gradient of a function's input, as a function.
  private func slope(
    _ seed: Values, of function: @escaping ([Variable<Double>]) throws -> Variable<Double>
  ) -> ([Variable<Double>]) throws -> Variable<Double> {
    { inputs in
      let result = try function(inputs)
      return try inputs[0].graph!.gradients(
        of: result, withRespectTo: [inputs[0]], seed: Variable(seed), differentiable: true)[0]
    }
  }

  @Test func gradientsOfSecondGradients() {
    let images = [Self.draw([3, 2, 2, 4], seed: 11), Self.draw([4], seed: 12), Self.draw([4], seed: 13)]
    let seed = Self.draw(images[0].shape, seed: 14)
    func expectThird(_ count: Int, _ function: @escaping ([Variable<Double>]) throws -> Variable<Double>) {
      expect(Array(images.prefix(count)), result: images[0].shape, bound: 1e-6, of: slope(seed, of: function))
    }
    expectThird(3) { try $0[0].batchNormalized(gamma: $0[1], beta: $0[2]).output }
    expectThird(3) { try $0[0].stagedBatchNormalized(gamma: $0[1], beta: $0[2]).output }
    expectThird(3) { $0[0].layerNormalized(gamma: $0[1], beta: $0[2]) }
    expectThird(3) { $0[0].groupNormalized(groups: 2, gamma: $0[1], beta: $0[2]) }
    expectThird(2) { $0[0].rmsNormalized(gamma: $0[1]) }
    expectThird(1) { $0[0].gelu() }
    expectThird(1) { $0[0].softmax() }
  }

  @Test func derivativesOfAnyOrderOfAPower() throws {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([1.5, -2]), name: "x")
    var derivative = x.raised(to: 5)
    for (factor, exponent) in [(5.0, 4), (20, 3), (60, 2), (120, 1), (120, 0)] {
      derivative = try graph.gradients(of: derivative, withRespectTo: [x], differentiable: true)[0]
      for (value, x) in zip(derivative.value.elements, x.value.elements) {
        let expected = (0..<exponent).reduce(factor) { product, _ in product * x }
        #expect(abs(value - expected) <= 16 * Double.unitRoundoff * abs(expected))
      }
    }
  }

  // MARK: - Closed and staged form

  @Test func theSecondDerivativeInClosedFormIsThatOfTheSteps() throws {
    let (x, gamma, beta) = (Self.draw([16, 3, 5], seed: 15), Self.draw([5], seed: 16), Self.draw([5], seed: 17))
    let (seed, direction) = (Self.draw(x.shape, seed: 18), Self.draw(x.shape, seed: 19))
    func second(_ isStaged: Bool, mean: Double) throws -> [Values] {
      let graph = Graph<Double>()
      let inputs = [x + mean, gamma, beta].map { graph.input($0, name: "input") }
      let output =
        try isStaged
        ? inputs[0].stagedBatchNormalized(gamma: inputs[1], beta: inputs[2]).output
        : inputs[0].batchNormalized(gamma: inputs[1], beta: inputs[2]).output
      let slopes = try graph.gradients(
        of: output, withRespectTo: [inputs[0], inputs[1]], seed: Variable(seed), differentiable: true)
      let gradients = graph.gradients(of: (slopes[0] * Variable(direction)).sum() + slopes[1].squared().sum())
      return inputs.map { gradients[$0] }
    }
    for mean in [0.0, 1000] {
      for (closed, staged) in zip(try second(false, mean: mean), try second(true, mean: mean)) {
        // Chains of some forty operations of numbers up to 10, of inputs rounded to the precision of the mean.
        #expect(errorRelativeToScale(closed, reference: staged) < 1000 * (1 + mean) * Double.unitRoundoff)
      }
    }
  }

  // MARK: - PyTorch

  static let cases = ParityFixture.cases(of: "second_gradients", SecondGradientSettings.self)

  private func apply<Element: TensorElement>(
    _ settings: SecondGradientSettings, _ inputs: [Variable<Element>]
  ) throws -> Variable<Element> {
    let (x, parameters) = (inputs[0], Array(inputs.dropFirst()))
    let (gamma, beta) = (parameters.first, parameters.dropFirst().first)
    switch settings.function {
    case "batch", "batch_relu":
      return try x.batchNormalized(
        gamma: gamma, beta: beta, epsilon: settings.epsilon, rectifies: settings.function == "batch_relu"
      ).output
    case "layer": return x.layerNormalized(gamma: gamma, beta: beta, epsilon: settings.epsilon)
    case "rms": return x.rmsNormalized(gamma: gamma, epsilon: settings.epsilon)
    case "group":
      return x.groupNormalized(groups: settings.groups, gamma: gamma, beta: beta, epsilon: settings.epsilon)
    case "convolution":
      return x.convolved(weight: parameters[0], bias: beta, window: Window(3, stride: 2, padding: 1))
    case "softmax": return x.softmax()
    case "gelu": return x.gelu()
    case "max_pool": return x.maxPooled(Window(2, stride: 2))
    case "cross_entropy":
      return x.softmaxCrossEntropy(labels: (0..<x.shape[0]).map { $0 % x.shape[1] }, labelSmoothing: 0.1)
    case "hessian_batch":
      let hidden = try x.linear(weight: parameters[0], bias: nil).batchNormalized(
        gamma: parameters[1], beta: parameters[2], epsilon: settings.epsilon
      ).output
      return hidden.sigmoid().linear(weight: parameters[3], bias: parameters[4])
        .softmaxCrossEntropy(labels: (0..<x.shape[0]).map { $0 % parameters[4].shape[0] })
    case "penalty_layer", "penalty_batch":
      var hidden = x.linear(weight: parameters[0], bias: parameters[1])
      hidden =
        settings.function == "penalty_layer"
        ? hidden.layerNormalized(gamma: parameters[2], beta: parameters[3], epsilon: settings.epsilon)
        : try hidden.batchNormalized(gamma: parameters[2], beta: parameters[3], epsilon: settings.epsilon).output
      let scores = hidden.hyperbolicTangent().linear(weight: parameters[4], bias: nil)
      let slopes = try x.graph!.gradients(of: scores.sum(), withRespectTo: [x], differentiable: true)[0]
      let lengths = slopes.squared().sum(over: [1]).squareRoot()
      return scores.mean() + 10 * (lengths - 1).squared().mean()
    default: fatalError("no function \(settings.function)")
    }
  }

  private func check<Element: TensorElement>(
    _ type: Element.Type, _ parity: ParityCase<SecondGradientSettings>
  ) throws {
    let graph = Graph<Element>()
    let names = ["x"] + parity.settings.parameters.indices.map { "p\($0)" }
    let inputs = names.map { graph.input(parity.input($0), name: $0) }
    let y = try apply(parity.settings, inputs)
    let seed = graph.input(
      parity.expected("seed").converted(to: Element.self).reshaped(to: y.shape), name: "seed")
    /// Some fifty roundings of numbers that the largest is a measure of, each of which a mean of 30 deviations makes so much larger.
    func expect(_ found: Tensor<Element>, _ name: String) {
      let expected = parity.expected(name)
      let unit = (Element.unitRoundoff + Double.unitRoundoff) * Swift.max(1, 2 * parity.settings.mean)
      let scale = expected.elements.reduce(1) { Swift.max($0, abs($1)) }
      let error = zip(found.elements, expected.elements).reduce(0) { Swift.max($0, abs(Double($1.0) - $1.1)) }
      #expect(error <= 64 * unit * scale, "\(name) in \(Element.self)")
    }
    expect(y.value.reshaped(to: [y.value.count]), "y")
    let isPenalty = parity.settings.function.hasPrefix("penalty")
    let slopes = try graph.gradients(of: y, withRespectTo: inputs, seed: seed, differentiable: !isPenalty)
    for (name, slope) in zip(names, slopes) { expect(slope.value, "d\(name)") }
    guard !isPenalty else { return }
    let parts = zip(names, slopes).map { ($1 * Variable(parity.input("direction_\($0)"))).sum() }
    let second = graph.gradients(of: parts.dropFirst().reduce(parts[0], +))
    for (name, variable) in zip(names + ["seed"], inputs + [seed]) { expect(second[variable], "d2\(name)") }
    // The product with the Hessian is the same without a seed.
    guard parity.settings.function == "hessian_batch" else { return }
    let products = try graph.hessianVectorProduct(
      of: y * seed, withRespectTo: inputs, vectors: names.map { parity.input("direction_\($0)") })
    for (name, product) in zip(names, products) { expect(product, "d2\(name)") }
  }

  @Test(arguments: cases) func doubleBackwardIsPyTorchs(parity: ParityCase<SecondGradientSettings>) throws {
    try check(Double.self, parity)
    try check(Float.self, parity)
  }

  // MARK: - The walk

  @Test func onlyWhatLiesBetweenIsComputed() throws {
    let graph = Graph<Double>()
    let x = graph.input(Self.draw([3, 2], seed: 20), name: "x")
    let weight = graph.parameter(Self.draw([2, 2], seed: 21), name: "weight")
    let y = x.matrixProduct(weight).sum()
    let count = graph.nodes.count
    let slope = try graph.gradients(of: y, withRespectTo: [x], differentiable: true)[0]
    // The seed is a constant until it meets the weight.
    #expect(graph.nodes[count...].filter { $0.kind == .operation }.map(\.operationName) == ["matrix product"])
    #expect(slope.requiresGradient)
    #expect(graph.gradients(of: slope.sum())[weight] == Tensor(repeating: 3, shape: [2, 2]))
  }

  @Test func whatAResultDoesNotDependOnHasZeros() throws {
    let graph = Graph<Double>()
    let (x, other) = (graph.input(Tensor([2, 3]), name: "x"), graph.input(Tensor([1]), name: "other"))
    let found = try graph.gradients(of: x.squared(), withRespectTo: [other, x], differentiable: true)
    #expect(found[0].value.elements == [0] && found[1].value.elements == [4, 6])
    let constants = try graph.gradients(of: x.squared(), withRespectTo: [x], differentiable: false)
    #expect(constants[0].value.elements == [4, 6] && !constants[0].requiresGradient)
    // A result may be asked for, too: the walk goes through it to what it comes from.
    let y = x.squared()
    let both = try graph.gradients(of: y.squared().sum(), withRespectTo: [x, y], differentiable: true)
    #expect(both.map(\.value.elements) == [[32, 108], [8, 18]])
  }

  @Test func anOperationWithoutSuchAWayIsNamed() throws {
    struct Doubled: TensorOperation {
      let name = "doubled"
      func forward(_ inputs: [Tensor<Double>]) -> (output: Tensor<Double>, saved: Void) { (2 * inputs[0], ()) }
      func backward(_ g: Tensor<Double>, _ kept: Kept<Double>, saved: Void) -> [Tensor<Double>?] { [2 * g] }
    }
    let graph = Graph<Double>()
    let x = graph.input(Tensor([2, 3]), name: "x")
    let y = x.squared().applying(Doubled())
    #expect(throws: DifferentiationError(operation: "doubled")) {
      try graph.gradients(of: y, withRespectTo: [x], differentiable: true)
    }
    #expect(graph.gradients(of: y)[x].elements == [8, 12])
    #expect(try graph.gradients(of: y, withRespectTo: [x], differentiable: false)[0].value.elements == [8, 12])
    #expect(
      DifferentiationError(operation: "doubled").description
        == "the gradient of \"doubled\" cannot be differentiated: the operation has no backward pass of variables")
  }

  @Test func aGraphIsLetGoWithItsGradients() throws {
    weak var left: Graph<Float>?
    do {
      let graph = Graph<Float>()
      left = graph
      let x = graph.input(.ones([3, 2]), name: "x")
      let y = try x.batchNormalized(rectifies: true, isRecomputed: true).output.squared()
      let slope = try graph.gradients(of: y, withRespectTo: [x], differentiable: true)[0]
      _ = graph.gradients(of: slope.squared().sum())
      #expect(left != nil)
    }
    #expect(left == nil)
  }

  // MARK: - The documentation

  private struct Cubed: TensorOperation {
    let name = "cubed"
    func forward(_ inputs: [Tensor<Double>]) -> (output: Tensor<Double>, saved: Void) {
      (inputs[0] * inputs[0] * inputs[0], ())
    }
    func backward(_ gradient: Tensor<Double>, _ kept: Kept<Double>, saved: Void) -> [Tensor<Double>?] {
      [3 * (gradient * kept.input(0) * kept.input(0))]
    }
    func backward(_ gradient: Variable<Double>, _ kept: KeptVariables<Double>, saved: Void) -> [Variable<Double>?] {
      [3 * (gradient * kept.input(0).squared())]
    }
  }

  @Test func theExamplesOfTheDocumentationSayWhatTheyShow() throws {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([1, 2, 3], shape: [3, 1]), name: "x")
    let y = x.raised(to: 3).sum()
    let slope = try graph.gradients(of: y, withRespectTo: [x], differentiable: true)[0]
    #expect(slope.value.elements == [3, 12, 27])
    #expect(graph.gradients(of: slope.squared().sum())[x].elements == [36, 288, 972])
    let bend = try graph.gradients(of: x.applying(Cubed()), withRespectTo: [x], differentiable: true)[0]
    #expect(bend.value == slope.value && graph.gradients(of: bend)[x].elements == [6, 12, 18])
  }
}
