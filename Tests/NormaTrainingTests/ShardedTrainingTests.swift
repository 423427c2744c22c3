import Norma
import TestSupport
import Testing

/// Trainings whose batches are cut into shards, which are worked on side by side and normalized as one batch.
@Suite struct ShardedTrainingTests {
  private func state(
    _ configuration: TrainingConfiguration, _ data: Dataset<Float>
  ) throws -> (state: ModelState<Float>, losses: [Double]) {
    let model = TrainingSamples.residualNetwork(keepProbability: 0.8, Float.self)
    let trainer = try Trainer(model, configuration: configuration)
    let history = try trainer.fit(data)
    return (model.state, history.stepLosses)
  }

  static let settings: [@Sendable (inout TrainingConfiguration) -> Void] = [
    { _ in },
    { $0.augmentation = ImageAugmentation(padding: 2, flipsHorizontally: true) },
    { ($0.mixup, $0.cutmix, $0.classWeights) = (0.4, 1, [1, 2, 1, 0.5]) },
    { ($0.ghostSize, $0.recomputesNormalized) = (2, true) },
    { ($0.l2Penalty, $0.clipping, $0.averaging) = (1e-3, .norm(1), .exponential(decay: 0.9)) },
  ]

  /// 37 examples in batches of 16: the last one leaves shards of one and of none.
  @Test(arguments: settings.indices) func theNumberOfThreadsChangesNoBit(index: Int) throws {
    var configuration = TrainingConfiguration(epochs: 2, batchSize: 16, learningRate: 0.01, seed: 3)
    configuration.shards = 8
    Self.settings[index](&configuration)
    let found = try resultsByThreadCount { try state(configuration, TrainingSamples.images(37)) }
    for other in found.dropFirst() {
      #expect(haveSameBits(other.state, found[0].state))
      #expect(other.losses == found[0].losses)
    }
    // Another cut has other bits; and none draws other random numbers.
    configuration.shards = 2
    #expect(!haveSameBits(try state(configuration, TrainingSamples.images(37)).state, found[0].state))
  }

