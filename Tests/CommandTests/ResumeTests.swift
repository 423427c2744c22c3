import Foundation
import Norma
import Testing

/// `train --resume`: trainings that were killed, or whose disk was full, go on as if nothing had happened.
struct ResumeTests {
  /// A network with dropout.
  private static let perceptron = ["--model", "mlp:40,40", "--keep", "0.8", "--epochs", "20", "--quiet"]

  /// A folder with a training whose first checkpoints are there, killed.
  private static func interrupted(_ options: [String] = perceptron + ["--checkpoint-every", "5steps"]) throws -> Folder
  {
    let folder = try Folder()
    let wasKilled = try Norma.kill(["train", "--out", folder.path("out")] + options) {
      try checkpoints(folder).count >= 2
    }
    try #require(wasKilled, "it ended before it could be killed")
    return folder
  }

  private static func checkpoints(_ folder: Folder) throws -> [String] {
    try TrainingStateFolder(folder.path("out/checkpoints")).files
  }

  /// The model of a training that nobody disturbed.
  private static func undisturbed(_ options: [String] = perceptron) throws -> [UInt8] {
    let folder = try Folder()
    let outcome = try Norma.run(["train", "--out", folder.path("out"), "--checkpoints", "0"] + options)
    try #require(outcome.status == 0, "\(outcome.error)")
    return try folder.bytes("out/model.safetensors")
  }

  /// A training that an earlier version of Norma was stopped in, whose file has the first format, see `GoldenFileTests`; and the
  /// model that this version ended with. Other processors may round 300 steps otherwise.
  @Test func aTrainingThatAnEarlierVersionBeganGoesOn() throws {
    let folder = try Folder()
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/checkpoints/format-1")
    let name = "step-000000000061.safetensors"
    try FileAccess.createDirectory(folder.path("out/checkpoints"))
    try FileAccess.write(
      FileAccess.read(fixtures.appending(path: name).path), to: folder.path("out/checkpoints/\(name)"))
    let outcome = try Norma.run(["train", "--out", folder.path("out"), "--resume", "--quiet"])
    try #require(outcome.status == 0, "\(outcome.error)")
    let model = try Checkpoint(contentsOf: folder.path("out/model.safetensors"))
    let expected = try Checkpoint(contentsOf: fixtures.appending(path: "resumed.safetensors").path)
    #expect(model.settings.history.epochs.count == 12 && model.state.counts == expected.state.counts)
    for (name, tensor) in expected.state.tensors {
      let found = try #require(model.state.tensors[name])
      #expect(zip(found.elements, tensor.elements).allSatisfy { abs($0 - $1) < 1e-2 })
    }
  }

  /// A training that is killed at random moments and gone on with, again and again, until it has ended, and then another,
  /// until there were so many kills.
  private func killAndGoOn(_ options: [String], kills: Int, seed: UInt64) throws {
    let expected = try Self.undisturbed(options)
    var random = RandomGenerator(seed: seed)
    var killed = 0
    while killed < kills {
      let folder = try Folder()
      let out = folder.path("out")
      var begins = true
      while killed < kills {
        let arguments = ["train", "--out", out, "--threads", "\(1 + killed % 3)"]
        let clock = ContinuousClock()
        let moment = clock.now + .milliseconds(300 * random.uniform())
        let wasKilled = try Norma.kill(
          arguments + (begins ? options + ["--checkpoint-every", "3steps"] : ["--resume"]),
          when: { clock.now >= moment })
        killed += wasKilled ? 1 : 0
        begins = try Self.checkpoints(folder).isEmpty
        if !wasKilled || FileAccess.kind(of: "\(out)/model.safetensors") != nil { break }
      }
      let end = try Norma.run(
        ["train", "--out", out, "--resume"] + (begins ? options : []))
      #expect(end.status == 0, "\(end.error)")
      #expect(try folder.bytes("out/model.safetensors") == expected, "after \(killed) kills")
      #expect(FileAccess.kind(of: "\(out)/checkpoints") == nil)
    }
  }

  @Test func trainingThatIsKilledAtRandomMomentsEndsWithTheSameBits() throws {
    try killAndGoOn(Self.perceptron, kills: 30, seed: 1)
  }

  @Test func augmentedConvolutionalTrainingThatIsKilledAtRandomMomentsEndsWithTheSameBits() throws {
    // Batches large enough to be prepared while the step before them runs.
    let folder = try Folder()
    try Self.writeImages(600, to: folder)
    try killAndGoOn(
      [
        "--data", "mnist:\(folder.url.path)", "--model", "convnet:2x3,8", "--augment", "crop:2,flip", "--batch-size",
        "180",
        "--optimizer", "momentum", "--epochs", "12", "--quiet",
      ], kills: 20, seed: 2)
  }

