import Norma

/// A network whose images come from elsewhere, and what their statistics alone win back.
struct ShiftedData: Experiment {
  let name = "shifted-data"
  let title = "Images from elsewhere: other statistics, the same weights"
  let question =
    "How much of what a change of contrast and noise costs comes back when only the running statistics are recomputed, on images without labels?"
  let origin = "Li et al. 2016 (AdaBN); Wu & Johnson 2021, section 5"
  let dataset: LabDataset? = .cifar10

  /// How much of its distance from the middle a pixel keeps, and the deviation of the noise that is added, of values from 0 to 1.
  static let shifts: [(name: String, contrast: Float, noise: Float)] = [
    ("half the contrast", 0.5, 0), ("a third of the contrast, noise", 0.35, 0.04), ("noise alone", 1, 0.1),
  ]

  func runs(_ context: LabContext) -> [ShiftedDataRun] {
    [
      ShiftedDataRun(
        label: "convolutional network",
        data: context.part(context.full(18_000, quick: 3000), testCount: 2000, preparation: .unitRange),
        epochs: context.full(5, quick: 2), seed: context.seed)
    ]
  }

  func findings(_ results: LabResults<ShiftedDataRun>) -> Findings {
    let percent = NumberFormat.percentage
    let plain = results.spread(0) { $0.plain }
    func before(_ shift: Int) -> Spread { results.spread(0) { $0.shifted[shift].before } }
    func after(_ shift: Int) -> Spread { results.spread(0) { $0.shifted[shift].after } }
    let examples = (results.runs[0].data.testExamples + 1) / 2
    let kept = Spread(
      zip(plain.values, zip(before(1).values, after(1).values)).map { plain, pair in
        pair.1 - (pair.0 + plain) / 2
      })
    let plot = DotPlot(
      title: "Test accuracy", axis: ChartAxis("accuracy", format: .percentage, covering: [0]),
      series: [("statistics of training", .plain), ("recalibrated", .batchNorm)],
      rows: Self.shifts.indices.map { DotPlot.Row(Self.shifts[$0].name, [before($0).mean, after($0).mean]) }
        + [DotPlot.Row("unchanged", [plain.mean, nil])])
    return Findings(
      answer:
        "With a third of the contrast, and noise, the accuracy falls from \(plain.text(percent)) to \(before(1).text(percent)); with statistics of other such "
        + "images, without their labels, it is \(after(1).text(percent)).",
      claims: [
        Claim(
          "With a third of the contrast and noise, recomputed statistics win back at least half of what was lost.",
          .difference(
            kept, standardError: 1.5 * Judgement.standardError(0.5, examples: examples),
            seedDeviation: Judgement.seedDeviation, examples: examples),
          evidence:
            "\(plain.text(percent)) on plain images, \(before(1).text(percent)) on changed ones, \(after(1).text(percent)) recalibrated"
        ),
        Claim(
          "Recalibration makes no shift worse.",
          .all(Self.shifts.indices.map { .accuracy(after($0), above: before($0), examples: examples) }),
          evidence: Self.shifts.indices.map {
            "\(Self.shifts[$0].name): \(after($0).text(percent)) against \(before($0).text(percent))"
          }.joined(separator: "; ")),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Test accuracy on images that were changed",
            reading:
              "The weights stay as they were trained. Recalibrated: mean and variance are those of other changed images, whose labels nobody needs to "
              + "know. The last row is the net on images like those that it learned from.",
            pictures: [plot], legend: plot.legend)),
        .table(
          ReportTable(
            caption: "Test accuracy on changed images; on plain ones it is \(plain.text(percent))",
            columns: [
              .init("images"), .init("statistics of training", alignment: .trailing),
              .init("recalibrated", alignment: .trailing),
            ],
            rows: Self.shifts.indices.map { [Self.shifts[$0].name, before($0).text(percent), after($0).text(percent)] })
        ),
      ],
      settings: [
        .init(
          name: "network",
          value: "three stages of two 3×3 convolutions with batch normalization, 16, 32 and 64 channels"),
        .init(
          name: "training",
          value: "SGD with momentum, one cycle to rate 0.1, \(results.runs[0].epochs) epochs, batches of 64"),
        .init(
          name: "recalibration",
          value: "on one half of the changed test images, without labels; accuracy is measured on the other half"),
      ] + results.dataSettings,
      differences: results.context.dataDifferences)
  }
}

/// A network trained on plain images, and judged on changed ones with the statistics of both.
struct ShiftedDataRun: LabDataRun {
  static let kind = "shifted-data"

  var label = ""
  var data: LabData.Part
  var epochs: Int
  var seed: UInt64

  private enum CodingKeys: CodingKey { case data, epochs, seed }

  struct Outcome: Codable, Sendable {
    /// What changed images cost, and what is left with their own statistics.
    struct Shifted: Codable, Sendable {
      var before: Double, after: Double
    }
    var plain: Double
    var shifted: [Shifted]
  }

  var work: Double { Double(epochs * data.trainingCount) * 6 * 20e6 }

  func perform(on labData: LabData) throws -> Outcome {
    let data = try labData.prepared(data)
    let model: Sequential<Float> = try VGGNetwork(widths: [16, 32, 64], conventions: .norma).build(
      sampleShape: data.training.exampleShape, outputCount: 10,
      random: RandomGenerator(seed: seed).split(RandomStream.weights.rawValue))
    var training = TrainingConfiguration(
      epochs: epochs, batchSize: 64, optimizer: .sgd(momentum: 0.9), learningRate: 0.1, scheduleUnit: .step, seed: seed)
    training.keepsBest = false
    training.schedule = .oneCycle(length: epochs * training.batches(of: data.training.count).count)
    try Trainer(model, configuration: training).fit(data.training)
    let half = data.test.count / 2
    let (adapting, judged) = (data.test.subset(rows: 0..<half), data.test.subset(rows: half..<data.test.count))
    func accuracy(_ data: Dataset<Float>) throws -> Double { data.accuracy(of: try model.predict(data)) ?? .nan }
    let plain = try accuracy(judged)
    let learned = model.state
    var random = RandomGenerator(seed: seed).split(RandomStream.augmentation.rawValue)
    let shifted = try ShiftedData.shifts.map { shift in
      func changed(_ data: Dataset<Float>) -> Dataset<Float> {
        var data = data
        let noise = Tensor<Float>.normal(data.features.shape, standardDeviation: Double(shift.noise), using: &random)
        data.features = shift.contrast * (data.features - 0.5) + 0.5 + noise
        return data
      }
      let (adapting, judged) = (changed(adapting), changed(judged))
      let before = try accuracy(judged)
      try model.recalibrateStatistics(on: adapting, batchSize: 64)
      let after = try accuracy(judged)
      try model.load(learned)
      return Outcome.Shifted(before: before, after: after)
    }
    return Outcome(plain: plain, shifted: shifted)
  }
}
