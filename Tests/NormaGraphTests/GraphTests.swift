import NormaGraph
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

@Suite struct GraphTests {
  @Test func gradientsOfAVariableThatIsUsedTwiceAddUp() {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([1, 2, 3]), name: "x")
    #expect(graph.gradients(of: (x * x).sum())[x].elements == [2, 4, 6])
    #expect(graph.gradients(of: (x + x + x).sum())[x].elements == [3, 3, 3])
    #expect(graph.gradients(of: (x - x).sum())[x].elements == [0, 0, 0])
    let y = x.squared()  // x³ + 2x² has the derivative 3x² + 4x
    #expect(graph.gradients(of: (y * x + y.scaled(by: 2)).sum())[x].elements == [7, 20, 39])
  }

  @Test func addingUpGradientsLeavesTheSeedAsItWas() {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([1, 2]), name: "x")
    let seed = Tensor<Double>([5, 7])
    #expect(graph.gradients(of: x + x, seed: seed)[x].elements == [10, 14])
    #expect(seed.elements == [5, 7])
  }

  @Test func gradientsMayBeAskedForMoreThanOnce() {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([1, 2]), name: "x")
    let loss = x.exponential().sum()
    let first = graph.gradients(of: loss)[x]
    let other = graph.gradients(of: x.squared().sum())[x]
    #expect(graph.gradients(of: loss)[x] == first)
    #expect(other.elements == [2, 4])
  }

  @Test func aResultThatDoesNotDependOnAVariableHasAGradientOfZeroForIt() {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([1, 2]), name: "x")
    let unused = graph.parameter(.ones([2, 3]), name: "unused")
    let gradients = graph.gradients(of: x.sum())
    #expect(gradients[unused] == .zeros([2, 3]))
    #expect(gradients[node: unused.node!] == nil)
    #expect(graph.gradients(of: x)[x] == .ones([2]))
    let later = graph.input(.ones([4]), name: "later")
    #expect(gradients[later] == .zeros([4]))
  }

  @Test func constantsLeaveNothingRecorded() throws {
    let x = Variable(Tensor<Double>.ones([4, 3]))
    let graph = Graph<Double>()
    let constant = graph.constant(.ones([4, 3]), name: "data")
    var generator = RandomGenerator(seed: 1)
    let y = (x * constant).relu().dropout(keepProbability: 0.5, using: &generator)
    let z = try y.linear(weight: Variable(.ones([2, 3])), bias: nil).batchNormalized().output.layerNormalized()
    #expect(graph.nodes.isEmpty)
    #expect(z.graph == nil && z.node == nil && !z.requiresGradient)
    #expect(z.shape == [4, 2])
  }

  @Test func aConstantBesideAVariableGetsNoGradient() {
    for keepsValues in [false, true] {
      let graph = Graph<Double>(keepsValues: keepsValues)
      let x = graph.input(Tensor([3, 4]), name: "x")
      let factor = graph.constant(Tensor([2, 5]), name: "factor")
      let gradients = graph.gradients(of: (x * factor).sum())
      #expect(gradients[x].elements == [2, 5])
      #expect(graph.nodes.filter { $0.kind == .constant }.allSatisfy { gradients[node: $0.index] == nil })
    }
  }

  @Test func aGraphThatKeepsValuesKeepsThoseOfEveryNodeAndTheirGradients() throws {
    let graph = Graph<Double>(keepsValues: true)
    let x = graph.input(Tensor([1, 2, 3, 5], shape: [2, 2]), name: "x")
    let weight = graph.constant(Tensor([1, -1], shape: [2, 1]), name: "weight")
    let product = x.matrixProduct(weight).named("product")
    let loss = product.squared().sum()
    let gradients = graph.gradients(of: loss)
    #expect(graph.nodes.map(\.name) == ["x", "weight", "product", "square", "sum"])
    #expect(graph.nodes.map(\.kind) == [.input, .constant, .operation, .operation, .operation])
    #expect(graph.nodes.map(\.operationName) == ["", "", "matrix product", "square", "sum"])
    #expect(graph.nodes.map(\.inputs) == [[], [], [0, 1], [2], [3]])
    #expect(graph.nodes[2].value?.elements == [-1, -2] && graph.nodes[4].value?.item == 5)
    #expect(gradients[product].elements == [-2, -4])
    #expect(gradients[node: 3] == .ones([2, 1]) && gradients[loss].item == 1)
    #expect(gradients[x].elements == [-2, 2, -4, 4])
  }

  @Test func aGraphThatKeepsValuesRecordsConstantsToo() {
    let graph = Graph<Double>(keepsValues: true)
    let one = graph.constant(.ones([2]), name: "one")
    let result = one + Variable(.ones([2]))
    #expect(graph.nodes.map(\.kind) == [.constant, .constant, .operation])
    #expect(!result.requiresGradient)
    #expect(graph.gradients(of: result)[one] == .zeros([2]))
  }

  @Test func aGraphForTrainingKeepsNoValues() {
    let graph = Graph<Float>()
    let x = graph.input(.ones([2]), name: "x")
    _ = x.squared().sum()
    #expect(graph.nodes.allSatisfy { $0.value == nil } && graph.nodes.count == 3)
  }

  @Test func differentElementTypesDifferentiateAlike() {
    let graph = Graph<Float>()
    let x = graph.input(Tensor([1, 2, 3]), name: "x")
    #expect(graph.gradients(of: (x * x).sum())[x].elements == [2, 4, 6])
  }

  /// A pullback that holds a variable of its own graph would keep the graph alive for ever.
  @Test func aGraphIsFreedWithItsLastVariable() throws {
    weak var released: Graph<Double>?
    func build() throws {
      let graph = Graph<Double>()
      released = graph
      let x = graph.input(Tensor.linearlySpaced(from: 0.5, through: 3, shape: [4, 3]), name: "x")
      let gamma = graph.parameter(.ones([3]), name: "gamma")
      let beta = graph.parameter(.ones([3]), name: "beta")
      let weight = graph.parameter(.ones([3, 3]), name: "weight")
      var generator = RandomGenerator(seed: 1)
      var y = try x.batchNormalized(gamma: gamma, beta: beta).output
      y = try y.stagedBatchNormalized(gamma: gamma, beta: beta).output
      y = y.batchNormalized(mean: Variable(.ones([3])), variance: Variable(.ones([3])), gamma: gamma, beta: beta)
      y = y.layerNormalized(gamma: gamma, beta: beta).linear(weight: weight, bias: beta).matrixProduct(weight)
      y = y.adding(gamma, broadcast: .perChannel).subtracting(gamma, broadcast: .perChannel)
      y = y.multiplied(by: gamma, broadcast: .perChannel).divided(by: gamma, broadcast: .perChannel)
      y = y.relu().leakyReLU(slope: 0.1).sigmoid().hyperbolicTangent().dropout(keepProbability: 0.5, using: &generator)
      y = y.scaled(by: 2).offset(by: 1).squared().squareRoot().reciprocal().exponential().logarithm()
      y = y.reshaped(to: [2, 6]).flattened()
      let losses = [
        y.softmaxCrossEntropy(labels: [1, 2]), y.multiclassSVM(labels: [0, 5]),
        y.meanSquaredError(targets: .ones([2, 6])),
        y.sum(), y.mean(), y.sumOverRows().sum(), y.meanOverRows().sum(),
      ]
      for loss in losses { #expect(graph.gradients(of: loss)[x].isFinite) }
    }
    try build()
    #expect(released == nil)
  }

  @Test func mixingGraphsStops() async {
    await #expect(processExitsWith: .failure) {
      _ = Graph<Double>().input(.ones([1]), name: "x") + Graph<Double>().input(.ones([1]), name: "y")
    }
  }
}

