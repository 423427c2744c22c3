import Norma

/// One large batch, cut into ghost batches that are normalized by themselves.
struct GhostBatches: Experiment {
  let name = "ghost-batches"
  let title = "Ghost batches: the noise of small batches in a large one"
  let question = "What do moments of a part of a large batch change?"
  let origin = "Hoffer, Hubara & Soudry 2017"
  let dataset: LabDataset? = .mnist

  private static let sizes: [Int?] = [nil, 64, 16, 4]
  private static let batchSize = 512

  private static func name(_ size: Int?) -> String { size.map { "ghosts of \($0)" } ?? "the whole batch" }

  func runs(_ context: LabContext) -> [TrainingRun] {
    let part = context.part(5000, testCount: 5000, preparation: .unitRange)
    return Self.sizes.map { size in
      var training = TrainingConfiguration(
        epochs: context.full(30, quick: 8), batchSize: Self.batchSize, optimizer: .sgd(momentum: 0.9),
        learningRate: 0.1, seed: context.seed)
      training.ghostSize = size
      return TrainingRun(
        Self.name(size), on: part,
        ModelArchitecture(
          MultilayerPerceptron(hidden: [256, 256, 256], initialization: .kaimingNormal, conventions: .norma)), training)
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let test = results.spreads { $0.testAccuracy ?? TrainingRun.chance }
    let loss = results.spreads { $0.losses.last ?? .nan }
    let styles = [SeriesStyle.batchNorm, SeriesStyle(2), SeriesStyle(3), SeriesStyle.plain]
    return Findings(
      answer:
        "With batches of \(Self.batchSize) the test accuracy is \(test[0].text(percent)) with moments of the whole batch, "
        + "\(test[1].text(percent)), \(test[2].text(percent)) and \(test[3].text(percent)) with those of 64, 16 and 4 images.",
      claims: [
        Claim(
          "The smaller the ghost batches, the harder the training images are to fit: the loss at the end is larger with ghosts of 4 than with the whole batch.",
          .difference(
            .combining(loss[3], loss[0]) { $0 - $1 }, standardError: 0.002, seedDeviation: 0.002,
            examples: results.trainingExamples),
          evidence: zip(Self.sizes, loss).map { "\(Self.name($0)): \(NumberFormat.plain.text($1.mean))" }
            .joined(separator: "; ")),
        Claim(
          "Ghosts of 16 generalize better than the whole batch.",
          .accuracy(test[2], above: test[0], examples: results.testExamples),
          evidence: "\(test[2].text(percent)) against \(test[0].text(percent))"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Accuracy by whose moments",
            reading:
              "The steps, the rate and the images of each are the same. Only the moments that an image is normalized with are those of fewer others, "
              + "and so noisier. Inference, and the running statistics, know nothing of it.",
            pictures: results.accuracyCharts(Array(zip(Self.sizes.map(Self.name), styles))), layout: .pairs)),
        .table(
          ReportTable(
            caption: "Test accuracy at the end",
            columns: [.init("moments of"), .init("test accuracy", alignment: .trailing)],
            rows: zip(Self.sizes, test).map { [Self.name($0), $1.text(percent)] })),
      ],
      settings: results.sharedSettings,
      differences: results.context.dataDifferences + [
        "Hoffer et al. train ResNet-44 on CIFAR-10 with batches of 4,096 and ghosts of 128, and raise the rate with the batch."
      ])
  }
}

/// A batch that goes through in parts.
struct Accumulation: Experiment {
  let name = "accumulation"
  let title = "A batch in parts: each by itself, or by the moments of all"
  let question = "Does a batch of 64 in four parts train as a batch of 64 does?"
  let origin = "pytorch#46516; Luo et al. 2020 (momentum batch normalization)"
  let dataset: LabDataset? = .mnist

  private static let kinds = [
    "whole", "four parts, joint moments", "four parts, each its own", "sixteen parts, each its own",
  ]

  func runs(_ context: LabContext) -> [TrainingRun] {
    let part = context.part(5000, testCount: 2000, preparation: .unitRange)
    return Self.kinds.enumerated().map { index, name in
      var training = TrainingConfiguration(
        epochs: context.full(10, quick: 4), batchSize: 64, optimizer: .sgd(), learningRate: 0.1, seed: context.seed)
      training.microBatches = [1, 4, 4, 16][index]
      training.sharesMoments = index == 1
      return TrainingRun(
        name, on: part,
        ModelArchitecture(
          MultilayerPerceptron(hidden: [100, 100, 100], initialization: .kaimingNormal, conventions: .norma)), training)
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let test = results.spreads { $0.testAccuracy ?? TrainingRun.chance }
    /// How far the losses of a run are from those of the whole batch, of the loss at the start.
    func distance(_ index: Int) -> Spread {
      Spread(
        zip(results.outcomes[index], results.outcomes[0]).map { part, whole in
          let differences = zip(part.losses, whole.losses).map { abs($0 - $1) }
          return (differences.max() ?? .nan) / (whole.losses.first ?? .nan)
        })
    }
    let distances = (1...3).map(distance)
    let styles = [SeriesStyle.batchNorm, SeriesStyle(2), SeriesStyle(3), SeriesStyle.plain]
    return Findings(
      answer:
        "Four parts that share their moments follow the loss of the whole batch to \(percent.text(distances[0].mean)) of the first loss; each by its own they are up to "
        + "\(percent.text(distances[1].mean)) away, and sixteen parts \(percent.text(distances[2].mean)).",
      claims: [
        Claim(
          "Four parts with joint moments follow the whole batch more closely than four parts by themselves.",
          .difference(
            .combining(distances[1], distances[0]) { $0 - $1 }, standardError: 0.002, seedDeviation: 0.005,
            examples: results.trainingExamples),
          evidence:
            "the losses are at most \(percent.text(distances[0].mean)) and \(percent.text(distances[1].mean)) of the first loss away"
        )
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Accuracy by how the batch goes through",
            reading:
              "With joint moments the parts say what the batch says, to rounding, which grows as training goes on. By themselves, parts of four images are "
              + "normalized by four images.",
            pictures: results.accuracyCharts(Array(zip(Self.kinds, styles))), layout: .pairs)),
        .table(
          ReportTable(
            caption: "Test accuracy at the end",
            columns: [.init("batch of 64"), .init("test accuracy", alignment: .trailing)],
            rows: zip(Self.kinds, test).map { [$0, $1.text(percent)] })),
      ],
      settings: results.sharedSettings, differences: results.context.dataDifferences)
  }
}
