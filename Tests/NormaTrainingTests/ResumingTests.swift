import Foundation
import Norma
import TestSupport
import Testing

/// Trainings that are stopped, written to a file, read by another trainer with another number of threads, and gone on with.
@Suite struct ResumingTests {
  /// A model before training, its data, and how it is trained.
  struct Training<Element: TensorElement> {
    var model: () throws -> Sequential<Element>
    var data: Dataset<Element>
    var validation: Dataset<Element>?
    var configuration: TrainingConfiguration
  }

  /// Makes sure that going on from any of the states a training goes through ends as the training itself does, to the bit.
  private func expectTheSameEnd<Element: TensorElement>(
    _ training: Training<Element>, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let threads = Parallel.threadCount
    defer { Parallel.threadCount = threads }
    let directory = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: directory) }
    let model = try training.model()
    let trainer = try Trainer(model, configuration: training.configuration)
    var files: [String] = []
    try trainer.fit(training.data, validation: training.validation) { _ in
      files.append(directory.appending(path: "\(files.count)").path)
      try trainer.state.write(to: files[files.count - 1])
      return .proceed
    }
    for (number, file) in files.enumerated() {
      Parallel.threadCount = 1 + number % 3
      let other = try training.model()
      let resumed = try Trainer(other, configuration: training.configuration)
      try resumed.restore(try TrainingState(contentsOf: file))
      try resumed.fit(training.data, validation: training.validation)
      #expect(haveSameBits(other.state, model.state), "from state \(number)", sourceLocation: sourceLocation)
      #expect(
        resumed.history.withoutTimes == trainer.history.withoutTimes, "from state \(number)",
        sourceLocation: sourceLocation)
    }
  }

  private static let optimizers: [any OptimizerRule] = [
    .sgd(), .sgd(momentum: 0.9), .sgd(momentum: 0.8, nesterov: true), .rmsProp(), .adam(), .adam(weightDecay: 0.01),
    .adam(usesLargest: true), .lion(),
  ]

  private static func perceptron(_ optimizer: any OptimizerRule = .adam()) -> Training<Float> {
    let schedule = WarmUpSchedule(length: 3, initial: 0, then: .cosine(length: 6))
    return Training(
      model: { TrainingSamples.network(keepProbability: 0.7) }, data: TrainingSamples.classes(33),
      validation: TrainingSamples.classes(20, seed: 8),
      configuration: TrainingConfiguration(
        epochs: 3, batchSize: 10, optimizer: optimizer, learningRate: 0.05, schedule: schedule, scheduleUnit: .step,
        l2Penalty: 1e-3, seed: 7))
  }

  @Test(arguments: optimizers) func aNetworkWithDropoutGoesOnWithEveryOptimizer(optimizer: any OptimizerRule) throws {
    try expectTheSameEnd(Self.perceptron(optimizer))
  }

  @Test func aTrainingOfNormalizedWeightsAndClippedUnitsGoesOn() throws {
    var training = Self.perceptron(.sgd(momentum: 0.9))
    training.configuration.clipping = .adaptive(0.02, epsilon: 0.01)
    training.configuration.microBatches = 2
    training.model = {
      var random = RandomGenerator(seed: 3)
      return Sequential<Float> {
        Linear(inputs: 4, outputs: 8, weightNormalization: .spectral(), using: &random)
        ReLU()
        Linear(inputs: 8, outputs: 8, weightNormalization: .scaledStandardized(), using: &random)
        ReLU()
        Linear(inputs: 8, outputs: 3, weightNormalization: .magnitude, using: &random)
      }
    }
    try expectTheSameEnd(training)
  }

  @Test(arguments: [WeightAveraging.exponential(decay: 0.75), .stochastic(fromEpoch: 2)])
  func aTrainingWithEverySwitchGoesOn(averaging: WeightAveraging) throws {
    var training = Self.perceptron(.adam(usesLargest: true))
    training.configuration.loss = .softmaxCrossEntropy(labelSmoothing: 0.1)
    training.configuration.schedule = .warmUp(length: 2, initial: 0.1, then: .plateau(patience: 0, factor: 0.5))
    training.configuration.weightDecay = 0.1
    training.configuration.groups = [
      ParameterGroup("8", learningRateFactor: 3), ParameterGroup("*.bias", weightDecay: 0.5),
    ]
    training.configuration.clipping = .norm(0.5)
    training.configuration.averaging = averaging
    training.configuration.microBatches = 3
    training.configuration.mixup = 0.4
    training.configuration.classWeights = [1, 2, 0.5]
    training.configuration.recomputesNormalized = true
    training.data.weights = (0..<33).map { 1 + Double($0 % 4) }
    let model = training.model
    training.model = {
      let model = try model()
      model.freeze("5.bias")
      model.freezeStatistics("1")
      return model
    }
    try expectTheSameEnd(training)
  }

  @Test func theWidthOfKeptActivationsBelongsToTheTraining() throws {
    var training = Self.perceptron()
    training.configuration.keptActivations = .bfloat16
    training.configuration.recomputesNormalized = true
    try expectTheSameEnd(training)
    let trainer = try Trainer(training.model(), configuration: training.configuration)
    try trainer.fit(training.data)
    for change: (inout TrainingConfiguration) -> Void in [
      { $0.keptActivations = nil }, { $0.keptActivations = .float16 }, { $0.recomputesNormalized = false },
    ] {
      var other = training.configuration
      change(&other)
      #expect(other.differences(from: training.configuration).count == 1)
      #expect(throws: TrainingError.self) {
        try Trainer(training.model(), configuration: other).restore(trainer.state)
      }
    }
  }

  @Test func whatIsFrozenBelongsToTheTraining() throws {
    let training = Self.perceptron()
    let frozen = try training.model()
    frozen.freeze("0")
    frozen.freezeStatistics("5")
    let state = try Trainer(frozen, configuration: training.configuration).state
    let other = try Trainer(try training.model(), configuration: training.configuration)
    #expect {
      try other.restore(state)
    } throws: { error in
      "\(error)".contains("what is frozen was 0.weight, statistics of 5, and is nothing")
    }
  }

  @Test func aNetworkOfDoublesGoesOn() throws {
    try expectTheSameEnd(
      Training<Double>(
        model: { TrainingSamples.network() }, data: TrainingSamples.classes(23),
        configuration: TrainingConfiguration(epochs: 2, batchSize: 10)))
  }

  @Test func aConvolutionalNetworkWithAugmentedBatchesPreparedAheadGoesOn() throws {
    // Large enough that the next batch is prepared while the step runs.
    var random = RandomGenerator(seed: 2)
    let data = Dataset<Float>(
      features: .normal([300, 24, 24, 3], using: &random), targets: .classes((0..<300).map { $0 % 3 }, count: 3),
      name: "noise")
    try expectTheSameEnd(
      Training(
        model: {
          try ThreeLayerConvolutionalNetwork(filters: 2, filterSize: 3, hidden: 8)
            .build(sampleShape: [24, 24, 3], outputCount: 3, random: RandomGenerator(seed: 5))
        },
        data: data,
        configuration: TrainingConfiguration(
          epochs: 2, batchSize: 100, optimizer: .sgd(momentum: 0.9), learningRate: 0.01,
          augmentation: ImageAugmentation(padding: 2, flipsHorizontally: true), seed: 3)))
  }

  @Test func patienceCountsOnAndTheBestStateIsRemembered() throws {
    // A high rate: it does not get better for long.
    var training = Self.perceptron(.sgd())
    training.configuration.learningRate = 3
    training.configuration.schedule = .constant
    training.configuration.epochs = 30
    training.configuration.patience = 2
    let trainer = try Trainer(training.model(), configuration: training.configuration)
    let history = try trainer.fit(training.data, validation: training.validation)
    #expect(history.stoppedEarly && history.epochs.count < 30)
    try expectTheSameEnd(training)
  }

  @Test func aSecondFitGoesOnToo() throws {
    let training = Self.perceptron()
    func twice(_ between: (Trainer<Float>) throws -> Trainer<Float>) throws -> (ModelState<Float>, TrainingHistory) {
      let first = try Trainer(training.model(), configuration: training.configuration)
      try first.fit(training.data, validation: training.validation)
      let second = try between(first)
      try second.fit(training.data, validation: training.validation)
      return (second.model.state, second.history.withoutTimes)
    }
    let (expected, history) = try twice { $0 }
    #expect(history.epochs.count == 6)
    // Taken between the two.
    let (found, foundHistory) = try twice { first in
      let second = try Trainer(training.model(), configuration: training.configuration)
      try second.restore(first.state)
      return second
    }
    #expect(haveSameBits(found, expected) && foundHistory == history)
    // Taken in the middle of the second.
    let trainer = try Trainer(training.model(), configuration: training.configuration)
    try trainer.fit(training.data, validation: training.validation)
    var state: TrainingState<Float>?
    try trainer.fit(training.data, validation: training.validation) { event in
      if case .step(let step) = event, step.epoch == 5, step.number == 2 { state = trainer.state }
      return .proceed
    }
    let resumed = try Trainer(training.model(), configuration: training.configuration)
    try resumed.restore(try #require(state))
    #expect(resumed.state.stepsOfEpoch == 2 && resumed.state.epoch == 5)
    try resumed.fit(training.data, validation: training.validation)
    #expect(haveSameBits(resumed.model.state, expected) && resumed.history.withoutTimes == history)
  }

  @Test func moreEpochsAreThoseOfALongerTraining() throws {
    var training = Self.perceptron()
    training.configuration.schedule = .constant
    let short = try Trainer(training.model(), configuration: training.configuration)
    var last: TrainingState<Float>?
    try short.fit(training.data) { event in
      if case .epoch = event { last = short.state }
      return .proceed
    }
    training.configuration.epochs = 5
    training.configuration.recomputesNormalized = true
    let (longer, whole) = (
      try Trainer(training.model(), configuration: training.configuration),
      try Trainer(training.model(), configuration: training.configuration)
    )
    try longer.restore(try #require(last))
    try longer.fit(training.data)
    try whole.fit(training.data)
    #expect(haveSameBits(longer.model.state, whole.model.state))
    training.configuration.epochs = 2
    #expect(throws: TrainingError.self) {
      try Trainer(training.model(), configuration: training.configuration).restore(try #require(last))
    }
  }

  // MARK: Another training

  /// The state after the first epoch.
  private func state(of training: Training<Float>) throws -> TrainingState<Float> {
    let trainer = try Trainer(training.model(), configuration: training.configuration)
    var state: TrainingState<Float>?
    try trainer.fit(training.data, validation: training.validation) { event in
      guard case .epoch = event else { return .proceed }
      state = trainer.state
      return .stop
    }
    return try #require(state)
  }

  @Test func allThatDiffersIsSaidAndNothingIsChanged() throws {
    let training = Self.perceptron()
    let state = try state(of: training)
    var configuration = training.configuration
    configuration.batchSize = 20
    configuration.optimizer = .rmsProp()
    let model = try training.model()
    let before = model.state
    let trainer = try Trainer(model, configuration: configuration)
    let error = #expect(throws: TrainingError.self) { try trainer.restore(state) }
    #expect(
      error?.description == """
        the state is of another training: batchSize was 10, and is 20; optimizer was Adam, betas 0.9 and 0.999, and is \
        RMSProp, decay 0.99
        """)
    #expect(haveSameBits(model.state, before) && trainer.history.epochs.isEmpty)
    // What words leave out.
    configuration = training.configuration
    configuration.optimizer = .adam(epsilon: 1e-7)
    #expect(configuration.differences(from: training.configuration).map(\.name) == ["configuration"])
  }

  @Test func anotherNetworkOrAnotherRuleIsRefused() throws {
    let training = Self.perceptron()
    let state = try state(of: training)
    func problem(_ model: Sequential<Float>) throws -> String? {
      let before = model.state
      let trainer = try Trainer(model, configuration: training.configuration)
      let error = #expect(throws: (any Error).self) { try trainer.restore(state) }
      #expect(haveSameBits(model.state, before))
      return error.map { "\($0)" }
    }
    #expect(try problem(TrainingSamples.network(keepProbability: 0.6))?.contains("0.6") == true)
    #expect(
      try problem(TrainingSamples.network(hidden: [8, 9], keepProbability: 0.7))?.contains("the layer was") == true)
    #expect(try problem(TrainingSamples.network(hidden: [8], keepProbability: 0.7))?.contains("the layer was") == true)
    let layers = try training.model().children.map { child in
      (child.layer as? BatchNorm<Float>).map {
        BatchNorm<Float>($0.featureCount, conventions: .cs231n) as any Layer<Float>
      }
        ?? child.layer
    }
    #expect(
      try problem(Sequential<Float>(layers))?.contains("the rule of the running statistics of '1' was updating(0.1)")
        == true)
  }

  @Test func dataThatHaveChangedAreRefused() throws {
    let training = Self.perceptron()
    let state = try state(of: training)
    let trainer = try Trainer(training.model(), configuration: training.configuration)
    try trainer.restore(state)
    var data = training.data
    data.features[3, 1] += 1e-3
    for (training, validation) in [(data, training.validation), (training.data, nil)] {
      let error = #expect(throws: TrainingError.self) { try trainer.fit(training, validation: validation) }
      #expect(error?.description.contains("it has changed since") == true)
    }
    #expect(throws: Never.self) { try trainer.fit(training.data, validation: training.validation) }
  }
}
