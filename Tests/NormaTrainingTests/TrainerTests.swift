import Norma
import TestSupport
import Testing

@Suite struct TrainerTests {
  @Test func theSameSeedGivesTheSameBitsForEveryThreadCount() throws {
    // Wide enough that matrix products and sums are shared among threads.
    var random = RandomGenerator(seed: 1)
    let features = Tensor<Float>.normal([600, 64], using: &random)
    let data = Dataset<Float>(
      features: features, targets: .classes((0..<600).map { $0 % 10 }, count: 10), name: "noise")
    let results = try resultsByThreadCount {
      let model: Sequential<Float> = TrainingSamples.network(
        hidden: [256, 256], keepProbability: 0.8, inputs: 64, outputs: 10)
      let history = try Trainer(model, configuration: TrainingConfiguration(epochs: 2, batchSize: 200, seed: 4))
        .fit(data)
      return (model.state, history.stepLosses)
    }
    for (state, losses) in results {
      #expect(haveSameBits(state, results[0].0))
      #expect(losses == results[0].1)
    }
  }

  @Test func anotherSeedGivesAnotherTraining() throws {
    let states = try ([1, 1, 2] as [UInt64]).map { seed in
      let model: Sequential<Float> = TrainingSamples.network()
      try Trainer(model, configuration: TrainingConfiguration(epochs: 2, batchSize: 10, seed: seed))
        .fit(TrainingSamples.classes(50))
      return model.state
    }
    #expect(haveSameBits(states[0], states[1]))
    #expect(!haveSameBits(states[0], states[2]))
  }

  @Test func trainingLearnsToTellClassesApart() throws {
    for normalization in NormalizationKind.allCases.filter({ !$0.needsPositions }) {
      for loss in [SoftmaxCrossEntropy(), MulticlassSVM()] as [any LossFunction] {
        let model: Sequential<Float> = TrainingSamples.network(normalization)
        let configuration = TrainingConfiguration(epochs: 20, batchSize: 16, loss: loss, learningRate: 0.01)
        let history = try Trainer(model, configuration: configuration).fit(TrainingSamples.classes(150))
        let evaluation = try model.evaluate(on: TrainingSamples.classes(60, seed: 9), loss: loss)
        #expect(evaluation.metric > 0.9, "\(normalization), \(loss)")
        #expect(history.epochs.count == 20 && history.stepLosses.count == 20 * 10)
        #expect(try #require(history.stepLosses.last) < 0.3 * history.stepLosses[0])
      }
    }
  }

  @Test func regressionLearnsALinearMap() throws {
    var random = RandomGenerator(seed: 2)
    let linear = Linear<Float>(inputs: 3, outputs: 2, using: &random)
    let configuration = TrainingConfiguration(
      epochs: 40, batchSize: 20, loss: .meanSquaredError, optimizer: .sgd(momentum: 0.9), learningRate: 0.02)
    let data = TrainingSamples.values(200)
    let history = try Trainer(linear, configuration: configuration).fit(data)
    let evaluation = try linear.evaluate(on: data, loss: .meanSquaredError)
    #expect(evaluation.metric > 0.999)
    #expect(history.best?.trainingMetric == evaluation.metric)
    let root = try #require(evaluation.rootMeanSquaredError)
    #expect(abs(root - 0.01) < 0.003 && abs(root * root - evaluation.loss) < 1e-6)
    let expected = Tensor<Float>([1, -2, 0.5, 3, 1, -1], shape: [2, 3])
    #expect(errorRelativeToScale(linear.weight.value, reference: expected) < 0.01)
    #expect(errorRelativeToScale(try #require(linear.bias?.value), reference: Tensor([0.5, -1])) < 0.01)
  }

  @Test func stepsReportWhatTheyDid() throws {
    let data = TrainingSamples.classes(23, Float.self)
    let model: Sequential<Float> = TrainingSamples.network()
    let parameters = model.namedParameters.map(\.parameter)
    parameters[0].isFrozen = true
    var steps: [Trainer<Float>.Step] = []
    let history = try Trainer(model, configuration: TrainingConfiguration(epochs: 2, batchSize: 10)).fit(data) {
      event in
      if case .step(let step) = event { steps.append(step) }
      return .proceed
    }
    #expect(steps.map(\.epoch) == [1, 1, 1, 2, 2, 2] && steps.map(\.number) == [1, 2, 3, 1, 2, 3])
    #expect(steps.map(\.sampleCount) == [10, 10, 3, 10, 10, 3] && steps.allSatisfy { $0.count == 3 })
    #expect(steps.map(\.loss) == history.stepLosses)
    #expect(steps.allSatisfy { (0...1).contains($0.accuracy ?? -1) })
    for step in steps {
      #expect(step.gradients.count == parameters.count && step.gradients[0] == nil)
      #expect(zip(step.gradients, parameters).dropFirst().allSatisfy { $0?.shape == $1.value.shape })
    }
    let mean = zip(steps.prefix(3), [10.0, 10, 3]).reduce(0) { $0 + $1.0.loss * $1.1 } / 23
    #expect(abs(history.epochs[0].trainingLoss - mean) < 1e-12)
  }

