import NormaGraph
import NormaTensor

/// What a drawing shows of a tensor: a small one in full, a bigger one in a few numbers.
enum TensorPicture {
  /// The elements as rows by channels; a scalar is one row of one.
  case table([[String]], isScalar: Bool)
  /// Names and numbers: the mean, the deviation, the smallest and the largest.
  case summary([(name: String, number: String)])

  /// Tensors with more elements are summarised.
  static let maximumCount = 48

  /// - Parameters:
  ///   - lineWidth: tensors with wider rows, in characters, are summarised.
  ///   - digits: the significant digits of each channel's largest element.
  init<Element: TensorElement>(_ tensor: Tensor<Element>, lineWidth: Int, digits: Int) {
    if tensor.count > 0 && tensor.count <= TensorPicture.maximumCount {
      let numbers = tensor.elements.map { Double($0) }
      let channels = tensor.shape.channelCount
      // Channels can differ in scale, so each column gets decimals of its own.
      let columns = (0..<channels).map { channel in
        numberTexts(stride(from: channel, to: numbers.count, by: channels).map { numbers[$0] }, digits: digits)
      }
      let rows = (0..<tensor.shape.rowCount).map { row in columns.map { $0[row] } }
      self = .table(rows, isScalar: tensor.rank == 0)
      if lines[0].count <= lineWidth { return }
    }
    self = .summary(TensorPicture.summary(of: tensor, digits: digits))
  }

  private static func summary<Element: TensorElement>(
    of tensor: Tensor<Element>, digits: Int
  ) -> [(name: String, number: String)] {
    guard tensor.count > 0 else { return [("elements", "none")] }
    let mean = tensor.mean()
    let variance = Double((tensor + -mean).sumOfSquares()) / Double(tensor.count)
    let numbers = [
      ("mean", Double(mean)), ("deviation", variance.squareRoot()),
      ("min", Double(tensor.minimum() ?? .nan)), ("max", Double(tensor.maximum() ?? .nan)),
    ]
    return numbers.map { ($0.0, numberTexts([$0.1], digits: digits)[0]) }
  }

  /// The elements as lines of columns aligned at their right ends, or the summary as one line.
  var lines: [String] {
    switch self {
    case .table(let rows, _):
      let widths = TensorPicture.columnWidths(of: rows)
      return rows.map { row in
        zip(row, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
      }
    case .summary(let numbers):
      return [numbers.map { "\($0.name) \($0.number)" }.joined(separator: ", ")]
    }
  }

  /// The characters of the longest number in each column of a table.
  static func columnWidths(of rows: [[String]]) -> [Int] {
    guard let first = rows.first else { return [] }
    return first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  }
}
