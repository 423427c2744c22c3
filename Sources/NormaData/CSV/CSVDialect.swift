import NormaFiles

/// What separates the cells of a table's rows, and the decimal places of its numbers.
struct CSVDialect: Hashable {
  var separator: CSVOptions.Separator = .comma
  var decimalMark: CSVOptions.DecimalMark = .point

  init(separator: CSVOptions.Separator = .comma, decimalMark: CSVOptions.DecimalMark = .point) {
    self.separator = separator
    self.decimalMark = decimalMark
  }

  /// As many records are looked at to tell the separator.
  private static let sampleCount = 200

  /// Finds out what is not given.
  ///
  /// The separator is one of which every record has the same number; of several such, the one that leaves the most numbers.
  /// Where there is none, it is the one that occurs most. Numbers have decimal commas if cells do not end at commas and more
  /// of them are numbers so than with points.
  init(_ bytes: [UInt8], file: String, options: CSVOptions) throws(FormatError) {
    let counts = CSVDialect.separatorCounts(bytes)
    let candidates =
      (options.separator ?? CSVRecords.start(of: bytes).separator).map { [$0] }
      ?? CSVOptions.Separator.allCases.enumerated().filter { index, _ in
        guard let first = counts.first?[index], first > 0 else { return false }
        return counts.allSatisfy { $0[index] == first }
      }.map(\.element)
    if candidates.isEmpty {
      let totals = CSVOptions.Separator.allCases.indices.map { index in counts.reduce(0) { $0 + $1[index] } }
      let most = totals.max() ?? 0
      separator = most > 0 ? CSVOptions.Separator.allCases[totals.firstIndex(of: most) ?? 0] : .comma
    } else {
      separator = candidates[0]
    }
    if candidates.count > 1 {
      var best = -1.0
      for candidate in candidates {
        let share = CSVDialect.numberShare(bytes, file: file, candidate, options.decimalMark)
        if share > best { (best, separator) = (share, candidate) }
      }
    }
    if let mark = options.decimalMark {
      decimalMark = mark
    } else if separator != .comma {
      decimalMark = try CSVDialect.decimalMark(bytes, file: file, separator)
    }
  }

  /// How often each separator stands outside quotation marks in each of the first records that are not blank.
  private static func separatorCounts(_ bytes: [UInt8]) -> [[Int]] {
    var result: [[Int]] = []
    var counts = [0, 0, 0, 0]
    var (isQuoted, beginsCell, isBlank) = (false, true, true)
    for byte in bytes[CSVRecords.start(of: bytes).position...] {
      if byte == UInt8(ascii: "\"") {
        // Inside a cell that begins with one, doubled marks close and open again.
        if isQuoted || beginsCell { isQuoted.toggle() }
        beginsCell = isQuoted ? false : beginsCell
        isBlank = false
      } else if isQuoted {
        continue
      } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        if !isBlank { result.append(counts) }
        if result.count == sampleCount { return result }
        (counts, beginsCell, isBlank) = ([0, 0, 0, 0], true, true)
      } else if let separator = CSVOptions.Separator(rawValue: byte) {
        counts[CSVOptions.Separator.allCases.firstIndex(of: separator) ?? 0] += 1
        (beginsCell, isBlank) = (true, false)
      } else if byte != UInt8(ascii: " ") {
        (beginsCell, isBlank) = (false, false)
      }
    }
    if !isBlank { result.append(counts) }
    return result
  }

  /// Which share of the cells of the first records are numbers.
  private static func numberShare(
    _ bytes: [UInt8], file: String, _ separator: CSVOptions.Separator, _ mark: CSVOptions.DecimalMark?
  ) -> Double {
    let marks = mark.map { [$0] } ?? (separator == .comma ? [.point] : CSVOptions.DecimalMark.allCases)
    return marks.map { mark in
      var (numbers, cells, count) = (0, 0, 0)
      let dialect = CSVDialect(separator: separator, decimalMark: mark)
      guard var records = try? CSVRecords(bytes: bytes, file: file, dialect: dialect) else { return 0 }
      while count < sampleCount, (try? records.next()) == true {
        let width = records.columnCount ?? 0
        cells += width
        numbers += (0..<width).count { records.numberIfAny($0) != nil }
        count += 1
      }
      return Double(numbers) / Double(max(1, cells))
    }.max() ?? 0
  }

  /// The mark by which more of the cells with a comma or a point are numbers; a point where there are as many.
  private static func decimalMark(
    _ bytes: [UInt8], file: String, _ separator: CSVOptions.Separator
  ) throws(FormatError) -> CSVOptions.DecimalMark {
    guard bytes.contains(UInt8(ascii: ",")) else { return .point }
    var records = try CSVRecords(
      bytes: bytes, file: file, dialect: CSVDialect(separator: separator, decimalMark: .comma))
    var (commas, points) = (0, 0)
    while try records.next() {
      for column in 0..<(records.columnCount ?? 0) {
        switch records.decimalMark(column) {
        case .comma: commas += 1
        case .point: points += 1
        case nil: break
        }
      }
    }
    return commas > points ? .comma : .point
  }
}
