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
    /// Whether the cells are numbers, which are aligned on the right and stay on one line.
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

  /// The table on lines of at most `width` columns, without a final line break. Nothing in it is cut off.
  ///
  /// Where it is too wide, headers go onto several lines first and then words do. Where that is not enough, long words are broken;
  /// then the first column stands above the others, row by row; and if there is no room even for the numbers beside each
  /// other, the table becomes a list. Where words are not to be broken, for other programs to find them, lines are longer instead.
  public func text(width: Int = 80, glyphs: Glyphs = .unicode, breaksWords: Bool = true) -> String {
    let lines =
      layout(width: width, glyphs: glyphs, breaksWords: breaksWords).map { $0.head + $0.rows.joined() }
      ?? twoStoreyLines(width: width, glyphs: glyphs) ?? list(width: width)
    return lines.joined(separator: "\n")
  }

  /// The headers with the rule below them, and the lines of each row; nil if they have no room.
  private func layout(width: Int, glyphs: Glyphs, breaksWords: Bool) -> (head: [String], rows: [[String]])? {
    let widths = columnWidths(fitting: width, breaksWords: breaksWords)
    guard !breaksWords || widths.reduce(2 * (widths.count - 1), +) <= width else { return nil }
    let headers = zip(columns, widths).map { $0.header.singleLine.wrapped(toColumns: $1) }
    let headerHeight = headers.map(\.count).max() ?? 0
    let headerLines = (0..<headerHeight).map { line in
      headers.map { lines in
        let index = line - (headerHeight - lines.count)
        return index >= 0 ? lines[index] : ""
      }
    }
    let rule = widths.map { String(repeating: glyphs.rule, count: $0) }
    return (
      (headerLines + [rule]).map { line(of: $0, widths: widths) },
      rows.map { row in
        lines(of: row, widths: widths, breaksWords: breaksWords).map { line(of: $0, widths: widths) }
      }
    )
  }

  /// The first cell of each row on lines of its own, and the other columns below it; nil if they have no room.
  private func twoStoreyLines(width: Int, glyphs: Glyphs) -> [String]? {
    guard columns.count > 2 else { return nil }
    var others = TextTable(columns: Array(columns[1...]))
    for row in rows { others.addRow(Array(row[1...])) }
    guard let layout = others.layout(width: width - 2, glyphs: glyphs, breaksWords: true) else { return nil }
    func indented(_ lines: [String]) -> [String] { lines.map { $0.isEmpty ? "" : "  " + $0 } }
    return columns[0].header.singleLine.wrapped(toColumns: width, breakingWords: true) + indented(layout.head)
      + zip(rows, layout.rows).flatMap { row, lines in
        row[0].wrapped(toColumns: width, breakingWords: true) + indented(lines)
      }
  }

  /// A row on as many lines as its longest cell takes.
  private func lines(of row: [String], widths: [Int], breaksWords: Bool) -> [[String]] {
    let cells = columns.indices.map { index in
      columns[index].holdsNumbers
        ? [row[index]] : row[index].wrapped(toColumns: widths[index], breakingWords: breaksWords)
    }
    return (0..<max(1, cells.map(\.count).max() ?? 1)).map { line in
      cells.map { $0.indices.contains(line) ? $0[line] : "" }
    }
  }

  private func line(of cells: [String], widths: [Int]) -> String {
    let padded = columns.indices.map { index in
      cells[index].padded(toColumns: widths[index], alignedRight: columns[index].holdsNumbers)
    }
    var line = padded.joined(separator: "  ")
    while line.last == " " { line.removeLast() }
    return line
  }

  /// The table as a list: for each row its first cell, and below it the other columns' headers and cells.
  private func list(width: Int) -> [String] {
    var lines: [String] = []
    for row in rows {
      lines += row[0].wrapped(toColumns: max(1, width), breakingWords: true)
      for (column, cell) in zip(columns, row).dropFirst() where !cell.isEmpty {
        let text = "\(column.header.singleLine): \(cell)"
        lines += text.wrapped(toColumns: max(1, width - 2), breakingWords: true).map { "  " + $0 }
      }
    }
    return lines
  }

  private func columnWidths(fitting limit: Int, breaksWords: Bool) -> [Int] {
    let cells = columns.indices.map { index in max(1, rows.map { $0[index].columns }.max() ?? 0) }
    let headers = columns.map { $0.header.singleLine }
    func longestWord(_ text: String) -> Int { text.split(separator: " ").map(\.columns).max() ?? 0 }
    let headerWords = headers.map(longestWord)
    let cellWords = columns.indices.map { index in rows.map { longestWord($0[index]) }.max() ?? 0 }
    var widths = columns.indices.map { max(cells[$0], headers[$0].columns) }
    var excess = widths.reduce(2 * (widths.count - 1), +) - limit

    /// Takes from the widest of some columns, again and again, until all fits or each is at its least width.
    func narrow(_ indices: [Int], toAtLeast least: (Int) -> Int) {
      while excess > 0, let widest = indices.filter({ widths[$0] > least($0) }).max(by: { widths[$0] < widths[$1] }) {
        widths[widest] -= 1
        excess -= 1
      }
    }
    let words = columns.indices.filter { !columns[$0].holdsNumbers }
    narrow(Array(columns.indices)) { max(cells[$0], headerWords[$0]) }
    narrow(words) { max(cellWords[$0], headerWords[$0]) }
    if breaksWords { narrow(words) { max(16, headerWords[$0]) } }
    return widths
  }
}
