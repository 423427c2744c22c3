import Norma

/// An evaluation as a page to read: measures, what was taken for what, and how sure the model was.
public struct EvaluationReport: Sendable {
  /// What is reported.
  public let result: EvaluationResult
  /// The command that does it again.
  public let command: String

  /// The report of an evaluation.
  public init(_ result: EvaluationResult, command: String) {
    self.result = result
    self.command = command
  }

  /// The result in a sentence.
  public var headline: String {
    switch result.outcome {
    case .classes(_, let metrics, _):
      let correct = metrics.classes.reduce(0) { $0 + $1.correctCount }
      return "The model finds the class of \(NumberFormat.integer.text(Double(correct))) of "
        + "\(Words.count(metrics.count, "example")), an accuracy of "
        + "\(NumberFormat.percentage.text(metrics.accuracy)); balanced over the classes, "
        + "\(NumberFormat.percentage.text(metrics.balancedAccuracy))."
    case .values(_, let metrics, _, _):
      return
        "The model's numbers are off by \(NumberFormat.plain.text(metrics.meanAbsoluteError)) on average, and explain "
        + (metrics.r2 > 0 ? "\(NumberFormat.percentage.text(metrics.r2)) of the variance" : "none of the variance")
        + " (R² \(NumberFormat.plain.text(metrics.r2)))."
    }
  }

  /// The report as a page; ``ReportPage/html()`` is the file's text.
  public var page: ReportPage {
    ReportPage(
      kind: "Norma · evaluation", title: "\(result.model) on \(result.data)", headline: headline, sections: sections,
      footer: [result.attribution, "Made by Norma \(normaVersion)."].compactMap(\.self))
  }

  private var sections: [ReportSection] {
    var sections = [
      ReportSection(
        "The result",
        blocks: [
          .paragraph(
            "\(Words.count(result.count, "example")) of \(result.data); mean loss "
              + "\(NumberFormat.plain.text(result.loss))."), .table(measureTable),
        ])
    ]
    switch result.outcome {
    case .classes(let names, let metrics, let ranking):
      sections.append(ReportSection("Class by class", blocks: classBlocks(names, metrics)))
      if let figure = ranking.flatMap({ rankingFigure(names, $0) }) {
        sections.append(ReportSection("Telling the two classes apart", blocks: [.figure(figure)]))
      }
      if let calibration = metrics.probability?.calibration {
        sections.append(
          ReportSection(
            "How far its probabilities can be trusted", blocks: [.figure(calibrationFigure(names, calibration))]))
      }
    case .values(let names, let metrics, let predictions, let targets):
      sections.append(
        ReportSection(
          "Predicted and true", blocks: valueBlocks(names, metrics, predictions: predictions, targets: targets)))
    }
    sections.append(
      ReportSection(
        "Doing it again",
        blocks: [.paragraph("The same command on the same data gives this page again:"), .code(command)]))
    return sections
  }

  private var measureTable: ReportTable {
    let words = result.measures.map { [$0.remark, $0.caveat ?? ""].filter { !$0.isEmpty }.joined(separator: "; ") }
    let isSaid = words.contains { !$0.isEmpty }
    return ReportTable(
      caption: "The measures",
      columns: [.init("measure"), .init("value", alignment: .trailing)] + (isSaid ? [.init("what it is")] : []),
      rows: zip(result.measures, words).map { measure, words in
        let format: NumberFormat = measure.isShare ? .percentage : .plain
        return [measure.name, measure.value.map(format.text) ?? "–"] + (isSaid ? [words] : [])
      })
  }

  // MARK: Classes

  private static let maximumRowCount = 50

