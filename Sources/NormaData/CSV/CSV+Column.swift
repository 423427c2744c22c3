import NormaFiles

extension CSV {
  /// One column's cells as text, a cell for each row of data, and what the header calls the column.
  ///
  /// - Parameters:
  ///   - column: which column.
  ///   - bytes: the whole file, not compressed.
  ///   - file: what errors call the file.
  ///   - hasHeader: whether the first row names the columns; nil to find that out.
  /// - Throws: `FormatError` if there is no such column, or a row is not what it should be.
  public static func texts(
    of column: CSVOptions.Column, bytes: [UInt8], file: String, hasHeader: Bool? = nil
  ) throws -> (name: String?, texts: [String]) {
    var records = try CSVRecords(bytes: bytes, file: file)
    guard try records.next() else { throw noRows(file) }
    let layout = try CSVLayout(first: records, labelColumns: [column], hasHeader: hasHeader)
    let index = layout.labelColumns[0]
    records.columnNames = layout.columnNames
    if layout.columnNames != nil, try !records.next() { throw noRows(file) }
    var texts: [String] = []
    repeat { texts.append(try records.text(index)) } while try records.next()
    return (layout.columnNames?[index], texts)
  }
}