  /// Without random numbers, shards differ from the batch by the order of sums: in Double by some 1e-14 a step.
  @Test func shardsLearnWhatTheBatchLearns() throws {
    func learned(_ shards: Int?) throws -> (ModelState<Double>, [Double]) {
      let model = TrainingSamples.residualNetwork(Double.self)
      var configuration = TrainingConfiguration(
        epochs: 2, batchSize: 16, optimizer: .sgd(momentum: 0.9), learningRate: 0.05, seed: 3)
      configuration.shards = shards
      configuration.classWeights = [1, 2, 1, 0.5]
      let data = Dataset<Double>(
        features: TrainingSamples.images(41).features.converted(), targets: .classes((0..<41).map { $0 % 4 }, count: 4),
        name: "noise")
      let history = try Trainer(model, configuration: configuration).fit(data)
      return (model.state, history.stepLosses)
    }
    let (whole, losses) = try learned(nil)
    for shards in [1, 4, 8] {
      let (state, found) = try learned(shards)
      for (a, b) in zip(found, losses) { #expect(abs(a - b) < 1e-10) }
      for (name, tensor) in whole.tensors {
        #expect(errorRelativeToScale(state.tensors[name]!, reference: tensor, floor: 1e-3) < 1e-9, "\(name)")
      }
      #expect(state.counts == whole.counts)
    }
  }

  /// Parameters are drawn when they are first asked for: not by several shards at once.
  @Test func aNewModelIsDrawnBeforeItsShardsBegin() throws {
    var configuration = TrainingConfiguration(epochs: 1, batchSize: 64, learningRate: 0.01, seed: 3)
    configuration.shards = 64
    let states = try (0..<8).map { _ in
      let model = TrainingSamples.network(.batch, hidden: [64, 64], Float.self)
      try Trainer(model, configuration: configuration).fit(TrainingSamples.classes(64))
      return model.state
    }
    for state in states { #expect(haveSameBits(state, states[0])) }
  }

  /// Running statistics take in the ghost batches of all shards, as those of the batch uncut: cut in the same places, they are the same.
  @Test func ghostBatchesOfAllShardsCount() throws {
    func learned(_ shards: Int?) throws -> ModelState<Double> {
      let model = TrainingSamples.residualNetwork(Double.self)
      var configuration = TrainingConfiguration(epochs: 1, batchSize: 16, learningRate: 0.01, seed: 3)
      (configuration.shards, configuration.ghostSize) = (shards, 4)
      let data = Dataset<Double>(
        features: TrainingSamples.images(32).features.converted(),
        targets: .classes((0..<32).map { $0 % 4 }, count: 4), name: "noise")
      try Trainer(model, configuration: configuration).fit(data)
      return model.state
    }
    let whole = try learned(nil)
    for shards in [2, 4] {
      let state = try learned(shards)
      for (name, tensor) in whole.tensors {
        #expect(errorRelativeToScale(state.tensors[name]!, reference: tensor, floor: 1e-3) < 1e-9, "\(name)")
      }
      #expect(state.counts == whole.counts)
    }
  }

  @Test func aTrainingGoesOnToTheSameBits() throws {
    var configuration = TrainingConfiguration(epochs: 2, batchSize: 16, learningRate: 0.01, seed: 3)
    (configuration.shards, configuration.mixup) = (4, 0.4)
    let data = TrainingSamples.images(37)
    let whole = TrainingSamples.residualNetwork(keepProbability: 0.8, Float.self)
    let trainer = try Trainer(whole, configuration: configuration)
    var states: [TrainingState<Float>] = []
    try trainer.fit(data) { _ in
      states.append(trainer.state)
      return .proceed
    }
    for state in states {
      let model = TrainingSamples.residualNetwork(keepProbability: 0.8, Float.self)
      let resumed = try Trainer(model, configuration: configuration)
      try resumed.restore(state)
      try resumed.fit(data)
      #expect(haveSameBits(model.state, whole.state))
    }
    var other = configuration
    other.shards = 8
    #expect(other.differences(from: configuration).map(\.name) == ["shards"])
  }

  @Test func whatCannotBeCutIsRefused() throws {
    func problem(_ change: (inout TrainingConfiguration) -> Void) -> String? {
      var configuration = TrainingConfiguration()
      change(&configuration)
      do {
        try configuration.check()
        return nil
      } catch { return "\(error)" }
    }
    for shards in [0, -1, 3, 12, 2048] {
      #expect(problem { $0.shards = shards }?.contains("a power of two up to 1024") ?? false, "\(shards)")
    }
    #expect(problem { ($0.shards, $0.microBatches) = (4, 2) }?.contains("in 4 shards and in 2 parts") ?? false)
    #expect(problem { $0.shards = 1024 } == nil)
    var random = RandomGenerator(seed: 1)
    let model = Sequential<Float> {
      Linear(inputs: 4, outputs: 3, using: &random)
      IterNorm(3)
    }
    var configuration = TrainingConfiguration(batchSize: 8)
    configuration.shards = 2
    let error = #expect(throws: LayerError.self) {
      try Trainer(model, configuration: configuration).fit(TrainingSamples.classes(16))
    }
    #expect(error?.expected == "a whole batch, which is not cut into shards")
  }

  /// A loss that is no number is told of by the first shard that has one, and where it comes from.
  @Test func whatIsNotFiniteInAShardIsNamed() throws {
    var data = TrainingSamples.images(16)
    data.features[9, 0, 0, 0] = .nan
    var configuration = TrainingConfiguration(batchSize: 16)
    configuration.shards = 4
    let error = #expect(throws: TrainingError.self) {
      try Trainer(TrainingSamples.residualNetwork(Float.self), configuration: configuration).fit(data)
    }
    #expect(error.map { "\($0)" }?.contains("the data of the batch") ?? false, "\(String(describing: error))")
  }
}
