import Foundation
import NormaFiles
import NormaTensor

/// Data sets of comma-separated values: a row for each example, a column for each feature, and label columns.
public enum CSV {
  /// Reads a file, plain or gzip, with features `[N, F]`.
  ///
  /// In classification the classes are numbered in their order: that of the numbers if all labels are whole numbers, that
  /// of the text otherwise.
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
    let columnCount = options.labelColumns.count
    guard options.task == .classification ? columnCount == 1 : columnCount >= 1 else {
      throw DataError.labelColumnCount(columnCount, task: options.task)
    }
    var records = try CSVRecords(bytes: bytes, file: file)
    guard try records.next() else { throw noRows(file) }
    let layout = try CSVLayout(first: records, labelColumns: options.labelColumns, hasHeader: options.hasHeader)
    switch options.task {
    case .classification:
      var labels = ClassLabels(names: options.classNames)
      let features = try read(&records, layout) { records throws(FormatError) in
        try labels.append(from: records, column: layout.labelColumns[0])
      }
      let (classes, names) = try labels.numbered(file: file)
      return Dataset(
        features: features, targets: .classes(classes, count: names.count), name: name(of: file), classNames: names,
        featureNames: layout.featureNames)
    case .regression:
      var values: [Float] = []
      let features = try read(&records, layout) { records throws(FormatError) in
        for column in layout.labelColumns { values.append(try records.number(column)) }
      }
      return Dataset(
        features: features, targets: .values(Tensor(values, shape: [features.shape[0], columnCount])),
        name: name(of: file), featureNames: layout.featureNames)
    }
  }

  /// Reads the feature columns of all records `[N, F]`, and hands each record to `readLabels`.
  static func read(
    _ records: inout CSVRecords, _ layout: CSVLayout, readLabels: (CSVRecords) throws(FormatError) -> Void
  ) throws(FormatError) -> Tensor<Float> {
    records.columnNames = layout.columnNames
    if layout.columnNames != nil, try !records.next() { throw noRows(records.file) }
    var features: [Float] = []
    var count = 0
    repeat {
      for column in layout.featureColumns { features.append(try records.number(column)) }
      try readLabels(records)
      count += 1
    } while try records.next()
    return Tensor(features, shape: [count, layout.featureColumns.count])
  }

  static func noRows(_ file: String) -> FormatError {
    FormatError(file: file, problem: "it has no rows of data", remedy: "Give a row for each example.")
  }

  private static func name(of file: String) -> String { (file as NSString).lastPathComponent }
}
