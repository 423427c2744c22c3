import NormaFiles

/// Which column of a CSV file is what. Made from the first record, with the records still standing at it.
struct CSVLayout {
  /// What the header calls the columns; nil if there is none.
  var columnNames: [String]?
  var labelColumns: [Int]
  var featureColumns: [Int]

  /// The names of the feature columns.
  var featureNames: [String]? { columnNames.map { names in featureColumns.map { names[$0] } } }

  /// Finds the label columns; all others are features.
  init(first records: CSVRecords, labelColumns: [CSVOptions.Column], hasHeader: Bool?) throws(FormatError) {
    let columnCount = records.columnCount ?? 0
    var names: [String]?
    if hasHeader == true || (hasHeader == nil && labelColumns.contains { if case .name = $0 { true } else { false } }) {
      names = try CSVLayout.header(records)
    }
    var labels: [Int] = []
    for column in labelColumns {
      let index = try CSVLayout.index(of: column, names: names, columnCount: columnCount, file: records.file)
      guard !labels.contains(index) else {
        throw FormatError(
          file: records.file, problem: "column \(index + 1) is named as a label column twice",
          remedy: "Name each label column once.")
      }
      labels.append(index)
    }
    self.labelColumns = labels
    featureColumns = (0..<columnCount).filter { !labels.contains($0) }
    guard !featureColumns.isEmpty else {
      throw FormatError(
        file: records.file, location: "row \(records.row)",
        problem: "it has \(columnCount) column\(columnCount == 1 ? "" : "s"), which leaves none for the features",
        remedy: "Separate the columns by commas.")
    }
    if names == nil && hasHeader == nil, try CSVLayout.looksLikeHeader(records, columns: featureColumns) {
      names = try CSVLayout.header(records)
    }
    columnNames = names
  }

  /// The first record as names.
  static func header(_ records: CSVRecords) throws(FormatError) -> [String] {
    var names: [String] = []
    for column in 0..<(records.columnCount ?? 0) {
      let name = try records.text(column)
      if let earlier = names.firstIndex(of: name) {
        throw records.error(
          column, "the header names \(quoted(name)) again, as column \(earlier + 1)",
          remedy: "Give each column its own name.")
      }
      names.append(name)
    }
    return names
  }

  /// Whether the first record names columns: it does if there is text in all the feature columns that hold something.
  private static func looksLikeHeader(_ records: CSVRecords, columns: [Int]) throws(FormatError) -> Bool {
    var name: Int?
    var hasNumber = false
    for column in columns {
      if try records.isName(column) {
        name = name ?? column
      } else if records.numberIfAny(column) != nil {
        hasNumber = true
      }
    }
    guard let name else { return false }
    guard !hasNumber else {
      throw records.error(
        name, "\(quoted(try records.text(name))) is not a number, while other cells of the first row are",
        remedy: "Correct the cell, or say that the first row is a header.")
    }
    return true
  }

  private static func index(
    of column: CSVOptions.Column, names: [String]?, columnCount: Int, file: String
  ) throws(FormatError) -> Int {
    switch column {
    case .name(let name):
      guard let names else {
        throw FormatError(
          file: file, problem: "there is no header in which a column could be called \(quoted(name))",
          remedy: "Give the label column by its number.")
      }
      guard let index = names.firstIndex(of: name) else {
        throw FormatError(
          file: file, problem: "no column is called \(quoted(name))",
          remedy: "The columns are called \(enumeration(names)).")
      }
      return index
    case .number(let number):
      guard number != 0, number.magnitude <= columnCount else {
        throw FormatError(
          file: file, problem: "there is no column \(number)",
          remedy: "Columns are numbered from 1 to \(columnCount), or from -1, the last, to -\(columnCount).")
      }
      return number > 0 ? number - 1 : columnCount + number
    }
  }
}
