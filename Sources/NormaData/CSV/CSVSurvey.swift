import NormaFiles

/// What the cells of each column look like: the first record apart, which may be a header, and all others.
struct CSVSurvey {
  /// A column without its first cell.
  struct Column {
    /// How many cells look like what.
    var numbers = 0, truths = 0, dates = 0, spoiltNumbers = 0, texts = 0
    /// How many numbers are 0 or 1.
    var zerosAndOnes = 0
    /// How many cells hold nothing, or a text that stands for nothing, and how many of them nothing at all.
    var missing = 0, empty = 0
    /// The first cell that is neither a number nor missing, and the row it is in.
    var firstText: (row: Int, text: String)?
    /// Whether the text of the first record occurs again.
    var repeatsFirst = false
    /// Whether the numbers count the rows, from 0 or 1 on.
    var countsRows = true

    /// How many cells hold something.
    var present: Int { numbers + truths + dates + spoiltNumbers + texts }

    /// Whether at least half of the cells that hold something are numbers, or were meant as some: what else there is then is a
    /// mistake.
    var isMostlyNumbers: Bool { present > 0 && 2 * (numbers + spoiltNumbers) >= present && !isTruth }

    /// Whether all cells that hold something are words for yes and no; 1 and 0 may stand between them.
    var isTruth: Bool { truths > 0 && zerosAndOnes + truths == present }

    var isDates: Bool { dates > 0 && dates == present }

    mutating func add(_ kind: CellKind, index: Int) {
      switch kind {
      case .number(let value):
        numbers += 1
        if value == 0 || value == 1 { zerosAndOnes += 1 }
        if value != Double(index), value != Double(index + 1) { countsRows = false }
      case .truth: truths += 1
      case .date: dates += 1
      case .spoiltNumber: spoiltNumbers += 1
      case .text: texts += 1
      case .missing:
        missing += 1
        countsRows = false
        return
      }
      if case .number = kind { return }
      countsRows = false
    }
  }

  /// The cells of the first record.
  var first: [(text: String, kind: CellKind)]
  /// The row of the first record.
  var firstRow: Int
  /// What stands below it.
  var columns: [Column]
  /// The number of records below it.
  var rowCount = 0

  /// Goes through all records; trailing columns that are empty throughout, as separators at the end of rows make them, do not
  /// count.
  init(_ records: CSVRecords) throws(FormatError) {
    var records = records
    guard try records.next() else { throw CSV.noRows(records.file) }
    let count = records.columnCount ?? 0
    first = []
    for column in 0..<count { first.append((try records.text(column), records.kind(column))) }
    firstRow = records.row
    columns = [Column](repeating: Column(), count: count)
    while try records.next() {
      for column in 0..<count {
        let kind = records.kind(column)
        columns[column].add(kind, index: rowCount)
        switch kind {
        case .number: break
        case .missing: if records.isEmpty(column) { columns[column].empty += 1 }
        default:
          if columns[column].firstText == nil { columns[column].firstText = (records.row, try records.text(column)) }
          if !columns[column].repeatsFirst, case .text = first[column].kind {
            columns[column].repeatsFirst = try records.text(column) == first[column].text
          }
        }
      }
      rowCount += 1
    }
    while columns.count > 1, let last = columns.last, last.empty == rowCount, first[columns.count - 1].text.isEmpty {
      columns.removeLast()
      first.removeLast()
    }
  }

  /// Takes the first record for a row of data.
  mutating func includeFirst() {
    for index in columns.indices {
      let firstText = columns[index].firstText
      columns[index].add(first[index].kind, index: 0)
      // They were counted from the second row on.
      columns[index].countsRows = false
      switch first[index].kind {
      case .number, .missing: columns[index].firstText = firstText
      default: columns[index].firstText = (firstRow, first[index].text)
      }
    }
    rowCount += 1
  }
}
