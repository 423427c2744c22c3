import Foundation
import Norma
import TestSupport
import Testing

/// Trainings that several processes share, here threads of one: the arithmetic is that of the shards, whoever works on which.
@Suite struct ProcessTrainingTests {
  private struct Trained {
    var state: ModelState<Float>
    var history: TrainingHistory
    var steps: [Trainer<Float>.Step] = []
  }

  /// What becomes of a training in each process, which learns from some images and is judged by others.
  private static func trained(
    _ configuration: TrainingConfiguration, in group: (any ProcessGroup)? = nil,
    from start: TrainingState<Float>? = nil, _ change: (Trainer<Float>) throws -> Void = { _ in },
    onEvent: (Trainer<Float>.Event) throws -> Trainer<Float>.Decision = { _ in .proceed }
  ) throws -> Trained {
    let model = TrainingSamples.residualNetwork(keepProbability: 0.8, Float.self)
    let trainer = try Trainer(model, configuration: configuration, group: group)
    if let start { try trainer.restore(start) }
    try change(trainer)
    var steps: [Trainer<Float>.Step] = []
    let data = TrainingSamples.images(60).subset(rows: Array(0..<37)),
      validation = TrainingSamples.images(60).subset(rows: Array(37..<60))
    let history = try trainer.fit(data, validation: validation) {
      if case .step(let step) = $0 { steps.append(step) }
      return try onEvent($0)
    }
    return Trained(state: model.state, history: history, steps: steps)
  }

  private func configuration(_ index: Int = 0) -> TrainingConfiguration {
    var configuration = TrainingConfiguration(epochs: 2, batchSize: 16, learningRate: 0.01, seed: 3)
    configuration.shards = 8
    ShardedTrainingTests.settings[index](&configuration)
    return configuration
  }

  private func areEqual(_ a: TrainingHistory, _ b: TrainingHistory) -> Bool {
    func numbers(_ history: TrainingHistory) -> [[Double?]] {
      history.epochs.map {
        [
          $0.trainingLoss, $0.trainingMetric, $0.validationLoss, $0.validationMetric, $0.inferenceTrainingLoss,
          $0.batchTrainingLoss, $0.batchTrainingMetric,
        ]
      }
    }
    return a.stepLosses == b.stepLosses && numbers(a) == numbers(b)
  }

  /// The last batch, of five examples, leaves half of eight processes without any.
  @Test(arguments: ShardedTrainingTests.settings.indices) func theNumberOfProcessesChangesNoBit(index: Int) throws {
    let configuration = configuration(index)
    let one = try Self.trained(configuration)
    for count in [1, 2, 4, 8] {
      for (rank, found) in ThreadGroup.run(count, { try Self.trained(configuration, in: $0) }).enumerated() {
        let found = try found.get()
        #expect(haveSameBits(found.state, one.state), "process \(rank) of \(count)")
        #expect(areEqual(found.history, one.history), "process \(rank) of \(count)")
        #expect(found.steps.map(\.accuracy) == one.steps.map(\.accuracy))
        #expect(found.steps.map(\.sampleCount) == one.steps.map(\.sampleCount))
      }
    }
  }

  /// With a mean of the weights of epochs, whose statistics are gathered again at the end.
  @Test func statisticsAreRecalibratedByAll() throws {
    var configuration = configuration()
    configuration.averaging = .stochastic(fromEpoch: 1)
    let one = try Self.trained(configuration)
    let (settings, expected) = (configuration, one)
    for count in [2, 8] {
      for found in ThreadGroup.run(count, { try Self.trained(settings, in: $0) }) {
        #expect(haveSameBits(try found.get().state, expected.state))
      }
    }
  }

  @Test func anotherNumberOfProcessesGoesOnToTheSameBits() throws {
    let configuration = configuration(2)
    let whole = try Self.trained(configuration)
    let of4 = ThreadGroup.run(4) { group in
      var states: [TrainingState<Float>] = []
      var trainer: Trainer<Float>?
      _ = try Self.trained(configuration, in: group) {
        trainer = $0
      } onEvent: { _ in
        states.append(trainer!.state)
        return .proceed
      }
      return states
    }
    let states = try of4[3].get()
    #expect(states.count == 8)
    for state in states {
      for found in ThreadGroup.run(2, { try Self.trained(configuration, in: $0, from: state) }) {
        #expect(haveSameBits(try found.get().state, whole.state))
      }
    }
  }

