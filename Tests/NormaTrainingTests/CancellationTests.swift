import Foundation
import Norma
import TestSupport
import Testing

/// Trainings whose tasks are cancelled, and those whose events are waited for.
@Suite struct CancellationTests {
  private static func makeTrainer(epochs: Int) throws -> Trainer<Float> {
    try Trainer(
      TrainingSamples.network(keepProbability: 0.8) as Sequential<Float>,
      configuration: TrainingConfiguration(epochs: epochs, batchSize: 10, seed: 3))
  }

  @Test func cancellingATaskSavesTheWholeTraining() async throws {
    let directory = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = directory.path
    let task = Task.detached {
      let trainer = try Self.makeTrainer(epochs: 4)
      try trainer.fit(TrainingSamples.classes(33), savingTo: TrainingStateFolder(path)) { event in
        if case .step = event, trainer.history.stepLosses.count == 5 { withUnsafeCurrentTask { $0?.cancel() } }
        return .proceed
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    let state: TrainingState<Float> = try #require(try TrainingStateFolder(path).latest())
    #expect(state.stepCount == 5)
    let (resumed, whole) = (try Self.makeTrainer(epochs: 4), try Self.makeTrainer(epochs: 4))
    try resumed.restore(state)
    try resumed.fit(TrainingSamples.classes(33))
    try whole.fit(TrainingSamples.classes(33))
    #expect(haveSameBits(resumed.model.state, whole.model.state))
  }

  @Test func eventsComeAsASequence() async throws {
    let trainer = try Self.makeTrainer(epochs: 3)
    var (steps, epochs) = (0, [Double]())
    for try await event in trainer.events(TrainingSamples.classes(33)) {
      switch event {
      case .step(let step):
        steps += 1
        #expect(step.gradients.isEmpty)
      case .epoch(let epoch): epochs.append(epoch.trainingLoss)
      }
    }
    let other = try Self.makeTrainer(epochs: 3)
    try other.fit(TrainingSamples.classes(33))
    #expect(steps == other.history.stepLosses.count)
    #expect(epochs == other.history.epochs.map(\.trainingLoss))
  }

  @Test func whoeverStopsWaitingEndsTheTraining() async throws {
    let directory = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: directory) }
    let folder = TrainingStateFolder(directory.path)
    do {
      let trainer = try Self.makeTrainer(epochs: 1_000_000)
      for try await event in trainer.events(TrainingSamples.classes(33), savingTo: folder) {
        if case .epoch = event { break }
      }
    }
    // The training notices after the step under way.
    var state: TrainingState<Float>?
    while state == nil {
      try await Task.sleep(for: .milliseconds(10))
      state = try folder.latest()
    }
    #expect((state?.stepCount ?? 0) >= 3)
  }

  @Test func aLossThatCannotBeComputedEndsTheSequence() async throws {
    let trainer = try Trainer(
      TrainingSamples.network(inputs: 5) as Sequential<Float>, configuration: TrainingConfiguration(epochs: 1))
    await #expect(throws: TrainingError.self) {
      for try await _ in trainer.events(TrainingSamples.classes(33)) {}
    }
  }
}
