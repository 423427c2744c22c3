import Foundation
import Norma
import TestSupport
import Testing

/// Files of every version of the formats, which stay readable for ever: `Tests/Fixtures/checkpoints/format-1`, and so on. What is
/// written now is that of the highest number, which `NORMA_RENEW_SNAPSHOTS=1` writes again while that version is being made.
@Suite struct GoldenFileTests {
  private static let folder = fixturesDirectory.appending(path: "checkpoints")
  private static let renews = ProcessInfo.processInfo.environment["NORMA_RENEW_SNAPSHOTS"] != nil

  private func path(_ format: Int, _ name: String) -> String {
    Self.folder.appending(path: "format-\(format)/\(name).safetensors").path
  }

  /// Written by `norma train --model mlp:8 --epochs 3 --seed 5 --warm-up 1`, before files said the version of their format. The
  /// outputs are NumPy's, from the file's tensors in double precision.
  @Test func aModelOfTheFirstFormatIsRead() throws {
    let checkpoint = try Checkpoint(contentsOf: path(1, "model"))
    let settings = checkpoint.settings
    #expect(settings.exampleShape == [64] && settings.outputs.count == 10)
    #expect(settings.training.loss is SoftmaxCrossEntropy && settings.training.optimizer as? Adam == Adam())
    #expect(
      settings.training.schedule as? WarmUpSchedule
        == WarmUpSchedule(length: 29, initial: 0, then: .cosine(length: 58)))
    #expect(settings.history.stepLosses.count == 87 && settings.history.best?.number == 3)
    let outputs = try checkpoint.makeModel().predict(.linearlySpaced(from: -1, through: 1, shape: [1, 64]))
    let expected: [Float] = [
      -0.76517, 0.21436, 0.747, -0.74009, 0.38674, -0.89074, 1.54194, -0.19318, -0.12706, 0.68002,
    ]
    // Sums of 64 and 8 products of numbers up to some 10, of a digit less than `Float` has.
    #expect(zip(outputs.elements, expected).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  /// AdamW's two slots were called `first` and `second`. `CommandTests` go on with it.
  @Test func aStateOfTheFirstFormatIsRead() throws {
    let file = try Safetensors(contentsOf: path(1, "step-000000000061"))
    let state = try TrainingState<Float>(contentsOf: path(1, "step-000000000061"))
    #expect(state.stepCount == 61 && state.epoch == 3 && state.stepsOfEpoch == 3)
    #expect(state.configuration.optimizer as? Adam == Adam(weightDecay: 0.01))
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let again = folder.appending(path: "again.safetensors").path
    try state.write(to: again)
    let written = try Safetensors(contentsOf: again).entries
    for (old, new) in [("first", "first_moment"), ("second", "second_moment")] {
      #expect(written["norma.optimizer." + new] == file.entries["norma.optimizer." + old])
    }
    #expect(written.count == file.entries.count)
  }

  @Test func aModelOfThisFormatIsReadAndWrittenTheSame() throws {
    let path = path(Checkpoint.formatVersion, "model")
    if Self.renews {
      var checkpoint = try CheckpointTests.makeCheckpoint()
      checkpoint.settings.version = "0.1.0"
      try checkpoint.write(to: path)
    }
    let checkpoint = try Checkpoint(contentsOf: path)
    #expect(try checkpoint.serialized() == FileAccess.read(path))
    #expect(checkpoint.settings.outputs == .classes(names: ["a", "b", "\"ü\""]))
    #expect(checkpoint.settings.training.schedule is WarmUpSchedule && checkpoint.settings.history.epochs.count == 2)
    let data = TrainingSamples.classes(30, Float.self)
    let evaluation = try checkpoint.makeModel().evaluate(on: data, loss: .softmaxCrossEntropy)
    let last = try #require(checkpoint.settings.history.best)
    // It was measured by the same model; other processors may round otherwise.
    #expect(abs(evaluation.loss - (last.inferenceTrainingLoss ?? 0)) < 1e-5)
  }

  @Test func aStateOfThisFormatIsReadAndGoesOn() throws {
    let path = path(Checkpoint.formatVersion, "state")
    let data = TrainingSamples.classes(30, Float.self)
    let configuration = TrainingConfiguration(
      epochs: 2, batchSize: 10, optimizer: .sgd(momentum: 0.9), schedule: .step(every: 2, factor: 0.5),
      scheduleUnit: .step, keepsBest: false, seed: 3)
    func trainer() throws -> Trainer<Float> {
      try Trainer(TrainingSamples.network(hidden: [3]), configuration: configuration)
    }
    let whole = try trainer()
    try whole.fit(data) { event in
      if Self.renews, case .step(let step) = event, step.epoch == 1, step.number == 2 {
        try whole.state.write(to: path)
      }
      return .proceed
    }
    let resumed = try trainer()
    try resumed.restore(TrainingState(contentsOf: path))
    try resumed.fit(data)
    // Four steps with other roundings, where the processor is another than the one that wrote the file.
    for (name, tensor) in resumed.model.state.tensors {
      #expect(relativeError(tensor, try #require(whole.model.state.tensors[name])) < 1e-4)
    }
  }

  @Test func aModelOfALaterFormatIsRefusedByItsVersion() throws {
    var file = try Safetensors(contentsOf: path(Checkpoint.formatVersion, "model"))
    file.metadata["norma"] = #"{"formatVersion":99,"version":"9.1","things":[]}"#
    let error = #expect(throws: FormatError.self) { try Checkpoint(bytes: file.serialized(), file: "model") }
    #expect(error?.description.contains("format version 99, written by norma 9.1") == true)
    #expect(error?.description.contains("knows versions up to \(Checkpoint.formatVersion)") == true)
  }
}