  private func classBlocks(_ names: [String], _ metrics: ClassificationMetrics) -> [ReportBlock] {
    func share(_ value: Double?) -> String { value.map(NumberFormat.percentage.text) ?? "–" }
    // Of many classes, those that fare worst.
    let isWhole = names.count <= Self.maximumRowCount
    let order =
      isWhole
      ? Array(names.indices)
      : Array(
        names.indices.filter { metrics.classes[$0].count > 0 }
          .sorted { (metrics.classes[$0].f1 ?? 0, $0) < (metrics.classes[$1].f1 ?? 0, $1) }.prefix(Self.maximumRowCount)
      )
    let table = ReportTable(
      caption: isWhole
        ? "The classes: which share of a class was found, and which share of what was taken for it is of it"
        : "The \(order.count) classes with the lowest F1 of \(names.count)",
      columns: [.init("class")] + ["examples", "recall", "precision", "F1"].map { .init($0, alignment: .trailing) },
      rows: order.map { index in
        let entry = metrics.classes[index]
        return [
          names[index], NumberFormat.integer.text(Double(entry.count)), share(entry.recall), share(entry.precision),
          entry.f1.map(NumberFormat.plain.text) ?? "–",
        ]
      })
    var blocks: [ReportBlock] = [.table(table)]
    if names.count <= ConfusionMap.maximumClassCount {
      let map = ConfusionMap(title: "Confusion matrix", names: names, confusion: metrics.confusion)
      let mistakes = metrics.confusion.mistakes
      blocks.append(
        .figure(
          ReportFigure(
            caption: "What was taken for what",
            reading:
              "Each row is a class, each column what its examples were taken for; the numbers count examples. What "
              + "was found lies on the diagonal. The darker a cell, the larger its share of the row.",
            finding: mistakes.first.map {
              "The most frequent mistake: “\(names[$0.pair.label])” taken for “\(names[$0.pair.predicted])”, "
                + "\(Words.count($0.count, "time"))."
            } ?? "There are no mistakes.",
            pictures: [map], layout: .pairs,
            legend: [
              ConfusionMap.scale.legend(format: .percentage).map {
                LegendEntry($0.name + " of the row", symbol: $0.symbol)
              }
            ]
            .compactMap(\.self))))
    }
    if names.count > ConfusionMap.maximumClassCount { blocks.append(.table(mistakeTable(names, metrics.confusion))) }
    return blocks
  }

  private func mistakeTable(_ names: [String], _ confusion: ConfusionTable) -> ReportTable {
    let mistakes = confusion.mistakes.prefix(20)
    return ReportTable(
      caption: mistakes.isEmpty ? "There are no mistakes" : "The most frequent mistakes",
      columns: [
        .init("class"), .init("taken for"), .init("examples", alignment: .trailing),
        .init("share of the class", alignment: .trailing),
      ],
      rows: mistakes.map { pair, count in
        [
          names[pair.label], names[pair.predicted], NumberFormat.integer.text(Double(count)),
          NumberFormat.percentage.text(Double(count) / Double(confusion.labelCounts[pair.label])),
        ]
      })
  }

  private func calibrationFigure(_ names: [String], _ calibration: Calibration) -> ReportFigure {
    let what = names.count == 2 ? "probability of \(names[1])" : "probability of the answer"
    let share = names.count == 2 ? "share that is \(names[1])" : "share that is right"
    let percent = NumberFormat.percentage
    let table = ReportTable(
      caption: "Reliability",
      columns: [.init("probability")]
        + ["examples", "mean probability", share].map { .init($0, alignment: .trailing) },
      rows: calibration.bins.map { bin in
        [
          "\(percent.shortText(bin.lower)) to \(percent.shortText(bin.upper))",
          NumberFormat.integer.text(Double(bin.count)),
          percent.text(bin.meanProbability), percent.text(bin.share),
        ]
      })
    let chart = PointChart(
      title: "Reliability", x: ChartAxis(what, format: .percentage, covering: [0, 1]),
      y: ChartAxis(share, format: .percentage, covering: [0, 1]),
      points: calibration.bins.map { .init(x: $0.meanProbability, y: $0.share) }, mark: .markedLine,
      reference: .diagonal,
      summary: calibration.bins.map {
        "Of \(Words.count($0.count, "example")) with a mean probability of \(percent.text($0.meanProbability)), "
          + "\(percent.text($0.share)) came true."
      }.joined(separator: " "), table: table)
    return ReportFigure(
      caption: "How often what was said to be so likely is so",
      reading:
        "Examples are put together by the \(what). Where the line lies on the dotted diagonal, probabilities can be "
        + "taken at their word; below it the model is surer than it should be. Points of few examples scatter: the numbers "
        + "say how many there are.",
      finding: "On average over the examples, probability and share lie "
        + "\(NumberFormat.percentage.text(calibration.expectedError).replacing(" %", with: "")) percentage points apart.",
      pictures: [chart], layout: .pairs)
  }

