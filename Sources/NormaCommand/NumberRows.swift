import Foundation
import Norma

/// Reads rows of numbers, separated by commas, with one for each channel: `[N, C]`. Empty rows are passed over.
///
/// - Parameters:
///   - text: the rows.
///   - source: what errors call the text.
///   - isFile: whether the text is a file's: its rows are lines, and the first one may be a header, which has no number.
///     Otherwise semicolons separate rows.
/// - Throws: `FormatError` with row and column where there is anything but rows of the same length of finite numbers.
func numberRows(_ text: String, source: String, isFile: Bool = false) throws(FormatError) -> Tensor<Double> {
  var rows = text.split(omittingEmptySubsequences: false) { isFile ? $0.isNewline : $0 == ";" }
    .enumerated().map { index, row in
      let cells = row.split(separator: ",", omittingEmptySubsequences: false)
      return (number: index + 1, cells: cells.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) })
    }
    .filter { $0.cells != [""] }
  if isFile, let first = rows.first, first.cells.allSatisfy({ Double($0) == nil }) { rows.removeFirst() }
  guard let columnCount = rows.first?.cells.count else {
    throw FormatError(
      file: source, problem: "there are no numbers",
      remedy: isFile ? "Give a row on each line, such as 1,2." : "Give rows such as 1,2;3,4;5,6.")
  }
  var numbers: [Double] = []
  for row in rows {
    let place = "row \(row.number)"
    guard row.cells.count == columnCount else {
      throw FormatError(
        file: source, location: place, problem: "it has \(row.cells.count) cells, the first has \(columnCount)",
        remedy: "Give every row one number for each channel.")
    }
    for (column, cell) in row.cells.enumerated() {
      guard let number = Double(cell), number.isFinite else {
        let shown = cell.isEmpty ? "there is nothing" : "'\(cell.prefix(40))' is no finite number"
        throw FormatError(
          file: source, location: "\(place), column \(column + 1)", problem: shown,
          remedy: "Write numbers such as 2, -0.5 or 1e-3, separated by commas.")
      }
      numbers.append(number)
    }
  }
  return Tensor(numbers, shape: [rows.count, columnCount])
}
