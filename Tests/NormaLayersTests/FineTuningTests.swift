import NormaGraph
import NormaLayers
import NormaTensor
import TestSupport
import Testing

/// Training a network further that was trained before.
@Suite struct FineTuningTests {
  private func network(outputs: Int = 3) -> Sequential<Double> {
    var random = RandomGenerator(seed: 1)
    return Sequential {
      Sequential {
        Linear(inputs: 4, outputs: 6, using: &random)
        BatchNorm(6)
        ReLU()
      }
      Linear(inputs: 6, outputs: outputs, using: &random)
    }
  }

  private func step(_ model: Sequential<Double>) throws -> Differentiation<Double> {
    var random = RandomGenerator(seed: 2)
    let batch = Tensor<Double>.normal([8, 4], mean: 3, using: &random)
    return try model.differentiate(batch, random: &random) { $0.softmaxCrossEntropy(labels: [0, 1, 2, 0, 1, 2, 0, 1]) }
  }

  @Test func layersAreFoundByTheirPathsAsWhatTheyAre() throws {
    let model = network()
    #expect(try model.layer("0.1", as: BatchNorm<Double>.self).featureCount == 6)
    let linear: Linear<Double> = try model.layer("1")
    #expect(linear.weight.shape == [3, 6])
    #expect {
      try model.layer("2", as: Linear<Double>.self)
    } throws: { "\($0)" == "'2': there is no such layer; there are 0, 0.0, 0.1, 0.2, 1" }
    #expect {
      try model.layer("0.1", as: Linear<Double>.self)
    } throws: { "\($0)".contains("the layer is BatchNorm(6)") }
  }

  @Test func whatIsFrozenHasNoGradientAndStays() throws {
    let model = network()
    #expect(model.freeze("0") == ["0.0.weight", "0.0.bias", "0.1.weight", "0.1.bias"])
    #expect(model.freeze("9") == [])
    let found = try step(model)
    #expect(found.gradients.map { $0 == nil } == [true, true, true, true, false, false])
    #expect(model.unfreeze("*.1.bias") == ["0.1.bias"])
    #expect(try step(model).gradients.map { $0 == nil } == [true, true, true, false, false, false])
    #expect(model.frozen.parameters == ["0.0.weight", "0.0.bias", "0.1.weight"])
  }

  @Test func frozenStatisticsNormalizeInTrainingAndTakeNothingIn() throws {
    let model = network()
    try step(model).updateRunningStatistics()
    #expect(model.freezeStatistics("1") == [] && model.freezeStatistics() == ["0.1"])
    let before = model.state
    let frozen = try step(model)
    #expect(frozen.moments.isEmpty)
    try frozen.updateRunningStatistics()
    #expect(model.state == before)
    var random = RandomGenerator(seed: 2)
    let batch = Tensor<Double>.normal([8, 4], mean: 3, using: &random)
    // Without dropout that is what inference gives.
    #expect(frozen.outputs == (try model(Variable(batch), in: .inference).value))
    #expect(model.unfreezeStatistics("0") == ["0.1"])
    #expect(try step(model).moments.count == 1)
  }

  /// The gradient through statistics that are constants, against differences.
  @Test func gradientsThroughFrozenStatisticsAreRight() throws {
    let model = network()
    try step(model).updateRunningStatistics()
    model.freezeStatistics()
    let weight = try model.layer("0.0", as: Linear<Double>.self).weight
    let found = try #require(try step(model)[weight])
    let start = weight.value
    let numeric = try numericGradient(at: start) { value in
      weight.value = value
      return try step(model).loss
    }
    weight.value = start
    #expect(GradientCheck(gradient: found, numericGradient: numeric).relativeError < 1e-6)
  }

  @Test func whatFitsOfAStateIsTakenOver() throws {
    var state = network(outputs: 5).state
    state.tensors["0.0.weight"] = .ones([6, 4])
    state.tensors["old.weight"] = .zeros([2])
    state.tensors["0.1.bias"] = nil
    state.counts["0.1.num_batches_tracked"] = 7
    state.counts["old.count"] = 1
    let model = network()
    let head = model.state.tensors["1.weight"]
    let problems = model.loadWhatFits(state)
    #expect(
      problems == [
        "1.weight": .misshapen(expected: [3, 6], found: [5, 6]), "1.bias": .misshapen(expected: [3], found: [5]),
        "old.weight": .unexpected, "old.count": .unexpected, "0.1.bias": .missing(shape: [6]),
      ])
    #expect(model.state.tensors["0.0.weight"] == .ones([6, 4]))
    #expect(model.state.tensors["1.weight"] == head)
    #expect(model.state.counts["0.1.num_batches_tracked"] == 7)
    #expect(model.loadWhatFits(model.state).isEmpty)
  }

  @Test func aHeadIsReplacedAndTheRestIsShared() throws {
    let model = network()
    var random = RandomGenerator(seed: 9)
    let other = try model.replacing("1", with: Linear(inputs: 6, outputs: 2, using: &random))
    #expect(try other.outputShape(for: [5, 4]) == [5, 2])
    #expect(other.namedParameters.map(\.name) == model.namedParameters.map(\.name))
    #expect(other.distinctParameters[0] === model.distinctParameters[0])
    let inner = try model.replacing("0.2", with: Tanh())
    #expect(inner.layers.map(\.layer.summary).contains("Tanh"))
    #expect(throws: LayerPathError.self) { try model.replacing("7", with: ReLU()) }
    #expect(throws: LayerPathError.self) { try model.replacing("1.0", with: ReLU()) }
    #expect {
      try model.replacing("0.9", with: ReLU())
    } throws: { "\($0)" == "'0.9': there is no such layer; there are 0, 1, 2" }
  }
}
