import NormaFiles

// Whether the first record of a table names the columns.
extension CSVSurvey {
  /// Whether the first record is a header, told from what stands below it, and a note where one should look at the answer.
  ///
  /// A cell speaks for a header where it is text over a column of numbers, of words for yes and no, or of dates; it speaks
  /// against one where it is of the column's kind. If none speaks, the record is a header if none of its texts occurs again
  /// below. If some speak for it and others against, it is a header only if the numbers in it count up from 0 or 1, as
  /// names do that pandas gives to columns; if all speak against it, only if they count up from 0 and are at least three, or
  /// stand beside texts that do not occur again.
  ///
  /// - Parameters:
  ///   - labels: the label columns, where their numbers are known.
  ///   - allowsMixedLabels: whether numbers and text may stand in the label column side by side.
  ///   - takesCounts: whether a record 0, 1, 2 and so on is a header though nothing else speaks for it.
  /// - Throws: `FormatError` where cells contradict each other.
  func isHeader(
    labels: [Int], allowsMixedLabels: Bool, takesCounts: Bool, file: String
  ) throws(FormatError) -> (answer: Bool, note: String?) {
    let numbers = first.compactMap { cell -> Double? in if case .number(let value) = cell.kind { value } else { nil } }
    let counts =
      numbers.enumerated().allSatisfy { $1 == Double($0) + numbers[0] } && (numbers.first == 0 || numbers.first == 1)
    guard rowCount > 0 else { return (numbers.isEmpty && first.contains { !$0.text.isEmpty }, nil) }
    var (forHeader, against) = ([Int](), 0)
    var texts: [Int] = []
    for (index, column) in columns.enumerated() {
      let kind = first[index].kind
      if case .missing = kind { continue }
      let agrees: Bool? =
        if column.isTruth {
          switch kind {
          case .truth: true
          case .number(let value): value == 0 || value == 1
          default: false
          }
        } else if column.isDates {
          if case .date = kind { true } else { false }
        } else if column.isMostlyNumbers {
          switch kind {
          case .number, .spoiltNumber: true
          default: false
          }
        } else {
          nil
        }
      switch agrees {
      case true?: against += 1
      case false?: forHeader.append(index)
      case nil: if case .number = kind {} else { texts.append(index) }
      }
    }
    guard let doubtful = forHeader.first else {
      let areTextsNew = texts.allSatisfy { !columns[$0].repeatsFirst }
      let isLikelyNamed = texts.isEmpty ? numbers.count >= 3 : areTextsNew && rowCount >= 3
      if takesCounts && counts && numbers.first == 0 && isLikelyNamed {
        let cells = first.map(\.text).prefix(4).joined(separator: ", ")
        let note =
          "The first row, \(cells)\(first.count > 4 ? " and so on" : ""), is taken for a header, such as pandas gives columns "
          + "without names; --no-header takes it for data."
        return (true, note)
      }
      return (against == 0 && !texts.isEmpty && areTextsNew, nil)
    }
    if against == 0 || counts { return (true, nil) }
    if allowsMixedLabels && forHeader.allSatisfy(labels.contains) { return (false, nil) }
    let text = first[doubtful].text
    throw FormatError(
      file: file, location: "row \(firstRow), column \(doubtful + 1)",
      problem: "\(quoted(text)) is not a number, while other cells of the first row are",
      remedy: "Correct the cell, or say whether the first row is a header.")
  }

  /// The first record as names.
  func header(file: String) throws(FormatError) -> [String] {
    let names = first.map { $0.text.trimmingSpaces }
    for (column, name) in names.enumerated() {
      if let earlier = names[..<column].firstIndex(of: name) {
        throw FormatError(
          file: file, location: "row \(firstRow), column \(column + 1)",
          problem: "the header names \(quoted(name)) again, as column \(earlier + 1)",
          remedy: "Give each column its own name.")
      }
    }
    return names
  }
}

extension String {
  /// Without spaces at both ends, which a quoted cell may have.
  var trimmingSpaces: String {
    let end = lastIndex { !$0.isWhitespace }.map { index(after: $0) } ?? startIndex
    return String(self[..<end].drop(while: \.isWhitespace))
  }
}
