import Norma
import TestSupport
import Testing

/// Batch normalization layers whose rows do not all count, that are normalized in ghost batches, or led to their running statistics.
@Suite struct RowWeightsTests {
  private func network() -> Sequential<Float> {
    var random = RandomGenerator(seed: 3)
    return Sequential([
      Linear(inputs: 4, outputs: 6, using: &random), BatchNorm(6), ReLU(),
      Linear(inputs: 6, outputs: 3, using: &random),
      BatchNorm(3),
    ])
  }

  private static let mask: [Float] = [1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0]

  private func batch(_ shape: Shape, seed: UInt64 = 5) -> Tensor<Float> {
    var random = RandomGenerator(seed: seed)
    return .normal(shape, mean: 1, using: &random)
  }

  /// A step on padded rows is the step on the rows alone: outputs, gradients, statistics.
  @Test func paddedRowsTeachNothing() throws {
    let (model, other) = (network(), network())
    let x = batch([12, 4])
    let kept = Self.mask.indices.filter { Self.mask[$0] > 0 }
    var random = RandomGenerator(seed: 0)
    func loss(_ outputs: Variable<Float>) -> Variable<Float> { outputs.squared().sum() }
    let padded = try model.differentiate(
      x, random: &random, rowWeights: Tensor(Self.mask, shape: [12]), loss: loss)
    let packed = try other.differentiate(x.gathering(rows: kept), random: &random, loss: loss)
    #expect(padded.outputs.gathering(rows: kept) == packed.outputs)
    #expect(padded.moments.map(\.moments) == packed.moments.map(\.moments))
    for (found, expected) in zip(padded.gradients, packed.gradients) {
      // Products add zeros for rows that do not count, in other places.
      #expect(errorRelativeToScale(try #require(found), reference: try #require(expected)) < 100 * Float.unitRoundoff)
    }
    for (row, weight) in Self.mask.enumerated() where weight == 0 {
      #expect(padded.outputs[rows: row..<row + 1].elements == [0, 0, 0])
    }
  }

  @Test func theLayerTakesWeightsItself() throws {
    let layer = BatchNorm<Float>(4, excludedOutput: .beta)
    layer.beta?.value = Tensor([1, 2, 3, 4])
    let (x, weights) = (batch([3, 4, 4]), Tensor(Self.mask, shape: [3, 4]))
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    let y = try layer(Variable(x), weights: weights, in: pass).value.reshaped(to: [12, 4])
    #expect(y[rows: 2..<3].elements == [1, 2, 3, 4])
    let kept = Self.mask.indices.filter { Self.mask[$0] > 0 }
    let other = BatchNorm<Float>(4)
    other.beta?.value = Tensor([1, 2, 3, 4])
    let packed = try other(Variable(x.reshaped(to: [12, 4]).gathering(rows: kept)), in: pass)
    #expect(y.gathering(rows: kept) == packed.value)
    try pass.updateRunningStatistics()
    #expect(layer.runningStatistics == other.runningStatistics)
  }

  /// By given statistics rows that do not count give what they give in training, and no gradient, whatever they hold.
  @Test(arguments: [true, false]) func rowsDoNotCountWithGivenStatisticsEither(isFrozen: Bool) throws {
    let layer = BatchNorm<Float>(4)
    layer.runningStatistics?.mean = Tensor([1, 0, -1, 2])
    layer.hasFrozenStatistics = isFrozen
    var x = batch([12, 4])
    x[2, 1] = .nan
    let pass = isFrozen ? Pass<Float>.training(random: RandomGenerator(seed: 0)) : .inference
    pass.rowWeights = Tensor(Self.mask, shape: [12])
    let input = pass.graph?.input(x, name: "x") ?? Variable(x)
    let y = try Sequential([layer, ReLU()])(input, in: pass)
    #expect(y.value[rows: 2..<3].elements == [0, 0, 0, 0] && y.value.isFinite)
    let kept = Self.mask.indices.filter { Self.mask[$0] > 0 }
    let packed = try Sequential([layer, ReLU()])(Variable(x.gathering(rows: kept)), in: .inference)
    #expect(y.value.gathering(rows: kept) == packed.value)
    guard isFrozen else { return }
    let gradients = pass.gradients(of: y.sum())
    #expect(gradients.gradients[input].isFinite && gradients.gradients[input][rows: 2..<3] == .zeros([1, 4]))
    #expect(try #require(gradients[layer.gamma!]).isFinite)
    #expect(pass.takeGatheredMoments().isEmpty)
  }

  @Test func weightsThatFitNoRowsAreRefused() throws {
    let layer = BatchNorm<Float>(4)
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    pass.rowWeights = Tensor(Self.mask, shape: [3, 4])
    // Positions are gone: what is left is of whole samples.
    #expect(throws: Never.self) { try layer(Variable(batch([3, 4])), in: pass) }
    #expect(throws: LayerError.self) { try layer(Variable(batch([3, 5, 4])), in: pass) }
    #expect(throws: LayerError.self) { try layer(Variable(batch([4, 4])), in: pass) }
  }

  /// What goes by all rows of a batch does not pass over their weights in silence.
  @Test func layersInWhichAllRowsCountTakeNoWeights() throws {
    let layers: [any Layer<Float>] = [EvoNormB0(4), IterNorm(4)]
    for layer in layers {
      let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
      pass.rowWeights = Tensor(Self.mask, shape: [12])
      #expect(throws: LayerError.self) { try layer(Variable(batch([12, 4])), in: pass) }
      pass.rowWeights = Tensor(Self.mask, shape: [3, 4])
      #expect(throws: Never.self) { try layer(Variable(batch([3, 4])), in: pass) }
    }
  }

  @Test func aLayerMayHaveGhostBatchesOfItsOwn() throws {
    let x = batch([12, 4])
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    let own = try BatchNorm<Float>(4, ghostSize: 4)(Variable(x), in: pass)
    let layer = BatchNorm<Float>(4)
    pass.statisticsScope = .ghosts(ofSize: 4)
    #expect(try layer(Variable(x), in: pass).value == own.value)
    let separate = try [0..<4, 4..<8, 8..<12].map { range in
      try layer(Variable(x[rows: range]), in: .training(random: RandomGenerator(seed: 0))).value
    }
    #expect(own.value == .concatenating(rows: separate))
  }

  /// Renormalization leads training to what inference computes, as far as it may.
  @Test func renormalizationLeadsToInference() throws {
    let layer = BatchNorm<Double>(4, renormalization: .afterBatches(2))
    let plain = BatchNorm<Double>(4)
    func step(_ x: Tensor<Double>) throws -> (Tensor<Double>, Tensor<Double>, Tensor<Double>) {
      let pass = Pass<Double>.training(random: RandomGenerator(seed: 0))
      let y = try layer(Variable(x), in: pass).value
      let expected = try plain(Variable(x), in: pass).value
      let inference = try layer(Variable(x), in: .inference).value
      try pass.updateRunningStatistics()
      return (y, expected, inference)
    }
    func x(_ seed: UInt64) -> Tensor<Double> {
      var random = RandomGenerator(seed: seed)
      return .normal([50, 4], mean: 0.5, using: &random)
    }
    for seed: UInt64 in 1...2 {
      let (y, batch, _) = try step(x(seed))
      #expect(y == batch)
    }
    let (y, _, inference) = try step(x(3))
    // Of statistics that are some 20 and 10 % from those of the batch, neither bound is reached: ten roundings.
    #expect(errorRelativeToScale(y, reference: inference) < 50 * Double.unitRoundoff)
  }
}
