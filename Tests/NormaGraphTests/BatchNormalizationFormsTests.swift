import NormaGraph
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

@Suite struct BatchNormalizationFormsTests {
  /// The output of one form and the gradients of x, gamma and beta.
  private func run<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>, beta: Tensor<Element>, seed: Tensor<Element>,
    _ form: (Variable<Element>, Variable<Element>, Variable<Element>) throws -> Variable<Element>
  ) rethrows -> [Tensor<Element>] {
    let graph = Graph<Element>()
    let inputs = (graph.input(x, name: "x"), graph.parameter(gamma, name: "γ"), graph.parameter(beta, name: "β"))
    let output = try form(inputs.0, inputs.1, inputs.2)
    let gradients = graph.gradients(of: output, seed: seed)
    return [output.value, gradients[inputs.0], gradients[inputs.1], gradients[inputs.2]]
  }

  @Test(arguments: [[7, 3], [100, 500], [2, 3, 4, 5], [2, 1]])
  func theThreeFormsWithAFollowingReLUAgree(shape: [Int]) throws {
    let shape = Shape(shape)
    var generator = RandomGenerator(seed: 71)
    let x = Tensor<Double>.normal(shape, mean: 12, standardDeviation: 5, using: &generator)
    let gamma = Tensor<Double>.normal([shape.channelCount], using: &generator)
    let beta = Tensor<Double>.normal([shape.channelCount], using: &generator)
    let seed = Tensor<Double>.normal(shape, using: &generator)
    let staged = try run(x, gamma: gamma, beta: beta, seed: seed) {
      try $0.stagedBatchNormalized(gamma: $1, beta: $2).output.relu()
    }
    let closed = try run(x, gamma: gamma, beta: beta, seed: seed) {
      try $0.batchNormalized(gamma: $1, beta: $2).output.relu()
    }
    let fused = try run(x, gamma: gamma, beta: beta, seed: seed) {
      try $0.batchNormalized(gamma: $1, beta: $2, rectifies: true).output
    }
    // The same sums of at most 100 terms, grouped differently, relative to the largest of each tensor.
    for (one, other) in zip(staged, closed) { #expect(errorRelativeToScale(one, reference: other) < 1e-13) }
    #expect(zip(closed, fused).allSatisfy { $0 == $1 })
  }

  // CS231n 2019, assignment 2, BatchNormalization.ipynb, "Batch normalization: alternative backward pass": differences of
  // 5e-13 to 4.5e-12 were reported. The measure is relative to each element, so it says how near to 0 the nearest of the
  // 50,000 comes, too: for this seed 1e-7.
  @Test func theClosedFormDiffersFromTheStagedByRoundingAlone() throws {
    var generator = RandomGenerator(seed: 3)
    let x = Tensor<Double>.normal([100, 500], mean: 12, standardDeviation: 5, using: &generator)
    let gamma = Tensor<Double>.normal([500], using: &generator)
    let beta = Tensor<Double>.normal([500], using: &generator)
    let seed = Tensor<Double>.normal([100, 500], using: &generator)
    let staged = try run(x, gamma: gamma, beta: beta, seed: seed) {
      try $0.stagedBatchNormalized(gamma: $1, beta: $2).output
    }
    let closed = try run(x, gamma: gamma, beta: beta, seed: seed) {
      try $0.batchNormalized(gamma: $1, beta: $2).output
    }
    for (one, other) in zip(staged, closed) { #expect(relativeError(one, other) <= 1e-11) }
  }

  @Test func theStagedFormIsKratzertsGraph() throws {
    let graph = Graph<Double>(keepsValues: true)
    let x = graph.input(Tensor([1, 2, 3, 6], shape: [4, 1]), name: "x")
    let gamma = graph.parameter(Tensor([2]), name: "γ")
    let beta = graph.parameter(Tensor([1]), name: "β")
    let (y, moments) = try x.stagedBatchNormalized(gamma: gamma, beta: beta, epsilon: 0.5)
    let gradients = graph.gradients(of: y, seed: Tensor([1, 0, 0, 0], shape: [4, 1]))
    let values = graph.nodes.dropFirst(3).map { $0.value?.elements ?? [] }
    // Mean 3, variance 3.5, s = √4 = 2.
    #expect(
      values == [
        [3], [-2, -1, 0, 3], [4, 1, 0, 9], [3.5], [4], [2], [0.5], [-1, -0.5, 0, 1.5], [-2, -1, 0, 3], [-1, 0, 1, 4],
      ])
    let symbols = graph.nodes.dropFirst(3).map { String($0.name.prefix(2)) }
    #expect(symbols == ["μ ", "c ", "q ", "v ", "u ", "s ", "r ", "x̂ ", "t ", "y "])
    // ∂γ = Σ g·x̂ = −1, ∂β = 1; ∂x = γ/(N·s)·(N·g − ∂β − x̂·∂γ) = ¼·([4, 0, 0, 0] − 1 + x̂).
    #expect(gradients[gamma].item == -1 && gradients[beta].item == 1)
    #expect(relativeError(gradients[x], Tensor([0.5, -0.375, -0.25, 0.125], shape: [4, 1])) < 1e-14)
    #expect(moments.count == 4 && moments.mean.item == 3 && moments.centredSecondMoment.item == 14)
  }

  @Test func aSingleValuePerChannelIsAnErrorInEveryForm() throws {
    let graph = Graph<Double>()
    let x = graph.input(Tensor([3, 4], shape: [1, 2]), name: "x")
    let error = NormalizationError.singleValuePerChannel(shape: [1, 2])
    #expect(throws: error) { try x.batchNormalized() }
    #expect(throws: error) { try x.stagedBatchNormalized() }
    let beta = graph.parameter(Tensor([5, 6]), name: "β")
    for output in [
      try x.batchNormalized(beta: beta, allowsSingleValue: true).output,
      try x.stagedBatchNormalized(beta: beta, allowsSingleValue: true).output,
    ] {
      #expect(output.value.elements == [5, 6])
      #expect(graph.gradients(of: output)[x].elements == [0, 0])
      #expect(graph.gradients(of: output)[beta].elements == [1, 1])
    }
  }

  @Test func anEmptyBatchPassesThroughEveryForm() throws {
    let graph = Graph<Float>()
    let x = graph.input(.zeros([0, 2]), name: "x")
    let (gamma, beta) = (graph.parameter(.ones([2]), name: "γ"), graph.parameter(.ones([2]), name: "β"))
    for (output, moments) in [
      try x.batchNormalized(gamma: gamma, beta: beta), try x.stagedBatchNormalized(gamma: gamma, beta: beta),
      try x.batchNormalized(gamma: gamma, beta: beta, rectifies: true),
    ] {
      #expect(output.shape == [0, 2] && moments.count == 0)
      let gradients = graph.gradients(of: output)
      #expect(gradients[x].shape == [0, 2] && gradients[gamma] == .zeros([2]) && gradients[beta] == .zeros([2]))
    }
  }
}
