import Norma

/// CS231n's first look at batch normalization: a deep net on a thousand images, with it and without.
struct SixLayerNetwork: Experiment {
  let name = "six-layer-net"
  let title = "A deep net with and without batch normalization"
  let question = "Does a six-layer network learn faster with batch normalization?"
  let origin = "CS231n (Stanford), assignment 2, BatchNormalization"
  let dataset: LabDataset? = .cifar10

  func runs(_ context: LabContext) -> [TrainingRun] {
    [NormalizationKind.none, .batch].map { normalization in
      TrainingRun(
        normalization.words, on: context.part(1000),
        .deepNet(hidden: 5, normalization, scale: 2e-2),
        TrainingConfiguration(epochs: 10, batchSize: 50, learningRate: 1e-3, seed: context.seed))
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let (plain, normalized) = (0, 1)
    let at5 = [plain, normalized].map { results.trainingAccuracy($0, epoch: 5) }
    let at10 = [plain, normalized].map { results.trainingAccuracy($0, epoch: 10) }
    let validation = [plain, normalized].map(results.bestValidation)
    let percent = NumberFormat.percentage
    let published: [ChartSeries] =
      results.context.dataset == .cifar10
      ? [
        .published("none, reported", style: .plain, [(5, 0.425), (10, 0.645)]),
        .published("batch, reported", style: .batchNorm, [(5, 0.59), (10, 0.815)]),
      ] : []
    let figure = ReportFigure(
      caption: "Accuracy over the epochs",
      reading:
        "Left on the images that the net learns from, right on others."
        + (published.isEmpty ? "" : " Hollow marks are the middles of the ranges that others reported."),
      pictures: results.accuracyCharts([("none", .plain), ("batch", .batchNorm)], published: published),
      layout: .pairs,
      legend: [LegendEntry("none", symbol: .series(.plain)), LegendEntry("batch", symbol: .series(.batchNorm))])
    var blocks: [ReportBlock] = [.figure(figure)]
    if results.context.dataset == .cifar10 {
      blocks.append(
        .table(
          PublishedFigure.table(
            "Our figures beside those reported for the same settings",
            [
              .init(name: "training, epoch 5, batch", ours: at5[1], published: 0.58...0.60, format: percent),
              .init(name: "training, epoch 5, none", ours: at5[0], published: 0.41...0.44, format: percent),
              .init(name: "training, epoch 10, batch", ours: at10[1], published: 0.78...0.85, format: percent),
              .init(name: "training, epoch 10, none", ours: at10[0], published: 0.56...0.73, format: percent),
              .init(name: "best validation, batch", ours: validation[1], published: 0.31...0.35, format: percent),
              .init(name: "best validation, none", ours: validation[0], published: 0.29...0.34, format: percent),
            ])))
    }
    return Findings(
      answer:
        "Halfway through training the net gets \(at5[1].text(percent)) of its training images right with batch normalization, and "
        + "\(at5[0].text(percent)) without.",
      claims: [
        Claim(
          "With batch normalization the training accuracy is higher after epoch 5 and after epoch 10.",
          .all([at5, at10].map { .accuracy($0[1], above: $0[0], examples: results.trainingExamples) }),
          evidence:
            "epoch 5: \(at5[1].text(percent)) against \(at5[0].text(percent)); epoch 10: \(at10[1].text(percent)) "
            + "against \(at10[0].text(percent))"),
        Claim(
          "The best validation accuracy is at least as high with it.",
          .accuracy(validation[1], above: validation[0], examples: results.validationExamples),
          evidence: "\(validation[1].text(percent)) against \(validation[0].text(percent))"),
      ],
      blocks: blocks, settings: results.sharedSettings, differences: results.context.dataDifferences)
  }
}

extension ModelArchitecture {
  /// CS231n's fully connected net: so many hidden layers of 100 units, weights from a normal distribution.
  static func deepNet(hidden: Int, _ normalization: NormalizationKind, scale: Double) -> ModelArchitecture {
    ModelArchitecture(
      MultilayerPerceptron(
        hidden: [Int](repeating: 100, count: hidden), normalization: normalization,
        initialization: .normal(scale: scale), conventions: .cs231n))
  }
}