  /// MNIST's four files, with images of noise.
  private static func writeImages(_ count: Int, to folder: Folder) throws {
    var random = RandomGenerator(seed: 3)
    for (part, count) in [("train", count), ("t10k", 20)] {
      func header(_ lengths: [Int]) -> [UInt8] {
        [0, 0, 8, UInt8(lengths.count)]
          + lengths.flatMap { length in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } }
      }
      let pixels = (0..<count * 28 * 28).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      try folder.write(header([count, 28, 28]) + pixels, to: "\(part)-images-idx3-ubyte")
      try folder.write(header([count]) + (0..<count).map { UInt8($0 % 10) }, to: "\(part)-labels-idx1-ubyte")
    }
  }

  // MARK: Signals

  /// A training that goes on for a while after its first checkpoint.
  private static let longTraining = ["--model", "mlp:40,40", "--keep", "0.8", "--epochs", "100", "--quiet"]

  /// The last is what coreutils' `timeout` sends.
  @Test(arguments: [[SIGTERM], [SIGINT], [SIGTERM, SIGTERM]])
  func aSignalSavesTheTrainingAndSaysHowToGoOn(signals: [Int32]) throws {
    let folder = try Folder()
    let options = ["--checkpoint-every", "40steps", "--checkpoints", "1"]
    let outcome = try #require(
      try Norma.signal(signals, ["train", "--out", "out"] + Self.longTraining + options, directory: folder.url) {
        try !Self.checkpoints(folder).isEmpty
      }, "it ended before it could be stopped")
    let words = try #require(
      outcome.error.wholeMatch(
        of: /norma: Stopped in epoch \d+(?:, after step \d+)?, and saved; `norma train (.*)` goes on from there\.\n/))
    #expect(outcome.status == 128 + signals[0])
    #expect(outcome.output == "")
    let files = try Self.checkpoints(folder)
    #expect(files.count == 1)
    #expect(try folder.names(in: "out") == ["checkpoints"])
    #expect(words.1 == "--resume --out out")
    let end = try Norma.shell("\"$norma\" train --quiet \(words.1)", directory: folder.url)
    #expect(end.status == 0 && end.error == "", "\(end.error)")
    #expect(try folder.bytes("out/model.safetensors") == Self.undisturbed(Self.longTraining))
  }

  @Test func aSecondSignalEndsTheTrainingAtOnce() throws {
    let folder = try Folder()
    // Steps and checkpoints that take far longer than what lies between the signals.
    let options = ["--model", "mlp:1000,1000", "--batch-size", "1000", "--checkpoint-every", "2steps", "--quiet"]
    let outcome = try #require(
      try Norma.signal([SIGTERM, SIGINT], ["train", "--out", "out"] + options, directory: folder.url) {
        try !Self.checkpoints(folder).isEmpty
      }, "it ended before it could be stopped")
    // A process that did not run meanwhile gets both at once, in the order of their numbers.
    #expect([-SIGINT, -SIGTERM].contains(outcome.status))
    #expect(outcome.error == "")
    #expect(FileAccess.kind(of: folder.path("out/model.safetensors")) == nil)
  }

  // MARK: Disks

  /// The shell lets no file grow beyond a few blocks, which a process sees much as it sees a full disk.
  @Test func aFullDiskLeavesTheCheckpointBeforeWhole() throws {
    let folder = try Self.interrupted()
    let before = try #require(try Self.checkpoints(folder).last)
    let bytes = try FileAccess.read(before)
    let outcome = try Norma.shell("ulimit -f 8; \"$norma\" train --resume --quiet --out out", directory: folder.url)
    expectFailure(outcome, status: 74, saying: "out/checkpoints/step-")
    #expect(try FileAccess.read(before) == bytes)
    #expect(try folder.names(in: "out/checkpoints").allSatisfy { $0.hasPrefix("step-") })
    let end = try Norma.run(["train", "--resume", "--quiet", "--out", folder.path("out")])
    #expect(end.status == 0 && end.error == "", "\(end.error)")
    #expect(try folder.bytes("out/model.safetensors") == Self.undisturbed())
    #expect(try folder.names(in: "out") == ["history.json", "model.safetensors"])
  }

  @Test func aCheckpointThatIsCutIsSaidToBeAndTheOneBeforeIsUsed() throws {
    let folder = try Self.interrupted()
    let newest = try #require(try Self.checkpoints(folder).last)
    let bytes = try FileAccess.read(newest)
    try FileAccess.write(Array(bytes.prefix(bytes.count - 1)), to: newest)
    let outcome = try Norma.run(["train", "--resume", "--quiet", "--out", folder.path("out")])
    #expect(outcome.status == 0)
    #expect(outcome.error.contains("it is cut off") && outcome.error.contains("Going on from an earlier checkpoint."))
    #expect(try folder.bytes("out/model.safetensors") == Self.undisturbed())
  }

  @Test func checkpointsThatAreAllDamagedAreRefused() throws {
    let folder = try Self.interrupted()
    let files = try Self.checkpoints(folder)
    for file in files { try FileAccess.write(Array(FileAccess.read(file).prefix(100)), to: file) }
    let outcome = try Norma.run(["train", "--resume", "--quiet", "--out", folder.path("out")])
    expectFailure(outcome, status: 65, saying: try #require(files.last))
  }

  // MARK: Options

  @Test func optionsThatContradictTheTrainingAreNamed() throws {
    let folder = try Self.interrupted()
    let outcome = try Norma.run([
      "train", "--resume", "--out", folder.path("out"), "--seed", "4", "--model", "mlp:20", "--l2", "0.1", "--keep",
      "0.8",
    ])
    expectFailure(outcome, status: 64, saying: "--model was mlp:40,40, and is mlp:20")
    #expect(outcome.error.contains("--seed was 0, and is 4") && outcome.error.contains("--l2 was 0.0, and is 0.1"))
    #expect(!outcome.error.contains("--keep was") && outcome.error.contains("It was begun with `norma train"))
    let data = try folder.write("1,2,0\n3,4,1\n5,6,0\n7,8,1\n9,9,1\n", to: "data.csv")
    expectFailure(
      try Norma.run(["train", "--resume", "--out", folder.path("out"), "--data", "csv:\(data)"]), status: 64,
      saying: "--data was digits, and is csv:")
  }

  @Test func dataThatHaveChangedAreRefused() throws {
    let folder = try Folder()
    func write(_ last: Int) throws -> String {
      let rows = (0..<2000).map { "\($0 % 7),\($0 % 11),\($0 == 1999 ? last : $0 % 2)" }
      return try folder.write(rows.joined(separator: "\n"), to: "data.csv")
    }
    let options = [
      "--data", "csv:\(try write(1))", "--standardize", "none", "--model", "mlp:8", "--epochs", "200", "--quiet",
      "--out", folder.path("out"),
    ]
    let wasKilled = try Norma.kill(["train", "--checkpoint-every", "1"] + options) {
      try !Self.checkpoints(folder).isEmpty
    }
    try #require(wasKilled)
    _ = try write(0)
    expectFailure(
      try Norma.run(["train", "--resume", "--quiet", "--out", folder.path("out")]), status: 65,
      saying: "it has changed since")
  }

  @Test func withoutACheckpointItBeginsAndAfterTheEndThereIsNothingToDo() throws {
    let folder = try Folder()
    let options = ["--model", "mlp:4", "--epochs", "2", "--out", folder.path("out")]
    let first = try Norma.run(["train", "--resume"] + options)
    #expect(first.status == 0)
    #expect(first.error.contains("There is no checkpoint in"))
    let bytes = try folder.bytes("out/model.safetensors")
    let second = try Norma.run(["train", "--resume", "--out", folder.path("out")])
    #expect(second.status == 0)
    #expect(second.error.contains("has ended"))
    #expect(second.output == first.output)
    #expect(try folder.bytes("out/model.safetensors") == bytes)
  }

  @Test func aCheckpointIsAModelThatOtherCommandsRead() throws {
    let folder = try Self.interrupted()
    let file = try #require(try Self.checkpoints(folder).last)
    for arguments in [["evaluate", file], ["inspect", file], ["predict", file, "--data", "digits", "--rows", "0-3"]] {
      let outcome = try Norma.run(arguments)
      #expect(outcome.status == 0, "\(outcome.error)")
    }
    expectFailure(
      try Norma.run(["train", "--checkpoint-every", "5", "--checkpoints", "0"]), status: 64, saying: "--checkpoints 1")
    for interval in ["0", "-3", "steps", "5epochs", "0steps"] {
      #expect(try Norma.run(["train", "--checkpoint-every", interval]).status == 64)
    }
  }
}
