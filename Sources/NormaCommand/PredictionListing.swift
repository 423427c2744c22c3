import Foundation
import Norma
import NormaTerminal

/// What the examples of a prediction are called.
enum PredictionNames {
  /// By their number, counted from 0 in the data, of which the first of these has the given one.
  case rows(first: Int)
  /// By their files; `areRows`: whether they have a number too, since they are a data set's.
  case files([String], firstRow: Int = 0, areRows: Bool)
  /// By what stands in a column of the data.
  case identifiers([String], column: String, firstRow: Int = 0)

  /// Those of a range of examples.
  subscript(range: ClosedRange<Int>) -> PredictionNames {
    switch self {
    case .rows(let first): .rows(first: first + range.lowerBound)
    case .files(let files, let first, let areRows):
      .files(Array(files[range]), firstRow: first + range.lowerBound, areRows: areRows)
    case .identifiers(let texts, let column, let first):
      .identifiers(Array(texts[range]), column: column, firstRow: first + range.lowerBound)
    }
  }

  /// Whether each example is a file.
  var areFiles: Bool { if case .files = self { true } else { false } }

  /// What the column of the names is called.
  var title: String {
    switch self {
    case .rows: "row"
    case .files: "file"
    case .identifiers(_, let column, _): column
    }
  }

  /// What an example is called.
  subscript(index: Int) -> String {
    switch self {
    case .rows(let first): "\(first + index)"
    case .files(let files, _, _): files[index]
    case .identifiers(let texts, _, _): texts[index]
    }
  }

  /// An example's number in the data; nil for a file that was named.
  func row(_ index: Int) -> Int? {
    switch self {
    case .rows(let first), .identifiers(_, _, let first): first + index
    case .files(_, let first, let areRows): areRows ? first + index : nil
    }
  }

  /// What an example is called in a sentence.
  func words(_ index: Int) -> String {
    switch self {
    case .rows: "row \(self[index]) (counted from 0)"
    case .files, .identifiers: "'\(self[index])'"
    }
  }
}

/// A model's predictions, an entry for each example, in the forms they are given out in.
struct PredictionListing {
  private let names: PredictionNames
  private let predictions: Predictions
  private let targetNames: [String]
  /// The numbers of the predictions, `[N, K]` in row-major order: probabilities, scores where there are none, or values.
  private let numbers: [Double]
  private let columnCount: Int

  /// Predictions by what their examples are called.
  init(_ predictions: Predictions, names: PredictionNames, targetNames: [String]) {
    self.names = names
    self.predictions = predictions
    self.targetNames = targetNames
    let tensor =
      switch predictions {
      case .classes(_, let scores, let probabilities): probabilities ?? scores.converted(to: Double.self)
      case .values(let values): values
      }
    numbers = tensor.elements
    columnCount = tensor.shape[1]
  }

  /// How many there are.
  var count: Int { numbers.count / columnCount }

  private func row(_ index: Int) -> ArraySlice<Double> { numbers[index * columnCount..<(index + 1) * columnCount] }

  /// The classes of an example in the order of their numbers, the largest first, equal ones in the order of the classes.
  private func order(_ index: Int) -> [Int] {
    let row = Array(row(index))
    return row.indices.sorted { row[$0] != row[$1] ? row[$0] > row[$1] : $0 < $1 }
  }

  /// The class with the highest score of each example, the first of equals.
  private var best: [Int] {
    guard case .classes(_, let scores, _) = predictions else { return [] }
    return scores.indicesOfMaximaOverChannels()
  }

  // MARK: CSV

  /// A header and a line for each example (RFC 4180). Numbers have as many digits as tell them from all others.
  var csv: String {
    var lines: [String] = []
    switch predictions {
    case .classes(let classNames, _, let probabilities):
      let kind = probabilities == nil ? "score" : "probability"
      lines.append(CSVText.line([names.title, "prediction"] + classNames.map { "\(kind)_\($0)" }))
      for (index, best) in best.enumerated() {
        lines.append(CSVText.line([names[index], classNames[best]] + row(index).map { "\($0)" }))
      }
    case .values:
      let titles = columnCount == 1 ? ["prediction"] : targetNames.map { "prediction_\($0)" }
      lines.append(CSVText.line([names.title] + titles))
      for index in 0..<count { lines.append(CSVText.line([names[index]] + row(index).map { "\($0)" })) }
    }
    return lines.joined()
  }

  // MARK: JSON

  /// One example's answer, as `--json` prints it.
  struct Entry: Encodable {
    var file: String?
    var row: Int?
    var id: String?
    var label: String?
    var probabilities: [String: Double]?
    var scores: [String: Double]?
    var values: [Double]?
  }

  /// The answers for `--json`.
  var entries: [Entry] {
    let best = best
    return (0..<count).map { index in
      var entry = Entry(file: names.areFiles ? names[index] : nil, row: names.row(index))
      if case .identifiers = names { entry.id = names[index] }
      switch predictions {
      case .values: entry.values = Array(row(index))
      case .classes(let classNames, _, let probabilities):
        entry.label = classNames[best[index]]
        let numbers = Dictionary(zip(classNames, row(index)), uniquingKeysWith: { first, _ in first })
        if probabilities == nil { entry.scores = numbers } else { entry.probabilities = numbers }
      }
      return entry
    }
  }

  // MARK: Text

  /// The answers as a table, with so many classes for each example.
  func table(top: Int) -> TextTable {
    let title: TextTable.Column = if case .rows = names { .numbers(names.title) } else { .words(names.title) }
    let shownNames = shownNames
    switch predictions {
    case .values:
      var table = TextTable(columns: [title] + targetNames.map { .numbers($0) })
      for index in 0..<count { table.addRow([shownNames[index]] + row(index).map(Formatting.number)) }
      return table
    case .classes(let classNames, _, let probabilities):
      let shown = min(top, classNames.count)
      let number = probabilities == nil ? "score" : "probability"
      var table = TextTable(
        columns: [title]
          + (0..<shown).flatMap { place -> [TextTable.Column] in
            [.words(place == 0 ? "class" : "then"), .numbers(number)]
          })
      for index in 0..<count {
        let row = row(index)
        let cells = order(index).prefix(shown).flatMap { place -> [String] in
          let number = row[row.startIndex + place]
          return [classNames[place], probabilities == nil ? Formatting.number(number) : Formatting.percentage(number)]
        }
        table.addRow([shownNames[index]] + cells)
      }
      return table
    }
  }

  /// The folders take the room of what tells files apart, as long as the names alone do.
  private var shownNames: [String] {
    let full = (0..<count).map { names[$0] }
    guard names.areFiles else { return full }
    let short = full.map { ($0 as NSString).lastPathComponent }
    return Set(short).count == full.count ? short : full
  }
}
