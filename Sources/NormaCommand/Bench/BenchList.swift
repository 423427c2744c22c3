import ArgumentParser
import NormaLab

/// `norma bench list`: what can be timed.
struct BenchList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the cases that are timed.",
    usage: "norma bench list [<options>]",
    discussion: """
      EXAMPLES
        norma bench list --only train
        norma bench list --json > cases.json
      """)

  @OptionGroup var cases: BenchCases

  @Flag(help: "Print the cases as JSON, as requests to --worker hold them.")
  var json = false

  func run() throws {
    let selected = try cases.selected()
    if json { return try outputJSON(selected) }
    for benchmark in selected { try output(benchmark.name) }
  }
}
