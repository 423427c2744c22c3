import NormaGraph
import NormaTensor
import TestSupport
import Testing

/// The checks of whole nets in Stanford's CS231n 2019, assignment 2, written with the operations of the graph. Weights
/// are [inputs, outputs] there.
@Suite struct PublishedNetworkChecks {
  private typealias Node = Variable<Double>

  private func affine(_ x: Node, _ weight: Node, _ bias: Node) -> Node {
    x.matrixProduct(weight).adding(bias, broadcast: .perChannel)
  }

  /// `½·reg·Σ‖W‖²`.
  private func penalty(_ weights: [Node], _ regularization: Double) -> Node {
    let squares = weights.map { $0.squared().sum() }
    return squares.dropFirst().reduce(squares[0], +).scaled(by: regularization / 2)
  }

  // FullyConnectedNets.ipynb, "Two-layer network".
  private let images = Values.linearlySpaced(from: -5.5, through: 4.5, shape: [5, 3]).transposed([1, 0])
  private let labels = [0, 5, 1]
  private let parameters = [
    Values.linearlySpaced(from: -0.7, through: 0.3, shape: [5, 50]),
    Values.linearlySpaced(from: -0.1, through: 0.9, shape: [50]),
    Values.linearlySpaced(from: -0.3, through: 0.4, shape: [50, 7]),
    Values.linearlySpaced(from: -0.9, through: 0.1, shape: [7]),
  ]

  private func twoLayerScores(_ parameters: [Node]) -> Node {
    affine(affine(Node(images), parameters[0], parameters[1]).relu(), parameters[2], parameters[3])
  }

  private func twoLayerLoss(_ parameters: [Node], labels: [Int], regularization: Double) -> Node {
    twoLayerScores(parameters).softmaxCrossEntropy(labels: labels)
      + penalty([parameters[0], parameters[2]], regularization)
  }

  @Test func theTwoLayerNetGivesThePublishedScores() {
    let published = Values(
      [
        11.53165108, 12.2917344, 13.05181771, 13.81190102, 14.57198434, 15.33206765, 16.09215096, 12.05769098,
        12.74614105, 13.43459113, 14.1230412, 14.81149128, 15.49994135, 16.18839143, 12.58373087, 13.20054771,
        13.81736455, 14.43418138, 15.05099822, 15.66781506, 16.2846319,
      ], shape: [3, 7])
    let scores = twoLayerScores(parameters.map { Node($0) }).value
    // The notebook asks that all differences add up to less than 1e-6; the numbers have eight decimals.
    #expect((scores - published).elements.reduce(0) { $0 + abs($1) } < 1e-6)
  }

  @Test(arguments: [(0, 3.4702243556), (1, 26.5948426952)])
  func theTwoLayerNetGivesThePublishedLoss(regularization: Double, published: Double) {
    let loss = twoLayerLoss(parameters.map { Node($0) }, labels: labels, regularization: regularization).value.item
    #expect(abs(loss - published) < 1e-10)
  }

  // "Errors should be around e-7 or less", says the notebook; 2e-7 was reported at most.
  @Test(arguments: [0, 0.7, 1]) func gradientsOfTheTwoLayerNetAgreeWithDifferences(regularization: Double) {
    let checks = checkGradients(at: parameters) {
      twoLayerLoss($0, labels: labels, regularization: regularization)
    }
    for check in checks { #expect(check.relativeError <= 1e-6) }
  }

  // BatchNormalization.ipynb, "Fully connected nets with batch normalization": N 2, 15→20→30→10, weight scale 5e-2, batch
  // normalization before each ReLU. Gamma, beta and biases carry no penalty.
  @Test(arguments: [0, 3.14], BatchNormalizationForm.allCases)
  func gradientsOfAWholeNetWithBatchNormalizationAgreeWithDifferences(
    regularization: Double, form: BatchNormalizationForm
  ) throws {
    var generator = RandomGenerator(seed: 231)
    let sizes = [15, 20, 30, 10]
    let x = Values.normal([2, 15], using: &generator)
    let labels = [3, 8]
    // Weights, biases, gammas, betas, in this order.
    let weights = (0..<3).map { layer in
      Values.normal([sizes[layer], sizes[layer + 1]], standardDeviation: 5e-2, using: &generator)
    }
    let biases = (0..<3).map { Values.zeros([sizes[$0 + 1]]) }
    let gammas = (0..<2).map { Values.ones([sizes[$0 + 1]]) }
    let betas = (0..<2).map { Values.zeros([sizes[$0 + 1]]) }

    let others = biases + gammas + betas

    func loss(_ parameters: [Node]) throws -> Node {
      var activation = Node(x)
      for layer in 0..<2 {
        let sums = affine(activation, parameters[layer], parameters[3 + layer])
        let (gamma, beta) = (parameters[6 + layer], parameters[8 + layer])
        switch form {
        case .staged: activation = try sums.stagedBatchNormalized(gamma: gamma, beta: beta).output.relu()
        case .closedForm: activation = try sums.batchNormalized(gamma: gamma, beta: beta).output.relu()
        case .fused: activation = try sums.batchNormalized(gamma: gamma, beta: beta, rectifies: true).output
        }
      }
      let loss = affine(activation, parameters[2], parameters[5]).softmaxCrossEntropy(labels: labels)
      return loss + penalty(Array(parameters[0..<3]), regularization)
    }

    let weightChecks = try checkGradients(at: weights) { try loss($0 + others.map { Node($0) }) }
    for check in weightChecks { #expect(check.relativeError <= 1e-4) }
    // Of gamma, beta and the last bias, a step of 1e-5 rounds away more than 1e-8 of small gradients and a larger one
    // truncates more: two rows make batch normalization steep. Richardson's extrapolation of two steps has a truncation
    // of the fourth order instead of the second.
    let checks = try checkGradients(at: others, step: 3e-4) { try loss(weights.map { Node($0) } + $0) }
    let coarse = try checkGradients(at: others, step: 6e-4) { try loss(weights.map { Node($0) } + $0) }
    for (check, coarse) in zip(checks, coarse).dropFirst(2) {
      let extrapolated = (4.0 / 3) * check.numericGradient - (1.0 / 3) * coarse.numericGradient
      #expect(relativeError(check.gradient, extrapolated) <= 1e-8)
    }
    // A bias before batch normalization has a gradient of 0: what is found is rounding, of the sums on one side and of
    // the loss over the step on the other.
    for check in checks[..<2] {
      #expect(check.gradient.elements.allSatisfy { abs($0) < 1e-12 })
      #expect(check.numericGradient.elements.allSatisfy { abs($0) < 1e-8 })
    }
  }
}
