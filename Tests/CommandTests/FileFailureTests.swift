import Foundation
import Norma
import Testing

/// Files that cannot be read or written: exit status 74.
struct FileFailureTests {
  @Test(arguments: [
    "train --data csv:FOLDER/none.csv --out FOLDER/out", "train --data mnist:FOLDER/none --out FOLDER/out",
    "train --data mnist:FOLDER --out FOLDER/out", "train --data cifar10:FOLDER/none --out FOLDER/out",
    "train --data images:FOLDER/none --out FOLDER/out", "evaluate FOLDER/none --data images:FOLDER",
    "compare --data csv:FOLDER/none.csv --out FOLDER/out", "evaluate FOLDER/none", "predict FOLDER/none -",
    "inspect FOLDER/none", "inspect FOLDER", "explain FOLDER/none.csv", "explain FOLDER",
    "bench accuracy FOLDER/none FOLDER/out",
  ])
  func whatIsMissingIsNamed(arguments: String) throws {
    let folder = try Folder()
    let parts = arguments.split(separator: " ").map { String($0).replacing("FOLDER", with: folder.url.path) }
    expectFailure(try Norma.run(parts), status: 74, saying: folder.url.path)
  }

  @Test(arguments: ["train", "compare"])
  func aFolderThatCannotBeWrittenToIsToldOfBeforeTraining(command: String) throws {
    let folder = try Folder()
    try folder.write("a file", to: "file")
    // Nobody, not even root, can make a folder inside a file.
    let outcome = try Norma.run([command, "--out", folder.path("file/out")])
    expectFailure(outcome, status: 74, saying: "Could not create '\(folder.path("file/out"))'")
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")), arguments: ["--dot", "--svg"])
  func aFullDiskIsToldOf(option: String) throws {
    expectFailure(try Norma.run(["explain", option, "/dev/full"]), status: 74, saying: "/dev/full")
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func aResultThatCannotBeWrittenIsToldOf() throws {
    for arguments in ["explain", "explain --json"] {
      let outcome = try Norma.shell("\"$norma\" \(arguments) > /dev/full")
      expectFailure(outcome, status: 74, saying: "Could not write 'standard output'")
    }
  }

  /// The shell lets no file grow beyond a few blocks, which a process sees much as it sees a full disk.
  @Test func aCheckpointThatDoesNotFitOnTheDiskLeavesTheEarlierOneWhole() throws {
    let folder = try Folder()
    try folder.write("earlier", to: "out/model.safetensors")
    let outcome = try Norma.shell(
      "ulimit -f 8; \"$norma\" train --epochs 1 --model mlp:100 --quiet --out out", directory: folder.url)
    expectFailure(outcome, status: 74, saying: "model.safetensors")
    #expect(try folder.bytes("out/model.safetensors") == Array("earlier".utf8))
    #expect(try folder.names(in: "out") == ["model.safetensors"])
  }

  @Test func aReportThatDoesNotFitOnTheDiskLeavesTheEarlierOneWhole() throws {
    let folder = try Folder()
    for name in ["report.html", "result.json"] { try folder.write("earlier", to: "out/\(name)") }
    let outcome = try Norma.shell(
      "ulimit -f 8; \"$norma\" compare --epochs 1 --model mlp:10 --quiet --out out", directory: folder.url)
    expectFailure(outcome, status: 74, saying: "out/")
    #expect(try folder.bytes("out/report.html") == Array("earlier".utf8))
    #expect(try folder.names(in: "out") == ["report.html", "result.json"])
  }

  /// Foundation finds no folder above a path of one letter.
  @Test func aFolderMayHaveANameOfOneLetter() throws {
    let folder = try Folder()
    let outcome = try Norma.run(
      ["train", "--epochs", "1", "--model", "mlp:10", "--quiet", "--out", "m"], directory: folder.url)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try folder.names(in: "m").contains("model.safetensors"))
  }
}
