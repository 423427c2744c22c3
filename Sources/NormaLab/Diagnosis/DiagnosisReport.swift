import Norma
import NormaDiagnosis

/// A diagnosis as a page to read: what was found with what speaks for it, and the statistics of each layer.
public struct DiagnosisReport: Sendable {
  /// What is reported.
  public let diagnosis: Diagnosis
  /// What the model and the data are called.
  public let model: String, data: String
  /// The command that does it again.
  public let command: String
  /// The command that mends a finding; nil where none does.
  public let mend: @Sendable (Finding) -> String?

  /// The report of a diagnosis.
  public init(
    _ diagnosis: Diagnosis, model: String, data: String, command: String, mend: @escaping @Sendable (Finding) -> String?
  ) {
    self.diagnosis = diagnosis
    self.model = model
    self.data = data
    self.command = command
    self.mend = mend
  }

  private var faults: [Finding] { diagnosis.findings.filter { !$0.kind.isAdvice } }
  private var advice: [Finding] { diagnosis.findings.filter(\.kind.isAdvice) }

  /// The result in a sentence.
  public var headline: String {
    let layers = Words.count(diagnosis.layers.count, "normalization") + " by running statistics"
    let looked = "looked at with \(Words.count(diagnosis.exampleCount, "example"))"
    guard let first = faults.first else {
      return diagnosis.layers.isEmpty
        ? "The network has no normalization by running statistics: training and inference are the same."
        : "Nothing is wrong with \(layers), \(looked)."
    }
    let more = faults.count > 1 ? " and \(Words.count(faults.count - 1, "more finding"))" : ""
    return "\(first.kind.title)\(more), in \(layers), \(looked)."
  }

  /// The report as a page; ``ReportPage/html()`` is the file's text.
  public var page: ReportPage {
    var sections: [ReportSection] = []
    if !faults.isEmpty {
      sections.append(ReportSection("What was found", identifier: "findings", blocks: faults.flatMap(blocks)))
    }
    if let loss = diagnosis.loss, !diagnosis.layers.isEmpty {
      sections.append(ReportSection("What it costs", identifier: "loss", blocks: lossBlocks(loss)))
    }
    if !diagnosis.layers.isEmpty {
      sections.append(
        ReportSection(
          "The statistics, layer by layer", identifier: "layers", blocks: [.figure(figure), .table(layerTable)]))
    }
    if !advice.isEmpty {
      sections.append(
        ReportSection("What it could do without", identifier: "advice", blocks: advice.flatMap(blocks)))
    }
    sections.append(
      ReportSection(
        "Doing it again",
        blocks: [.paragraph("The same command on the same data gives this page again:"), .code(command)]))
    return ReportPage(
      kind: "Norma · diagnosis", title: "\(model) on \(data)", headline: headline, sections: sections,
      footer: ["Made by Norma \(normaVersion)."])
  }

  private func blocks(_ finding: Finding) -> [ReportBlock] {
    var blocks: [ReportBlock] = [
      .question(finding.kind.title), .answer(finding.statement), .paragraph("The likely cause: " + finding.cause),
      .paragraph("What to do: " + finding.remedy),
    ]
    if let command = mend(finding) { blocks.append(.code(command)) }
    var columns: [ReportTable.Column] = [.init("what"), .init("value", alignment: .trailing)]
    let hasThresholds = finding.evidence.contains { $0.threshold != nil }
    if hasThresholds { columns.append(.init("beyond", alignment: .trailing)) }
    func text(_ number: Double?) -> String { number.map(NumberFormat.plain.text) ?? "–" }
    blocks.append(
      .details(
        "The numbers that speak for it",
        [
          .table(
            ReportTable(
              caption: finding.kind.title, columns: columns,
              rows: finding.evidence.map { evidence in
                [evidence.name, text(evidence.value)]
                  + (hasThresholds ? [evidence.threshold.map(NumberFormat.plain.text) ?? ""] : [])
              }))
        ]))
    return blocks
  }

  private func lossBlocks(_ loss: Diagnosis.Loss) -> [ReportBlock] {
    func text(_ number: Double?) -> String { number.map(NumberFormat.plain.text) ?? "no number" }
    let error = loss.standardError.map {
      " The first and the last differ by chance alone by \(NumberFormat.plain.text($0)) (one standard error over the examples)."
    }
    return [
      .table(
        ReportTable(
          caption: "The mean loss, by what is normalized",
          columns: [.init("by the statistics of"), .init("loss", alignment: .trailing)],
          rows: [
            ["the training, as inference does", text(loss.running)],
            ["batches of \(diagnosis.batchSize), as training does", text(loss.batch)],
            ["all examples, as recalibration would", text(loss.population)],
          ])),
      .paragraph(
        "What inference loses against the last is a matter of the statistics, not of the weights." + (error ?? "")),
    ]
  }

  /// More layers than this are not drawn.
  private static let maximumLayerCount = 60

  private var figure: ReportFigure {
    let shown = diagnosis.layers.prefix(Self.maximumLayerCount)
    return ReportFigure(
      caption: "Running statistics beside those of the examples",
      reading:
        "Each column of a strip is a channel. Above: where its running mean lies, in deviations of the examples, whose own mean is the dotted "
        + "line. Below: its running deviation as a multiple of theirs. The other dots are one batch of \(diagnosis.batchSize), the band is "
        + "how far the mean of such a batch is off by chance: running statistics should scatter less."
        + (diagnosis.layers.count > shown.count
          ? " Drawn are the first \(shown.count) of \(diagnosis.layers.count) layers." : ""),
      pictures: shown.map { StatisticsStrip($0) }, layout: .pairs,
      legend: [
        LegendEntry("running statistics", symbol: .series(SeriesStyle(0))),
        LegendEntry("one batch", symbol: .series(SeriesStyle(1))), LegendEntry("all examples", symbol: .reference),
      ])
  }

  private var layerTable: ReportTable {
    func median(_ numbers: [Double]) -> String {
      numbers.isEmpty ? "–" : NumberFormat.plain.text(numbers.sorted()[numbers.count / 2])
    }
    return ReportTable(
      caption: "The layers; of their channels the median",
      columns: [.init("layer")]
        + ["channels", "batches", "mean off by", "deviation times", "chance of a batch", "dead", "epsilon"].map {
          .init($0, alignment: .trailing)
        } + [.init("folds into")],
      rows: diagnosis.layers.map { layer in
        [
          layer.name, "\(layer.channels.count)", layer.batchCount.map(String.init) ?? "–",
          median(layer.channels.compactMap { $0.meanShift.map(abs) }),
          median(layer.channels.compactMap(\.deviationRatio)),
          median(layer.channels.map(\.batchNoise)), "\(layer.channels.count(where: \.isDead))",
          NumberFormat.plain.text(layer.epsilon), layer.foldsInto ?? "–",
        ]
      })
  }
}
