import Norma
import TestSupport
import Testing

@Suite struct SequentialTests {
  private func makeModel(form: BatchNormalizationForm = .fused, depth: Int = 2, normalizes: Bool = true)
    -> Sequential<Double>
  {
    var random = RandomGenerator(seed: 3)
    return Sequential {
      for _ in 0..<depth {
        Linear(inputs: 5, outputs: 5, hasBias: !normalizes, using: &random)
        if normalizes { BatchNorm(5, form: form) } else { LayerNorm(5) }
        ReLU()
      }
      if depth > 3 { Dropout(keepProbability: 0.5) }
      Linear(inputs: 5, outputs: 2, using: &random)
    }
  }

  @Test func layersAreWrittenWithLoopsAndConditions() {
    func kinds(_ model: Sequential<Double>) -> [String] { model.children.map { String($0.layer.summary.prefix(3)) } }
    #expect(kinds(makeModel(depth: 1)) == ["Lin", "Bat", "ReL", "Lin"])
    #expect(kinds(makeModel(depth: 2, normalizes: false)) == ["Lin", "Lay", "ReL", "Lin", "Lay", "ReL", "Lin"])
    #expect(kinds(makeModel(depth: 4)).count == 14)
    #expect(kinds(makeModel(depth: 0)) == ["Lin"])
  }

