import NormaGraph
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// The numbers of the article on batch normalization, which were worked out by hand; none of them rounds.
@Suite struct ArticleTests {
  private let x = Tensor<Double>([1, 2, 3, 6], shape: [4, 1])
  private let gradient = Tensor<Double>([1, 2, 0, 1], shape: [4, 1])

  @Test func everyNodeHasTheArticlesValueAndGradient() throws {
    let graph = Graph<Double>(keepsValues: true)
    let input = graph.input(x, name: "x")
    let gamma = graph.parameter(Tensor([2]), name: "γ")
    let beta = graph.parameter(Tensor([1]), name: "β")
    let (y, _) = try input.stagedBatchNormalized(gamma: gamma, beta: beta, epsilon: 0.5)
    let gradients = graph.gradients(of: y, seed: gradient)
    let found = Dictionary(
      uniqueKeysWithValues: graph.nodes.map { node in
        (String(node.name.prefix { $0 != " " }), (node.value?.elements, gradients[node: node.index]?.elements))
      })
    let expected: [String: ([Double], [Double])] = [
      "x": ([1, 2, 3, 6], [-0.125, 0.9375, -1, 0.1875]),
      "γ": ([2], [-0.5]),
      "β": ([1], [4]),
      "μ": ([3], [-4]),
      "c": ([-2, -1, 0, 3], [0.875, 1.9375, 0, 1.1875]),
      "q": ([4, 1, 0, 9], [0.03125, 0.03125, 0.03125, 0.03125]),
      "v": ([3.5], [0.125]),
      "u": ([4], [0.125]),
      "s": ([2], [0.5]),
      "r": ([0.5], [-2]),
      "x̂": ([-1, -0.5, 0, 1.5], [2, 4, 0, 2]),
      "t": ([-2, -1, 0, 3], [1, 2, 0, 1]),
      "y": ([-1, 0, 1, 4], [1, 2, 0, 1]),
    ]
    #expect(Set(found.keys) == Set(expected.keys))
    // The parts of the two nodes that others use twice.
    let parts = graph.nodes.map { node in gradients.parts(ofNode: node.index).map(\.gradient.elements) }
    #expect(parts[0] == [[0.875, 1.9375, 0, 1.1875], [-1, -1, -1, -1]], "through c, and through μ")
    #expect(parts[4] == [[1, 2, 0, 1], [-0.125, -0.0625, 0, 0.1875]], "through x̂, and through c²")
    for (name, (value, gradient)) in expected {
      #expect(found[name]?.0 == value, "the value of \(name)")
      #expect(found[name]?.1 == gradient, "the gradient of \(name)")
    }
  }

  @Test func theClosedFormGivesTheSameNumbers() throws {
    let (output, batch) = try BatchNormalization.forward(x, gamma: Tensor([2]), beta: Tensor([1]), epsilon: 0.5)
    let gradients = BatchNormalization.backward(gradient, input: x, saved: batch)
    #expect(output.elements == [-1, 0, 1, 4])
    #expect(gradients.input.elements == [-0.125, 0.9375, -1, 0.1875])
    #expect(gradients.gamma.elements == [-0.5])
    #expect(gradients.beta.elements == [4])
  }

  @Test func runningStatisticsComeOutAsWritten() throws {
    var running = RunningStatistics<Double>(channelCount: 1, conventions: .pyTorch)
    try running.update(with: BatchMoments(of: x))
    // 0.1, its product with 3, and 0.3 are rounded.
    #expect(abs(running.mean.item - 0.3) <= 3 * 0.3 * Double.unitRoundoff)
    // 0.1, 0.9, 1/3, two products and a sum on one side, 0.9, 1.4, a quotient and a sum on the other.
    #expect(abs(running.variance.item - (0.9 + 1.4 / 3)) <= 10 * 1.4 * Double.unitRoundoff)
  }

  @Test func aLargeMeanCostsTheVarianceNothingButRuinsTheShortFormula() {
    let shifted = Tensor<Float>([10001, 10002, 10003, 10006], shape: [4, 1])
    #expect(BatchMoments(of: shifted).variance(.biased).elements == [3.5])
    var (sum, squares): (Float, Float) = (0, 0)
    for value in shifted.elements {
      sum += value
      squares += value * value
    }
    #expect(squares / 4 - (sum / 4) * (sum / 4) == 0)
  }
}
