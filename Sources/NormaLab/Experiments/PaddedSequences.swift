import Norma

/// Sequences of different lengths in one batch, with and without padding in the statistics.
struct PaddedSequences: Experiment {
  let name = "padded-sequences"
  let title = "Padding: rows that are not there"
  let question = "What does padding do to batch normalization, and what if it does not count?"
  let origin = "pytorch#70529; tensorflow#30161"
  let dataset: LabDataset? = .mnist

  private static let methods = PaddedSequencesRun.Method.allCases

  func runs(_ context: LabContext) -> [PaddedSequencesRun] {
    Self.methods.map { method in
      PaddedSequencesRun(
        label: method.title,
        data: context.part(context.full(5000, quick: 2000), testCount: 2000, preparation: .unitRange), method: method,
        epochs: context.full(8, quick: 3), seed: context.seed)
    }
  }

  func findings(_ results: LabResults<PaddedSequencesRun>) -> Findings {
    let percent = NumberFormat.percentage
    func accuracy(_ method: Int) -> Spread { results.spread(method) { $0.accuracy } }
    func padded(_ method: Int) -> Spread { results.spread(method) { $0.paddedAccuracy } }
    func changed(_ method: Int) -> Spread { results.spread(method) { $0.changedShare } }
    let examples = results.runs[0].data.testExamples
    let plot = DotPlot(
      title: "Test accuracy", axis: ChartAxis("accuracy", format: .percentage),
      series: [("padded to the longest", .batchNorm), ("padded to twice that", .plain)],
      rows: Self.methods.indices.map { DotPlot.Row(Self.methods[$0].title, [accuracy($0).mean, padded($0).mean]) })
    return Findings(
      answer:
        "Padded to twice the length, a network that was trained with padding in its statistics gives \(percent.text(changed(0).mean)) of the sequences another "
        + "answer, one in which padding does not count \(percent.text(changed(1).mean)).",
      claims: [
        Claim(
          "Where padding does not count, more of it changes no answer.",
          .difference(
            Spread(changed(1).values.map { 0.001 - $0 }), standardError: 0.0005, seedDeviation: 0, examples: examples),
          evidence: "\(changed(1).text(percent)) of the answers change, \(changed(0).text(percent)) where it counts"),
        Claim(
          "With twice the padding, batch normalization without a mask is worse than with one.",
          .accuracy(padded(1), above: padded(0), examples: examples),
          evidence: "\(padded(0).text(percent)) against \(padded(1).text(percent))"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Test accuracy with little padding and with much",
            reading:
              "The same sequences, padded to the longest of them and to twice that. Where padding counts, its rows take part in the mean and the "
              + "variance, and twice as many of them make other statistics.",
            pictures: [plot], legend: plot.legend)),
        .table(
          ReportTable(
            caption: "Test accuracy, by batches' own statistics",
            columns: [
              .init("batch normalization"), .init("padded to the longest", alignment: .trailing),
              .init("padded to twice that", alignment: .trailing), .init("answers that change", alignment: .trailing),
            ],
            rows: Self.methods.indices.map {
              [
                Self.methods[$0].title, accuracy($0).text(percent), padded($0).text(percent), changed($0).text(percent),
              ]
            })),
      ],
      settings: [
        .init(name: "sequences", value: "the rows of an image from the top, 60 to 100 % of them; the rest is padding"),
        .init(
          name: "network",
          value:
            "two linear layers of 64 for each row, batch normalization and ReLU after each, the mean of the rows that count, a linear layer"
        ),
        .init(name: "training", value: "Adam, rate 1e-3, batches of 50, \(results.runs[0].epochs) epochs"),
      ] + results.dataSettings,
      differences: results.context.dataDifferences)
  }
}

/// A training on sequences of rows.
struct PaddedSequencesRun: LabDataRun {
  static let kind = "padded-sequences"

  /// Whether padding counts.
  enum Method: String, Codable, Sendable, CaseIterable {
    case counted, masked

    var title: String { self == .counted ? "padding counts" : "padding does not count" }
  }

  var label = ""
  var data: LabData.Part
  var method: Method
  var epochs: Int
  var seed: UInt64

  private enum CodingKeys: CodingKey { case data, method, epochs, seed }

  struct Outcome: Codable, Sendable {
    var accuracy: Double, paddedAccuracy: Double, changedShare: Double
  }

  var work: Double { Double(epochs * data.trainingCount) * 6 * 28 * 6000 }