  @Test func namesAreThoseOfPyTorchsSequential() {
    let model = makeModel()
    #expect(
      model.namedParameters.map(\.name) == [
        "0.weight", "1.weight", "1.bias", "3.weight", "4.weight", "4.bias", "6.weight", "6.bias",
      ])
    #expect(
      model.namedParameters.map(\.parameter.kind) == [
        .weight, .gamma, .beta, .weight, .gamma, .beta, .weight, .bias,
      ])
    #expect(
      model.state.tensors.keys.sorted() == [
        "0.weight", "1.bias", "1.running_mean", "1.running_var", "1.weight", "3.weight", "4.bias", "4.running_mean",
        "4.running_var", "4.weight", "6.bias", "6.weight",
      ])
    #expect(model.state.counts == ["1.num_batches_tracked": 0, "4.num_batches_tracked": 0])
    #expect(model.parameterCount == 2 * (25 + 10) + 12)
  }

  @Test func nestedLayersHaveNestedNames() {
    var random = RandomGenerator(seed: 1)
    let inner = Sequential<Float> {
      Linear(inputs: 2, outputs: 3, using: &random)
      BatchNorm(3)
    }
    let model = Sequential<Float> {
      inner
      ReLU()
    }
    #expect(model.layers.map(\.path) == ["", "0", "0.0", "0.1", "1"])
    #expect(model.namedParameters.map(\.name) == ["0.0.weight", "0.0.bias", "0.1.weight", "0.1.bias"])
    #expect(model.state.counts == ["0.1.num_batches_tracked": 0])
  }

  @Test(arguments: [["a", "a"], ["a", "b", "a"], [""], ["a", ""]])
  func namesThatAreEmptyOrStandForTwoLayersAreRefused(names: [String]) throws {
    let layers = names.map { (name: $0, layer: ReLU<Float>() as any Layer<Float>) }
    let error = #expect(throws: ModelStructureError.self) { try Sequential(named: layers) }
    #expect(
      error?.problem == (names.contains("") ? "holds something without a name" : "holds two things of the name 'a'"))
    #expect(try Sequential(named: [(name: "a", layer: ReLU<Float>()), (name: "b", layer: ReLU())]).children.count == 2)
  }

  @Test func fusedAndUnfusedPathsGiveTheSame() throws {
    var random = RandomGenerator(seed: 5)
    let x = Tensor<Double>.normal([9, 5], using: &random)
    func run(_ form: BatchNormalizationForm, observed: Bool) throws -> (y: Tensor<Double>, gradients: [Tensor<Double>])
    {
      let model = makeModel(form: form)
      let pass = Pass<Double>.training(random: random)
      var paths: [String] = []
      if observed { pass.observer = { path, _, _ in paths.append(path) } }
      let y = try model(Variable(x), in: pass)
      // An observer sees every layer, so none are fused.
      #expect(paths == (observed ? ["0", "1", "2", "3", "4", "5", "6"] : []))
      let gradients = pass.gradients(of: y.squared().sum())
      return (y.value, try model.namedParameters.map { try #require(gradients[$0.parameter]) })
    }
    let reference = try run(.fused, observed: false)
    for form in BatchNormalizationForm.allCases {
      for observed in [false, true] {
        let other = try run(form, observed: observed)
        #expect(errorRelativeToScale(other.y, reference: reference.y) < 1e-13)
        for (gradient, expected) in zip(other.gradients, reference.gradients) {
          #expect(errorRelativeToScale(gradient, reference: expected) < 1e-12)
        }
      }
    }
  }

  @Test func fusedLayersGatherTheirStatisticsOnce() throws {
    var random = RandomGenerator(seed: 5)
    let x = Tensor<Double>.normal([9, 5], using: &random)
    let states = try [false, true].map { observed in
      let model = makeModel()
      let pass = Pass<Double>.training(random: random)
      if observed { pass.observer = { _, _, _ in } }
      _ = try model(Variable(x), in: pass)
      #expect(model.state.counts.values.allSatisfy { $0 == 0 })
      try pass.updateRunningStatistics()
      try pass.updateRunningStatistics()
      #expect(model.state.counts.values.allSatisfy { $0 == 1 })
      return model.state
    }
    #expect(states[0] == states[1])
  }

  @Test func outputShapesAreFoundWithoutRunning() throws {
    var random = RandomGenerator(seed: 1)
    let model = Sequential<Float> {
      Flatten()
      Linear(inputs: 12, outputs: 7, using: &random)
      BatchNorm(7)
      LeakyReLU()
      LayerNorm(7)
      Dropout(keepProbability: 0.5)
      Linear(inputs: 7, outputs: 3, using: &random)
      Sigmoid()
    }
    #expect(try model.outputShape(for: [5, 2, 2, 3]) == [5, 3])
    #expect(try model(Variable(.zeros([5, 2, 2, 3])), in: .inference).shape == [5, 3])
  }

  @Test func anInputThatDoesNotFitNamesTheLayerAndWhatItTakes() {
    var random = RandomGenerator(seed: 1)
    let linear = Linear<Float>(inputs: 12, outputs: 7, using: &random)
    #expect(throws: LayerError(layer: "Linear(12 → 7)", expected: "[batch, …, 12]", found: [5, 11])) {
      try linear.outputShape(for: [5, 11])
    }
    #expect(throws: LayerError(layer: "Linear(12 → 7)", expected: "[batch, …, 12]", found: [12])) {
      try linear.outputShape(for: [12])
    }
    let model = Sequential<Float>([linear, BatchNorm(8)])
    #expect(throws: LayerError(layer: "BatchNorm(8)", expected: "[batch, …, 8]", found: [5, 7])) {
      try model.outputShape(for: [5, 12])
    }
    #expect(throws: LayerError.self) { try LayerNorm<Float>(8).outputShape(for: [5, 7]) }
    #expect(throws: LayerError.self) { try Flatten<Float>().outputShape(for: []) }
    let error = LayerError(layer: "BatchNorm(8)", expected: "[batch, …, 8]", found: [5, 7])
    #expect(error.description == "BatchNorm(8) takes [batch, …, 8], not a tensor of shape [5, 7]")
  }

  @Test func dropoutDropsInTrainingAndNothingInInference() throws {
    let x = Tensor<Float>.ones([50, 40])
    let layer = Dropout<Float>(keepProbability: 0.8)
    #expect(layer(Variable(x), in: .inference).value == x)
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 2))
    let before = pass.random.state
    let y = layer(Variable(x), in: pass).value
    #expect(pass.random.state != before)
    let kept = y.elements.filter { $0 != 0 }
    #expect(kept.allSatisfy { $0 == 1.25 })
    // 2000 draws at 0.8: 1600 ± 18.
    #expect(abs(kept.count - 1600) < 108)
    #expect(layer(Variable(x), in: pass).value != y)
  }

  @Test func aFrozenParameterHasNoGradient() throws {
    let model = makeModel()
    let parameters = model.namedParameters.map(\.parameter)
    parameters[0].isFrozen = true
    let pass = Pass<Double>.training(random: RandomGenerator(seed: 0))
    let y = try model(Variable(.linearlySpaced(from: -1, through: 1, shape: [4, 5])), in: pass)
    let gradients = pass.gradients(of: y.sum())
    #expect(gradients[parameters[0]] == nil)
    #expect(parameters.dropFirst().allSatisfy { gradients[$0]?.shape == $0.value.shape })
  }
}
