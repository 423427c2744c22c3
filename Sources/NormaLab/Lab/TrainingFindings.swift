import Norma

/// What experiments that train networks share in telling of it.
extension LabResults where Run == TrainingRun {
  package typealias Epoch = TrainingHistory.Epoch

  /// A line over the epochs of one run, with a band over the seeds where there are several.
  package func curve(
    _ index: Int, _ name: String, style: SeriesStyle, _ value: (Epoch) -> Double?
  ) -> ChartSeries {
    let longest = outcomes[index].map(\.epochs.count).max() ?? 0
    return line(name, style: style, count: longest) { place in
      (
        Double(place + 1),
        outcomes[index].map { $0.epochs.indices.contains(place) ? value($0.epochs[place]) ?? .nan : .nan }
      )
    }
  }

  /// A line over what was seen on the way of one run.
  func course(_ index: Int, _ name: String, style: SeriesStyle, _ value: (Run.Probe) -> Double?) -> ChartSeries {
    let longest = outcomes[index].map(\.probes.count).max() ?? 0
    return line(name, style: style, count: longest) { place in
      let probes = outcomes[index].compactMap { $0.probes.indices.contains(place) ? $0.probes[place] : nil }
      return (Double(probes.first?.step ?? 0), probes.map { value($0) ?? .nan })
    }
  }

  private func line(
    _ name: String, style: SeriesStyle, count: Int, _ values: (Int) -> (x: Double, values: [Double])
  ) -> ChartSeries {
    let places = (0..<count).map(values)
    return .seeds(name, style: style, places.map { ($0.x, Spread($0.values)) })
  }

  /// The accuracy over the epochs, on the training data and beside it on the validation data.
  ///
  /// - Parameters:
  ///   - lines: one for each run, from the first on.
  ///   - published: figures from elsewhere for the training data.
  func accuracyCharts(
    _ lines: [(name: String, style: SeriesStyle)], published: [ChartSeries] = []
  ) -> [LineChart] {
    func curves(_ value: (Epoch) -> Double?) -> [ChartSeries] {
      lines.enumerated().map { curve($0.offset, $0.element.name, style: $0.element.style, value) }
    }
    return [
      .accuracy("Training accuracy", curves { $0.trainingMetric } + published),
      .accuracy("Validation accuracy", curves { $0.validationMetric }),
    ]
  }

  /// The accuracy on the training data at the end. A run that diverged guesses.
  func trainingAccuracy(_ index: Int) -> Spread { spread(index, \.finalTrainingAccuracy) }

  /// The accuracy on the training data after so many epochs.
  func trainingAccuracy(_ index: Int, epoch: Int) -> Spread {
    spread(index) { $0.epochs.first { $0.number == epoch }?.trainingMetric ?? TrainingRun.chance }
  }

  /// The best accuracy on the validation data.
  package func bestValidation(_ index: Int) -> Spread { spread(index, \.bestValidation) }

  /// How many examples an accuracy on the training, validation or test data was measured on.
  var trainingExamples: Int { runs.first?.data.trainingExamples ?? 0 }
  package var validationExamples: Int { runs.first?.data.validationExamples ?? 0 }
  var testExamples: Int { runs.first?.data.testExamples ?? 0 }

  /// Whether training and validation accuracy end nearer to each other in one run than in another.
  func gap(_ index: Int, below other: Int) -> Judgement {
    func gap(_ index: Int) -> Spread { spread(index) { $0.finalTrainingAccuracy - $0.finalValidation } }
    let errors = [index, other].flatMap { index in
      [
        Judgement.standardError(spread(index, \.finalTrainingAccuracy).mean, examples: trainingExamples),
        Judgement.standardError(spread(index, \.finalValidation).mean, examples: validationExamples),
      ]
    }
    return .difference(
      .combining(gap(other), gap(index)) { $0 - $1 }, standardError: Judgement.length(errors),
      seedDeviation: Judgement.seedDeviation * 2, examples: validationExamples)
  }

  /// The settings that all runs share, as the report lists them.
  package var sharedSettings: [NormComparison.Setting] {
    guard let first = runs.first else { return [] }
    func shared<Value: Equatable>(_ name: String, _ value: (Run) -> Value, _ text: (Value) -> String)
      -> NormComparison.Setting?
    {
      let one = value(first)
      return runs.allSatisfy { value($0) == one } ? .init(name: name, value: text(one)) : nil
    }
    return [
      shared("data", \.data) { part in
        "\(part.dataset.title), \(part.trainingCount) training images, \(part.validationCount) for validation, "
          + (part.preparation == .meanSubtracted ? "mean image subtracted" : "values from 0 to 1")
      },
      shared("network", \.network) { $0.description },
      shared("weights at first", \.network.recipe.initialization) { "\($0)" },
      shared("optimizer", { "\($0.training.optimizer)" }) { $0 },
      shared("learning rate", \.training.learningRate) { NormaLab.NumberFormat.plain.text($0) },
      shared("penalty on weights", \.training.l2Penalty) { NormaLab.NumberFormat.plain.shortText($0) },
      shared("batch size", \.training.batchSize) { "\($0)" },
      shared("epochs", \.training.epochs) { "\($0)" },
      .init(
        name: "seeds",
        value: outcomes[0].count == 1 ? "\(context.seed)" : "\(outcomes[0].count), from \(context.seed) on"),
    ].compactMap(\.self)
  }
}

