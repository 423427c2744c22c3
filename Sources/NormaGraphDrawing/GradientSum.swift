import NormaGraph
import NormaTensor

/// The gradient of a node that several others use, as the sum of what comes back from each of them.
struct GradientSum {
  /// What comes back from one of them: its place, what it is called, and the part.
  let parts: [(node: Int, symbol: String, picture: TensorPicture)]
  /// What is summed, `∂c`.
  let name: String
  /// The sums as they are written out, row by row and channel by channel: `0.2037 = 0.6667 − 0.4630`. Nil where the parts
  /// are too many or too long to be written out.
  let equations: [[String]]?
  /// The characters that a line may have.
  private let lineWidth: Int

  /// - Parameters:
  ///   - symbol: what the node is called.
  ///   - lineWidth: the characters of the widest line of numbers.
  ///   - digits: the significant digits of each channel's largest number.
  init<Element: TensorElement>(
    of symbol: String, _ gradient: Tensor<Element>, parts: [(node: Int, symbol: String, gradient: Tensor<Element>)],
    lineWidth: Int, digits: Int
  ) {
    name = "∂\(symbol)"
    self.lineWidth = lineWidth
    self.parts = parts.map { ($0.node, $0.symbol, TensorPicture($0.gradient, lineWidth: lineWidth, digits: digits)) }
    guard gradient.count > 0, gradient.count <= TensorPicture.maximumCount else {
      equations = nil
      return
    }
    let channels = gradient.shape.channelCount
    let columns = (0..<channels).map { channel in
      GradientSum.equations(
        [gradient] + parts.map(\.gradient), places: stride(from: channel, to: gradient.count, by: channels),
        digits: digits)
    }
    let fits = columns.allSatisfy { $0.allSatisfy { $0.count <= lineWidth } }
    equations = fits ? (0..<gradient.shape.rowCount).map { row in columns.map { $0[row] } } : nil
  }

  /// The sums at some places of the tensors, of which the first is the result; all numbers with the same decimals.
  private static func equations<Element: TensorElement>(
    _ tensors: [Tensor<Element>], places: StrideTo<Int>, digits: Int
  ) -> [String] {
    let numbers = places.map { place in tensors.map { Double($0.elements[place]) } }
    let texts = numberTexts(numbers.flatMap(\.self), digits: digits)
    let rows = stride(from: 0, to: texts.count, by: tensors.count).map { Array(texts[$0..<$0 + tensors.count]) }
    // After the first term the sign is the operator.
    let cells = rows.map { row in row.enumerated().map { $0 > 1 ? $1.replacing("-", with: "", maxReplacements: 1) : $1 }
    }
    let widths = TensorPicture.columnWidths(of: cells)
    return zip(rows, cells).map { row, cells in
      let padded = zip(cells, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }
      return zip(row, padded).enumerated().reduce("") { line, entry in
        let (place, (text, cell)) = entry
        switch place {
        case 0: return cell
        case 1: return "\(line) = \(cell)"
        default: return "\(line) \(text.hasPrefix("-") ? "−" : "+") \(cell)"
        }
      }
    }
  }

  /// The sum in lines: what it consists of, and the equations, channels beside each other where there is room for it.
  ///
  /// - Parameter showsNumbers: whether nodes are told by their numbers too.
  func lines(showsNumbers: Bool) -> [String] {
    let terms = parts.map { "from \($0.symbol)" + (showsNumbers && !$0.symbol.hasPrefix("#") ? " (#\($0.node))" : "") }
    let heading = wrapped(
      "\(name) = \(terms.joined(separator: " + "))", width: Double(lineWidth), widthOf: terminalWidth)
    guard let equations, let first = equations.first else {
      return heading
        + zip(terms, parts).flatMap { term, part in
          wrapped("\(term):", width: Double(lineWidth), widthOf: terminalWidth)
            + part.picture.lines.flatMap { wrapped($0, width: Double(lineWidth), widthOf: terminalWidth) }
        }
    }
    let gap = "    "
    if first.reduce(-gap.count, { $0 + $1.count + gap.count }) <= lineWidth {
      return heading + equations.map { $0.joined(separator: gap) }
    }
    return heading
      + first.indices.flatMap { channel in ["channel \(channel + 1):"] + equations.map { $0[channel] } }
  }
}