  @Test func frozenParametersDoNotMove() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let parameters = model.namedParameters.map(\.parameter)
    for index in [0, 2] { parameters[index].isFrozen = true }
    let before = parameters.map(\.value)
    let configuration = TrainingConfiguration(
      epochs: 3, batchSize: 10, optimizer: .adam(weightDecay: 0.1), l2Penalty: 0.1, keepsBest: false)
    try Trainer(model, configuration: configuration).fit(TrainingSamples.classes(40))
    for (index, parameter) in parameters.enumerated() {
      #expect((parameter.value == before[index]) == (index == 0 || index == 2), "parameter \(index)")
    }
  }

  @Test func thePenaltyIsAddedToTheLossAndToTheGradientsOfWeightsAlone() throws {
    let data = TrainingSamples.classes(30, Double.self)
    func firstStep(_ strength: Double) throws -> Trainer<Double>.Step {
      let model: Sequential<Double> = TrainingSamples.network()
      var first: Trainer<Double>.Step?
      let configuration = TrainingConfiguration(epochs: 1, batchSize: 30, l2Penalty: strength)
      try Trainer(model, configuration: configuration).fit(data) { event in
        if case .step(let step) = event { first = step }
        return .proceed
      }
      return try #require(first)
    }
    let (without, with) = (try firstStep(0), try firstStep(0.25))
    let start: Sequential<Double> = TrainingSamples.network()
    let parameters = start.namedParameters.map(\.parameter)
    let squares = parameters.filter { $0.kind == .weight }.reduce(0) { $0 + $1.value.sumOfSquares() }
    #expect(abs(with.loss - without.loss - 0.125 * squares) < 1e-12 * with.loss)
    for (index, parameter) in parameters.enumerated() {
      let (plain, penalized) = (try #require(without.gradients[index]), try #require(with.gradients[index]))
      if parameter.kind == .weight {
        #expect(errorRelativeToScale(penalized, reference: plain + 0.25 * parameter.value) < 1e-12)
      } else {
        #expect(penalized == plain)
      }
    }
  }

  @Test func theScheduleCountsStepsOrEpochs() throws {
    func rates(_ unit: TrainingConfiguration.ScheduleUnit) throws -> (steps: [Double], epochs: [Double]) {
      let model: Sequential<Float> = TrainingSamples.network()
      let configuration = TrainingConfiguration(
        epochs: 3, batchSize: 10, learningRate: 0.5, schedule: .step(every: 1, factor: 0.5), scheduleUnit: unit)
      var steps: [Double] = []
      let history = try Trainer(model, configuration: configuration).fit(TrainingSamples.classes(20)) { event in
        if case .step(let step) = event { steps.append(step.learningRate) }
        return .proceed
      }
      return (steps, history.epochs.map(\.learningRate))
    }
    let byEpoch = try rates(.epoch)
    #expect(byEpoch.steps == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125] && byEpoch.epochs == [0.5, 0.25, 0.125])
    let byStep = try rates(.step)
    #expect(
      byStep.steps == [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625] && byStep.epochs == [0.25, 0.0625, 0.015625])
  }

  @Test func theRateOfTheScheduleIsTheOneThatStepsAreMadeWith() throws {
    let model: Sequential<Float> = TrainingSamples.network(.none)
    let before = model.state
    // A rise from 0 over four steps: the first of them moves nothing.
    let configuration = TrainingConfiguration(
      epochs: 1, batchSize: 10, schedule: .warmUp(length: 4, initial: 0, then: .constant), scheduleUnit: .step)
    var moved: [Bool] = []
    try Trainer(model, configuration: configuration).fit(TrainingSamples.classes(20)) { event in
      if case .step = event { moved.append(model.state != before) }
      return .proceed
    }
    #expect(moved == [false, true])
  }

  @Test func runningStatisticsCountEachStepOnceAndEvaluationNever() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    var counts: [Set<Int>] = []
    let configuration = TrainingConfiguration(epochs: 2, batchSize: 10, keepsBest: false)
    try Trainer(model, configuration: configuration)
      .fit(TrainingSamples.classes(30), validation: TrainingSamples.classes(12)) { event in
        counts.append(Set(model.state.counts.values))
        return .proceed
      }
    #expect(counts == [[1], [2], [3], [3], [4], [5], [6], [6]])
  }

  @Test func dropoutDrawsNewMasksAtEveryStepAndNoneInEvaluation() throws {
    let data = TrainingSamples.classes(20, Float.self)
    let model: Sequential<Float> = TrainingSamples.network(.none, keepProbability: 0.5)
    // Whole batches at rate 0: without dropout every step would have the same loss, in another order of addition.
    let configuration = TrainingConfiguration(epochs: 4, batchSize: 20, learningRate: 0)
    let history = try Trainer(model, configuration: configuration).fit(data)
    #expect(Set(history.stepLosses).count == 4)
    #expect(try #require(history.stepLosses.max()) - #require(history.stepLosses.min()) > 1e-3)
    let first = try model.evaluate(on: data, loss: .softmaxCrossEntropy)
    #expect(try model.evaluate(on: data, loss: .softmaxCrossEntropy) == first)
  }

  @Test func evaluationDoesNotDependOnItsBatches() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let data = TrainingSamples.classes(23, Float.self)
    let whole = try model.predict(data.features)
    for batchSize in [1, 5, 22, 23, 1000] {
      #expect(errorRelativeToScale(try model.predict(data.features, batchSize: batchSize), reference: whole) < 1e-6)
    }
    #expect(try model.predict(.zeros([0, 4])).shape == [0, 3])
  }

  @Test func aFoldedModelPredictsWhatTheModelDoesInAnyBatches() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let data = TrainingSamples.classes(23, Float.self)
    try Trainer(model, configuration: TrainingConfiguration(epochs: 1, batchSize: 8)).fit(data)
    let expected = try model.predict(data.features).converted(to: Double.self)
    let serving = try InferenceModel(model)
    for batchSize in [1, 5, 22, 23, 1000] {
      let found = try serving.predict(data.features, batchSize: batchSize)
      #expect(errorRelativeToScale(found.converted(to: Double.self), reference: expected) < 1e-5)
    }
    #expect(throws: LayerError.self) { try serving.predict(.zeros([3, 5])) }
  }
}
