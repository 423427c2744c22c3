import Foundation
import Norma
import Testing

/// Folders that a run writes to: nobody else's work is lost in them.
struct FolderLockTests {
  private static let longTraining = [
    "--model", "mlp:200,200", "--epochs", "400", "--checkpoint-every", "5steps", "--quiet",
  ]

  private func checkpoints(_ folder: Folder) throws -> [String] {
    try TrainingStateFolder(folder.path("out/checkpoints")).files
  }

  /// Starts a training, calls a body once it saves itself, and kills it.
  private func whileTraining(in folder: Folder, _ body: () throws -> Void) throws {
    let wasKilled = try Norma.kill(["train", "--out", folder.path("out")] + Self.longTraining) {
      guard try !checkpoints(folder).isEmpty else { return false }
      try body()
      return true
    }
    try #require(wasKilled, "it ended before it could be killed")
  }

  @Test func aSecondRunInTheSameFolderIsRefusedAtItsStart() throws {
    let folder = try Folder()
    let out = folder.path("out")
    try whileTraining(in: folder) {
      for arguments in [
        ["train", "--model", "mlp:64", "--epochs", "20", "--seed", "2", "--out", out],
        ["train", "--resume", "--out", out], ["train", "--overwrite", "--out", out], ["compare", "--out", out],
        ["lab", "run", "gradient", "--quick", "--out", out],
      ] {
        let outcome = try Norma.run(arguments)
        expectFailure(outcome, status: 74, saying: "Could not write '\(out)': Another run (process ")
        #expect(outcome.error.hasSuffix("is writing into it; wait for its end, or name another folder.\n"))
      }
    }
    // The lock ends with the process, however that ends.
    #expect(try folder.names(in: "out") == [".norma.lock", "checkpoints"])
    let resumed = try Norma.kill(["train", "--resume", "--out", out]) { try checkpoints(folder).isEmpty == false }
    #expect(resumed)
  }

  @Test func whereATrainingWasInterruptedANewOneAsksWhatIsMeant() throws {
    let folder = try Folder()
    try whileTraining(in: folder) {}
    let before = try checkpoints(folder)
    let small = ["train", "--model", "mlp:4", "--epochs", "1", "--quiet", "--out", folder.path("out")]
    for options in [[], ["--checkpoints", "0"], ["--json"]] {
      let outcome = try Norma.run(small + options)
      expectFailure(
        outcome, status: 64, saying: "Go on with it with --resume, begin anew in its place with --overwrite, or")
    }
    #expect(try checkpoints(folder) == before)
    expectFailure(try Norma.run(small + ["--resume", "--overwrite"]), status: 64, saying: "not both")
    #expect(try Norma.run(small + ["--overwrite"]).status == 0)
    #expect(try folder.names(in: "out") == ["history.json", "model.safetensors"])
    // A model that is there does not keep anyone from training another.
    #expect(try Norma.run(small).status == 0)
  }

  @Test func whatAKilledRunLeftInTheFolderGoesWithTheNext() throws {
    let folder = try Folder()
    for place in ["out", "out/checkpoints", "lab", "lab/runs"] {
      try folder.write("part", to: "\(place)/.norma-left.temporary")
    }
    #expect(try Norma.run(["train", "--model", "mlp:4", "--epochs", "1", "--out", folder.path("out")]).status == 0)
    #expect(try folder.names(in: "out") == ["history.json", "model.safetensors"])
    #expect(try Norma.run(["lab", "run", "gradient", "--quick", "--out", folder.path("lab")]).status == 0)
    #expect(try (folder.names(in: "lab") + folder.names(in: "lab/runs")).allSatisfy { !$0.hasPrefix(".") })
  }

  @Test(arguments: ["train", "compare", "lab run gradient --quick", "convert x.safetensors -o"])
  func aLinkWhoseEndIsMissingIsNamed(command: String) throws {
    let folder = try Folder()
    try Safetensors(entries: ["x": .float(.ones([2]))]).write(to: folder.path("x.safetensors"))
    let name = command.hasPrefix("convert") ? "link.npz" : "link"
    try FileManager.default.createSymbolicLink(atPath: folder.path(name), withDestinationPath: "gone")
    let arguments = command.split(separator: " ").map(String.init)
    let outcome = try Norma.run(
      arguments + (command.hasPrefix("convert") ? [name] : ["--out", name]), directory: folder.url)
    expectFailure(outcome, status: 74, saying: "'\(name)': It is a symbolic link to 'gone', which is not there.")
  }

  /// The shell lets no file grow beyond a few blocks, which a process sees much as it sees a full disk.
  @Test func aLabsPageAndItsResultsAreThereTogetherOrNotAtAll() throws {
    let folder = try Folder()
    for name in ["report.html", "results.json"] { try folder.write("earlier", to: "lab/\(name)") }
    let outcome = try Norma.shell(
      "ulimit -f 20; \"$norma\" lab run gradient overfit --quick --quiet --out lab", directory: folder.url)
    expectFailure(outcome, status: 74, saying: "lab/")
    for name in ["report.html", "results.json"] {
      #expect(try folder.bytes("lab/\(name)") == Array("earlier".utf8))
    }
    #expect(try folder.names(in: "lab/figures").isEmpty && folder.names(in: "lab/tables").isEmpty)
  }
}
