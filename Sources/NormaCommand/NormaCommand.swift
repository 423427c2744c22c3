import ArgumentParser
import Foundation
import Norma
import NormaImages
import NormaONNX
import NormaParallel
import NormaTerminal

/// The command `norma`.
@main struct NormaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "norma",
    abstract: "Batch normalization and its networks: see what it does, train, and use what was trained.",
    usage: "norma <subcommand> [<options>]",
    discussion: """
      Start with `norma compare`: it trains a deep network on handwritten digits twice, with and without batch \
      normalization, and writes a page that shows why the one learned faster.

      Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 `norma \
      diagnose` found something, 64 wrong usage, 65 bad data, or more of it than there is memory for, 70 a fault of ours, or a network that took more memory than \
      there is, 74 a file could not be read or written.
      """,
    version: normaVersion,
    subcommands: [
      Compare.self, Train.self, Evaluate.self, Predict.self, Run.self, Recalibrate.self, Diagnose.self, Explain.self,
      Lab.self,
      Inspect.self,
      Convert.self, Serve.self, CheckONNX.self, Bench.self,
    ])

  /// What the argument parser's messages begin with, as all others do.
  static let _errorPrefix = "norma: "

  static func main() {
    // A file that may not grow any more is an error to tell of, as a full disk is, and no reason to be killed.
    signal(SIGXFSZ, SIG_IGN)
    BufferPool.shared.whenExhausted { byteCount in
      report(OutOfMemory(byteCount: byteCount))
      Foundation.exit(ExitStatus.internalFault.rawValue)
    }
    // Where Swift itself finds no memory it says so and aborts. No more than this may be done then.
    signal(SIGABRT) { _ in
      let words = StaticString("norma: It could not go on: there is not enough memory, or this is a fault of ours.\n")
      write(OtherProcesses.errors, words.utf8Start, words.utf8CodeUnitCount)
      _exit(ExitStatus.internalFault.rawValue)
    }
    var command: any ParsableCommand
    do {
      try DataReaderRegistry.shared.register(ImageFolderReader.self)
      try ModelRegistry.shared.register(ONNXRecipe.self)
      command = try parseAsRoot()
    } catch { exit(withError: error) }
    do {
      if let command = command as? any GroupCommand {
        try command.runTogether()
      } else {
        guard !MPIGroup.isLaunched else {
          throw UsageError(
            "`norma \(type(of: command)._commandName)` is for one process: several would each do the same. Leave mpirun out."
          )
        }
        try command.run()
      }
    } catch {
      // A wish for help comes this way too.
      if exitCode(for: error).isSuccess || error is ExitCode { exit(withError: error) }
      report(error)
      exit(withError: ExitCode((error as? TrainingStopped)?.exitCode ?? exitStatus(for: error).rawValue))
    }
  }
}

/// What is said where a tensor's memory cannot be had.
private struct OutOfMemory: Error, CustomStringConvertible {
  let byteCount: Int
  var description: String {
    "There is not enough memory: \(Formatting.bytes(byteCount)) more could not be had. A smaller network, smaller "
      + "batches (--batch-size) or --recompute take less."
  }
}