  private func rankingFigure(_ names: [String], _ ranking: Ranking) -> ReportFigure? {
    guard let area = ranking.areaUnderROC, let averagePrecision = ranking.averagePrecision else { return nil }
    let charts = RankingCharts(ranking, name: names[1])
    let base = Double(ranking.positiveCount) / Double(ranking.scores.count)
    return ReportFigure(
      caption: "What is found of \(names[1]), and what is taken for it wrongly",
      reading:
        "Each point of a curve is another threshold from which on an example counts as \(names[1]). Left: the nearer the "
        + "curve comes to the upper left corner the better; guessing gives the dotted diagonal. Right: which share of what is "
        + "taken for \(names[1]) is of it, over the share that is found; guessing gives the dotted line.",
      finding: "The area under the left curve is \(NumberFormat.plain.text(area)), the average precision "
        + "\(NumberFormat.plain.text(averagePrecision)); guessing gives 0.5 and \(NumberFormat.plain.text(base)).",
      pictures: [charts.roc, charts.precisionRecall], layout: .pairs)
  }

  // MARK: Numbers

  /// More targets than this are not drawn.
  private static let maximumTargetCount = 4

  private func valueBlocks(
    _ names: [String], _ metrics: RegressionMetrics, predictions: Tensor<Double>, targets: Tensor<Double>
  ) -> [ReportBlock] {
    var blocks: [ReportBlock] = []
    if names.count > 1 {
      blocks.append(
        .table(
          ReportTable(
            caption: "The targets, each in its units",
            columns: [.init("target")]
              + ["R²", "mean absolute error", "root mean squared error", "median absolute error"].map {
                .init($0, alignment: .trailing)
              },
            rows: zip(names, metrics.targets).map { name, target in
              [name]
                + [
                  target.r2, target.meanAbsoluteError, target.rootMeanSquaredError, target.medianAbsoluteError,
                ].map(NumberFormat.plain.text)
            })))
    }
    if names.count > Self.maximumTargetCount {
      blocks.append(.paragraph("Drawn are the first \(Self.maximumTargetCount) of the \(names.count) targets."))
    }
    for (index, name) in names.prefix(Self.maximumTargetCount).enumerated() {
      let charts = ValueCharts(
        name: name, predicted: predictions.column(index), wanted: targets.column(index))
      blocks.append(
        .figure(
          ReportFigure(
            caption: names.count > 1 ? "Predicted and true: \(name)" : "Predicted and true",
            reading:
              "Left: each dot is an example; on the dotted diagonal the prediction is right. Right: by how much the "
              + "prediction is too high (above the line) or too low (below it). A bend or a funnel is something the model has "
              + "not learned." + charts.thinning, pictures: [charts.comparison, charts.residuals], layout: .pairs)))
    }
    return blocks
  }
}

extension Tensor<Double> {
  /// The numbers of one column, `[N, K] → N`.
  fileprivate func column(_ index: Int) -> [Double] {
    let elements = elements
    return stride(from: index, to: elements.count, by: shape[1]).map { elements[$0] }
  }
}
