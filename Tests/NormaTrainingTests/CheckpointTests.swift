import Foundation
import Norma
import TestSupport
import Testing

@Suite struct CheckpointTests {
  /// A small trained model, and everything that is saved with it.
  static func makeCheckpoint(
    normalization: NormalizationKind = .batch, hidden: [Int] = [3]
  ) throws -> Checkpoint {
    let architecture = ModelArchitecture(
      MultilayerPerceptron(hidden: hidden, normalization: normalization))
    let data = TrainingSamples.classes(30, Float.self)
    let training = TrainingConfiguration(
      epochs: 2, batchSize: 10, schedule: .warmUp(length: 1, initial: 0.5, then: .cosine(length: 2)), seed: 4)
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: [4], outputCount: 3,
      random: RandomGenerator(seed: training.seed).split(RandomStream.weights.rawValue))
    let history = try Trainer(model, configuration: training).fit(data)
    return Checkpoint(
      settings: Checkpoint.Settings(
        architecture: architecture, exampleShape: [4], outputs: .classes(names: ["a", "b", "\"ü\""]),
        featureNames: ["w", "x", "y", "z"],
        standardization: Checkpoint.SavedStandardization(
          try Standardization(fittedOn: data.features, mode: .perFeature)),
        training: training, data: Checkpoint.SavedData(source: "csv:x.csv", validationCount: 5), history: history),
      state: model.state)
  }

  private func inFolder<Result>(_ body: (_ folder: String) throws -> Result) throws -> Result {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
  }

  @Test(arguments: NormalizationKind.allCases.filter { !$0.needsPositions })
  func whatIsReadIsWhatWasWritten(normalization: NormalizationKind) throws {
    try inFolder { folder in
      let checkpoint = try Self.makeCheckpoint(normalization: normalization, hidden: [5, 4])
      try checkpoint.write(to: folder + "/model.safetensors")
      let read = try Checkpoint(contentsOf: folder + "/model.safetensors")
      #expect(read.settings == checkpoint.settings)
      #expect(read.state == checkpoint.state)
      let x = TrainingSamples.classes(9, seed: 2, Float.self).features
      #expect(haveSameBits(try read.makeModel().predict(x), try checkpoint.makeModel().predict(x)))
      #expect(read.standardization == checkpoint.standardization && read.standardization != nil)
      // Writing what was read gives the same bytes.
      try read.write(to: folder + "/again.safetensors")
      #expect(
        try FileAccess.read(folder + "/again.safetensors") == FileAccess.read(folder + "/model.safetensors"))
    }
  }

  @Test func aLossThatWasInfiniteIsSaved() throws {
    try inFolder { folder in
      var checkpoint = try Self.makeCheckpoint()
      checkpoint.settings.history.stepLosses = [.infinity, -.infinity, 1]
      checkpoint.settings.history.epochs[0].validationMetric = -.infinity
      try checkpoint.write(to: folder + "/model.safetensors")
      #expect(try Checkpoint(contentsOf: folder + "/model.safetensors").settings == checkpoint.settings)
    }
  }

  @Test func theTensorsAreTheStateDictionaryOfPyTorchsSequential() throws {
    try inFolder { folder in
      try Self.makeCheckpoint().write(to: folder + "/model.safetensors")
      let file = try Safetensors(contentsOf: folder + "/model.safetensors")
      #expect(file.metadata["format"] == "pt")
      #expect(
        file.entries.mapValues { Array($0.shape) } == [
          "0.weight": [3, 4], "1.weight": [3], "1.bias": [3], "1.running_mean": [3], "1.running_var": [3],
          "1.num_batches_tracked": [], "3.weight": [3, 3], "3.bias": [3],
        ])
      #expect(file.entries["1.num_batches_tracked"] == .integers([6], shape: []))
    }
  }

  @Test func aCheckpointCutAnywhereIsRefused() throws {
    try inFolder { folder in
      let path = folder + "/model.safetensors"
      try Self.makeCheckpoint().write(to: path)
      let bytes = Data(try FileAccess.read(path))
      for length in 0..<bytes.count {
        try bytes.prefix(length).write(to: URL(filePath: path))
        #expect(throws: FormatError.self, "\(length) bytes") { try Checkpoint(contentsOf: path) }
      }
    }
  }

  @Test func aFileThatIsNotThereIsAFileError() throws {
    let error = try #require(throws: FileError.self) { try Checkpoint(contentsOf: "/nowhere/model.safetensors") }
    #expect(error.path == "/nowhere/model.safetensors" && error.operation == .read)
  }

  @Test func aPathThatCannotBeWrittenLeavesTheEarlierFileWhole() throws {
    try inFolder { folder in
      let checkpoint = try Self.makeCheckpoint()
      let path = folder + "/model.safetensors"
      try checkpoint.write(to: path)
      let before = try FileAccess.read(path)
      // A file is no folder, and a folder is no file.
      #expect(throws: FileError.self) { try checkpoint.write(to: path + "/model.safetensors") }
      #expect(throws: FileError.self) { try checkpoint.write(to: folder) }
      #expect(throws: FileError.self) { try checkpoint.write(to: folder + "/none/model.safetensors") }
      #expect(try FileAccess.read(path) == before)
      #expect(try FileAccess.names(inDirectory: folder) == ["model.safetensors"])
    }
  }

  @Test func writingReplacesTheEarlierFile() throws {
    try inFolder { folder in
      let path = folder + "/model.safetensors"
      try Self.makeCheckpoint(hidden: [30]).write(to: path)
      let checkpoint = try Self.makeCheckpoint()
      try checkpoint.write(to: path)
      #expect(try Checkpoint(contentsOf: path).state == checkpoint.state)
      #expect(try FileAccess.names(inDirectory: folder) == ["model.safetensors"])
    }
  }
}
