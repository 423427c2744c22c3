import Norma

/// Batch normalization as a regularizer, beside dropout.
struct Regularization: Experiment {
  let name = "regularization"
  let title = "Batch normalization as a regularizer"
  let question =
    "Does batch normalization close the gap between training and validation, and does it make dropout unnecessary?"
  let origin = "Ioffe & Szegedy 2015, section 4.2.1"
  let dataset: LabDataset? = .cifar10

  private static let kinds: [(name: String, normalization: NormalizationKind, keep: Double)] = [
    ("none", .none, 1), ("none + dropout", .none, 0.5), ("batch", .batch, 1), ("batch + dropout", .batch, 0.5),
  ]

  func runs(_ context: LabContext) -> [TrainingRun] {
    Self.kinds.map { kind in
      TrainingRun(
        kind.name, on: context.part(context.full(5000, quick: 2000)),
        ModelArchitecture(
          MultilayerPerceptron(
            hidden: [200, 200, 200], normalization: kind.normalization, initialization: .kaimingNormal,
            keepProbability: kind.keep)),
        TrainingConfiguration(
          epochs: context.full(30, quick: 10), batchSize: 50, learningRate: 5e-4, seed: context.seed))
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let gaps = results.runs.indices.map { index in
      results.spread(index) { $0.finalTrainingAccuracy - $0.finalValidation }
    }
    let best = results.runs.indices.map { results.bestValidation($0) }
    let training = results.runs.indices.map { results.trainingAccuracy($0) }
    return Findings(
      answer:
        "At the end the gap is \(gaps[2].text(.points)) with batch normalization and \(gaps[0].text(.points)) without; the best "
        + "validation accuracy is \(best[2].text(percent)) and \(best[0].text(percent)).",
      claims: [
        Claim(
          "The gap between training and validation accuracy at the end is smaller with batch normalization.",
          results.gap(2, below: 0), evidence: "\(gaps[2].text(.points)) against \(gaps[0].text(.points))"),
        Claim(
          "With batch normalization the best validation accuracy is higher.",
          .accuracy(best[2], above: best[0], examples: results.validationExamples),
          evidence: "\(best[2].text(percent)) against \(best[0].text(percent))"),
        Claim(
          "Batch normalization alone is as good on validation as with dropout: less than two points below.",
          .accuracy(best[2], above: best[3], by: -0.02, examples: results.validationExamples),
          evidence: "\(best[2].text(percent)) alone, \(best[3].text(percent)) with dropout"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Accuracy over the epochs",
            reading:
              "Where the left goes on rising while the right does not, a net learns its images by heart. Each image is "
              + "normalized with others that chance put into its batch, which is a noise that works like a regularizer.",
            pictures: results.accuracyCharts(
              zip(Self.kinds, [1, 4, 0, 2]).map { ($0.name, SeriesStyle($1)) }), layout: .pairs)),
        .table(
          ReportTable(
            caption: "At the end",
            columns: [
              .init("net"), .init("training", alignment: .trailing), .init("best validation", alignment: .trailing),
              .init("gap at the end", alignment: .trailing),
            ],
            rows: Self.kinds.indices.map { index in
              [
                Self.kinds[index].name, training[index].text(percent), best[index].text(percent),
                gaps[index].text(.points),
              ]
            })),
      ],
      settings: results.sharedSettings, differences: results.context.dataDifferences)
  }
}
