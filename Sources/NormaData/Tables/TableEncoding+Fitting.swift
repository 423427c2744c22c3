extension TableEncoding {
  /// At most so many texts of a category get a feature; those that occur most often.
  static let mostLevels = 50
  /// With at least so many different texts, nearly all of them different, a column is taken for names of the rows.
  private static let fewestIdentifiers = 10

  /// An encoding of a table by what the given rows of it say, and what the person should know of it.
  ///
  /// A column with no value in these rows is left out. So is one of texts that are nearly all different (at least 10, and more
  /// than nine of ten), which names the rows rather than saying something of them, unless it was asked for as a category.
  ///
  /// - Throws: ``DataError/noFeatures(_:)`` if no column is left.
  public static func fitted(
    to table: Table, rows: [Int]
  ) throws(DataError) -> (encoding: TableEncoding, notes: [String]) {
    var columns: [Column] = []
    var notes: [String] = []
    for source in table.columns {
      var column = Column(name: source.name, position: source.position, kind: source.kind)
      switch source.cells {
      case .numbers(let numbers):
        let present = rows.map { numbers[$0] }.filter { !$0.isNaN }.sorted()
        guard let smallest = present.first, let largest = present.last else {
          notes.append("Column \(source.title) holds nothing in the rows trained on and is left out.")
          continue
        }
        if smallest == largest && rows.count > 1 && present.count == rows.count {
          notes.append("Column \(source.title) is the same in all rows trained on.")
        }
        let middle = present.count / 2
        // Halved first: the sum of two large numbers may be too large.
        column.median = present.count % 2 == 1 ? present[middle] : present[middle - 1] / 2 + present[middle] / 2
        column.marksGaps = present.count < rows.count
      case .texts(let codes, let names):
        var counts = [Int](repeating: 0, count: names.count)
        var gaps = 0
        for row in rows { if codes[row] >= 0 { counts[Int(codes[row])] += 1 } else { gaps += 1 } }
        let present = rows.count - gaps
        let occurring = names.indices.filter { counts[$0] > 0 }
        guard !occurring.isEmpty else {
          notes.append("Column \(source.title) holds nothing in the rows trained on and is left out.")
          continue
        }
        let areIdentifiers = occurring.count >= fewestIdentifiers && occurring.count * 10 > present * 9
        if areIdentifiers && !source.isCategoryByRequest {
          notes.append(
            """
            Column \(source.title) holds \(occurring.count) different texts in \(present) rows: it seems to name the rows \
            and is left out; --categories takes it for a category.
            """)
          continue
        }
        let frequent = occurring.sorted { (counts[$1], names[$0]) < (counts[$0], names[$1]) }.prefix(mostLevels)
        if frequent.count < occurring.count {
          notes.append(
            """
            Column \(source.title) holds \(occurring.count) different texts; the \(mostLevels) most frequent get a feature, \
            the others are 0 in all of them.
            """)
        }
        column.levels = sorted(frequent.map { names[$0] })
        column.marksGaps = gaps > 0
      }
      columns.append(column)
    }
    guard !columns.isEmpty else { throw .noFeatures(notes.joined(separator: " ")) }
    return (
      TableEncoding(columns: columns, fileColumnCount: table.fileColumnCount, labels: table.labels), notes
    )
  }

  /// Texts in order: that of the numbers if all are numbers.
  private static func sorted(_ texts: [String]) -> [String] {
    let numbers = texts.compactMap(Double.init)
    guard numbers.count == texts.count else { return texts.sorted() }
    return zip(numbers, texts).sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.1)
  }
}
