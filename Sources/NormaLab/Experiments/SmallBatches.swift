import Norma

/// Where batch normalization fails: batches of a few examples, and batches of one class.
struct SmallBatches: Experiment {
  let name = "small-and-sorted-batches"
  let title = "Where it fails: small and sorted batches"
  let question = "What happens to batch normalization when a batch is tiny or holds one class only, and what helps?"
  let origin = "Ioffe 2017 (batch renormalization); Wu & He 2018 (group normalization)"
  let dataset: LabDataset? = .mnist

  private static let methods = SmallBatchRun.Method.allCases
  private static let orders: [(name: String, size: Int, isSorted: Bool)] = [
    ("shuffled, 50", 50, false), ("shuffled, 4", 4, false), ("one class each, 50", 50, true),
    ("one class each, 4", 4, true),
  ]

  func runs(_ context: LabContext) -> [SmallBatchRun] {
    Self.orders.flatMap { order in
      Self.methods.map { method in
        SmallBatchRun(
          label: "\(method.title), \(order.name)",
          data: context.part(context.full(10_000, quick: 3000), testCount: 2000, preparation: .unitRange),
          method: method,
          batchSize: order.size, isSorted: order.isSorted, epochs: context.full(4, quick: 2), seed: context.seed)
      }
    }
  }

  func findings(_ results: LabResults<SmallBatchRun>) -> Findings {
    let percent = NumberFormat.percentage
    func index(_ order: Int, _ method: SmallBatchRun.Method) -> Int {
      order * Self.methods.count + (Self.methods.firstIndex(of: method) ?? 0)
    }
    func accuracy(_ order: Int, _ method: SmallBatchRun.Method) -> Spread {
      results.spread(index(order, method)) { $0.accuracies.last?.accuracy ?? .nan }
    }
    let charts = Self.orders.indices.map { order in
      LineChart(
        title: Words.capitalized(Self.orders[order].name),
        x: ChartAxis("images seen", format: .integer),
        y: ChartAxis("test accuracy", format: .percentage, covering: [0, 1]),
        series: Self.methods.map { method in
          let outcomes = results.outcomes[index(order, method)]
          return .seeds(
            method.rawValue, style: method.style,
            outcomes[0].accuracies.indices.map { place in
              (Double(outcomes[0].accuracies[place].seen), Spread(outcomes.map { $0.accuracies[place].accuracy }))
            })
        })
    }
    let legend = Self.methods.map { LegendEntry($0.title, symbol: .series($0.style)) }
    let sorted = (accuracy(2, .batch), accuracy(2, .renorm), accuracy(2, .group))
    let examples = results.runs[0].data.testExamples
    let tiny = (accuracy(1, .batch), accuracy(1, .renorm), accuracy(1, .group), accuracy(0, .batch))
    return Findings(
      answer:
        "On batches of one class each, batch normalization ends at \(sorted.0.text(percent)) test accuracy, renormalization at "
        + "\(sorted.1.text(percent)), group normalization at \(sorted.2.text(percent)).",
      claims: [
        Claim(
          "Batches of 4 cost batch normalization accuracy.", .accuracy(tiny.3, above: tiny.0, examples: examples),
          evidence: "\(tiny.0.text(percent)) against \(tiny.3.text(percent)) with batches of 50"),
        Claim(
          "With batches of 4 renormalization is better.", .accuracy(tiny.1, above: tiny.0, examples: examples),
          evidence: "\(tiny.1.text(percent)) against \(tiny.0.text(percent))"),
        Claim(
          "Batches of one class make batch normalization useless in inference, below half of what shuffled ones give.",
          .accuracy(sorted.0, below: accuracy(0, .batch).mean / 2, examples: examples),
          evidence: "\(sorted.0.text(percent)) against \(accuracy(0, .batch).text(percent))"),
        Claim(
          "On batches of one class renormalization is better than batch normalization.",
          .accuracy(sorted.1, above: sorted.0, examples: examples),
          evidence: "\(sorted.1.text(percent)) against \(sorted.0.text(percent))"),
        Claim(
          "Group normalization, which looks at one example at a time, is better than batch normalization on them too.",
          .accuracy(sorted.2, above: sorted.0, examples: examples),
          evidence: "\(sorted.2.text(percent)) against \(sorted.0.text(percent))"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Test accuracy over the images seen",
            reading:
              "In a batch of one class the mean says which class it is, and normalization removes it; in inference the running "
              + "statistics are of all classes, and the net sees what it never saw. Renormalization trains on the running statistics as "
              + "far as its bounds allow.",
            pictures: Array(charts[1...2]), layout: .pairs, legend: legend)),
        .figure(
          ReportFigure(
            caption: "The same with shuffled batches of 50, and with 4 images of one class",
            reading: "What the small batches are held against, and both troubles at once.",
            pictures: [charts[0], charts[3]], layout: .pairs, legend: legend)),
        .table(
          ReportTable(
            caption: "Test accuracy at the end",
            columns: [.init("batches")] + Self.methods.map { .init($0.title, alignment: .trailing) },
            rows: Self.orders.indices.map { order in
              [Self.orders[order].name] + Self.methods.map { accuracy(order, $0).text(percent) }
            })),
      ],
      settings: [
        .init(name: "network", value: "two hidden layers of 100, ReLU, Kaiming's scale"),
        .init(name: "training", value: "SGD, rate 0.05 × batch size / 50, \(results.runs[0].epochs) epochs"),
        .init(name: "renormalization", value: "r up to 3, d up to 5, both from none over the first half of the steps"),
      ] + results.dataSettings,
      differences: results.context.dataDifferences + [
        "Ioffe trains Inception on ImageNet with batches of 4, and with batches of 16 classes of 2 images; one class a batch is harder."
      ])
  }
}

