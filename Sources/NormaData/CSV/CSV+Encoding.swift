import NormaFiles
import NormaTensor

extension CSV {
  /// Reads the columns of a table that a model takes, and no labels.
  ///
  /// If the first row has the names of all the model's columns, columns are taken by name, whatever their order, and others are
  /// passed over. A header that lacks some is refused with their names. Without a header, or where the model knows no names, the
  /// file must have the columns of the table that the model learned from, or those without the labels, or those that the model
  /// takes, in their order.
  ///
  /// - Parameters:
  ///   - bytes: the whole file, not compressed.
  ///   - file: what errors call the file.
  ///   - encoding: the columns that the model takes.
  ///   - options: where the label columns are, if there are any and the encoding does not say; separator, decimal mark, and
  ///     whether there is a header.
  /// - Throws: `FormatError` if columns or cells do not fit.
  public static func table(
    bytes: [UInt8], file: String, encoding: TableEncoding, options: CSVOptions = CSVOptions()
  ) throws -> Table {
    var (records, layout) = try self.layout(bytes, file: file, encoding, options, needsLabels: false)
    layout.labels = []
    var reader = CSVTableReader(layout, task: nil, classNames: nil)
    try reader.read(records)
    guard reader.rowCount > 0 else { throw noRows(file) }
    return reader.table
  }

  /// Reads the columns of a table that a model takes, as ``table(bytes:file:encoding:options:)`` does, and what should be said
  /// of each row. The task and, for classes, the names must stand in the options.
  public static func data(
    bytes: [UInt8], file: String, encoding: TableEncoding, options: CSVOptions
  ) throws -> RawData {
    let (records, layout) = try self.layout(bytes, file: file, encoding, options, needsLabels: true)
    var reader = CSVTableReader(layout, task: options.task ?? .classification, classNames: options.classNames)
    try reader.read(records)
    let (targets, classNames) = try reader.targets(file: file, mayBeClasses: false)
    reader.noteUnlabeledRows()
    return RawData(
      training: RawDataset(
        features: .table(reader.table), targets: targets, name: name(of: file), classNames: classNames),
      notes: reader.notes)
  }

  /// Finds a model's columns in a file.
  static func layout(
    _ bytes: [UInt8], file: String, _ encoding: TableEncoding, _ options: CSVOptions, needsLabels: Bool
  ) throws -> (CSVRecords, CSVLayout) {
    let dialect = try CSVDialect(bytes, file: file, options: options)
    let records = try CSVRecords(bytes: bytes, file: file, dialect: dialect)
    let survey = try CSVSurvey(records)
    var layout = CSVLayout(columnCount: survey.columns.count)
    let cells = survey.first.map { $0.text.trimmingSpaces }
    let names = encoding.columns.compactMap(\.name)
    let knowsNames = names.count == encoding.columns.count
    let missing = names.filter { !cells.contains($0) }
    let isHeader =
      try options.hasHeader
      ?? (knowsNames && missing.isEmpty
        || survey.isHeader(labels: [], allowsMixedLabels: true, takesCounts: false, file: file).answer)
    if isHeader { layout.columnNames = try survey.header(file: file) }
    let positions: [Int]
    if isHeader && knowsNames {
      guard missing.isEmpty else {
        throw FormatError(
          file: file, location: "row \(survey.firstRow)",
          problem: "the header lacks the model's column\(missing.count == 1 ? "" : "s") \(enumeration(missing))",
          remedy: "Name the columns as in the data that the model was trained on, or leave the header out.")
      }
      positions = names.compactMap(cells.firstIndex)
      layout.labels = try labels(layout, encoding, options, file: file, needsLabels: needsLabels)
    } else {
      (positions, layout.labels) = try placed(layout, encoding, options, file: file, needsLabels: needsLabels)
    }
    layout.features = zip(encoding.columns, positions).map { CSVLayout.Feature(position: $1, kind: $0.kind) }
    return (records, layout)
  }

  /// The label columns of a file whose features have names.
  private static func labels(
    _ layout: CSVLayout, _ encoding: TableEncoding, _ options: CSVOptions, file: String, needsLabels: Bool
  ) throws(FormatError) -> [Int] {
    guard needsLabels else { return [] }
    let saved = encoding.labels.compactMap(\.name)
    // What was asked for on the spot comes first, then what the model was trained with.
    let columns = options.labelColumns.isEmpty ? saved.map(CSVOptions.Column.name) : options.labelColumns
    return try layout.resolve(columns.isEmpty ? [.number(-1)] : columns, as: "a label column", file: file)
  }

  /// The columns of a file by their places.
  private static func placed(
    _ layout: CSVLayout, _ encoding: TableEncoding, _ options: CSVOptions, file: String, needsLabels: Bool
  ) throws(FormatError) -> (features: [Int], labels: [Int]) {
    let (count, wanted) = (layout.columnCount, encoding.columns.count)
    let given = options.labelColumns
    let savedLabels = encoding.labels.map(\.position)
    let labelCount = given.isEmpty ? max(1, savedLabels.count) : given.count
    if count == encoding.fileColumnCount {
      let labels = given.isEmpty ? savedLabels : try layout.resolve(given, as: "a label column", file: file)
      return (encoding.columns.map(\.position), labels)
    }
    if let fileCount = encoding.fileColumnCount, count == fileCount - savedLabels.count, !needsLabels {
      let shifted = encoding.columns.map { column in column.position - savedLabels.count { $0 < column.position } }
      return (shifted, [])
    }
    if count == wanted && !needsLabels { return (Array(0..<wanted), []) }
    if count == wanted + labelCount {
      let labels = try layout.resolve(
        given.isEmpty ? (1...labelCount).map { CSVOptions.Column.number($0 - labelCount - 1) } : given,
        as: "a label column", file: file)
      return ((0..<count).filter { !labels.contains($0) }, labels)
    }
    throw FormatError(
      file: file, problem: "it has \(count) columns, but the model takes \(wanted) features",
      remedy: needsLabels
        ? "Give as many columns as there are features, and the label column."
        : "Give as many columns as there are features, with or without the label column.")
  }
}
