import Norma

/// CS231n's first look at dropout.
struct Dropout: Experiment {
  let name = "dropout"
  let title = "Dropout"
  let question = "Does leaving out units by chance keep a net from learning its examples by heart?"
  let origin = "CS231n (Stanford), assignment 2, Dropout"
  let dataset: LabDataset? = .cifar10

  private static let keeps = [1, 0.25]

  func runs(_ context: LabContext) -> [TrainingRun] {
    Self.keeps.map { keep in
      TrainingRun(
        keep == 1 ? "no dropout" : "keep \(keep)", on: context.part(500),
        ModelArchitecture(
          MultilayerPerceptron(
            hidden: [500], normalization: .none, initialization: .normal(scale: 1e-2), keepProbability: keep)),
        TrainingConfiguration(epochs: 25, batchSize: 100, learningRate: 5e-4, seed: context.seed))
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let training = [0, 1].map { results.trainingAccuracy($0) }
    let best = [0, 1].map { results.bestValidation($0) }
    let gaps = [0, 1].map { index in results.spread(index) { $0.finalTrainingAccuracy - $0.finalValidation } }
    var blocks: [ReportBlock] = [
      .figure(
        ReportFigure(
          caption: "Accuracy over the epochs",
          reading:
            "With dropout only a quarter of the hidden units, chosen anew for each image, take part in a training step.",
          pictures: results.accuracyCharts([("all kept", SeriesStyle(1)), ("a quarter kept", SeriesStyle(2))]),
          layout: .pairs))
    ]
    if results.context.dataset == .cifar10 {
      blocks.append(
        .table(
          PublishedFigure.table(
            "Our figures beside those reported for the same settings",
            [
              .init(name: "training, all kept", ours: training[0], published: 0.985...1, format: percent),
              .init(name: "training, a quarter kept", ours: training[1], published: 0.86...0.93, format: percent),
              .init(name: "best validation, all kept", ours: best[0], published: 0.31...0.33, format: percent),
              .init(name: "best validation, a quarter kept", ours: best[1], published: 0.31...0.33, format: percent),
            ])))
    }
    return Findings(
      answer:
        "At the end the gap between training and validation accuracy is \(gaps[1].text(.points)) with dropout and "
        + "\(gaps[0].text(.points)) without.",
      claims: [
        Claim(
          "Dropout lowers the training accuracy.",
          .accuracy(training[0], above: training[1], examples: results.trainingExamples),
          evidence: "\(training[1].text(percent)) against \(training[0].text(percent))"),
        Claim(
          "It makes the gap between training and validation accuracy smaller.", results.gap(1, below: 0),
          evidence: "\(gaps[1].text(.points)) against \(gaps[0].text(.points))"),
      ],
      blocks: blocks, settings: results.sharedSettings, differences: results.context.dataDifferences)
  }
}
