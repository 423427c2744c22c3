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
    if let labelColumn, columns(labelColumn).isEmpty {
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
      labelColumns: labelColumn.map(columns) ?? [], hasHeader: header,
      separator: try separator.map { try CSVOptions.Separator(named: $0) },
      decimalMark: try decimal.map { try CSVOptions.DecimalMark(named: $0) })
  }
}

extension CSVOptions.Separator {
  /// The separator that `--separator` names.
  init(named text: String) throws {
    switch text {
    case ",", "comma": self = .comma
    case ";", "semicolon": self = .semicolon
    case "\t", "\\t", "tab": self = .tab
    case "|", "bar": self = .bar
    default: throw ValidationError("--separator takes comma, semicolon, tab or bar, not '\(text)'.")
    }
  }
}

extension CSVOptions.DecimalMark {
  /// The mark that `--decimal` names.
  init(named text: String) throws {
    switch text {
    case ".", "point": self = .point
    case ",", "comma": self = .comma
    default: throw ValidationError("--decimal takes point or comma, not '\(text)'.")
    }
  }
}

/// Columns as the command line names them, separated by commas.
func columns(_ text: String) -> [CSVOptions.Column] {
  text.split(separator: ",").map { CSVOptions.Column(String($0).trimmed) }
}

extension String {
  fileprivate var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
