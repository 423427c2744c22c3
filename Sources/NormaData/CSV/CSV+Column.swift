import NormaFiles

extension CSV {
  /// One column's cells as text, a cell for each row that ``table(bytes:file:encoding:options:)`` reads, and what the header
  /// calls the column.
  ///
  /// - Parameters:
  ///   - column: which column.
  ///   - bytes: the whole file, not compressed.
  ///   - file: what errors call the file.
  ///   - encoding: the columns that the model takes.
  ///   - options: as for the table.
  /// - Throws: `FormatError` if there is no such column, or a row is not what it should be.
  package static func texts(
    of column: CSVOptions.Column, bytes: [UInt8], file: String, encoding: TableEncoding,
    options: CSVOptions = CSVOptions()
  ) throws -> (name: String?, texts: [String]) {
    var (records, layout) = try layout(bytes, file: file, encoding, options, needsLabels: false)
    let index = try layout.resolve([column], as: "the name of a row", file: file)[0]
    records.columnNames = layout.columnNames
    if layout.columnNames != nil { _ = try records.next() }
    var texts: [String] = []
    while try records.next() { texts.append(try records.text(index)) }
    return (layout.columnNames?[index], texts)
  }
}
