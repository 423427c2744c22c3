import Foundation
import NormaFiles
import NormaTensor

/// Data sets of comma-separated values: a row for each example, a column for each feature, and label columns.
///
/// Cells may be separated by semicolons, tabs or vertical bars too, and numbers have decimal commas. A feature column holds
/// numbers; words for yes and no; dates, where that is asked for; or texts, which are categories. If at least half of the cells
/// that are not missing are numbers, or were meant as some, the column is one of numbers, and anything else in it a mistake that
/// is refused with its place. Missing are empty cells and what pandas takes for missing, `?` and `-`.
public enum CSV {
  /// Reads a file, plain or gzip, with features `[N, F]`: the columns encoded as ``TableEncoding`` does.
  ///
  /// In classification the classes are numbered in their order: that of the numbers if all labels are whole numbers, that
  /// of the text otherwise. Rows without a label are left out.
  /// - Throws: `FileError` if the file cannot be read, `FormatError` with row and column if it is not what it should be,
  ///   ``DataError/labelColumnCount(_:task:)`` if the options do not fit together.
  public static func dataset(contentsOf path: String, options: CSVOptions = CSVOptions()) throws -> Dataset<Float> {
    try dataset(bytes: Gzip.contents(ofFile: path), file: path, options: options)
  }

  /// Reads a file's bytes. See ``dataset(contentsOf:options:)``.
  ///
  /// - Parameters:
  ///   - bytes: the whole file, not compressed.
  ///   - file: what errors call the file; its last part names the data set.
  ///   - options: where the label columns are and what they hold.
  public static func dataset(
    bytes: [UInt8], file: String, options: CSVOptions = CSVOptions()
  ) throws -> Dataset<Float> {
    try data(bytes: bytes, file: file, options: options).datasets().training
  }

  /// Reads a file's bytes, to be split and encoded by what the training rows say.
  public static func data(bytes: [UInt8], file: String, options: CSVOptions = CSVOptions()) throws -> RawData {
    let labelCount = options.labelColumns.count
    guard
      options.task == .regression || labelCount > 1
        ? labelCount >= 1 && options.task != .classification : labelCount == 1
    else { throw DataError.labelColumnCount(labelCount, task: options.task ?? .classification) }
    let dialect = try CSVDialect(bytes, file: file, options: options)
    let records = try CSVRecords(bytes: bytes, file: file, dialect: dialect)
    var survey = try CSVSurvey(records)
    let layout = try CSVLayout(&survey, file: file, options: options)
    let isKnown = options.task != nil || options.classNames != nil
    let task = isKnown ? options.task ?? .classification : try self.task(of: layout, survey, file: file)
    var reader = CSVTableReader(layout, task: task, classNames: options.classNames, expecting: survey.rowCount)
    try reader.read(records)
    let (targets, classNames) = try reader.targets(file: file, mayBeClasses: !isKnown && labelCount == 1)
    reader.noteUnlabeledRows()
    return RawData(
      training: RawDataset(
        features: .table(reader.table), targets: targets, name: name(of: file), classNames: classNames),
      notes: layout.notes + reader.notes)
  }

  /// Whether labels that nothing was said of are to be read as numbers or as classes.
  private static func task(
    of layout: CSVLayout, _ survey: CSVSurvey, file: String
  ) throws(FormatError) -> CSVOptions.Task {
    guard layout.labels.count == 1 else { return .regression }
    let label = survey.columns[layout.labels[0]]
    guard label.isMostlyNumbers else { return .classification }
    if let (row, text) = label.firstText {
      let name = layout.columnNames.map { " (\(quoted($0[layout.labels[0]])))" } ?? ""
      throw FormatError(
        file: file, location: "row \(row), column \(layout.labels[0] + 1)\(name)",
        problem: "\(quoted(text)) is not a number",
        remedy: "Correct the label or leave the row out: \(label.numbers) of \(label.present) labels are numbers. "
          + "--classification takes each text for a class.")
    }
    return .regression
  }

  static func noRows(_ file: String) -> FormatError {
    FormatError(file: file, problem: "it has no rows of data", remedy: "Give a row for each example.")
  }

  static func name(of file: String) -> String { (file as NSString).lastPathComponent }
}
