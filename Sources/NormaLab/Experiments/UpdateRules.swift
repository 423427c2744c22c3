import Norma

/// CS231n's comparison of update rules.
struct UpdateRules: Experiment {
  let name = "update-rules"
  let title = "Update rules"
  let question = "How fast does the same net learn with different rules for making steps of gradients?"
  let origin = "CS231n (Stanford), assignment 2, FullyConnectedNets"
  let dataset: LabDataset? = .cifar10

  private static let rules: [(name: String, rule: any OptimizerRule, rate: Double, reported: ClosedRange<Double>)] = [
    ("SGD", .sgd(), 5e-3, 0.31...0.45), ("momentum", .sgd(momentum: 0.9), 5e-3, 0.53...0.55),
    ("RMSProp", .rmsProp(), 1e-4, 0.52...0.55), ("Adam", .adam(), 1e-3, 0.59...0.62),
  ]

  func runs(_ context: LabContext) -> [TrainingRun] {
    Self.rules.map { rule in
      TrainingRun(
        rule.name, on: context.part(4000), .deepNet(hidden: 5, .none, scale: 5e-2),
        TrainingConfiguration(
          epochs: 5, batchSize: 100, optimizer: rule.rule, learningRate: rule.rate, seed: context.seed))
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let final = results.runs.indices.map { results.trainingAccuracy($0) }
    var blocks: [ReportBlock] = [
      .figure(
        ReportFigure(
          caption: "Accuracy over the epochs",
          reading: "Each rule with the learning rate that suits it, from the same weights on the same batches, without "
            + "normalization.",
          pictures: results.accuracyCharts(
            Self.rules.enumerated().map { ($0.element.name, SeriesStyle($0.offset)) }), layout: .pairs))
    ]
    if results.context.dataset == .cifar10 {
      blocks.append(
        .table(
          PublishedFigure.table(
            "Training accuracy at the end beside the figures reported for the same settings",
            Self.rules.indices.map {
              .init(name: Self.rules[$0].name, ours: final[$0], published: Self.rules[$0].reported, format: percent)
            })))
    }
    return Findings(
      answer:
        "After five epochs: \(Self.rules.indices.map { "\(Self.rules[$0].name) \(final[$0].text(percent))" }.joined(separator: ", ")).",
      claims: [
        Claim(
          "Plain SGD is last, and Adam first.",
          .all(
            [(1, 0), (2, 0), (3, 1), (3, 2)].map {
              .accuracy(final[$0.0], above: final[$0.1], examples: results.trainingExamples)
            }),
          evidence: Self.rules.indices.map { "\(Self.rules[$0].name) \(final[$0].text(percent))" }.joined(
            separator: ", "))
      ],
      blocks: blocks,
      settings: results.sharedSettings
        + Self.rules.map { .init(name: "\($0.name)", value: "learning rate \(NumberFormat.plain.text($0.rate))") },
      differences: results.context.dataDifferences)
  }
}
