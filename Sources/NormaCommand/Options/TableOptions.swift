import ArgumentParser
import Norma
import NormaLab

/// How a table is to be read, where that should not be found out.
struct TableOptions: ParsableArguments {
  @Option(
    name: .customLong("label"), parsing: .unconditional,
    help: ArgumentHelp(
      "CSV: the column to predict, by name or number: 1 is the first, -1 the last. Several, separated by commas, for regression. (default: the last, or as in training)",
      valueName: "column"))
  var labelColumn: String?

  @Flag(inversion: .prefixedNo, help: "CSV: whether the first row holds names. (default: found out)")
  var header: Bool?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "CSV: what separates cells: comma, semicolon, tab, bar, or the character itself. (default: found out)",
      valueName: "character"))
  var separator: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "CSV: what stands before the decimal places of numbers: point or comma, or the character itself. (default: found out)",
      valueName: "character"))
  var decimal: String?

  func validate() throws {
    _ = try csvOptions()
    if let labelColumn, CSVOptions.Column.list(labelColumn).isEmpty {
      throw ValidationError("--label takes the name or number of a column, not '\(labelColumn)'.")
    }
  }

  /// Whether one of them was given.
  var isGiven: Bool { labelColumn != nil || header != nil || separator != nil || decimal != nil }

  /// The options as they stand on a command line.
  var words: [String] {
    [("--label", labelColumn), ("--separator", separator), ("--decimal", decimal)]
      .flatMap { name, value in value.map { [name, $0.shellQuoted] } ?? [] }
      + (header.map { [$0 ? "--header" : "--no-header"] } ?? [])
  }

  /// The options for reading CSV; label columns are those of the options, or none.
  func csvOptions() throws -> CSVOptions {
    CSVOptions(
      labelColumns: labelColumn.map { CSVOptions.Column.list($0) } ?? [], hasHeader: header,
      separator: try separator.map { text in
        guard let separator = CSVOptions.Separator(named: text) else {
          throw ValidationError("--separator takes comma, semicolon, tab or bar, not '\(text)'.")
        }
        return separator
      },
      decimalMark: try decimal.map { text in
        guard let mark = CSVOptions.DecimalMark(named: text) else {
          throw ValidationError("--decimal takes point or comma, not '\(text)'.")
        }
        return mark
      })
  }
}
