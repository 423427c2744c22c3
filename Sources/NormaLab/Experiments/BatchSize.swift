import Norma

/// CS231n's sweep over the batch size, for batch normalization or layer normalization.
struct BatchSize: Experiment {
  /// What normalizes.
  let normalization: NormalizationKind

  var name: String { normalization == .batch ? "batch-size" : "layer-norm" }
  var title: String { normalization == .batch ? "Small batches" : "Layer normalization and small batches" }
  var question: String {
    normalization == .batch
      ? "What does batch normalization lose when the batch is small?"
      : "Does the batch size matter to layer normalization, which does not look at the batch?"
  }
  var origin: String { "CS231n (Stanford), assignment 2, BatchNormalization" }
  let dataset: LabDataset? = .cifar10

  private static let sizes = [5, 10, 50]
  private static let reported = [0.46, 0.65, 0.86], reportedPlain = 0.65
  private static let reference = [0.413, 0.611, 0.847], referencePlain = 0.616

  private func run(_ context: LabContext, _ normalization: NormalizationKind, _ size: Int) -> TrainingRun {
    TrainingRun(
      "\(normalization.words), batches of \(size)",
      on: context.part(1000),
      .deepNet(hidden: 5, normalization, scale: 2e-2),
      TrainingConfiguration(epochs: 10, batchSize: size, learningRate: Functions.powerOfTen(-3.5), seed: context.seed))
  }

  func runs(_ context: LabContext) -> [TrainingRun] {
    [run(context, .none, 5)] + Self.sizes.map { run(context, normalization, $0) }
      + (normalization == .batch ? [] : Self.sizes.map { run(context, .batch, $0) })
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let final = results.runs.indices.map { results.trainingAccuracy($0) }
    let kind = normalization.rawValue
    let lines =
      [("none, 5", SeriesStyle.plain)] + zip(Self.sizes, [3, 2, 0]).map { ("\(kind), \($0)", SeriesStyle($1)) }
    var blocks: [ReportBlock] = [
      .figure(
        ReportFigure(
          caption: "Accuracy by batch size",
          reading: "The number behind each name is the batch size. "
            + (normalization == .batch
              ? "The mean and variance of five images say little about those of a thousand, and they change with every batch."
              : "Layer normalization computes its mean and variance from one image alone."),
          pictures: results.accuracyCharts(lines), layout: .pairs))
    ]
    let sizes = final[1...3].map(\.mean)
    guard normalization == .batch else {
      let spread = { (values: [Double]) in (values.max() ?? .nan) - (values.min() ?? .nan) }
      let (layerSpread, batchSpread) = (spread(sizes), spread(final[4...6].map(\.mean)))
      blocks.append(
        .table(
          ReportTable(
            caption: "Training accuracy at epoch 10",
            columns: [.init("normalization")] + Self.sizes.map { .init("batches of \($0)", alignment: .trailing) },
            rows: [
              ["layer"] + final[1...3].map { $0.text(percent) }, ["batch"] + final[4...6].map { $0.text(percent) },
            ])))
      return Findings(
        answer:
          "From batches of 5 to batches of 50 the training accuracy spans \(NumberFormat.points.text(layerSpread)) with layer "
          + "normalization, and \(NumberFormat.points.text(batchSpread)) with batch normalization.",
        claims: [
          Claim(
            "The batch size has a markedly smaller effect than on batch normalization: at most half of it.",
            .difference(
              Spread(
                results.outcomes[0].indices.map { seed in
                  spread(final[4...6].map { $0.values[seed] }) / 2 - spread(final[1...3].map { $0.values[seed] })
                }),
              standardError: Judgement.length(
                [0.5, 1].flatMap { factor in
                  [5, 50].map { _ in factor * Judgement.standardError(0.5, examples: results.trainingExamples) }
                }),
              seedDeviation: Judgement.seedDeviation * 2.5.squareRoot(), examples: results.trainingExamples),
            evidence: "training accuracy at epoch 10 spans \(NumberFormat.points.text(layerSpread)) with layer, "
              + "\(NumberFormat.points.text(batchSpread)) with batch normalization")
        ],
        blocks: blocks, settings: results.sharedSettings, differences: results.context.dataDifferences)
    }
    if results.context.dataset == .cifar10 {
      func range(_ one: Double, _ other: Double) -> ClosedRange<Double> { min(one, other)...max(one, other) }
      blocks.append(
        .table(
          PublishedFigure.table(
            "Training accuracy at epoch 10 beside a reported figure and a reference run with PyTorch",
            [
              .init(
                name: "none, batches of 5", ours: final[0],
                published: range(Self.reportedPlain, Self.referencePlain), format: percent)
            ]
              + Self.sizes.indices.map {
                .init(
                  name: "batch, batches of \(Self.sizes[$0])", ours: final[$0 + 1],
                  published: range(Self.reported[$0], Self.reference[$0]), format: percent)
              })))
    }
    return Findings(
      answer:
        "With batches of 5 batch normalization learns \(sizes[0] < final[0].mean ? "worse" : "no worse") than none: "
        + "\(final[1].text(percent)) against \(final[0].text(percent)) of the training images; with batches of 50 it reaches "
        + "\(final[3].text(percent)).",
      claims: [
        Claim(
          "Training accuracy is strictly ordered by the batch size.",
          .all([1, 2].map { .accuracy(final[$0 + 1], above: final[$0], examples: results.trainingExamples) }),
          evidence: zip(Self.sizes, final[1...3]).map { "batches of \($0): \($1.text(percent))" }.joined(
            separator: ", ")),
        Claim(
          "With batches of 5, batch normalization is worse than none.",
          .accuracy(final[0], above: final[1], examples: results.trainingExamples),
          evidence: "\(final[1].text(percent)) against \(final[0].text(percent))"),
      ],
      blocks: blocks, settings: results.sharedSettings, differences: results.context.dataDifferences)
  }
}