/// A training with its own order of batches.
struct SmallBatchRun: LabDataRun {
  static let kind = "small-batches"

  /// What normalizes.
  enum Method: String, Codable, Sendable, CaseIterable {
    case none, batch, renorm, group

    var title: String {
      switch self {
      case .none: "no normalization"
      case .batch: "batch norm"
      case .renorm: "batch renorm"
      case .group: "group norm"
      }
    }

    var style: SeriesStyle {
      switch self {
      case .none: .plain
      case .batch: .batchNorm
      case .renorm: SeriesStyle(2)
      case .group: .groupNorm
      }
    }
  }

  var label = ""
  var data: LabData.Part
  var method: Method
  var batchSize: Int
  var isSorted: Bool
  var epochs: Int
  var seed: UInt64

  private enum CodingKeys: CodingKey { case data, method, batchSize, isSorted, epochs, seed }

  struct Outcome: Codable, Sendable {
    /// How good the net was after some images.
    struct Accuracy: Codable, Sendable {
      var seen: Int
      var accuracy: Double
    }
    var accuracies: [Accuracy]
  }

  var work: Double { Double(epochs * data.trainingCount) * (6 * 90_000 + 4e6 / Double(batchSize)) }

  func perform(on labData: LabData) throws -> Outcome {
    let data = try labData.prepared(data)
    var random = RandomGenerator(seed: seed).split(RandomStream.weights.rawValue)
    let batches = try batches(of: data.training)
    func normalization() -> [any Layer<Float>] {
      switch method {
      case .none: []
      case .batch: [BatchNorm(100)]
      case .renorm: [BatchNorm(100, renormalization: .rising(overBatches: batches.count / 2))]
      case .group: [GroupNorm(100, groups: 10)]
      }
    }
    let inputs = data.training.exampleShape.elementCount
    var layers: [any Layer<Float>] = []
    for width in [inputs, 100] {
      layers.append(Linear(inputs: width, outputs: 100, hasBias: method == .none || method == .group, using: &random))
      layers += normalization()
      layers.append(ReLU())
    }
    layers.append(Linear(inputs: 100, outputs: 10, using: &random))
    let model = Sequential(layers)
    func flat(_ examples: Dataset<Float>) -> Dataset<Float> {
      var examples = examples
      examples.features = examples.features.flattened()
      return examples
    }
    let training = flat(data.training)
    let test = flat(data.test)
    var optimizer = Optimizer<Float>(.sgd(), learningRate: 0.05 * Double(batchSize) / 50)
    var outcome = Outcome(accuracies: [])
    let interval = max(1, batches.count / 20)
    var seen = 0
    for (step, batch) in batches.enumerated() {
      let examples = training.batch(batch)
      let found = try model.differentiate(examples.features, random: &random) {
        try SoftmaxCrossEntropy()($0, targets: examples.targets)
      }
      try optimizer.update(model, with: found)
      seen += batch.count
      if (step + 1).isMultiple(of: interval) || step == batches.count - 1 {
        let accuracy = test.accuracy(of: try model.predict(test)) ?? .nan
        outcome.accuracies.append(.init(seen: seen, accuracy: accuracy))
      }
    }
    return outcome
  }

  /// The batches of all epochs: by chance, or by chance within a class and then in an order of chance.
  private func batches(of training: Dataset<Float>) throws -> [[Int]] {
    guard case .classes(let labels, let classCount) = training.targets else { return [] }
    var random = RandomGenerator(seed: seed).split(RandomStream.order.rawValue)
    return (0..<epochs).flatMap { _ -> [[Int]] in
      let order = random.permutation(training.count)
      let groups = isSorted ? (0..<classCount).map { label in order.filter { labels[$0] == label } } : [order]
      let batches = groups.flatMap { group in
        stride(from: 0, to: group.count, by: batchSize).map { Array(group[$0..<min(group.count, $0 + batchSize)]) }
      }.filter { $0.count > 1 }
      return random.permutation(batches.count).map { batches[$0] }
    }
  }
}