  /// One that is asked to stop ends all after the same step.
  @Test func aWishToStopIsEverybodys() throws {
    let configuration = configuration()
    let found = ThreadGroup.run(4) { group in
      var count = 0
      var trainer: Trainer<Float>?
      return try Self.trained(configuration, in: group) {
        trainer = $0
        $0.isAskedToStop = { group.rank == 2 && count == 2 }
      } onEvent: { event in
        if case .step = event { count += 1 }
        return trainer!.isStopping ? .stop : .proceed
      }.history.stepLosses.count
    }
    for outcome in found { #expect(try outcome.get() == 3) }
  }

  @Test func processesThatDisagreeAreNamed() throws {
    let configuration = configuration()
    func problems(
      _ make: @escaping @Sendable (ThreadGroup) throws -> Void
    ) -> [String] {
      ThreadGroup.run(4, timeLimit: 10, make).map { outcome in
        if case .failure(let error) = outcome { "\(error)" } else { "none" }
      }
    }
    let another = problems { group in
      var configuration = configuration
      if group.rank == 2 { configuration.learningRate = 0.02 }
      _ = try Self.trained(configuration, in: group)
    }
    #expect(another == Array(repeating: "process 2 has other settings than process 0", count: 4))
    let data = problems { group in
      let model = TrainingSamples.network(.batch, Float.self)
      _ = try Trainer(model, configuration: configuration, group: group)
        .fit(TrainingSamples.classes(32, seed: group.rank == 1 ? 6 : 5))
    }
    #expect(data == Array(repeating: "process 1 has other data than process 0", count: 4))
  }

  @Test func theNumberOfProcessesDividesThatOfTheShards() throws {
    for shards in [nil, 2] {
      let found = ThreadGroup.run(4) { group in
        var configuration = TrainingConfiguration(batchSize: 8)
        configuration.shards = shards
        _ = try Trainer(TrainingSamples.network(.batch, Float.self), configuration: configuration, group: group)
      }
      for outcome in found { #expect(throws: TrainingError.self) { try outcome.get() } }
    }
  }

  /// A loss that is no number is seen by all at the same step.
  @Test func whatIsNotFiniteEndsAll() throws {
    var data = TrainingSamples.images(16)
    data.features[9, 0, 0, 0] = .nan
    var configuration = TrainingConfiguration(batchSize: 16)
    configuration.shards = 4
    let (examples, settings) = (data, configuration)
    let found = ThreadGroup.run(4) { group in
      try Trainer(TrainingSamples.residualNetwork(Float.self), configuration: settings, group: group).fit(examples)
    }
    for outcome in found { #expect(throws: TrainingError.self) { try outcome.get() } }
  }
}

/// What is said of trainings by several processes before they are.
@Suite struct ScalingPlanTests {
  @Test(arguments: [
    ("1Gbit", 125e6, 50e-6), ("10Gbit:20us", 1.25e9, 20e-6), ("100Mbit:1.5ms", 12.5e6, 1.5e-3),
  ]) func networksAreRead(text: String, bandwidth: Double, latency: Double) throws {
    let network = try #require(Interconnect(text))
    #expect(abs(network.bandwidth / bandwidth - 1) < 1e-12 && abs(network.latency / latency - 1) < 1e-12)
  }

  @Test(arguments: ["", "10", "Gbit", "-1Gbit", "1Gbit:", "1Gbit:5", "1Gbit:1us:2", "infGbit", "1Gbit:0us"])
  func whatIsNoNetworkIsNotRead(text: String) { #expect(Interconnect(text) == nil) }

  /// Of two dice the larger is 4.47 in the mean, and one 3.5; of four 5.24.
  @Test(arguments: [1, 2, 4]) func theLongestOfSeveralTimes(count: Int) {
    // The sum over faces of the probability that the largest is no smaller.
    let largest = (0..<6).reduce(0.0) { $0 + 1 - pow(Double($1) / 6, Double(count)) }
    #expect(abs(ScalingPlan.excess([6, 1, 4, 2, 5, 3], of: count) - (largest - 3.5)) < 1e-12)
    #expect(abs(ScalingPlan.excess([2, 2, 2], of: count)) < 1e-12)
  }

  /// Messages and bytes are those that processes send: counted by hand for a network with two batch normalizations, of 16 channels each.
  @Test func whatIsSentIsCounted() throws {
    var configuration = TrainingConfiguration(epochs: 2, batchSize: 16, learningRate: 0.01)
    configuration.shards = 8
    let model = TrainingSamples.residualNetwork(Float.self)
    let before = model.state
    let plan = try ScalingPlan(
      model, on: TrainingSamples.images(20), configuration: configuration, processCount: 8,
      interconnect: Interconnect(bandwidth: 1e6, latency: 1), stepCount: 2)
    #expect(haveSameBits(model.state, before))
    #expect(plan.steps.map(\.processCount) == [1, 2, 4, 8])
    let parameters = model.parameterCount * MemoryLayout<Float>.size
    for step in plan.steps {
      let rounds = step.processCount.trailingZeroBitCount
      // Twice forward and twice backward, loss and correct ones, and who is asked to stop.
      let lists = [3 + 32, 3 + 32, 32, 32, 2].map { $0 * 8 }
      #expect(step.statistics.messageCount == 6 * rounds)
      // What is gathered doubles from round to round, from a byte on.
      #expect(step.statistics.byteCount == lists.reduce(0, +) * rounds + step.processCount - 1)
      #expect(step.gradients.messageCount == 2 * rounds)
      let exact = 2 * parameters * (step.processCount - 1) / step.processCount
      // Halves of odd numbers are rounded.
      #expect(abs(step.gradients.byteCount - exact) <= 8 * rounds)
      let statistics = Double(6 * rounds) + Double(step.statistics.byteCount) / 1e6
      #expect(abs(step.statistics.seconds - statistics) < 1e-9 * statistics + 1e-12)
      // Gradients go beside the work; of so slow a network all but the work's time is waited for.
      #expect(step.waiting <= step.gradients.seconds && step.waiting >= step.gradients.seconds - step.computing)
      #expect(abs(step.seconds - step.computing - step.unevenness - statistics - step.waiting) < 1e-9 * step.seconds)
    }
    // A second for each message: nobody's help is worth that.
    #expect(plan.worthwhile.processCount == 1)
    #expect(throws: TrainingError.self) {
      try ScalingPlan(
        model, on: TrainingSamples.images(20), configuration: configuration, processCount: 16,
        interconnect: Interconnect(bandwidth: 1e6, latency: 1))
    }
  }
}