  /// Sequences with padding, and which rows are there.
  private struct Batch {
    let features, mask: Tensor<Float>
  }

  /// The rows of images that stand for sequences, padded to a length.
  private func sequences(_ images: Tensor<Float>, lengths: ArraySlice<Int>, paddedTo length: Int) -> Batch {
    let (count, height, width) = (images.shape[0], images.shape[1], images.shape[2])
    var features = Tensor<Float>.zeros([count, length, width])
    var mask = Tensor<Float>.zeros([count, length])
    for (example, rows) in lengths.enumerated() {
      for row in 0..<min(rows, height) {
        mask[example, row] = 1
        for column in 0..<width { features[example, row, column] = images[example, row, column, 0] }
      }
    }
    return Batch(features: features, mask: mask)
  }

  func perform(on labData: LabData) throws -> Outcome {
    let data = try labData.prepared(data)
    let (height, width) = (data.training.exampleShape[0], data.training.exampleShape[1])
    var random = RandomGenerator(seed: seed).split(RandomStream.weights.rawValue)
    func lengths(_ count: Int) -> [Int] {
      (0..<count).map { _ in Int.random(in: height * 6 / 10...height, using: &random) }
    }
    let rows = Sequential<Float> {
      Linear(inputs: width, outputs: 64, hasBias: false, using: &random)
      BatchNorm(64)
      ReLU()
      Linear(inputs: 64, outputs: 64, hasBias: false, using: &random)
      BatchNorm(64)
      ReLU()
    }
    let head = Linear<Float>(inputs: 64, outputs: 10, using: &random)
    func outputs(_ batch: Batch, _ pass: Pass<Float>) throws -> Variable<Float> {
      if method == .masked { pass.rowWeights = batch.mask }
      let found = try rows(Variable(batch.features), in: pass)
      // The mean of the rows that are there, whatever normalization did with the others.
      let counts = batch.mask.elements
      let length = batch.mask.shape[1]
      let shares = (0..<batch.mask.shape[0]).flatMap { example -> [Float] in
        let rows = counts[example * length..<(example + 1) * length]
        let total = rows.reduce(0, +)
        return rows.map { $0 / total }
      }
      let weighted = found.multiplied(
        by: Variable(Tensor(shares, shape: [shares.count])), broadcast: .perRow)
      return head(weighted.sum(over: [1]), in: pass)
    }
    guard case .classes(let labels, _) = data.training.targets, case .classes(let testLabels, _) = data.test.targets
    else { throw DataError.validationCount(0, of: 0) }
    let model = Sequential<Float>([rows, head])
    var optimizer = Optimizer<Float>(.adam(), learningRate: 1e-3)
    let trainingLengths = lengths(data.training.count)
    var order = RandomGenerator(seed: seed).split(RandomStream.order.rawValue)
    for _ in 0..<epochs {
      let permutation = order.permutation(data.training.count)
      for start in stride(from: 0, to: permutation.count - 1, by: 50) {
        let examples = Array(permutation[start..<min(start + 50, permutation.count)])
        let batch = sequences(
          data.training.features.gathering(rows: examples), lengths: examples.map { trainingLengths[$0] }[...],
          paddedTo: height)
        let pass = Pass<Float>.training(random: random)
        let loss = try outputs(batch, pass).softmaxCrossEntropy(labels: examples.map { labels[$0] })
        let gradients = pass.gradients(of: loss)
        try pass.updateRunningStatistics()
        let parameters = model.distinctParameters
        optimizer.update(parameters, gradients: parameters.map { gradients[$0] })
      }
    }
    let testLengths = lengths(data.test.count)
    func answers(paddedTo length: Int) throws -> [Int] {
      try stride(from: 0, to: data.test.count, by: 50).flatMap { start in
        let range = start..<min(start + 50, data.test.count)
        let batch = sequences(data.test.features[rows: range], lengths: testLengths[range], paddedTo: length)
        return try outputs(batch, .measuring).value.indicesOfMaximaOverChannels()
      }
    }
    let (plain, padded) = (try answers(paddedTo: height), try answers(paddedTo: 2 * height))
    func accuracy(_ answers: [Int]) -> Double {
      Double(zip(answers, testLabels).count { $0 == $1 }) / Double(max(1, answers.count))
    }
    return Outcome(
      accuracy: accuracy(plain), paddedAccuracy: accuracy(padded),
      changedShare: Double(zip(plain, padded).count { $0 != $1 }) / Double(max(1, plain.count)))
  }
}
