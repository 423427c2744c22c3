import ArgumentParser
import Norma
import NormaTerminal

/// The command `norma`.
@main struct NormaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "norma",
    abstract: "Batch normalization and its networks: see what it does, train, and use what was trained.",
    discussion: """
      Start with `norma compare`: it trains a deep network on handwritten digits twice, with and without batch \
      normalization, and writes a page that shows why the one learned faster.

      Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 64 wrong usage, \
      65 bad data, 70 a fault of ours, 74 a file could not be read or written.
      """,
    version: normaVersion,
    subcommands: [Compare.self, Train.self, Evaluate.self, Predict.self, Inspect.self])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      guard let status = exitStatus(for: error) else { exit(withError: error) }
      report(error)
      exit(withError: ExitCode(status.rawValue))
    }
  }
}
