import Norma
import TestSupport
import Testing

@Suite struct TrainingSettingsTests {
  private static let changes: [@Sendable (inout TrainingConfiguration) -> Void] = [
    { $0.epochs = 3 }, { $0.batchSize = 3 }, { $0.loss = .multiclassSVM }, { $0.optimizer = .adam(epsilon: 1e-7) },
    { $0.learningRate = 3 }, { $0.schedule = .cosine(length: 3) }, { $0.scheduleUnit = .step }, { $0.l2Penalty = 3 },
    { $0.dropsLastBatch = true }, { $0.keepsBest = false }, { $0.monitor = .loss }, { $0.patience = 3 },
    { $0.classWeights = [3] }, { $0.augmentation = ImageAugmentation(padding: 3) }, { $0.seed = 3 },
    { $0.recomputesNormalized = true }, { $0.weightDecay = 0.5 },
    { $0.groups = [ParameterGroup("0.*", learningRateFactor: 0.5, weightDecay: 0)] }, { $0.clipping = .norm(2) },
    { $0.averaging = .exponential(decay: 0.75) }, { $0.microBatches = 4 }, { $0.mixup = 0.25 },
    { $0.cutmix = 1 }, { $0.shards = 4 },
    { $0.sharesMoments = true }, { $0.ghostSize = 8 }, { $0.keptActivations = .bfloat16 },
  ]

  @Test func everySettingCountsAndIsSaved() throws {
    let configuration = TrainingConfiguration()
    #expect(Mirror(reflecting: configuration).children.count == Self.changes.count)
    for change in Self.changes {
      var changed = configuration
      change(&changed)
      #expect(changed != configuration)
      #expect(try TrainingConfiguration(json: changed.json) == changed)
    }
    var clipped = configuration
    for clipping in [GradientClipping.norm(2), .value(0.5), .adaptive(0.01), .adaptive(0.01, epsilon: 0.5)] {
      clipped.clipping = clipping
      #expect(try TrainingConfiguration(json: clipped.json).clipping == clipping)
    }
  }

  @Test func settingsThatNothingCanBeTrainedWithAreThrown() throws {
    let wrong: [(inout TrainingConfiguration) -> Void] = [
      { $0.epochs = -1 }, { $0.batchSize = 0 }, { $0.batchSize = -5 }, { $0.learningRate = .nan },
      { $0.learningRate = .infinity }, { $0.l2Penalty = -1 }, { $0.l2Penalty = .infinity }, { $0.patience = -1 },
      { $0.classWeights = [1, 0] }, { $0.weightDecay = -1 },
      { $0.groups = [ParameterGroup("0", learningRateFactor: -1)] },
      { $0.groups = [ParameterGroup("0", weightDecay: .nan)] }, { $0.clipping = .norm(0) },
      { $0.clipping = .value(.nan) }, { $0.clipping = .adaptive(0) }, { $0.clipping = .adaptive(1, epsilon: 0) },
      { $0.averaging = .exponential(decay: 1) }, { $0.averaging = .stochastic(fromEpoch: 0) }, { $0.microBatches = 0 },
      { $0.mixup = 0 }, { $0.cutmix = -1 }, { $0.shards = 3 }, { $0.loss = .softmaxCrossEntropy(labelSmoothing: 2) },
      { $0.loss = .focal(focus: -1) },
      { $0.loss = .huber(threshold: 0) }, { $0.schedule = .oneCycle(length: 0) },
      { $0.schedule = .warmUp(length: 1, initial: 0, then: .plateau(patience: -1)) },
    ]
    for change in wrong {
      var configuration = TrainingConfiguration()
      change(&configuration)
      #expect(throws: TrainingError.self) {
        try Trainer(TrainingSamples.network() as Sequential<Float>, configuration: configuration)
      }
    }
  }

  /// What versions before registries wrote.
  @Test func settingsOfEarlierFilesAreRead() throws {
    func read(_ loss: String, _ optimizer: String, _ schedule: String) throws -> TrainingConfiguration {
      try TrainingConfiguration(
        json: """
          {"epochs":1,"batchSize":2,"loss":\(loss),"optimizer":\(optimizer),"learningRate":0.1,"schedule":\(schedule),\
          "scheduleUnit":"step","l2Penalty":0,"dropsLastBatch":false,"keepsBest":true,"seed":1}
          """)
    }
    let first = try read(
      #""softmaxCrossEntropy""#, #"{"sgd":{"momentum":0.9,"nesterov":true}}"#,
      #"{"warmUp":{"length":3,"initial":0.5,"then":{"cosine":{"length":9,"final":0.25}}}}"#)
    #expect(first.loss is SoftmaxCrossEntropy)
    #expect(first.optimizer as? SGD == SGD(momentum: 0.9, nesterov: true))
    #expect(
      first.schedule as? WarmUpSchedule
        == WarmUpSchedule(length: 3, initial: 0.5, then: .cosine(length: 9, final: 0.25)))
    let second = try read(
      #""meanSquaredError""#, #"{"rmsProp":{"decay":0.9,"epsilon":1e-6}}"#, #"{"step":{"every":2,"factor":0.5}}"#)
    #expect(second.loss is MeanSquaredError && second.optimizer as? RMSProp == RMSProp(decay: 0.9, epsilon: 1e-6))
    #expect(second.schedule as? StepSchedule == StepSchedule(every: 2, factor: 0.5))
    let third = try read(
      #""multiclassSVM""#, #"{"adam":{"beta1":0.8,"beta2":0.9,"epsilon":1e-7,"weightDecay":0.1}}"#, #"{"constant":{}}"#)
    #expect(third.loss is MulticlassSVM && third.schedule is ConstantSchedule)
    #expect(third.optimizer as? Adam == Adam(beta1: 0.8, beta2: 0.9, epsilon: 1e-7, weightDecay: 0.1))
  }

  /// No time and no setting of a schedule overflows, and no factor is other than a number.
  @Test func schedulesHoldOverTheWholeRangeOfInt() {
    let times = [Int.min, -1, 0, 1, 1000, .max - 1, .max]
    for length in [Int.min, -1, 0, 1, 7, .max] {
      let schedules: [any LearningRateSchedule] = [
        .constant, .step(every: length, factor: 0.5), .cosine(length: length, final: 0.5),
        .warmUp(length: length, initial: 0, then: .step(every: length, factor: 0.5)),
        .warmUp(length: .max, initial: 0.5, then: .warmUp(length: length, initial: 0, then: .cosine(length: length))),
      ]
      for schedule in schedules {
        for time in times {
          let factor = schedule.factor(at: time)
          #expect(factor >= 0 && factor <= 1)
        }
      }
    }
    #expect(StepSchedule(every: .max, factor: 0.1).factor(at: .max - 1) == 1)
    #expect(StepSchedule(every: .max, factor: 0.1).factor(at: .max) == 0.1)
  }
}