@Suite struct GradientCheckTests {
  @Test func centredDifferencesOfAPolynomialAreItsDerivative() {
    let point = Tensor<Double>([-1, 0.5, 2])
    let gradient = numericGradient(at: point) { $0.elements.reduce(0) { $0 + $1 * $1 * $1 } }
    // The difference is off by h² = 1e-10 for a cube, and by the rounding of some 8 over 2e-5.
    for (found, x) in zip(gradient.elements, point.elements) { #expect(abs(found - 3 * x * x) < 1e-9) }
  }

  @Test func aWrongGradientIsFound() {
    // The constant hides the first factor from the graph but not from the differences.
    let checks = checkGradients(at: [Tensor<Double>([1, 2])]) { Variable($0[0].value) * $0[0] }
    #expect(checks[0].relativeError > 0.3)
    #expect(checks[0].gradient.elements == [1, 2])
    #expect(relativeError(checks[0].numericGradient, Tensor([2, 4])) < 1e-9)
  }

  @Test func theSeedWeighsTheResults() {
    let checks = checkGradients(at: [Tensor<Double>([1, 2])], seed: Tensor([3, -1])) { $0[0].squared() }
    #expect(checks[0].gradient.elements == [6, -4])
    #expect(checks[0].relativeError < 1e-9)
  }
}