extension TrainingRun {
  /// What guessing reaches with ten classes.
  static let chance = 0.1
}

extension TrainingRun.Outcome {
  /// The accuracy on the training data at the end; that of guessing if training diverged.
  var finalTrainingAccuracy: Double {
    divergedAtStep == nil ? epochs.last?.trainingMetric ?? TrainingRun.chance : TrainingRun.chance
  }

  /// The best accuracy on the validation data after any epoch.
  var bestValidation: Double { epochs.compactMap(\.validationMetric).max() ?? TrainingRun.chance }

  /// The accuracy on the validation data at the end.
  var finalValidation: Double {
    divergedAtStep == nil ? epochs.last?.validationMetric ?? TrainingRun.chance : TrainingRun.chance
  }
}

extension LineChart {
  /// Accuracies over the epochs, from 0 on.
  static func accuracy(_ title: String, _ series: [ChartSeries]) -> LineChart {
    LineChart(
      title: title, x: ChartAxis("epoch", integersOnly: true),
      y: ChartAxis("accuracy", format: .percentage, covering: [0]), series: series)
  }
}

extension ChartSeries {
  /// A line through the means of several seeds, with a band from the lowest to the highest.
  static func seeds(_ name: String, style: SeriesStyle, _ values: [(x: Double, spread: Spread)]) -> ChartSeries {
    let hasBand = values.contains { $0.spread.lowest != $0.spread.highest && $0.spread.mean.isFinite }
    return ChartSeries(
      name: name, points: values.map { .init(x: $0.x, y: $0.spread.mean) },
      band: hasBand ? values.map { .init(x: $0.x, lower: $0.spread.lowest, upper: $0.spread.highest) } : [],
      style: style)
  }

  /// Figures from elsewhere: points alone.
  static func published(_ name: String, style: SeriesStyle, _ values: [(x: Double, y: Double)]) -> ChartSeries {
    ChartSeries(name: name, points: values.map { .init(x: $0.x, y: $0.y) }, style: style, isJoined: false)
  }
}

/// One of our figures beside the range that others published.
struct PublishedFigure {
  var name: String
  var ours: Spread
  var published: ClosedRange<Double>
  var format = NumberFormat.plain

  /// Whether ours lies in the range, and if not, how far off.
  private var place: String {
    if published.contains(ours.mean) { return "within" }
    guard ours.mean.isFinite else { return "not finite" }
    return ours.mean > published.upperBound
      ? "\(format.ofDifference.text(ours.mean - published.upperBound)) above"
      : "\(format.ofDifference.text(published.lowerBound - ours.mean)) below"
  }

  private var range: String {
    published.lowerBound == published.upperBound
      ? format.text(published.lowerBound)
      : "\(format.text(published.lowerBound)) to \(format.text(published.upperBound))"
  }

  /// All of them as a table.
  static func table(_ caption: String, _ figures: [PublishedFigure]) -> ReportTable {
    ReportTable(
      caption: caption,
      columns: [
        .init("figure"), .init("ours", alignment: .trailing), .init("published", alignment: .trailing),
        .init("ours is"),
      ],
      rows: figures.map { [$0.name, $0.ours.text($0.format), $0.range, $0.place] })
  }
}

extension LabContext {
  /// A part of the data at hand: the first so many training images, and a thousand others to validate on.
  package func part(
    _ trainingCount: Int, testCount: Int = 1000, preparation: LabData.Part.Preparation = .meanSubtracted
  ) -> LabData.Part {
    let dataset = dataset ?? .digits
    return LabData.Part(
      dataset, trainingCount: trainingCount, validationCount: dataset == .digits ? 397 : 1000, testCount: testCount,
      preparation: preparation)
  }

  /// What the data differ in from those of the published experiments, in words.
  package var dataDifferences: [String] {
    switch dataset {
    case .cifar10:
      [
        "On the CIFAR-10 files that were named, with other images and another seed than the published figures: see the top."
      ]
    case .digits:
      ["Run on the built-in digits: the published figures cannot be compared, the order of things can."]
    case .mnist, nil: []
    }
  }
}

extension LabData.Part {
  /// How many examples an accuracy is measured on: of the training data the first, of the others all that there are.
  var trainingExamples: Int {
    min(trainingCount, Trainer<Float>.trainingMetricSamples, dataset == .digits ? 1000 : .max)
  }
  var validationExamples: Int { validationCount }
  var testExamples: Int { min(testCount, dataset == .digits ? 400 : .max) }

  /// How many epochs on the part it takes to make so many steps; the last may run on a little after them.
  func epochs(ofSteps steps: Int, batchSize: Int) -> Int {
    // What is left of the training images beside those that validate, and the digits' that test.
    let available =
      switch dataset {
      case .cifar10: 49_000
      case .mnist: 59_000
      case .digits: 1000
      }
    let stepsPerEpoch = min(trainingCount, available) / batchSize
    return (steps + stepsPerEpoch - 1) / stepsPerEpoch
  }
}

extension SeriesStyle {
  static let batchNorm = SeriesStyle(0), plain = SeriesStyle(1), layerNorm = SeriesStyle(2), groupNorm = SeriesStyle(3)
}
