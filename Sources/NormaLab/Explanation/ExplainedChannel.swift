import Norma

/// One channel of a batch as the explanation's page holds it: numbers that a reader may change, and what follows from them.
struct ExplainedChannel: Encodable {
  var x: [Double]
  var gamma: Double, beta: Double
  /// The gradient of the loss with respect to the output.
  var gradient: [Double]

  /// Every node's value and gradient by name, as ``StagedSteps`` gives them.
  func values(epsilon: Double) -> ExplainedValues {
    let values = StagedSteps.values(x: x, gamma: gamma, beta: beta, epsilon: epsilon, dy: gradient)
    return ExplainedValues(values: values, rows: x.count, gamma: gamma)
  }
}

/// The values of a channel's nodes, and their texts.
struct ExplainedValues {
  var values: [String: [Double]]
  let rows: Int
  let gamma: Double

  subscript(_ name: String) -> [Double] { values[name] ?? [] }

  /// A node's numbers as text, to four digits, with their points in line.
  func texts(_ name: String) -> [String] { Self.texts(self[name]) }

  /// Numbers that stand together as text, as `norma explain` writes them, with a true minus sign.
  static func texts(_ numbers: [Double]) -> [String] {
    numberTexts(numbers, digits: 4).map { $0.replacing("-", with: "−") }
  }

  static func text(_ number: Double) -> String { texts([number])[0] }

  /// A gradient that is a sum of two parts, written out row by row.
  func equations(_ sum: String, _ parts: [String]) -> [String] {
    let columns = [sum] + parts
    let texts = Self.texts((0..<rows).flatMap { row in columns.map { self[$0][row] } })
    return (0..<rows).map { row in
      let cells = texts[row * columns.count..<(row + 1) * columns.count]
      return cells.dropFirst(2).reduce("\(cells.first!) = \(cells.dropFirst().first!)") { line, text in
        line + (text.hasPrefix("−") ? " − \(text.dropFirst())" : " + \(text)")
      }
    }
  }

  /// The closed form by what it takes away from the gradient: its mean, and its part along x̂.
  var closedForm: (mean: Double, along: Double, centred: [Double], rest: [Double], dx: [Double]) {
    let (gradient, xhat) = (self["dy"], self["xhat"])
    let count = Double(rows)
    let mean = gradient.reduce(0, +) / count
    let along = zip(gradient, xhat).map { $0 * $1 }.reduce(0, +) / count
    let centred = gradient.map { $0 - mean }
    let rest = zip(centred, xhat).map { $0 - $1 * along }
    return (mean, along, centred, rest, rest.map { $0 * (gamma / self["s"][0]) })
  }
}
