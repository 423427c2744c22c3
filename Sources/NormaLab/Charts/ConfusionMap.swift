import Norma

/// A confusion table as a square of counts: rows are classes, columns what their examples were taken for.
///
/// The shade of a cell is the share of the row's examples that are in it, so that classes with few examples show as well as
/// those with many.
public struct ConfusionMap: Picture {
  /// The most classes that are drawn: with more, neither names nor counts could be read.
  public static let maximumClassCount = 20

  public let title: String
  /// The classes' names.
  public let names: [String]
  /// The counts.
  public let confusion: ConfusionTable

  /// A map of a table of at most ``maximumClassCount`` classes.
  public init(title: String, names: [String], confusion: ConfusionTable) {
    self.title = title
    self.names = names
    self.confusion = confusion
  }

  public var table: ReportTable {
    ReportTable(
      caption: title,
      columns: [.init("class")] + names.map { .init("taken for \($0)", alignment: .trailing) },
      rows: zip(names, confusion.rows).map { [$0] + $1.map { NumberFormat.integer.text(Double($0)) } })
  }

  /// What the map shows in words: how many of each class were found, and the most frequent mistakes.
  public var summary: String {
    let found = names.indices.filter { confusion.labelCounts[$0] > 0 }.map {
      "\(names[$0]): \(confusion[$0, $0]) of \(confusion.labelCounts[$0]) found"
    }
    let mistakes = confusion.mistakes.prefix(5).map {
      "\(names[$0.pair.label]) taken for \(names[$0.pair.predicted]) \(Words.count($0.count, "time"))"
    }
    return found.joined(separator: "; ") + ". "
      + (mistakes.isEmpty ? "There are no mistakes." : "Most frequent mistakes: \(mistakes.joined(separator: "; ")).")
  }

  /// The shades of shares from none to all.
  static let scale = HeatScale(covering: [0, 1])

  public func markup(identifier: String) -> Markup {
    let size = 12.0
    let left = min(110, ((names + ["class"]).map { Drawing.textWidth($0, size: size) }.max() ?? 0) + 8)
    // Names on end need a line's height each; with many, the whole is drawn larger and shown smaller.
    let width = max(376, left + 16 * Double(names.count))
    let top = 20.0
    let cell = min(44, (width - left) / Double(max(1, names.count)))
    let side = cell * Double(names.count)
    // Names that do not fit beside each other stand on end.
    let isUpright = names.allSatisfy { Drawing.textWidth($0, size: size) < cell - 4 }
    let below = isUpright ? 18 : min(96, (names.map { Drawing.textWidth($0, size: size) }.max() ?? 0) + 8)
    var parts: [Markup] = [
      text("taken for", x: left + side / 2, y: top + side + below + 14, anchor: "middle"),
      text("class", x: left - 8, y: 12, anchor: "end"),
    ]
    for (row, name) in names.enumerated() {
      let y = top + cell * Double(row)
      parts.append(
        text(Drawing.fitted(name, width: left - 8, size: size), x: left - 8, y: y + cell / 2 + 4, anchor: "end"))
      for column in names.indices { parts.append(self.cell(row, column, x: left + cell * Double(column), y: y, cell)) }
    }
    for (column, name) in names.enumerated() {
      let x = left + cell * (Double(column) + 0.5)
      if isUpright {
        parts.append(text(name, x: x, y: top + side + 15, anchor: "middle"))
      } else {
        parts.append(
          .element(
            "text",
            [
              "class": "tick", "text-anchor": "end",
              "transform": "translate(\(Drawing.number(x + 4)) \(Drawing.number(top + side + 6))) rotate(-90)",
            ], text: Drawing.fitted(name, width: 88, size: size)))
      }
    }
    return Drawing.svg(
      width: width, height: top + side + below + 20, cssClass: "chart", identifier: identifier, title: title,
      description: summary, parts)
  }

  private func cell(_ row: Int, _ column: Int, x: Double, y: Double, _ side: Double) -> Markup {
    let count = confusion[row, column]
    let total = confusion.labelCounts[row]
    let share = total > 0 ? Double(count) / Double(total) : 0
    let step = ConfusionMap.scale.step(of: share) ?? 0
    let label = NumberFormat.integer.text(Double(count))
    var parts: [Markup] = [
      .element(
        "rect",
        [
          "class": "heat-\(step)", "x": Drawing.number(x), "y": Drawing.number(y),
          "width": Drawing.number(side - 1), "height": Drawing.number(side - 1),
        ])
    ]
    if count > 0, Drawing.textWidth(label, size: 12) < side - 1 {
      parts.append(
        .element(
          "text",
          [
            "class": step > Palette.heatStepCount / 2 ? "count inverse" : "count",
            "x": Drawing.number(x + (side - 1) / 2), "y": Drawing.number(y + side / 2 + 4), "text-anchor": "middle",
          ], text: label))
    }
    let words = "\(names[row]) taken for \(names[column]): \(label) of \(NumberFormat.integer.text(Double(total)))"
    return .element("g", [:], [.element("title", text: words)] + parts)
  }

  private func text(_ text: String, x: Double, y: Double, anchor: String) -> Markup {
    .element(
      "text", ["class": "tick", "x": Drawing.number(x), "y": Drawing.number(y), "text-anchor": anchor], text: text)
  }
}
