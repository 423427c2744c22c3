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
  init(bytes: [UInt8], file: String) throws(FormatError) {
    self.bytes = bytes
    self.file = file
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    if let control = bytes.firstIndex(where: { $0 < 9 }) {
      throw FormatError(
        file: file, location: "byte \(control)", problem: "a byte \(bytes[control]) is no text",
        remedy: "Give comma-separated values as UTF-8 text.")
    }
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
      repeat { cells.append(try nextCell()) } while skipComma()
      skipLineEnd()
      let expected = columnCount ?? cells.count
      guard cells.count == expected else {
        throw FormatError(
          file: file, location: "row \(row)", problem: "it has \(cells.count) cells, the first row has \(expected)",
          remedy: "Give every row the same number of cells.")
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
  /// - Throws: `FormatError` if there is none, or it is not finite as a `Float`.
  func number(_ column: Int) throws(FormatError) -> Float {
    if let number = numberIfAny(column), number.isFinite { return number }
    let text = try text(column)
    if text.isEmpty { throw error(column, "the cell is empty", remedy: "Fill it with a number, or leave the row out.") }
    let problem =
      if isNotFinite(text) {
        "\(quoted(text)) is no finite number"
      } else if numberIfAny(column) != nil {
        "\(quoted(text)) is too large for a 32-bit number"
      } else {
        "\(quoted(text)) is not a number"
      }
    throw error(column, problem, remedy: "Correct the cell, or leave the row out.")
  }

  /// The number in a cell, infinite if it is too large; nil if the cell holds anything else.
  func numberIfAny(_ column: Int) -> Float? {
    let cell = bytes[cells[column].range]
    if let number = shortDecimal(cell) { return number }
    // Float would take "nan", "inf" and hexadecimal numbers too.
    guard cell.allSatisfy(isNumberByte) else { return nil }
    return Float(String(decoding: cell, as: UTF8.self))
  }

  /// Whether a cell of the current record holds text that is meant as a name, rather than a number or a missing one.
  func isName(_ column: Int) throws(FormatError) -> Bool {
    if numberIfAny(column) != nil { return false }
    let text = try text(column)
    return !text.isEmpty && !isNotFinite(text)
  }

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
    while position < bytes.count, bytes[position] != UInt8(ascii: ","), !isLineEnd(bytes[position]) {
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
      guard position == bytes.count || bytes[position] == UInt8(ascii: ",") || isLineEnd(bytes[position]) else {
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

  private mutating func skipSpaces() {
    while position < bytes.count && isSpace(bytes[position]) { position += 1 }
  }

  private mutating func skipComma() -> Bool {
    guard position < bytes.count, bytes[position] == UInt8(ascii: ",") else { return false }
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

/// The value of a few digits with or without a point, as pixels and counts are; nil for anything else. Much faster than
/// the general way, and as exact: both numbers divided are whole and below 2²⁴, so rounding happens once.
private func shortDecimal(_ cell: ArraySlice<UInt8>) -> Float? {
  guard !cell.isEmpty, cell.count <= 7 else { return nil }
  var digits: UInt32 = 0
  var divisor: UInt32 = 0
  for byte in cell {
    let digit = byte &- UInt8(ascii: "0")
    if digit < 10 {
      digits = digits * 10 + UInt32(digit)
      divisor *= 10
    } else if byte == UInt8(ascii: "."), divisor == 0, cell.count > 1 {
      divisor = 1
    } else {
      return nil
    }
  }
  return Float(digits) / Float(max(1, divisor))
}

/// Whether a text is one of the spellings of infinity and NaN.
func isNotFinite(_ text: String) -> Bool {
  Float(text).map { !$0.isFinite } ?? false && !text.contains(where: \.isNumber)
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
