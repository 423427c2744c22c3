import ArgumentParser
import Norma

/// What every command that works long understands.
struct CommonOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Decides every random number. The same seed gives the same bits.", valueName: "number"))
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "How many threads work. The result does not depend on it. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Flag(help: "Show no progress.")
  var quiet = false

  @Flag(help: "Print the results as JSON.")
  var json = false

  func validate() throws { try validateThreads(threads) }

  /// Puts the options that hold for the whole process into force.
  func apply() {
    if let threads { Parallel.threadCount = threads }
  }
}

/// Makes sure that `--threads`, if it is there, is a number of threads.
func validateThreads(_ threads: Int?) throws {
  if let threads, !(1...1024).contains(threads) {
    throw ValidationError("--threads takes a number from 1 to 1024, not \(threads).")
  }
}
