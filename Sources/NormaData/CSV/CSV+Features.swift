import NormaFiles
import NormaTensor

extension CSV {
  /// Reads rows of features without what should be said of them, for a model that takes `featureCount` features: `[N, F]`.
  ///
  /// If the first row has all of `featureNames`, columns are taken by name, in the model's order, and others are passed
  /// over. Otherwise the file must have as many columns as the model has features, or the label columns of the options
  /// besides, which are passed over.
  /// - Parameters:
  ///   - path: a file, plain or gzip.
  ///   - featureCount: how many features the model takes, F.
  ///   - featureNames: what the model's features are called, if it knows.
  ///   - options: where the label columns are, if there are any, and whether there is a header.
  /// - Throws: `FileError` if the file cannot be read, `FormatError` if its columns or cells do not fit.
  public static func features(
    contentsOf path: String, featureCount: Int, featureNames: [String]? = nil, options: CSVOptions = CSVOptions()
  ) throws -> Tensor<Float> {
    try features(
      bytes: Gzip.contents(ofFile: path), file: path, featureCount: featureCount, featureNames: featureNames,
      options: options)
  }

  /// Reads a file's bytes. See ``features(contentsOf:featureCount:featureNames:options:)``.
  public static func features(
    bytes: [UInt8], file: String, featureCount: Int, featureNames: [String]? = nil, options: CSVOptions = CSVOptions()
  ) throws -> Tensor<Float> {
    require(featureNames == nil || featureNames?.count == featureCount, "names for other than all features")
    var records = try CSVRecords(bytes: bytes, file: file)
    guard try records.next() else { throw noRows(file) }
    let layout = try featureLayout(records, featureCount: featureCount, featureNames: featureNames, options: options)
    return try read(&records, layout) { _ in }
  }

  private static func featureLayout(
    _ records: CSVRecords, featureCount: Int, featureNames: [String]?, options: CSVOptions
  ) throws -> CSVLayout {
    var missing: [String] = []
    if let featureNames, options.hasHeader != false {
      let cells = try (0..<(records.columnCount ?? 0)).map { try records.text($0) }
      missing = featureNames.filter { !cells.contains($0) }
      if missing.isEmpty {
        var layout = try CSVLayout(first: records, labelColumns: [], hasHeader: true)
        layout.featureColumns = featureNames.compactMap(cells.firstIndex)
        return layout
      }
    }
    let columnCount = records.columnCount ?? 0
    let extra = columnCount - featureCount
    guard extra == 0 || extra == options.labelColumns.count else {
      throw FormatError(
        file: records.file, problem: "it has \(columnCount) columns, but the model takes \(featureCount) features",
        remedy: "Give as many columns as there are features, with or without the label column.")
    }
    let layout = try CSVLayout(
      first: records, labelColumns: extra == 0 ? [] : options.labelColumns, hasHeader: options.hasHeader)
    if layout.columnNames != nil, let name = missing.first {
      throw FormatError(
        file: records.file, location: "row \(records.row)",
        problem: "the header lacks the model's feature \(quoted(name))",
        remedy: "Name the columns as in the data that the model was trained on, or leave the header out.")
    }
    return layout
  }
}
