import NormaFiles

/// The records of a CSV file (RFC 4180), one at a time.
///
/// Stricter than most readers, because a cell read into the wrong column spoils a whole data set in silence: every
/// record must have as many cells as the first, and quotation marks must stand where the RFC has them. Lines may end
/// with CRLF, LF or CR; blank lines are passed over; a byte order mark is too. Spaces around a cell do not count.
struct CSVRecords {
  private struct Cell {
    /// Where it stands, without quotation marks and the spaces around it.
    var range: Range<Int>
    var hasDoubledQuotes = false
  }

  let file: String
  let dialect: CSVDialect
  private let bytes: [UInt8]
  private var position: Int
  private var cells: [Cell] = []
  /// The number of the current record, blank lines counted: the row that a spreadsheet shows.
  private(set) var row = 0
  /// The number of cells of every record; nil before the first.
  private(set) var columnCount: Int?
  /// What the header calls the columns, for errors.
  var columnNames: [String]?

  /// Prepares a file's bytes for reading.
  ///
  /// - Throws: `FormatError` if they are not UTF-8 text.
  init(bytes: [UInt8], file: String, dialect: CSVDialect = CSVDialect()) throws(FormatError) {
    self.bytes = bytes
    self.file = file
    self.dialect = dialect
    position = CSVRecords.start(of: bytes).position
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw FormatError(file: file, problem: "it is UTF-16 text", remedy: "Save the file as UTF-8.")
    }
    if let control = bytes.firstIndex(where: { $0 < 9 }) {
      throw FormatError(
        file: file, location: "byte \(control)", problem: "a byte \(bytes[control]) is no text",
        remedy: "Give comma-separated values as UTF-8 text.")
    }
  }

  /// Where the text begins: after a byte order mark, and after a first line `sep=;`, by which some programs name the
  /// separator.
  static func start(of bytes: [UInt8]) -> (position: Int, separator: CSVOptions.Separator?) {
    let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let line = bytes[start...].prefix { !isLineEnd($0) }
    guard line.count == 5, line.starts(with: Array("sep=".utf8)), let last = line.last,
      let separator = CSVOptions.Separator(rawValue: last)
    else { return (start, nil) }
    return (line.endIndex, separator)
  }

  /// Goes on to the next record; false at the end.
  mutating func next() throws(FormatError) -> Bool {
    while position < bytes.count {
      row += 1
      if isLineEnd(bytes[position]) {
        skipLineEnd()
        continue
      }
      cells.removeAll(keepingCapacity: true)
      repeat { cells.append(try nextCell()) } while skipSeparator()
      skipLineEnd()
      let expected = columnCount ?? cells.count
      // A separator at the end of each row but the header's opens no column.
      if cells.count == expected + 1, cells[expected].range.isEmpty { cells.removeLast() }
      guard cells.count == expected else {
        throw FormatError(
          file: file, location: "row \(row)", problem: "it has \(cells.count) cells, the first row has \(expected)",
          remedy:
            "Give every row the same number of cells; they are taken to be separated by \(dialect.separator.name).")
      }
      columnCount = expected
      return true
    }
    return false
  }

  /// The text of a cell of the current record.
  func text(_ column: Int) throws(FormatError) -> String {
    let cell = cells[column]
    guard let text = String(validating: bytes[cell.range], as: UTF8.self) else {
      throw error(column, "the text is not UTF-8", remedy: "Save the file as UTF-8.")
    }
    return cell.hasDoubledQuotes ? text.replacing("\"\"", with: "\"") : text
  }

  /// The number in a cell of the current record.
  ///
  /// - Throws: `FormatError` if there is none, or it is not finite.
  func number(_ column: Int) throws(FormatError) -> Double {
    if let number = numberIfAny(column), number.isFinite { return number }
    throw notANumber(column, try text(column))
  }

  /// The error that a cell's text is no number.
  func notANumber(_ column: Int, _ text: String, remedy: String = "Correct the cell, or leave the row out.")
    -> FormatError
  {
    error(column, CSVRecords.problem(withNumber: text), remedy: remedy)
  }

  /// What is wrong with a text that should be a number.
  static func problem(withNumber text: String) -> String {
    if isNotFinite(text) { return "\(quoted(text)) is no finite number" }
    return Double(text).map(\.isInfinite) ?? false
      ? "\(quoted(text)) is too large for a 64-bit number" : "\(quoted(text)) is not a number"
  }

  /// The number in a cell, infinite if it is too large; nil if the cell holds anything else.
  func numberIfAny(_ column: Int) -> Double? {
    let cell = bytes[cells[column].range]
    let mark = dialect.decimalMark.rawValue
    if let number = shortDecimal(cell, mark: mark) { return number }
    // Double would take "nan", "inf" and hexadecimal numbers too.
    guard cell.allSatisfy({ $0 == mark || (isNumberByte($0) && $0 != UInt8(ascii: ".")) }) else { return nil }
    let text = String(decoding: cell, as: UTF8.self)
    return Double(mark == UInt8(ascii: ".") ? text : text.replacing(",", with: "."))
  }

  /// Which decimal mark a cell that is a number has; nil where it has none or is no number.
  func decimalMark(_ column: Int) -> CSVOptions.DecimalMark? {
    let cell = bytes[cells[column].range]
    let (commas, points) = (cell.count { $0 == UInt8(ascii: ",") }, cell.count { $0 == UInt8(ascii: ".") })
    guard commas + points == 1, cell.allSatisfy({ isNumberByte($0) || $0 == UInt8(ascii: ",") }) else { return nil }
    let text = String(decoding: cell, as: UTF8.self).replacing(",", with: ".")
    return Double(text) == nil ? nil : commas == 1 ? .comma : .point
  }

  /// What a cell of the current record is taken for before anything is known of its column.
  func kind(_ column: Int) -> CellKind {
    if let number = numberIfAny(column) { return number.isFinite ? .number(number) : .spoiltNumber }
    if isMissing(column) { return .missing }
    let text = String(decoding: bytes[cells[column].range], as: UTF8.self)
    if let value = CellKind.truth(text) { return .truth(value) }
    if let seconds = DateText.seconds(text) { return .date(seconds) }
    let hasOtherMark =
      dialect.decimalMark == .comma && cells[column].range.count < 32 && Double(text)?.isFinite ?? false
    return hasOtherMark || CellKind.isSpoiltNumber(text) ? .spoiltNumber : .text
  }

  /// Whether a cell of the current record holds nothing, or a text that stands for nothing.
  func isMissing(_ column: Int) -> Bool { CellKind.isMissing(bytes[cells[column].range]) }

  /// Whether a cell of the current record holds nothing at all.
  func isEmpty(_ column: Int) -> Bool { cells[column].range.isEmpty }

  /// An error about a cell of the current record.
  func error(_ column: Int, _ problem: String, remedy: String) -> FormatError {
    let name = columnNames.map { " (\(quoted($0[column])))" } ?? ""
    return FormatError(
      file: file, location: "row \(row), column \(column + 1)\(name)", problem: problem, remedy: remedy)
  }

  private mutating func nextCell() throws(FormatError) -> Cell {
    skipSpaces()
    if position < bytes.count && bytes[position] == UInt8(ascii: "\"") { return try quotedCell() }
    let start = position
    while position < bytes.count, bytes[position] != separator, !isLineEnd(bytes[position]) {
      guard bytes[position] != UInt8(ascii: "\"") else {
        throw misplacedQuote("a quotation mark stands inside a cell that does not begin with one")
      }
      position += 1
    }
    var end = position
    while end > start && isSpace(bytes[end - 1]) { end -= 1 }
    return Cell(range: start..<end)
  }

  private mutating func quotedCell() throws(FormatError) -> Cell {
    let start = position + 1
    var hasDoubledQuotes = false
    position = start
    while position < bytes.count {
      guard bytes[position] == UInt8(ascii: "\"") else {
        position += 1
        continue
      }
      if position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "\"") {
        hasDoubledQuotes = true
        position += 2
        continue
      }
      let cell = Cell(range: start..<position, hasDoubledQuotes: hasDoubledQuotes)
      position += 1
      skipSpaces()
      guard position == bytes.count || bytes[position] == separator || isLineEnd(bytes[position]) else {
        throw misplacedQuote("something follows the closing quotation mark of a cell")
      }
      return cell
    }
    throw misplacedQuote("a quotation mark opens a cell and is never closed")
  }

  private func misplacedQuote(_ problem: String) -> FormatError {
    FormatError(
      file: file, location: "row \(row), column \(cells.count + 1)", problem: problem,
      remedy: "Enclose the whole cell in quotation marks, and double those inside it.")
  }

  private var separator: UInt8 { dialect.separator.rawValue }

  private mutating func skipSpaces() {
    while position < bytes.count, isSpace(bytes[position]), bytes[position] != separator { position += 1 }
  }

  private mutating func skipSeparator() -> Bool {
    guard position < bytes.count, bytes[position] == separator else { return false }
    position += 1
    return true
  }

  private mutating func skipLineEnd() {
    guard position < bytes.count else { return }
    let isCarriageReturn = bytes[position] == UInt8(ascii: "\r")
    position += 1
    if isCarriageReturn && position < bytes.count && bytes[position] == UInt8(ascii: "\n") { position += 1 }
  }
}

