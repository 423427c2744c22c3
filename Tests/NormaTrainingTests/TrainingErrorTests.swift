import Norma
import TestSupport
import Testing

/// What training says when it cannot go on.
@Suite struct TrainingErrorTests {
  private func fit(
    _ model: Sequential<Float>, _ data: Dataset<Float>, validation: Dataset<Float>? = nil, epochs: Int = 3,
    loss: any LossFunction = .softmaxCrossEntropy, learningRate: Double = 1e-3
  ) throws {
    let configuration = TrainingConfiguration(
      epochs: epochs, batchSize: 10, loss: loss, optimizer: .sgd(), learningRate: learningRate)
    try Trainer(model, configuration: configuration).fit(data, validation: validation)
  }

  private func notFinite(_ body: () throws -> Void) throws -> TrainingError.NotFinite {
    let error = try #require(throws: TrainingError.self) { try body() }
    guard case .notFinite(let found) = error else { throw error }
    #expect(error.description.contains("epoch \(found.epoch), step \(found.step)"))
    #expect(error.description.contains(found.place))
    return found
  }

  @Test func aNaNInAWeightIsNamedWithItsLayer() throws {
    let model: Sequential<Float> = TrainingSamples.network(.none)
    model.namedParameters.first { $0.name == "2.weight" }?.parameter.value[1, 1] = .nan
    let found = try notFinite { try fit(model, TrainingSamples.classes(30)) }
    #expect(found.epoch == 1 && found.step == 1)
    #expect(found.layer == "2" && found.place == "the weight of Linear(8 → 8)")
  }

  @Test func anInfinityInBetaIsNamedWithItsLayer() throws {
    let model: Sequential<Float> = TrainingSamples.network(.batch)
    model.namedParameters.first { $0.name == "1.bias" }?.parameter.value[2] = .infinity
    let found = try notFinite { try fit(model, TrainingSamples.classes(30)) }
    #expect(found.layer == "1" && found.place == "the beta of BatchNorm(8)")
  }

  @Test func aNaNInTheDataIsToldFromOneInTheModel() throws {
    var data = TrainingSamples.classes(20, Float.self)
    data.features[13, 2] = .nan
    let found = try notFinite { try fit(TrainingSamples.network(), data) }
    #expect(found.layer == nil && found.place == "the data of the batch" && found.epoch == 1)
    #expect((1...2).contains(found.step))
  }

  @Test func aRateThatIsTooLargeEndsInAnErrorThatSaysWhenAndWhere() throws {
    let found = try notFinite {
      try fit(TrainingSamples.network(.none), TrainingSamples.classes(30), epochs: 50, learningRate: 1e20)
    }
    #expect(found.epoch == 1 && (2...3).contains(found.step))
    #expect(found.layer != nil)
  }

  @Test func stepsAreCountedOverTheWholeTraining() throws {
    let model: Sequential<Float> = TrainingSamples.network(.none)
    let weight = try #require(model.namedParameters.first { $0.name == "0.weight" }?.parameter)
    let configuration = TrainingConfiguration(epochs: 3, batchSize: 10)
    let found = try notFinite {
      try Trainer(model, configuration: configuration).fit(TrainingSamples.classes(30)) { event in
        if case .step(let step) = event, step.epoch == 2, step.number == 1 { weight.value[0, 0] = .nan }
        return .proceed
      }
    }
    #expect(found.epoch == 2 && found.step == 5 && found.layer == "0")
  }

  @Test func aLossThatOverflowsThoughEveryLayerIsFiniteIsNamedItself() throws {
    let features = Tensor<Float>([1e20, 1e20, 1e20, -1e20], shape: [4, 1])
    let data = Dataset<Float>(features: features, targets: .values(.zeros([4, 1])), name: "large")
    var random = RandomGenerator(seed: 1)
    let found = try notFinite {
      try fit(
        Sequential([Linear(inputs: 1, outputs: 1, initialization: .normal(scale: 1), using: &random)]), data,
        loss: .meanSquaredError)
    }
    #expect(found.layer == nil && found.place.hasPrefix("the loss itself"))
  }

  @Test func anEmptyDatasetIsNamed() {
    let empty = Dataset<Float>(features: .zeros([0, 4]), targets: .classes([], count: 3), name: "nothing")
    let model: Sequential<Float> = TrainingSamples.network()
    #expect(throws: TrainingError.emptyDataset(name: "nothing")) { try fit(model, empty) }
    #expect(throws: TrainingError.emptyDataset(name: "nothing")) {
      try fit(model, TrainingSamples.classes(30), validation: empty)
    }
    #expect(throws: TrainingError.emptyDataset(name: "nothing")) {
      try model.evaluate(on: empty, loss: .softmaxCrossEntropy)
    }
  }

  private func isTargetError(_ error: any Error) -> Bool {
    if case .targetsDoNotFit? = error as? TrainingError { true } else { false }
  }

  @Test func targetsOfAnotherKindOrNumberAreErrors() {
    let model: Sequential<Float> = TrainingSamples.network()
    let numbers = Dataset<Float>(features: .zeros([9, 4]), targets: .values(.zeros([9, 3])), name: "numbers")
    let classes = Dataset<Float>(
      features: .zeros([9, 4]), targets: .classes([Int](repeating: 0, count: 9), count: 4), name: "four classes")
    let attempts: [() throws -> Void] = [
      { try fit(model, TrainingSamples.classes(9), loss: .meanSquaredError) },
      { try fit(model, numbers, loss: .softmaxCrossEntropy) },
      { try fit(model, numbers, loss: .multiclassSVM) },
      { try fit(model, classes) },
      { try fit(model, TrainingSamples.classes(9), validation: classes) },
      { _ = try model.evaluate(on: classes, loss: .softmaxCrossEntropy) },
      { _ = try model.evaluate(on: numbers, loss: .softmaxCrossEntropy) },
    ]
    for attempt in attempts {
      #expect { try attempt() } throws: { isTargetError($0) }
    }
  }

  @Test func samplesThatTheModelCannotTakeAreErrors() {
    let data = Dataset<Float>(
      features: .zeros([9, 5]), targets: .classes([Int](repeating: 0, count: 9), count: 3), name: "five features")
    #expect {
      try fit(TrainingSamples.network(), data)
    } throws: { error in
      guard case .dataDoNotFit(let problem)? = error as? TrainingError else { return false }
      return problem.contains("five features") && problem.contains("Linear(4 → 8")
    }
  }

  @Test func batchesOfOneCannotTrainBatchNormalization() {
    let configuration = TrainingConfiguration(epochs: 1, batchSize: 1)
    #expect(throws: NormalizationError.singleValuePerChannel(shape: [1, 8])) {
      try Trainer(TrainingSamples.network(), configuration: configuration).fit(TrainingSamples.classes(6, Float.self))
    }
  }
}
