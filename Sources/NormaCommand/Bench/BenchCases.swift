import ArgumentParser
import NormaLab

/// Which cases a subcommand of `norma bench` is about.
struct BenchCases: ParsableArguments {
  @Option(help: ArgumentHelp("Only the cases whose names match.", valueName: "expression"))
  var only: String?

  func validate() throws {
    if let only, (try? Regex(only)) == nil {
      throw ValidationError("--only takes a regular expression, not '\(only)'.")
    }
  }

  /// The cases that were asked for.
  func selected() throws -> [BenchmarkCase] {
    guard let only else { return BenchmarkCase.all }
    let pattern = try Regex(only)
    return BenchmarkCase.all.filter { $0.name.contains(pattern) }
  }
}