private func isLineEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

private func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

private func isNumberByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"),
    UInt8(ascii: "e"), UInt8(ascii: "E"):
    true
  default: false
  }
}

/// The value of a few digits with or without a sign and a decimal mark, as most cells have them; nil for anything else. Much
/// faster than the general way, and as exact: both numbers divided are whole and below 2⁵³, so rounding happens once.
private func shortDecimal(_ cell: ArraySlice<UInt8>, mark: UInt8) -> Double? {
  guard let first = cell.first, cell.count <= 16 else { return nil }
  let isNegative = first == UInt8(ascii: "-")
  var digits: UInt64 = 0
  var divisor: UInt64 = 0
  var count = 0
  for byte in isNegative ? cell.dropFirst() : cell {
    let digit = byte &- UInt8(ascii: "0")
    if digit < 10 {
      digits = digits * 10 + UInt64(digit)
      divisor *= 10
      count += 1
    } else if byte == mark, divisor == 0 {
      divisor = 1
    } else {
      return nil
    }
  }
  guard count > 0, count <= 15 else { return nil }
  let value = Double(digits) / Double(max(1, divisor))
  return isNegative ? -value : value
}

/// Whether a text is one of the spellings of infinity and NaN.
func isNotFinite(_ text: String) -> Bool {
  Double(text).map { !$0.isFinite } ?? false && !text.contains(where: \.isNumber)
}

/// A text from a file as an error shows it: on one line, without control characters, and not too long.
func quoted(_ text: String) -> String {
  let shown = text.prefix(40).map { character in
    if character.isNewline { return "␤" }
    return character.unicodeScalars.contains { $0.properties.generalCategory == .control } ? "�" : String(character)
  }.joined()
  return "'\(shown)\(text.count > 40 ? "…" : "")'"
}

/// Names from a file as an error lists them: not too many.
func enumeration(_ names: [String]) -> String {
  names.prefix(20).map(quoted).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
}
