/// A table of words and numbers in aligned columns, for a terminal.
///
///     var table = TextTable(columns: [.words("normalization"), .numbers("validation accuracy"), .numbers("epochs to 95%")])
///     table.addRow(["batch", "98.1%", "2"])
///     print(table.text())
public struct TextTable: Sendable {
  /// A column's header, and on which side its cells are aligned.
  public struct Column: Sendable {
    /// Stands above the column, on several lines where that makes the table fit.
    public var header: String
    /// Whether the cells are numbers, which are aligned on the right and cut off last.
    public var holdsNumbers: Bool

    /// A column of words, aligned on the left.
    public static func words(_ header: String) -> Column { Column(header: header, holdsNumbers: false) }
    /// A column of numbers, aligned on the right.
    public static func numbers(_ header: String) -> Column { Column(header: header, holdsNumbers: true) }
  }

  /// From left to right.
  public let columns: [Column]
  /// From top to bottom, a cell for each column.
  public private(set) var rows: [[String]] = []

  /// A table without rows. There must be at least one column.
  public init(columns: [Column]) {
    precondition(!columns.isEmpty, "a table has at least one column")
    self.columns = columns
  }

  /// Adds a row at the bottom. Control characters in its cells become spaces.
  public mutating func addRow(_ cells: [String]) {
    precondition(cells.count == columns.count, "\(cells.count) cells for \(columns.count) columns")
    rows.append(cells.map(\.singleLine))
  }

  /// The table on lines of at most `width` columns, as far as columns of one character allow, without a final line break.
  ///
  /// Where it is too wide, headers go onto several lines first, then words are cut off, and numbers last.
  public func text(width: Int = 80, glyphs: Glyphs = .unicode) -> String {
    let widths = columnWidths(fitting: width)
    let headers = zip(columns, widths).map { $0.header.singleLine.wrapped(toColumns: $1) }
    let headerHeight = headers.map(\.count).max() ?? 0
    let headerLines = (0..<headerHeight).map { line in
      headers.map { lines in
        let index = line - (headerHeight - lines.count)
        return index >= 0 ? lines[index] : ""
      }
    }
    let rule = widths.map { String(repeating: glyphs.rule, count: $0) }
    return (headerLines + [rule] + rows).map { line(of: $0, widths: widths, glyphs: glyphs) }.joined(separator: "\n")
  }

  private func line(of cells: [String], widths: [Int], glyphs: Glyphs) -> String {
    let padded = columns.indices.map { index in
      cells[index].truncated(toColumns: widths[index], ellipsis: glyphs.ellipsis)
        .padded(toColumns: widths[index], alignedRight: columns[index].holdsNumbers)
    }
    var line = padded.joined(separator: "  ")
    while line.last == " " { line.removeLast() }
    return line
  }

  private func columnWidths(fitting limit: Int) -> [Int] {
    let cells = columns.indices.map { index in max(1, rows.map { $0[index].columns }.max() ?? 0) }
    let headers = columns.map { $0.header.singleLine }
    let longestWords = headers.map { $0.split(separator: " ").map(\.columns).max() ?? 0 }
    var widths = columns.indices.map { max(cells[$0], headers[$0].columns) }
    var excess = widths.reduce(2 * (widths.count - 1), +) - limit

    /// Takes from the widest of some columns, again and again, until all fits or each is at its least width.
    func narrow(_ indices: [Int], toAtLeast least: (Int) -> Int) {
      while excess > 0, let widest = indices.filter({ widths[$0] > least($0) }).max(by: { widths[$0] < widths[$1] }) {
        widths[widest] -= 1
        excess -= 1
      }
    }
    let numbers = columns.indices.filter { columns[$0].holdsNumbers }
    let words = columns.indices.filter { !columns[$0].holdsNumbers }
    narrow(Array(columns.indices)) { max(cells[$0], longestWords[$0]) }
    narrow(words) { _ in 8 }
    narrow(numbers) { cells[$0] }
    narrow(words) { _ in 1 }
    narrow(numbers) { _ in 1 }
    return widths
  }
}
