import Norma

/// Activations that wait for the backward pass in half width.
struct HalfWidthActivations: Experiment {
  let name = "half-width"
  let title = "Activations in half width: the same steps in half of the memory"
  let question =
    "What does a network lose whose activations wait for the backward pass with eight digits, or with eleven?"
  let origin = "Micikevicius et al. 2018 (mixed precision), for what is kept alone"
  let dataset: LabDataset? = .mnist

  private static let formats: [HalfPrecision?] = [nil, .float16, .bfloat16]

  private static func name(_ format: HalfPrecision?) -> String { format?.rawValue ?? "float32" }

  func runs(_ context: LabContext) -> [TrainingRun] {
    let part = context.part(5000, testCount: 5000, preparation: .unitRange)
    return Self.formats.map { format in
      var training = TrainingConfiguration(
        epochs: context.full(15, quick: 5), batchSize: 50, optimizer: .sgd(momentum: 0.9), learningRate: 0.02,
        seed: context.seed)
      training.keptActivations = format
      return TrainingRun(
        Self.name(format), on: part,
        ModelArchitecture(
          MultilayerPerceptron(
            hidden: [100, 100, 100, 100, 100], initialization: .kaimingNormal, conventions: .norma)), training)
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let test = results.spreads { $0.testAccuracy ?? TrainingRun.chance }
    /// How far the mean loss of the first steps is from that of full width, of its size.
    func distance(_ index: Int) -> Double {
      zip(results.outcomes[index], results.outcomes[0]).map { half, full in
        guard let found = half.losses.first, let expected = full.losses.first else { return .nan }
        return abs(found - expected) / expected
      }.max() ?? .nan
    }
    let first = max(distance(1), distance(2))
    return Findings(
      answer:
        "The net ends at \(test[0].text(percent)) test accuracy in full width, at \(test[1].text(percent)) with float16 and at "
        + "\(test[2].text(percent)) with bfloat16.",
      claims: [
        Claim(
          "The first steps hardly change: their loss is within a hundredth of that of full width.",
          holds: first <= 0.01, evidence: "at most \(percent.text(first)) away"),
        Claim(
          "With bfloat16 the test accuracy is at most one percentage point behind.",
          .difference(
            .combining(test[2], test[0]) { $0 - $1 + 0.01 },
            standardError: 1.5 * Judgement.standardError(test[0].mean, examples: results.testExamples),
            seedDeviation: Judgement.seedDeviation, examples: results.testExamples),
          evidence: "\(test[2].text(percent)) against \(test[0].text(percent))"),
        Claim(
          "With float16 it is, too.",
          .difference(
            .combining(test[1], test[0]) { $0 - $1 + 0.01 },
            standardError: 1.5 * Judgement.standardError(test[0].mean, examples: results.testExamples),
            seedDeviation: Judgement.seedDeviation, examples: results.testExamples),
          evidence: "\(test[1].text(percent)) against \(test[0].text(percent))"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Accuracy by the width in which activations wait",
            reading:
              "All is computed in full width; only what lies between the forward and the backward pass is rounded, so that gradients are those of rounded activations.",
            pictures: results.accuracyCharts(
              Array(zip(Self.formats.map(Self.name), [SeriesStyle.batchNorm, SeriesStyle(2), SeriesStyle(3)]))),
            layout: .pairs)),
        .table(
          ReportTable(
            caption: "Test accuracy at the end",
            columns: [.init("activations"), .init("test accuracy", alignment: .trailing)],
            rows: zip(Self.formats, test).map { [Self.name($0), $1.text(percent)] })),
      ],
      settings: results.sharedSettings,
      differences: results.context.dataDifferences + [
        "Micikevicius et al. compute products in half width too, and scale the loss for it; here nothing is computed in half width."
      ])
  }
}
