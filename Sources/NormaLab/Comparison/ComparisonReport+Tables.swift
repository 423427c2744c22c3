/// The tables of results.
extension ComparisonReport {
  /// What there is to compare, a row for each kind of normalization, and one for each model that the networks are held against.
  ///
  /// - Parameters:
  ///   - missing: what stands where a target was not reached.
  ///   - dash: what stands between the ends of a range.
  func table(missing: String = "not reached", dash: String = "–") -> ReportTable {
    let format = result.metricFormat
    let isTested = result.runs.contains { $0.testMetric != nil }
    let isRepeated = result.seedCount > 1
    let isBalanced = result.runs.contains { $0.validation?.accuracy != nil }
    var columns: [ReportTable.Column] = [.init("norm")]
    func addColumns(_ title: String) {
      columns.append(.init(title, alignment: .trailing))
      if isRepeated { columns.append(.init("range", alignment: .trailing)) }
    }
    addColumns("best \(result.validationMetricName)")
    if isBalanced { columns.append(.init("accuracy", alignment: .trailing)) }
    if isTested { addColumns("test \(result.metric.name)") }
    columns += result.targets.map { .init("epochs to \(format.shortText($0))", alignment: .trailing) }
    columns += [.init("final training loss", alignment: .trailing), .init("time", alignment: .trailing)]
    func cells(_ spread: Spread?) -> [String] {
      guard let spread else { return isRepeated ? ["", ""] : [""] }
      return [format.text(spread.mean)] + (isRepeated ? [range(spread, dash: dash)] : [])
    }
    let rows = result.groups.map { group -> [String] in
      var row = [group.norm] + cells(group.best)
      if isBalanced {
        let accuracies = group.runs.compactMap { $0.validation?.accuracy }
        row.append(accuracies.isEmpty ? "" : format.text(Spread(accuracies).mean))
      }
      if isTested { row += cells(group.test) }
      row += result.targets.map { epochs(group.firstEpochs(reaching: $0), missing: missing, dash: dash) }
      let losses = group.runs.compactMap { $0.epochs.last?.lossOfTraining }
      row += [
        losses.isEmpty ? "" : NumberFormat.plain.text(Spread(losses).mean),
        NumberFormat.duration(group.runs.reduce(0) { $0 + $1.seconds }),
      ]
      return row
    }
    let references = (result.references ?? []).reversed().map { reference -> [String] in
      var row = [reference.kind.rawValue, format.text(reference.validation.metric)] + (isRepeated ? [""] : [])
      if isBalanced { row.append(reference.validation.accuracy.map(format.text) ?? "") }
      if isTested { row.append(reference.test.map { format.text($0.metric) } ?? "") }
      return row
    }
    return ReportTable(
      caption: isRepeated ? "The networks compared: means over \(result.seedCount) seeds" : "The runs compared",
      columns: columns, rows: rows + references)
  }

  /// The lowest and the highest, with one per cent sign.
  private func range(_ spread: Spread, dash: String) -> String {
    guard spread.lowest != spread.highest, spread.lowest.isFinite, spread.highest.isFinite else { return "" }
    let (lowest, highest) = (result.metricFormat.text(spread.lowest), result.metricFormat.text(spread.highest))
    return (lowest.hasSuffix(" %") ? String(lowest.dropLast(2)) : lowest) + dash + highest
  }

  /// When a target was reached: by all seeds, or in brackets by how many.
  private func epochs(_ epochs: [Int?], missing: String, dash: String) -> String {
    let known = epochs.compactMap(\.self)
    guard let least = known.min(), let greatest = known.max() else { return missing }
    let range = least == greatest ? "\(least)" : "\(least)\(dash)\(greatest)"
    return known.count == epochs.count ? range : "\(range) (\(known.count) of \(epochs.count))"
  }

  /// The share of each class that the saved networks and the references get right, where the classes are uneven.
  var recallTable: ReportTable? {
    guard let sample = result.validation, let counts = sample.classCounts,
      result.runs.contains(where: { !($0.validation?.recalls.isEmpty ?? true) })
    else { return nil }
    let format = NumberFormat.percentage
    let references = (result.references ?? []).reversed()
    return ReportTable(
      caption: "Recall by class: the share of each class’s validation data that is found",
      columns: [.init("class"), .init("examples", alignment: .trailing)]
        + (result.groups.map(\.norm) + references.map(\.kind.rawValue)).map { .init($0, alignment: .trailing) },
      rows: counts.indices.map { label in
        func recall(_ scores: NormComparison.Scores?) -> Double? {
          scores.flatMap { $0.recalls.indices.contains(label) ? $0.recalls[label] : nil }
        }
        let networks = result.groups.map { group -> String in
          let values = group.runs.compactMap { recall($0.validation) }
          return values.isEmpty ? "" : Spread(values).text(format)
        }
        return [sample.classNames?[label] ?? "\(label)", NumberFormat.integer.text(Double(counts[label]))] + networks
          + references.map { recall($0.validation).map(format.text) ?? "" }
      })
  }
}
