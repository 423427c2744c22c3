import NormaFiles

/// Which column of a CSV file is what, and how its cells are read.
struct CSVLayout {
  /// A feature column.
  struct Feature {
    var position: Int
    var kind: Table.Kind
    var isCategoryByRequest = false
    /// What is said of a cell that cannot be read.
    var remedy = "Correct the cell, or leave the row out."
  }

  /// What the header calls the columns; nil if there is none.
  var columnNames: [String]?
  var columnCount: Int
  var labels: [Int]
  var features: [Feature]
  /// What the person should know of columns that were left out.
  var notes: [String] = []

  func title(_ column: Int) -> String { columnNames.map { quoted($0[column]) } ?? "\(column + 1)" }

  /// The columns of the label, as they are saved.
  var savedLabels: [TableEncoding.Label] {
    labels.map { TableEncoding.Label(name: columnNames?[$0], position: $0) }
  }

  /// A layout of so many columns, nothing of which is known yet.
  init(columnCount: Int) {
    self.columnCount = columnCount
    labels = []
    features = []
  }

  /// Finds out what is what in a file to learn from.
  init(_ survey: inout CSVSurvey, file: String, options: CSVOptions) throws(FormatError) {
    columnCount = survey.columns.count
    features = []
    labels = []
    if options.hasHeader ?? options.namesColumns {
      columnNames = try survey.header(file: file)
    } else if options.hasHeader == nil {
      let known = options.labelColumns.compactMap { column -> Int? in
        guard case .number(let number) = column, number != 0, number.magnitude <= columnCount else { return nil }
        return number > 0 ? number - 1 : columnCount + number
      }
      let (isHeader, note) = try survey.isHeader(
        labels: known, allowsMixedLabels: options.task == .classification, takesCounts: true, file: file)
      if isHeader { columnNames = try survey.header(file: file) }
      if let note { notes.append(note) }
    }
    guard columnNames == nil || survey.rowCount > 0 else { throw CSV.noRows(file) }
    if columnNames == nil { survey.includeFirst() }
    labels = try resolve(options.labelColumns, as: "a label column", file: file)
    let ignored = try resolve(options.ignoredColumns, as: "a column to ignore", file: file)
    let dates = try resolve(options.dateColumns, as: "a column of dates", file: file)
    let categories = try resolve(options.categoryColumns, as: "a column of categories", file: file)
    if let column = labels.first(where: ignored.contains) {
      throw FormatError(
        file: file, problem: "column \(title(column)) is the label, and is to be ignored",
        remedy: "Ignore other columns, or name another label.")
    }
    for column in 0..<columnCount where !labels.contains(column) && !ignored.contains(column) {
      if dates.contains(column) {
        features.append(
          Feature(
            position: column, kind: .date,
            remedy: "Write dates as 2024-02-29 or 2024-02-29T23:59:59, or leave the column out of --dates."))
      } else if categories.contains(column) {
        features.append(Feature(position: column, kind: .category, isCategoryByRequest: true))
      } else if let kind = try kind(of: column, survey, file: file) {
        features.append(Feature(position: column, kind: kind))
      }
    }
    guard !features.isEmpty else {
      throw FormatError(
        file: file, location: "row \(survey.firstRow)",
        problem: "it has \(columnCount) column\(columnCount == 1 ? "" : "s"), which leaves none for the features",
        remedy: "Separate the columns by commas, semicolons, tabs or vertical bars, the same throughout."
          + (notes.isEmpty ? "" : " " + notes.joined(separator: " ")))
    }
  }

  /// The kind of a feature column; nil for one that is left out, with a note.
  private mutating func kind(
    of column: Int, _ survey: CSVSurvey, file: String
  ) throws(FormatError) -> Table.Kind? {
    let cells = survey.columns[column]
    if cells.present == 0 {
      notes.append("Column \(title(column)) holds nothing and is left out.")
      return nil
    }
    if cells.isTruth { return .truth }
    if cells.isMostlyNumbers {
      guard let (row, text) = cells.firstText else {
        guard let name = columnNames?[column], cells.countsRows, survey.rowCount > 2 else { return .number }
        // What pandas makes of an index.
        if name.isEmpty || name == "Unnamed: 0" {
          notes.append("Column \(column + 1), \(quoted(name)), counts the rows and is left out.")
          return nil
        }
        notes.append("Column \(title(column)) counts the rows; --ignore leaves it out.")
        return .number
      }
      let name = columnNames.map { " (\(quoted($0[column])))" } ?? ""
      throw FormatError(
        file: file, location: "row \(row), column \(column + 1)\(name)",
        problem: CSVRecords.problem(withNumber: text),
        remedy: """
          Correct the cell or leave the row out: \(cells.numbers) of the column's \(cells.present) values are numbers. Numbers \
          are written without thousands set apart and units; --decimal , reads decimal commas, --categories takes each text \
          for a category, --ignore leaves the column out.
          """)
    }
    if cells.isDates {
      notes.append(
        "Column \(title(column)) holds dates and is left out; --dates reads them as numbers, --categories as categories."
      )
      return nil
    }
    return .category
  }

  /// The positions of columns that are asked for.
  func resolve(_ columns: [CSVOptions.Column], as role: String, file: String) throws(FormatError) -> [Int] {
    var positions: [Int] = []
    for column in columns {
      let position = try position(of: column, file: file)
      guard !positions.contains(position) else {
        throw FormatError(
          file: file, problem: "column \(position + 1) is named as \(role) twice", remedy: "Name each column once.")
      }
      positions.append(position)
    }
    return positions
  }

  private func position(of column: CSVOptions.Column, file: String) throws(FormatError) -> Int {
    switch column {
    case .name(let name):
      guard let names = columnNames else {
        throw FormatError(
          file: file, problem: "there is no header in which a column could be called \(quoted(name))",
          remedy: "Give the column by its number.")
      }
      guard let position = names.firstIndex(of: name) else {
        throw FormatError(
          file: file, problem: "no column is called \(quoted(name))",
          remedy: "The columns are called \(enumeration(names)).")
      }
      return position
    case .number(let number):
      if let position = columnNames?.firstIndex(of: "\(number)") { return position }
      guard number != 0, number.magnitude <= columnCount else {
        throw FormatError(
          file: file, problem: "there is no column \(number)",
          remedy: "Columns are numbered from 1 to \(columnCount), or from -1, the last, to -\(columnCount).")
      }
      return number > 0 ? number - 1 : columnCount + number
    }
  }
}
