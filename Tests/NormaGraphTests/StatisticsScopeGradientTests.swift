import NormaGraph
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Gradients of batch normalization by other moments than those of the whole batch: against finite differences, and of the staged form
/// against the closed one.
@Suite struct StatisticsScopeGradientTests {
  struct Settings: Sendable, CustomStringConvertible {
    var description: String
    var scope = StatisticsScope.batch
    var weights: [Double]?
    var excluded = ExcludedOutput.zero
    var renormalizes = false
  }

  static let settings = [
    Settings(description: "mask", weights: [1, 0, 1, 1, 1, 0, 1, 1]),
    Settings(description: "mask, beta", weights: [1, 0, 1, 1, 1, 0, 1, 1], excluded: .beta),
    Settings(description: "weights", weights: [1, 0.5, 2, 0, 1, 3, 0.25, 1]),
    Settings(description: "ghosts", scope: .ghosts(ofSize: 5)),
    Settings(description: "parts", scope: .parts(3)),
    Settings(description: "renormalization", renormalizes: true),
    Settings(description: "masked ghosts", scope: .ghosts(ofSize: 4), weights: [1, 0, 1, 1, 1, 0, 1, 1]),
    Settings(description: "weighted parts", scope: .parts(2), weights: [1, 1, 1, 1, 2, 0, 2, 2]),
    Settings(
      description: "renormalized weighted ghosts", scope: .ghosts(ofSize: 4), weights: [1, 2, 1, 1, 1, 0, 1, 0.5],
      excluded: .beta, renormalizes: true),
  ]

  /// r and d are within their bounds nowhere, so that a small step changes neither.
  private static let reference = BatchRenormalization.Reference<Double>(
    mean: Tensor([5, -5, 5]), variance: Tensor([9, 9, 9]), largestRatio: 1.1, largestDistance: 0.5)

  private func normalized(
    _ inputs: [Variable<Double>], _ settings: Settings, isStaged: Bool
  ) throws -> (output: Variable<Double>, moments: BatchMoments) {
    let weights = settings.weights.map { Tensor($0, shape: [8]) }
    let reference = settings.renormalizes ? Self.reference : nil
    return isStaged
      ? try inputs[0].stagedBatchNormalized(
        gamma: inputs[1], beta: inputs[2], scope: settings.scope, weights: weights, excluded: settings.excluded,
        renormalization: reference)
      : try inputs[0].batchNormalized(
        gamma: inputs[1], beta: inputs[2], scope: settings.scope, weights: weights, excluded: settings.excluded,
        renormalization: reference)
  }

  private func points(_ shape: Shape) -> (inputs: [Tensor<Double>], seed: Tensor<Double>) {
    var random = RandomGenerator(seed: 21)
    return (
      [
        .normal(shape, using: &random), .uniform([3], in: 0.5..<2, using: &random), .normal([3], using: &random),
      ], .normal(shape, using: &random)
    )
  }

  @Test(arguments: settings) func gradientsAreThoseOfFiniteDifferences(settings: Settings) throws {
    for shape: Shape in [[8, 3], [8, 2, 3]] {
      let (inputs, seed) = points(shape)
      for isStaged in [false, true] {
        let checks = try checkGradients(at: inputs, seed: seed) {
          try normalized($0, settings, isStaged: isStaged).output
        }
        // beta where a row does not count is a constant to the gradient, and a number to the finite difference.
        for (index, check) in checks.enumerated() where !(index == 2 && settings.excluded == .beta) {
          // A central difference with a step of 1e-5 is off by 1e-10 of the third derivative, and by 1e-16/1e-5 of the values.
          #expect(check.relativeError < 1e-6, "input \(index), staged \(isStaged)")
        }
        expectSecondGradients(at: inputs, seed: seed) { try normalized($0, settings, isStaged: isStaged).output }
      }
    }
  }

  @Test(arguments: settings) func theStagedFormIsTheClosedOne(settings: Settings) throws {
    var (inputs, seed) = points([8, 5, 3])
    // What does not count may be anything.
    if let row = settings.weights?.firstIndex(of: 0) { inputs[0][row, 2, 1] = .nan }
    func run(_ isStaged: Bool) throws -> [Tensor<Double>] {
      let graph = Graph<Double>()
      let variables = inputs.map { graph.input($0, name: "input") }
      let (output, moments) = try normalized(variables, settings, isStaged: isStaged)
      let gradients = graph.gradients(of: output, seed: seed)
      return [output.value, moments.mean, moments.variance(.unbiased)] + variables.map { gradients[$0] }
    }
    for (found, expected) in zip(try run(true), try run(false)) {
      // Chains of some twenty operations of numbers up to 10.
      #expect(errorRelativeToScale(found, reference: expected) < 1000 * Double.unitRoundoff)
    }
  }
}
