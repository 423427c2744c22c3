import Foundation
import Norma
import TestSupport
import Testing

/// The mean absolute error, with a weight: not one of Norma's losses.
private struct MeanAbsoluteError: LossFunction {
  static let name = "test.meanAbsoluteError"
  var weight = 2.0

  func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
  ) throws -> Variable<Element> {
    let difference = outputs - Variable(try targets.values(for: self))
    return (difference.relu() + difference.scaled(by: -1).relu()).mean().scaled(by: Element(weight))
  }
}

/// Three slots, of parameters as a whole: a running mean of the gradients, and how long those of a parameter were at most.
private struct Measured: OptimizerRule {
  static let name = "test.measured"
  var slots: [String] { ["mean", "longest", "count"] }
  var takesWholeParameters: Bool { true }

  func update<Element: TensorElement>(
    _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
    step: OptimizerStep
  ) {
    var square: Element = 0
    for i in gradients.indices { square += gradients[i] * gradients[i] }
    let length = square.squareRoot()
    for i in values.indices {
      slots[0, i] = 0.9 * slots[0, i] + 0.1 * gradients[i]
      slots[1, i] = max(slots[1, i], length)
      slots[2, i] += 1
      values[i] -= Element(step.learningRate) * slots[0, i] / (slots[1, i] + 1e-8)
    }
  }
}

private struct InverseRoot: LearningRateSchedule {
  static let name = "test.inverseRoot"
  var offset = 1
  func factor(at time: Int) -> Double { 1 / Double(offset + time).squareRoot() }
}

/// One that no test registers.
private struct Unregistered: LearningRateSchedule {
  static let name = "test.unregistered"
  func factor(at time: Int) -> Double { 1 }
}

/// What a package outside adds to training.
@Suite struct OwnPartsTests {
  private static let configuration = TrainingConfiguration(
    epochs: 3, batchSize: 10, loss: MeanAbsoluteError(), optimizer: Measured(), learningRate: 0.1,
    schedule: .warmUp(length: 2, initial: 0.1, then: InverseRoot(offset: 3)), scheduleUnit: .step, seed: 2)

  init() throws {
    try LossRegistry.shared.register(MeanAbsoluteError.self)
    try OptimizerRegistry.shared.register(Measured.self)
    try ScheduleRegistry.shared.register(InverseRoot.self)
  }

  private func network() -> Sequential<Float> {
    TrainingSamples.network(hidden: [300], keepProbability: 0.8, inputs: 3, outputs: 2)
  }

  @Test func trainingByOwnPartsGoesOnFromItsFileToTheSameBits() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "state.safetensors").path
    let data = TrainingSamples.values(40)
    let whole = try Trainer(network(), configuration: Self.configuration)
    var saved = false
    try whole.fit(data) { event in
      if case .step(let step) = event, step.epoch == 2, step.number == 3 {
        try whole.state.write(to: path)
        saved = true
      }
      return .proceed
    }
    #expect(saved)
    let state = try TrainingState<Float>(contentsOf: path)
    #expect(state.configuration == Self.configuration)
    let names = try Safetensors(contentsOf: path).entries.keys.filter { $0.hasPrefix("norma.optimizer.") }.sorted()
    #expect(names == ["count", "longest", "mean"].map { "norma.optimizer." + $0 })
    let resumed = try Trainer(network(), configuration: Self.configuration)
    try resumed.restore(state)
    try resumed.fit(data)
    #expect(haveSameBits(resumed.model.state, whole.model.state))
    #expect(resumed.history.withoutTimes == whole.history.withoutTimes)
    let first = try #require(whole.history.epochs.first), last = try #require(whole.history.epochs.last)
    #expect(last.trainingLoss < first.trainingLoss)
  }

  /// A parameter of 300 · 300 numbers would come in three ranges otherwise, each with a length of its own.
  @Test func aRuleThatMeasuresParametersSeesThemWhole() {
    let parameter = Parameter<Float>(.zeros([300, 300]), name: "weight", kind: .weight)
    var optimizer = Optimizer<Float>(Measured())
    optimizer.update([parameter], gradients: [.ones([300, 300])], learningRate: 1)
    #expect(Set(optimizer.slots["longest"]?.elements ?? []) == [300])
    #expect(Set(optimizer.slots["count"]?.elements ?? []) == [1])
  }

  @Test func whatIsNotRegisteredIsNotWritten() throws {
    var configuration = Self.configuration
    configuration.schedule = Unregistered()
    let trainer = try Trainer(network(), configuration: configuration)
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "state.safetensors").path
    let error = #expect(throws: (any Error).self) { try trainer.state.write(to: path) }
    #expect(error.map { "\($0)" }?.contains("test.unregistered") == true)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func aFileThatNamesWhatNobodyRegisteredIsRefusedByThatName() throws {
    let json = try Self.configuration.json.replacing("test.inverseRoot", with: "test.unknown")
    let error = #expect(throws: RegistryError.self) { try TrainingConfiguration(json: json) }
    #expect(error?.description.contains("no schedule is registered under the name 'test.unknown'") == true)
  }

  @Test func slotsOfOneNameAreRefused() {
    struct Twice: OptimizerRule {
      static let name = "test.twice"
      var slots: [String] { ["a", "a"] }
      func update<Element: TensorElement>(
        _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
        step: OptimizerStep
      ) {}
    }
    #expect(throws: TrainingError.self) {
      try Trainer(network(), configuration: TrainingConfiguration(optimizer: Twice()))
    }
  }
}
