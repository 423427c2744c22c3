import Foundation
import Norma
import TestSupport
import Testing

/// Histories of more numbers than a file's header can hold.
@Suite struct LongHistoryTests {
  /// A history with a million steps, and epochs of which some were not measured on validation data.
  private func history() -> TrainingHistory {
    var history = TrainingHistory()
    history.stepLosses = (0..<1_000_000).map { 1 / Double($0 + 1) }
    history.stepLosses[7] = .infinity
    history.epochs = (0..<2000).map { number in
      TrainingHistory.Epoch(
        number: number + 1, trainingLoss: Double(number), trainingMetric: .nan,
        validationLoss: number % 3 == 0 ? Double(number) / 3 : nil, validationMetric: number % 3 == 0 ? 0.5 : nil,
        learningRate: 0.1, batchTrainingLoss: -Double(number))
    }
    return history
  }

  /// NaN is no number that equals itself.
  private func haveSameNumbers(_ first: TrainingHistory, _ second: TrainingHistory) -> Bool {
    func numbers(_ history: TrainingHistory) -> [UInt64?] {
      history.stepLosses.map(\.bitPattern)
        + history.epochs.flatMap {
          [
            $0.trainingLoss, $0.trainingMetric, $0.inferenceTrainingLoss, $0.batchTrainingLoss, $0.batchTrainingMetric,
            $0.validationLoss, $0.validationMetric, $0.learningRate, Double($0.number),
          ].map { $0?.bitPattern }
        }
    }
    return numbers(first) == numbers(second)
  }

  @Test func aCheckpointOfAMillionStepsIsReadAgain() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "model.safetensors").path
    var checkpoint = try CheckpointTests.makeCheckpoint()
    let history = history()
    checkpoint.settings.history = history
    try checkpoint.write(to: path)
    let read = try Checkpoint(contentsOf: path)
    #expect(haveSameNumbers(read.settings.history, history))
    #expect(haveSameBits(read.state, checkpoint.state))
    // The header says nothing that grows with the steps.
    let header = try #require(try FileHandle(forReadingFrom: URL(filePath: path)).read(upToCount: 8))
    #expect(header.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } < 10_000)
    // A model of the same structure takes its weights from the file alone.
    let model = try CheckpointTests.makeCheckpoint().makeModel()
    try model.load(from: path)
    #expect(haveSameBits(model.state, checkpoint.state))
  }

  @Test func aHistoryWhoseTensorsDoNotBelongTogetherIsRefused() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "model.safetensors").path
    var checkpoint = try CheckpointTests.makeCheckpoint()
    checkpoint.settings.history = history()
    try checkpoint.write(to: path)
    let whole = try Safetensors(contentsOf: path)
    for name in ["number", "training_loss", "learning_rate", "validation_loss.epochs"] {
      var file = whole
      file.entries["norma.history." + name] = .integers([0, 1, 2_000_000], shape: [3])
      let error = #expect(throws: FormatError.self) { try Checkpoint(bytes: file.serialized(), file: "model") }
      #expect(error?.problem.contains("norma.history.") == true)
    }
  }
}
