import Foundation
import Norma
import TestSupport
import Testing

/// States of trainings as files, whole and damaged, and the folder that keeps the last of them.
@Suite struct TrainingStateFileTests {
  /// The states after each step of a short training.
  private static func states() throws -> [TrainingState<Float>] {
    let model: Sequential<Float> = TrainingSamples.network(keepProbability: 0.9)
    let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 2, batchSize: 10))
    var states: [TrainingState<Float>] = []
    try trainer.fit(TrainingSamples.classes(30)) { event in
      if case .step = event { states.append(trainer.state) }
      return .proceed
    }
    return states
  }

  private func withFolder(_ body: (_ path: String) throws -> Void) throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  @Test func theSameStateGivesTheSameBytes() throws {
    try withFolder { path in
      let states = try [Self.states(), Self.states()]
      for (number, states) in states.enumerated() { try states[4].write(to: "\(path)/\(number)") }
      let bytes = try FileAccess.read("\(path)/0")
      #expect(try FileAccess.read("\(path)/1") == bytes)
      var again = try TrainingState<Float>(contentsOf: "\(path)/0")
      try again.write(to: "\(path)/again")
      #expect(try FileAccess.read("\(path)/again") == bytes)
      again.notes["mine"] = "a note"
      try again.write(to: "\(path)/again")
      #expect(try TrainingState<Float>(contentsOf: "\(path)/again").notes == ["mine": "a note"])
    }
  }

  @Test func aStateCutAnywhereIsRefused() throws {
    try withFolder { path in
      try Self.states()[4].write(to: "\(path)/state")
      let bytes = try FileAccess.read("\(path)/state")
      for count in Array(stride(from: 0, to: bytes.count, by: 97)) + [bytes.count - 1] {
        #expect(throws: FormatError.self) {
          try TrainingState<Float>(bytes: Array(bytes.prefix(count)), file: "cut")
        }
      }
    }
  }

  @Test func anotherVersionSaysWhatToDo() throws {
    try withFolder { path in
      try Self.states()[0].write(to: "\(path)/state")
      let original = try Safetensors(contentsOf: "\(path)/state")
      let record = try #require(original.metadata["norma.training"])
      func error(_ change: (String) -> String) throws -> String {
        var file = original
        file.metadata["norma.training"] = change(record)
        let error = #expect(throws: FormatError.self) {
          try TrainingState<Float>(bytes: file.serialized(), file: "state")
        }
        return error?.description ?? ""
      }
      let newer = try error { _ in #"{"version":99,"norma":"9.1","things":[]}"# }
      #expect(newer.contains("it is of version 99, written by norma 9.1"))
      #expect(newer.contains("go on with the version that wrote it, or a later one, or begin anew"))
      let older = try error { _ in #"{"version":0,"norma":"0.0.1"}"# }
      #expect(older.contains("it is of version 0, written by norma 0.0.1"))
      #expect(older.contains("go on with the version that wrote it, or begin anew"))
      for text in ["", "{}", "[]", #"{"version":1}"#, #"{"version":1,"norma":"0.1.0"}"#] {
        #expect(try error { _ in text }.contains("the state cannot be read"))
      }
      var model = original
      model.metadata["norma.training"] = nil
      #expect(throws: FormatError.self) { try TrainingState<Float>(bytes: model.serialized(), file: "model") }
    }
  }

  /// A member of the record, and numbers with which nothing could go on.
  @Test(arguments: [
    ("\"optimizerSteps\":5", "\"optimizerSteps\":-1"),
    ("\"optimizerSteps\":5", "\"optimizerSteps\":9223372036854775807"),
    ("\"epochsBefore\":0", "\"epochsBefore\":2"), ("\"epochsBefore\":0", "\"epochsBefore\":-1"),
    ("\"epochsSinceBest\":0", "\"epochsSinceBest\":9223372036854775807"),
    ("\"stepsOfEpoch\":2", "\"stepsOfEpoch\":-2"), ("\"stepsOfEpoch\":2", "\"stepsOfEpoch\":6"),
    ("\"sampleCount\":20", "\"sampleCount\":9223372036854775807"), ("\"batchSize\":10", "\"batchSize\":0"),
    ("\"number\":1", "\"number\":7"), ("\"dropoutRandom\":{", "\"dropoutRandom\":{\"drawn\":-1,"),
  ])
  func numbersThatNoTrainingHasAreRefused(member: String, changed: String) throws {
    try withFolder { path in
      try Self.states()[4].write(to: "\(path)/state")
      var file = try Safetensors(contentsOf: "\(path)/state")
      let record = try #require(file.metadata["norma.training"])
      #expect(record.contains(member))
      file.metadata["norma.training"] = record.replacing(member, with: changed)
      #expect(throws: FormatError.self) { try TrainingState<Float>(bytes: file.serialized(), file: "state") }
    }
  }

  @Test func tensorsThatDoNotBelongTogetherAreRefused() throws {
    try withFolder { path in
      try Self.states()[4].write(to: "\(path)/state")
      let original = try Safetensors(contentsOf: "\(path)/state")
      for (name, entry) in original.entries {
        for changed in [
          nil, .float(.zeros([3, 1])), .float(.zeros([1])), .double(.zeros([2])), .integers([-1], shape: []),
        ]
          as [Safetensors.Entry?]
        where changed != entry {
          var file = original
          file.entries[name] = changed
          let model: Sequential<Float> = TrainingSamples.network(keepProbability: 0.9)
          let trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 2, batchSize: 10))
          // A count of batches may be missing, as in files from elsewhere, and be of any type.
          guard !name.hasSuffix("num_batches_tracked") || changed?.shape.rank == 2 else { continue }
          #expect(throws: (any Error).self, "\(name)") {
            try trainer.restore(try TrainingState(bytes: file.serialized(), file: "state"))
          }
        }
      }
      #expect(throws: FormatError.self) { try TrainingState<Double>(contentsOf: "\(path)/state") }
    }
  }

  // MARK: The folder

  @Test func theLastFewAreKept() throws {
    let states = try Self.states()
    try withFolder { path in
      var folder = TrainingStateFolder("\(path)/a/b", kept: 3)
      #expect(try folder.latest(of: Float.self) == nil)
      for state in states { try folder.write(state) }
      #expect(
        try folder.files == (4...6).map { "\(path)/a/b/step-00000000000\($0).safetensors" })
      #expect(try folder.latest(of: Float.self)?.stepCount == 6)
      try folder.removeAll()
      #expect(FileAccess.kind(of: "\(path)/a/b") == nil && FileAccess.kind(of: "\(path)/a") == .directory)
      #expect(throws: Never.self) { try folder.removeAll() }
    }
  }

  @Test func theNewestThatIsWholeIsTaken() throws {
    let states = try Self.states()
    try withFolder { path in
      var folder = TrainingStateFolder(path, kept: 3)
      for state in states { try folder.write(state) }
      let files = try folder.files
      for (number, file) in files.reversed().enumerated() {
        let bytes = try FileAccess.read(file)
        try FileAccess.write(Array(bytes.prefix(bytes.count / 2)), to: file)
        var problems: [any Error] = []
        if number < 2 {
          #expect(try folder.latest(of: Float.self) { problems.append($0) }?.stepCount == 5 - number)
          #expect(problems.map { ($0 as? FormatError)?.file } == files.suffix(number + 1).reversed())
        } else {
          let error = #expect(throws: FormatError.self) { try folder.latest(of: Float.self) }
          #expect(error?.file == files.last)
        }
      }
      // Going on from the fourth step replaces the damaged ones of later steps.
      try folder.write(states[3])
      #expect(try folder.latest(of: Float.self)?.stepCount == 4)
      #expect(try folder.files.count == 1)
    }
  }

  @Test func anotherTrainingsStatesAreReplacedByTheFirst() throws {
    let states = try Self.states()
    try withFolder { path in
      var folder = TrainingStateFolder(path, kept: 3)
      for state in states.prefix(4) { try folder.write(state) }
      try FileAccess.write("left by a process that was killed", to: "\(path)/.norma-1.temporary")
      try FileAccess.write("someone's", to: "\(path)/notes.txt")
      var other = TrainingStateFolder(path, kept: 3, replacing: true)
      try other.write(states[2])
      try other.write(states[3])
      #expect(
        try FileAccess.names(inDirectory: path)
          == ["notes.txt", "step-000000000003.safetensors", "step-000000000004.safetensors"])
      try other.removeAll()
      #expect(try FileAccess.names(inDirectory: path) == ["notes.txt"])
    }
  }
}
