import Norma
import NormaDiagnosis
import NormaTerminal

/// What `norma diagnose` prints for people.
struct DiagnosisText {
  private let diagnosis: Diagnosis
  private let mends: Mends
  private let columns: Int
  private let glyphs: Glyphs

  /// A diagnosis as text of at most so many columns.
  init(_ diagnosis: Diagnosis, mends: Mends, columns: Int, glyphs: Glyphs) {
    self.diagnosis = diagnosis
    self.mends = mends
    self.columns = columns
    self.glyphs = glyphs
  }

  /// The lines.
  var lines: [String] {
    let faults = diagnosis.findings.filter { !$0.kind.isAdvice }
    let advice = diagnosis.findings.filter(\.kind.isAdvice)
    var lines = wrapped(headline(faults.count))
    if let loss = diagnosis.loss, !faults.isEmpty {
      lines += wrapped(
        "Loss \(loss.running.map(Formatting.number) ?? "nan") by running statistics, \(Formatting.number(loss.batch)) by those of "
          + "batches of \(diagnosis.batchSize), \(Formatting.number(loss.population)) by those of all examples.")
    }
    for finding in faults { lines += text(finding) }
    if !advice.isEmpty { lines += ["", "It could do without:"] }
    for finding in advice { lines += text(finding) }
    return lines
  }

  private func headline(_ count: Int) -> String {
    guard !diagnosis.layers.isEmpty else {
      return "The network has no normalization by running statistics: training and inference are the same."
    }
    let layers = diagnosis.layers.count == 1 ? "1 normalization" : "\(diagnosis.layers.count) normalizations"
    return
      "\(count == 0 ? "Nothing is wrong" : count == 1 ? "1 finding" : "\(count) findings") with \(layers) by running "
      + "statistics, looked at with \(diagnosis.exampleCount) examples."
  }

  private func text(_ finding: Finding) -> [String] {
    var lines = ["", finding.kind.title]
    for part in [finding.statement, "Likely cause: " + finding.cause, "What to do: " + finding.remedy] {
      lines += wrapped(part, indented: 2)
    }
    // A command stays whole, to be copied.
    if let command = mends.command(for: finding) { lines.append("  " + command) }
    return lines
  }

  private func wrapped(_ text: String, indented: Int = 0) -> [String] {
    let space = String(repeating: " ", count: indented)
    return text.singleLine.wrapped(toColumns: max(20, columns - indented)).map { space + $0 }
  }
}
