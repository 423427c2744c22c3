import Norma

/// RMS normalization against layer normalization.
struct RootMeanSquare: Experiment {
  let name = "rms-norm"
  let title = "RMS normalization: without the mean"
  let question = "Does a network miss the mean that layer normalization subtracts?"
  let origin = "Zhang & Sennrich 2019"
  let dataset: LabDataset? = .mnist

  private static let kinds: [NormalizationKind] = [.none, .layer, .rms]

  func runs(_ context: LabContext) -> [TrainingRun] {
    let part = context.part(5000, testCount: 5000, preparation: .unitRange)
    return Self.kinds.map { kind in
      TrainingRun(
        kind.words, on: part,
        ModelArchitecture(
          MultilayerPerceptron(
            hidden: [100, 100, 100, 100, 100], normalization: kind, initialization: .kaimingNormal, conventions: .norma)
        ),
        TrainingConfiguration(
          epochs: context.full(15, quick: 5), batchSize: 50, optimizer: .sgd(), learningRate: 0.05, seed: context.seed))
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let test = results.spreads { $0.testAccuracy ?? TrainingRun.chance }
    return Findings(
      answer:
        "The net ends at \(test[2].text(percent)) test accuracy with RMS, at \(test[1].text(percent)) with layer normalization, at "
        + "\(test[0].text(percent)) with none.",
      claims: [
        Claim(
          "RMS normalization is at most one percentage point behind layer normalization.",
          .difference(
            .combining(test[2], test[1]) { $0 - $1 + 0.01 },
            standardError: 1.5 * Judgement.standardError(test[1].mean, examples: results.testExamples),
            seedDeviation: Judgement.seedDeviation, examples: results.testExamples),
          evidence: "\(test[2].text(percent)) against \(test[1].text(percent))")
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Accuracy with the mean subtracted, and without",
            reading:
              "RMS normalization divides by the root of the mean square and subtracts nothing; it has gamma and no beta.",
            pictures: results.accuracyCharts(
              Array(zip(Self.kinds.map(\.rawValue), [SeriesStyle.plain, SeriesStyle(2), SeriesStyle(3)]))),
            layout: .pairs)),
        .table(
          ReportTable(
            caption: "Test accuracy at the end",
            columns: [.init("normalization"), .init("test accuracy", alignment: .trailing)],
            rows: zip(Self.kinds, test).map { [$0.rawValue, $1.text(percent)] })),
      ],
      settings: results.sharedSettings,
      differences: results.context.dataDifferences + [
        "Zhang and Sennrich train recurrent networks and transformers for translation; the comparison here is of small fully connected ones."
      ])
  }
}
