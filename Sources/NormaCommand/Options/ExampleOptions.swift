import ArgumentParser
import NormaLab

/// Which examples a model is given.
struct ExampleOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A CSV file with a row for each example, or PNG and JPEG files, or folders of such; - for standard input.",
      valueName: "file"))
  var files: [String] = []

  @Option(help: ArgumentHelp("Examples from data as for train, in place of files.", valueName: "source"))
  var data: String?

  @OptionGroup var table: TableOptions

  func validate() throws {
    guard files.isEmpty != (data == nil) else {
      throw ValidationError("Name either files or --data, to say which examples to take.")
    }
    guard files.count(where: { $0 == "-" }) <= 1 else { throw ValidationError("Standard input, -, can be read once.") }
    if let data { try validateSource(data) }
  }
}
