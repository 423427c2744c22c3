/// A comparison as something to read: a page, and a table for the terminal.
public struct ComparisonReport: Sendable {
  /// The numbers that are reported.
  public let result: NormComparison

  /// The report of a comparison.
  public init(_ result: NormComparison) { self.result = result }

  /// The result in a sentence, computed from the numbers: who reached which value of the metric and when, or that nothing was
  /// learned.
  public var headline: String { ComparisonHeadline(result).sentence }

  /// What may be concluded from it, what is too close to tell, and what to beware of, a sentence or two each.
  public var verdicts: [String] { ComparisonHeadline(result).verdicts }

  /// The report as a page; ``ReportPage/html()`` is the file's text.
  public var page: ReportPage {
    ReportPage(
      kind: "Norma · comparison", title: result.title, headline: headline,
      introduction: ComparisonHeadline(result).details, sections: sections, footer: footer)
  }

  /// The comparison as text for a terminal that is `width` characters wide: a table, or where that has no room a list;
  /// below it why runs stopped early. No colours, and no line break at the end. Lines and dashes are drawn in ASCII where
  /// that is asked for.
  public func terminalTable(width: Int, isASCII: Bool = false) -> String {
    let (rule, dash): (Character, String) = isASCII ? ("-", "-") : ("─", "–")
    let full = table(dash: dash)
    let short = table(missing: dash, dash: dash)
    var lines: [String]
    if let text = full.plainText(width: width, rule: rule) {
      lines = [text]
    } else if let text = short.plainText(width: width, rule: rule) {
      lines = [text]
      if full != short { lines.append("\(dash) not reached") }
    } else if let text = short.withoutLastColumns(2).plainText(width: width, rule: rule) {
      // Losses and times are on the page too.
      lines = [text]
      if full != short { lines.append("\(dash) not reached") }
    } else {
      lines = [full.plainList]
    }
    lines += result.runs.compactMap { run in
      let seed = result.seedCount > 1 ? run.seed.map { ", seed \($0)," } ?? "" : ""
      return run.stoppedBecause.map { "\(run.norm)\(seed) stopped early: \($0)" }
    }
    return lines.joined(separator: "\n")
  }

  // MARK: Parts of the page

  private var sections: [ReportSection] {
    var sections = [ReportSection("The result", blocks: resultBlocks)]
    if result.runs.contains(where: { !$0.epochs.isEmpty }) {
      sections.append(ReportSection("How the networks learned", blocks: learningBlocks))
    }
    if result.runs.contains(where: { !$0.activationsBefore.isEmpty || !$0.activationsAfter.isEmpty }) {
      sections.append(ReportSection("What passes through the layers", blocks: [.figure(activationFigure)]))
    }
    if let filterFigure {
      sections.append(ReportSection("What the first layer looks for", blocks: [.figure(filterFigure)]))
    }
    let norms = normFigures
    if !norms.isEmpty {
      sections.append(ReportSection("Weights and gradients", blocks: norms.map(ReportBlock.figure)))
    }
    sections.append(ReportSection("Doing it again", blocks: repeatBlocks))
    return sections
  }

  private var resultBlocks: [ReportBlock] {
    var blocks: [ReportBlock] = [.paragraph(result.dataDescription), .table(table())]
    if let recallTable { blocks.append(.table(recallTable)) }
    blocks += ComparisonHeadline(result).stops.map { .note($0 + " Its numbers are those up to then.") }
    if result.runs.contains(where: { !$0.epochs.isEmpty }) { blocks.append(.figure(metricFigure)) }
    return blocks
  }

  private var learningBlocks: [ReportBlock] {
    var blocks: [ReportBlock] = [.figure(curvesFigure)]
    if result.runs.contains(where: { $0.stepLosses.count > 1 }) { blocks.insert(.figure(stepFigure), at: 0) }
    return blocks
  }

  private var repeatBlocks: [ReportBlock] {
    let settings = ReportTable(
      caption: "The settings that all runs share", columns: [.init("setting"), .init("value")],
      rows: result.settings.map { [$0.name, $0.value] })
    let costs = ReportTable(
      caption: "What each run took",
      columns: [
        .init("norm"), .init("parameters", alignment: .trailing), .init("epochs", alignment: .trailing),
        .init("best epoch", alignment: .trailing), .init("time", alignment: .trailing),
      ],
      rows: result.runs.map { run in
        [
          run.norm + (result.seedCount > 1 ? run.seed.map { ", seed \($0)" } ?? "" : ""),
          NumberFormat.integer.text(Double(run.parameterCount)), "\(run.trainedEpochCount)",
          "\(run.bestEpoch)", NumberFormat.duration(run.seconds),
        ]
      })
    var blocks: [ReportBlock] = [
      .paragraph("The same command with the same version gives the same numbers, the times aside:"),
      .code(result.command),
    ]
    if !result.settings.isEmpty { blocks.append(.table(settings)) }
    if !result.runs.isEmpty { blocks.append(.table(costs)) }
    if Set(result.runs.flatMap { $0.epochs.map(\.learningRate) }.filter(\.isFinite)).count > 1 {
      blocks.append(.figure(learningRateFigure))
    }
    return blocks
  }

  private var footer: [String] {
    [result.attribution, "Made by Norma \(result.version)."].compactMap(\.self)
  }
}
