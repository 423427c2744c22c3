import Norma

/// Running averages against the exact statistics of the training data.
struct ExactStatistics: Experiment {
  let name = "exact-statistics"
  let title = "Inference: running averages or exact statistics"
  let question = "How far are running averages from the statistics they stand for, and what does that cost?"
  let origin = "Wu & Johnson 2021, section 3"
  let dataset: LabDataset? = .mnist

  private static let kinds: [(name: String, conventions: BatchNormalizationConventions)] = [
    ("old keeps 0.9", .pyTorch),
    ("old keeps 0.99", .init(epsilon: 1e-5, rule: .keeping(0.99), estimator: .unbiased, initialVariance: 1)),
  ]
  private static let steps = [1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1000]

  func runs(_ context: LabContext) -> [TrainingRun] {
    let last = context.full(1000, quick: 300)
    let part = context.part(10_000, testCount: 2000, preparation: .unitRange)
    return Self.kinds.map { kind in
      TrainingRun(
        kind.name, on: part,
        ModelArchitecture(
          MultilayerPerceptron(hidden: [100, 100, 100], initialization: .kaimingNormal, conventions: kind.conventions)),
        TrainingConfiguration(
          epochs: part.epochs(ofSteps: last, batchSize: 60), batchSize: 60, optimizer: .sgd(),
          learningRate: 0.1, seed: context.seed),
        probes: .init(Self.steps.filter { $0 <= last }, usesExactStatistics: true))
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let axis = ChartAxis("step, logarithmic", kind: .logarithmic, format: .integer)
    let charts = Self.kinds.indices.map { index in
      LineChart(
        title: Words.capitalized(Self.kinds[index].name) + ", m = " + ["0.1", "0.01"][index], x: axis,
        y: ChartAxis("test error, logarithmic", kind: .logarithmic, format: .percentage),
        series: [
          results.course(index, "running averages", style: .plain) { 1 - $0.testAccuracy },
          results.course(index, "exact", style: .batchNorm) { probe in probe.exactTestAccuracy.map { 1 - $0 } },
        ])
    }
    func error(_ index: Int, _ place: Int) -> (running: Spread, exact: Spread) {
      (
        results.spread(index) { 1 - $0.probes[place].testAccuracy },
        results.spread(index) { 1 - ($0.probes[place].exactTestAccuracy ?? .nan) }
      )
    }
    let count = results.outcomes[0][0].probes.count
    let steps = results.outcomes[0][0].probes.map(\.step)
    let early = steps.firstIndex(of: 20) ?? 0
    let first = [0, 1].map { error($0, early) }
    let last = [0, 1].map { error($0, count - 1) }
    // One net judged twice on the same images: only those count that it judges differently.
    func sameNet(_ exact: Spread, _ running: Spread) -> Judgement {
      let distance = Spread.combining(exact, running) { abs($0 - $1) }
      let count = Double(results.testExamples)
      return .difference(
        Spread(distance.values.map { 0.01 - $0 }), standardError: (max(distance.mean, 1 / count) / count).squareRoot(),
        seedDeviation: 0, examples: results.testExamples)
    }
    let rows = [0, 1].flatMap { index in
      [early, count / 2, count - 1].map { place in
        [
          "\(Self.kinds[index].name), step \(steps[place])", error(index, place).running.text(percent),
          error(index, place).exact.text(percent),
        ]
      }
    }
    return Findings(
      answer: "After 20 steps the test error is \(first[1].running.text(percent)) with slow running averages, "
        + "\(first[1].exact.text(percent)) with exact statistics; at the end \(last[1].running.text(percent)) and "
        + "\(last[1].exact.text(percent)).",
      claims: [
        Claim(
          "Early in training, exact statistics give a lower test error than running averages.",
          .all(first.map { .accuracy($0.running, above: $0.exact, examples: results.testExamples) }),
          evidence: zip(Self.kinds, first).map {
            "\($0.name), step 20: \($1.exact.text(percent)) against \($1.running.text(percent))"
          }.joined(separator: "; ")),
        Claim(
          "At the end the two differ by less than one percentage point.",
          .all(last.map { sameNet($0.exact, $0.running) }),
          evidence: zip(Self.kinds, last).map {
            "\($0.name): \($1.exact.text(percent)) against \($1.running.text(percent))"
          }.joined(separator: "; ")),
        Claim(
          "The slower the averages, the longer they are wrong: keeping 0.99 is worse at step 20 than keeping 0.9.",
          .accuracy(first[1].running, above: first[0].running, examples: results.testExamples),
          evidence: "\(first[1].running.text(percent)) against \(first[0].running.text(percent))"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Test error with running averages and with exact statistics",
            reading:
              "The same net at the same step, judged twice. Running averages lag behind weights that change, and at first they "
              + "still hold what they started from. The exact statistics are those of all training images with the weights as they are.",
            pictures: charts, layout: .pairs)),
        .table(
          ReportTable(
            caption: "Test error",
            columns: [
              .init("net and step"), .init("running averages", alignment: .trailing),
              .init("exact", alignment: .trailing),
            ], rows: rows)),
      ],
      settings: results.sharedSettings,
      differences: results.context.dataDifferences + [
        "Wu and Johnson train ResNet-50 on ImageNet and average over samples of 10,000 images; here it is a small net, and the exact "
          + "statistics are of all its training images."
      ])
  }
}
