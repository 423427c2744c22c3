import Norma
import NormaLab
import NormaTerminal

/// What `norma evaluate` prints for people.
struct EvaluationText {
  private let result: EvaluationResult
  private let columns: Int
  private let glyphs: Glyphs

  /// A result as text of at most so many columns.
  init(_ result: EvaluationResult, columns: Int, glyphs: Glyphs) {
    self.result = result
    self.columns = columns
    self.glyphs = glyphs
  }

  /// The lines, tables among them.
  var lines: [String] {
    switch result.outcome {
    case .classes(let names, let metrics, _):
      let first = headline("accuracy", Formatting.percentage(metrics.accuracy))
      return [first, "", text(measures), ""] + remarks + [text(classTable(names, metrics)), ""]
        + confusion(names, metrics.confusion)
    case .values(let names, let metrics, _, _):
      let first = headline("R²", Formatting.number(metrics.r2))
      let targets = names.count > 1 ? ["", text(targetTable(names, metrics))] : []
      return [first, "", text(measures)] + (remarks.isEmpty ? [] : [""] + remarks.dropLast()) + targets
    }
  }

  private func headline(_ metric: String, _ value: String) -> String {
    "\(result.data.singleLine), \(result.count) examples: \(metric) \(value), loss \(Formatting.number(result.loss))"
  }

  private func text(_ table: TextTable) -> String { table.text(width: columns, glyphs: glyphs) }

  private var measures: TextTable {
    var table = TextTable(columns: [.words("measure"), .numbers("value")])
    for measure in result.measures {
      let text = measure.value.map { measure.isShare ? Formatting.percentage($0) : Formatting.number($0) }
      table.addRow([measure.name, text ?? "none"])
    }
    return table
  }

  /// Why a measure has no value, or what it leaves out, with an empty line below.
  private var remarks: [String] {
    let lines = result.measures.flatMap { measure in
      measure.caveat.map { "\(measure.name): \($0).".singleLine.wrapped(toColumns: columns) } ?? []
    }
    return lines.isEmpty ? [] : lines + [""]
  }

  // MARK: Classes

  /// For each class: how many there are, which share was found, which share of those found is right, and what it was
  /// most often taken for.
  private func classTable(_ names: [String], _ metrics: ClassificationMetrics) -> TextTable {
    var table = TextTable(columns: [
      .words("class"), .numbers("examples"), .numbers("recall"), .numbers("precision"), .numbers("F1"),
      .words("most often taken for"),
    ])
    // The mistakes come in the order of how frequent they are.
    let worst = Dictionary(
      metrics.confusion.mistakes.map { ($0.pair.label, $0) }, uniquingKeysWith: { first, _ in first })
    for (index, entry) in metrics.classes.enumerated() {
      table.addRow([
        names[index], "\(entry.count)", entry.recall.map(Formatting.percentage) ?? "",
        entry.precision.map(Formatting.percentage) ?? "", entry.f1.map(Formatting.number) ?? "",
        worst[index].map { "\(names[$0.pair.predicted]) (\($0.count)×)" } ?? "",
      ])
    }
    return table
  }

  /// The confusion matrix where it has room, else the most frequent mistakes.
  private func confusion(_ names: [String], _ confusion: ConfusionTable) -> [String] {
    if names.count <= ConfusionMap.maximumClassCount {
      var table = TextTable(columns: [.words("class")] + names.map { .numbers($0) })
      for (name, row) in zip(names, confusion.rows) { table.addRow([name] + row.map(String.init)) }
      let text = text(table)
      // As wide as it wants to be, but for the headers, which may be broken between words.
      let needed = names.enumerated().reduce(names.map(\.singleLine.columns).max() ?? 0) { width, entry in
        let longestWord = entry.element.singleLine.split(separator: " ").map(\.columns).max() ?? 0
        let largest = names.indices.map { "\(confusion[$0, entry.offset])".count }.max() ?? 0
        return width + 2 + max(longestWord, largest)
      }
      if max(needed, "class".count) <= columns {
        return "Confusion matrix: rows are classes, columns what they were taken for".wrapped(toColumns: columns)
          + [text]
      }
    }
    let mistakes = confusion.mistakes
    guard !mistakes.isEmpty else { return ["No class was taken for another."] }
    var table = TextTable(columns: [
      .words("class"), .words("taken for"), .numbers("examples"), .numbers("share"),
    ])
    for (pair, count) in mistakes.prefix(10) {
      table.addRow([
        names[pair.label], names[pair.predicted], "\(count)",
        Formatting.percentage(Double(count) / Double(confusion.labelCounts[pair.label])),
      ])
    }
    let more = mistakes.count > 10 ? ", 10 of \(mistakes.count)" : ""
    return "Most frequent mistakes\(more) (--json has all)".wrapped(toColumns: columns) + [text(table)]
  }

  // MARK: Numbers

  private func targetTable(_ names: [String], _ metrics: RegressionMetrics) -> TextTable {
    var table = TextTable(columns: [
      .words("target"), .numbers("R²"), .numbers("mean absolute error"), .numbers("root mean squared error"),
      .numbers("median absolute error"),
    ])
    for (name, target) in zip(names, metrics.targets) {
      let numbers = [
        target.r2, target.meanAbsoluteError, target.rootMeanSquaredError, target.medianAbsoluteError,
      ]
      table.addRow([name] + numbers.map(Formatting.number))
    }
    return table
  }
}
