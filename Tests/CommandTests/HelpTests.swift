import Foundation
import Norma
import Testing

/// Help is held to the files in `Snapshots`. To renew them after a change that is wanted, run these tests with
/// `NORMA_RENEW_SNAPSHOTS=1` in the environment and look at the difference in git.
struct HelpTests {
  @Test(arguments: [
    "norma", "compare", "train", "evaluate", "predict", "run", "recalibrate", "diagnose", "explain", "lab", "lab list",
    "lab run",
    "inspect", "convert", "check-onnx", "bench", "bench run", "bench list",
    "bench accuracy",
  ])
  func helpReadsAsItDidBefore(command: String) throws {
    let arguments = command == "norma" ? ["--help"] : command.split(separator: " ").map(String.init) + ["--help"]
    let outcome = try Norma.run(arguments)
    #expect(outcome.status == 0)
    #expect(outcome.error == "")
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })

    let file = "Snapshots/\(command.replacing(" ", with: "-")).txt"
    let snapshot = URL(filePath: #filePath).deletingLastPathComponent().appending(path: file)
    if ProcessInfo.processInfo.environment["NORMA_RENEW_SNAPSHOTS"] == "1" {
      try Data(outcome.output.utf8).write(to: snapshot)
    }
    #expect(try outcome.output == String(contentsOf: snapshot, encoding: .utf8))
  }

  /// `norma serve --help` is answered by `norma-serve`, to which all arguments go.
  @Test func helpOfServeTellsWhereToFindIt() throws {
    let outcome = try Norma.run(["help", "serve"])
    #expect(outcome.status == 0 && outcome.error == "")
    #expect(outcome.output.contains("swift build -c release --package-path Serve"))
  }

  @Test func withoutArgumentsTheHelpIsShown() throws {
    let outcome = try Norma.run([])
    #expect(outcome.status == 0)
    #expect(try outcome.output == Norma.run(["--help"]).output)
    #expect(try Norma.run(["help", "train"]).output == Norma.run(["train", "--help"]).output)
  }

  @Test func theVersionIsThatOfTheLibrary() throws {
    let outcome = try Norma.run(["--version"])
    #expect(outcome.status == 0)
    #expect(outcome.output == normaVersion + "\n")
  }
}
