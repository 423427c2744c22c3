import Norma
import TestSupport
import Testing

/// What the layer decides beyond the formula: single values, missing statistics, and when statistics change.
@Suite struct BatchNormTests {
  private let single = Tensor<Double>([1, 2, 3], shape: [1, 3])

  private func makeLayer(
    _ policy: SingleValuePolicy, form: BatchNormalizationForm = .fused, tracks: Bool = true
  ) -> BatchNorm<Double> {
    let layer = BatchNorm<Double>(
      3, tracksRunningStatistics: tracks, singleValuePolicy: policy, form: form)
    layer.gamma?.value = Tensor([2, 2, 2])
    layer.beta?.value = Tensor([10, 20, 30])
    layer.runningStatistics?.mean = Tensor([0, 2, 4])
    layer.runningStatistics?.variance = Tensor([1, 4, 0.25])
    return layer
  }

  private func run(
    _ layer: BatchNorm<Double>, _ x: Tensor<Double>
  ) throws -> (y: Tensor<Double>, dx: Tensor<Double>, pass: Pass<Double>) {
    let graph = Graph<Double>()
    let pass = Pass<Double>.training(graph: graph, random: RandomGenerator(seed: 0))
    let input = graph.input(x, name: "x")
    let y = try layer(input, in: pass)
    return (y.value, graph.gradients(of: y)[input], pass)
  }

  @Test(arguments: BatchNormalizationForm.allCases)
  func aSingleValueIsRejectedInTrainingByDefault(form: BatchNormalizationForm) throws {
    for layer in [makeLayer(.reject, form: form), BatchNorm<Double>(3, form: form)] {
      let before = layer.state
      #expect(throws: NormalizationError.singleValuePerChannel(shape: [1, 3])) { try run(layer, single) }
      #expect(layer.state == before)
      #expect(try layer(Variable(single), in: .inference).shape == [1, 3])
    }
    // One sample with several values per channel is no such batch.
    #expect(throws: Never.self) { try run(BatchNorm(3), Tensor([1, 2, 3, 4, 5, 6], shape: [1, 2, 3])) }
  }

  @Test(arguments: BatchNormalizationForm.allCases)
  func aSingleValueNormalizedToZeroGivesBeta(form: BatchNormalizationForm) throws {
    let layer = makeLayer(.normalizeToZero, form: form)
    let (y, dx, pass) = try run(layer, single)
    #expect(y == Tensor([10, 20, 30], shape: [1, 3]))
    #expect(dx == .zeros([1, 3]))
    // A single value says nothing about a variance.
    try pass.updateRunningStatistics()
    #expect(layer.runningStatistics?.batchCount == 0 && layer.runningStatistics?.mean == Tensor([0, 2, 4]))
  }

  @Test(arguments: BatchNormalizationForm.allCases)
  func aSingleValueCanUseTheRunningStatistics(form: BatchNormalizationForm) throws {
    let layer = makeLayer(.useRunningStatistics, form: form)
    let (y, dx, pass) = try run(layer, single)
    #expect(y == (try layer(Variable(single), in: .inference)).value)
    let expected = zip([1.0, 4, 0.25], [1.0, 0, -1]).map { 2 * $1 / ($0 + 1e-5).squareRoot() }
    #expect(relativeError(y, Tensor([10 + expected[0], 20, 30 + expected[2]], shape: [1, 3])) < 1e-14)
    #expect(dx.elements.allSatisfy { $0 > 0 })
    try pass.updateRunningStatistics()
    #expect(layer.runningStatistics?.batchCount == 0)
    // Larger batches use their own.
    let two = Tensor<Double>([1, 2, 3, 5, 6, 7], shape: [2, 3])
    #expect(try run(layer, two).y != (try layer(Variable(two), in: .inference)).value)
  }

  @Test func withoutRunningStatisticsThereAreNoneToUse() {
    let layer = makeLayer(.useRunningStatistics, tracks: false)
    #expect(throws: NormalizationError.singleValuePerChannel(shape: [1, 3])) { try run(layer, single) }
  }

  @Test func withoutRunningStatisticsInferenceUsesTheBatch() throws {
    let layer = makeLayer(.reject, tracks: false)
    let x = Tensor<Double>.linearlySpaced(from: -3, through: 8, shape: [4, 3])
    let y = try run(layer, x).y
    #expect(haveSameBits(try layer(Variable(x), in: .inference).value, y))
  }

  @Test(arguments: BatchNormalizationForm.allCases)
  func anEmptyBatchPassesThroughAndChangesNothing(form: BatchNormalizationForm) throws {
    let layer = makeLayer(.reject, form: form)
    let before = layer.state
    let (y, dx, pass) = try run(layer, .zeros([0, 3]))
    #expect(y.shape == [0, 3] && dx.shape == [0, 3])
    try pass.updateRunningStatistics()
    #expect(layer.state == before)
  }

  @Test func runningStatisticsChangeOnlyWhenTheyAreToldToAndOnce() throws {
    let layer = BatchNorm<Double>(2)
    let x = Tensor<Double>([1, 10, 3, 30], shape: [2, 2])
    let (_, _, pass) = try run(layer, x)
    #expect(layer.runningStatistics?.batchCount == 0 && layer.runningStatistics?.mean == Tensor([0, 0]))
    try pass.updateRunningStatistics()
    let once = layer.runningStatistics
    #expect(once?.batchCount == 1)
    // 0.1 of the means 2 and 20; 0.9 of 1 and 0.1 of the unbiased variances 2 and 200.
    #expect(relativeError(try #require(once?.mean), Tensor([0.2, 2])) < 1e-14)
    #expect(relativeError(try #require(once?.variance), Tensor([1.1, 20.9])) < 1e-14)
    try pass.updateRunningStatistics()
    #expect(layer.runningStatistics == once)
    _ = try layer(Variable(x), in: .inference)
    #expect(layer.runningStatistics == once)
  }

  @Test func cs231nsConventionsStartAtZeroAndKeepTheBiasedVariance() throws {
    let layer = BatchNorm<Double>(2, conventions: .cs231n)
    let (_, _, pass) = try run(layer, Tensor([1, 10, 3, 30], shape: [2, 2]))
    try pass.updateRunningStatistics()
    #expect(relativeError(try #require(layer.runningStatistics?.variance), Tensor([0.1, 10])) < 1e-14)
  }
}
