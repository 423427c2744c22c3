import Norma

/// CS231n's sanity check: a net that works can learn a few examples by heart.
struct Overfitting: Experiment {
  let name = "overfit"
  let title = "Learning a few images by heart"
  let question = "Can each kind of net get every one of a few training images right?"
  let origin = "CS231n (Stanford), assignment 2, FullyConnectedNets and ConvolutionalNetworks"
  let dataset: LabDataset? = .cifar10

  func runs(_ context: LabContext) -> [TrainingRun] {
    func perceptron(_ hidden: Int) -> TrainingRun {
      TrainingRun(
        "\(hidden) hidden layers, 50 images", on: context.part(50),
        ModelArchitecture(
          MultilayerPerceptron(
            hidden: [Int](repeating: 100, count: hidden), normalization: .none, initialization: .kaimingNormal)),
        TrainingConfiguration(epochs: 20, batchSize: 25, learningRate: 1e-3, seed: context.seed))
    }
    return [
      perceptron(2), perceptron(4),
      TrainingRun(
        "convolutional net, 100 images", on: context.part(100),
        ModelArchitecture(
          ThreeLayerConvolutionalNetwork(normalization: .none, initialization: .normal(scale: 1e-2))),
        TrainingConfiguration(epochs: 15, batchSize: 50, learningRate: 1e-3, seed: context.seed)),
    ]
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let names = ["2 × 100", "4 × 100", "conv"]
    let best = results.runs.indices.map { index in
      results.spread(index) { $0.epochs.map(\.trainingMetric).max() ?? TrainingRun.chance }
    }
    return Findings(
      answer: best.allSatisfy { $0.lowest >= 1 }
        ? "All three nets get every one of their training images right."
        : "Not all of them: \(zip(names, best).map { "\($0) \($1.text(percent))" }.joined(separator: ", ")).",
      claims: [
        Claim(
          "Fully connected nets of two and of four hidden layers learn 50 images within 20 epochs.",
          .all(best[...1].map { .everySeed($0) { $0 >= 1 } }),
          evidence: "best training accuracy \(best[0].text(percent)) and \(best[1].text(percent))"),
        Claim(
          "The convolutional net learns 100 images within 15 epochs.", .everySeed(best[2]) { $0 >= 1 },
          evidence: "best training accuracy \(best[2].text(percent))"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Accuracy on a few images",
            reading:
              "A net that cannot learn fifty images has a fault. What it learns this way says nothing about other images, "
              + "as the right picture shows.",
            pictures: results.accuracyCharts(names.indices.map { (names[$0], SeriesStyle($0)) }), layout: .pairs))
      ],
      settings: results.sharedSettings,
      differences: results.context.dataDifferences + [
        "CS231n leaves scale and rate of the fully connected nets to its students; here the weights start from Kaiming's "
          + "scale, with Adam at 0.001."
      ])
  }
}
