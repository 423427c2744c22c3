import Norma

/// Before the nonlinearity or behind it.
struct NormalizationPlacement: Experiment {
  let name = "placement"
  let title = "Before or behind the nonlinearity"
  let question =
    "Does it matter whether batch normalization stands before the ReLU, as the paper puts it, or behind it?"
  let origin = "An experiment of Norma's own; Ioffe & Szegedy 2015, section 3.2, argue for before"
  let dataset: LabDataset? = .cifar10

  func runs(_ context: LabContext) -> [PlacementRun] {
    PlacementRun.Place.allCases.map { place in
      PlacementRun(
        label: place == .none ? "none" : "\(place.rawValue) the ReLU",
        data: context.part(context.full(5000, quick: 1000)), place: place,
        epochs: context.full(15, quick: 8), seed: context.seed)
    }
  }

  func findings(_ results: LabResults<PlacementRun>) -> Findings {
    let percent = NumberFormat.percentage
    let places = PlacementRun.Place.allCases
    let styles = [SeriesStyle.plain, .batchNorm, SeriesStyle(2)]
    func chart(_ title: String, _ value: @escaping (TrainingHistory.Epoch) -> Double) -> LineChart {
      .accuracy(
        title,
        places.indices.map { index in
          .seeds(
            places[index].rawValue, style: styles[index],
            results.outcomes[index][0].epochs.indices.map { epoch in
              (Double(epoch + 1), Spread(results.outcomes[index].map { value($0.epochs[epoch]) }))
            })
        })
    }
    let best = places.indices.map { index in
      results.spread(index) { $0.epochs.compactMap(\.validationMetric).max() ?? .nan }
    }
    let final = places.indices.map { index in results.spread(index) { $0.epochs.last?.trainingMetric ?? .nan } }
    return Findings(
      answer:
        "With normalization before the ReLU the best validation accuracy is \(best[1].text(percent)), behind it "
        + "\(best[2].text(percent)), without any \(best[0].text(percent)).",
      claims: [
        Claim(
          "Before the nonlinearity the best validation accuracy is higher than behind it.",
          .accuracy(best[1], above: best[2], examples: results.runs[0].data.validationExamples),
          evidence: "\(best[1].text(percent)) against \(best[2].text(percent))"),
        Claim(
          "Either place leads to a higher training accuracy than none.",
          .all(
            [1, 2].map { .accuracy(final[$0], above: final[0], examples: results.runs[0].data.trainingExamples) }),
          evidence: "before \(final[1].text(percent)), behind \(final[2].text(percent)), none \(final[0].text(percent))"
        ),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Accuracy by the place of batch normalization",
            reading:
              "Three hidden layers of 100 units. Before the ReLU the normalized values are near a bell curve and half of the units "
              + "answer; behind it the next layer gets inputs of mean 0 and variance 1.",
            pictures: [
              chart("Training accuracy", \.trainingMetric),
              chart("Validation accuracy") { $0.validationMetric ?? .nan },
            ],
            layout: .pairs))
      ],
      settings: [
        .init(name: "network", value: "3 hidden layers of 100, ReLU, Kaiming's scale"),
        .init(name: "training", value: "Adam, rate 0.001, batches of 50, \(results.runs[0].epochs) epochs"),
      ] + results.dataSettings,
      differences: results.context.dataset == .digits ? results.context.dataDifferences : [])
  }
}

/// One training with batch normalization in one place.
struct PlacementRun: LabDataRun {
  static let kind = "placement"

  /// Where it stands.
  enum Place: String, Codable, Sendable, CaseIterable {
    case none
    case before, behind
  }

  var label = ""
  var data: LabData.Part
  var place: Place
  var epochs: Int
  var seed: UInt64
  var conventions = BatchNormalizationConventions.norma

  private enum CodingKeys: CodingKey { case data, place, epochs, seed, conventions }

  struct Outcome: Codable, Sendable {
    var epochs: [TrainingHistory.Epoch]
  }

  var work: Double { Double(epochs * data.trainingCount) * (6 * 330_000 + 4e6 / 50) }

  func perform(on labData: LabData) throws -> Outcome {
    let data = try labData.prepared(data)
    var random = RandomGenerator(seed: seed).split(RandomStream.weights.rawValue)
    let inputs = data.training.exampleShape.elementCount
    let model = Sequential<Float> {
      Flatten()
      for layer in 0..<3 {
        Linear(inputs: layer == 0 ? inputs : 100, outputs: 100, hasBias: place != .before, using: &random)
        if place == .before { BatchNorm(100, conventions: conventions) }
        ReLU()
        if place == .behind { BatchNorm(100, conventions: conventions) }
      }
      Linear(inputs: 100, outputs: 10, using: &random)
    }
    let trainer = try Trainer(
      model, configuration: TrainingConfiguration(epochs: epochs, batchSize: 50, keepsBest: false, seed: seed))
    return Outcome(epochs: try trainer.fit(data.training, validation: data.validation).withoutTimes.epochs)
  }
}
