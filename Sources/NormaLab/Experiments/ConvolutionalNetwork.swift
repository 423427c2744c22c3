import Norma

/// CS231n's three-layer convolutional net, for an epoch.
struct ConvolutionalNetwork: Experiment {
  let name = "convolutional-net"
  let title = "A convolutional net, and what its filters look for"
  let question = "What does one pass over the images teach a three-layer convolutional net?"
  let origin = "CS231n (Stanford), assignment 2, ConvolutionalNetworks"
  let dataset: LabDataset? = .cifar10

  func runs(_ context: LabContext) -> [TrainingRun] {
    [NormalizationKind.none, .batch].map { normalization in
      TrainingRun(
        normalization.words, on: context.part(context.full(49_000, quick: 5000)),
        ModelArchitecture(
          ThreeLayerConvolutionalNetwork(
            hidden: 500, normalization: normalization, initialization: .normal(scale: 1e-3), conventions: .cs231n)),
        TrainingConfiguration(epochs: 1, batchSize: 50, learningRate: 1e-3, l2Penalty: 1e-3, seed: context.seed),
        keepsFilters: true)
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let names = ["none", "batch"]
    let training = [0, 1].map { results.trainingAccuracy($0) }
    let above = Judgement.accuracy(training[0], above: 0.4, examples: results.trainingExamples)
    let hasAllSteps = results.context.dataset == .cifar10 && !results.context.isQuick
    let losses = names.indices.map { index in
      let outcome = results.outcomes[index][0]
      return ChartSeries(
        name: names[index],
        points: outcome.losses.enumerated().map {
          .init(x: Double(($0.offset + 1) * outcome.lossInterval), y: $0.element)
        }, style: SeriesStyle(1 - index))
    }
    var blocks: [ReportBlock] = [
      .figure(
        ReportFigure(
          caption: "The loss within the epoch",
          reading: "Each point is the mean over a few steps.",
          pictures: [
            LineChart(
              title: "Training loss", x: ChartAxis("step", format: .integer, integersOnly: true), y: ChartAxis("loss"),
              series: losses, isWide: true)
          ]))
    ]
    let grids = names.indices.compactMap { index in
      results.outcomes[index][0].filters.map { FilterGrid(title: results.runs[index].label, filters: $0) }
    }
    if !grids.isEmpty {
      blocks.append(
        .figure(
          ReportFigure(
            caption: "The filters of the convolution after the epoch",
            reading:
              "Each square is a filter, drawn as the image that it answers to most and stretched to the whole range from "
              + "dark to bright. Edges, stripes and patches of colour have been learned; noise is where it started.",
            pictures: grids, layout: .pairs)))
    }
    if results.context.dataset == .cifar10 {
      blocks.append(
        .table(
          PublishedFigure.table(
            "Training accuracy after the epoch beside the range reported for 49,000 images, without normalization",
            [.init(name: "training, none", ours: training[0], published: 0.48...0.52, format: percent)])))
    }
    return Findings(
      answer:
        "After one pass over the images the net gets \(training[0].text(percent)) of the training images right, with batch normalization "
        + "\(training[1].text(percent)).",
      claims: [
        Claim(
          "One epoch leads to a training accuracy above 40 %.",
          hasAllSteps
            ? above : above.unlessShown(because: "the epoch had fewer than half of the published one’s steps"),
          evidence: "\(training[0].text(percent)) without normalization")
      ],
      blocks: blocks, settings: results.sharedSettings,
      differences: results.context.dataDifferences + [
        "CS231n's epoch has 49,000 images and 980 steps; here it has as many as are at hand, and so fewer steps."
      ])
  }
}
