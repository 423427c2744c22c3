import Norma

/// The first experiment of the paper that introduced batch normalization.
struct SigmoidNetwork: Experiment {
  let name = "sigmoid-net"
  let title = "The paper's first experiment: sigmoids on handwritten digits"
  let question = "Does batch normalization make a net of sigmoids learn sooner, and keep its units' inputs steady?"
  let origin = "Ioffe & Szegedy 2015, figure 1"
  let dataset: LabDataset? = .mnist

  private static let scales = [0.1, 0.01]
  private static let allSteps = [
    0, 50, 100, 200, 350, 500, 700, 1000, 1400, 2000, 3000, 4000, 5000, 7000, 10_000, 15_000, 20_000, 30_000, 40_000,
    50_000,
  ]
  /// A reference run with PyTorch: scale, step, accuracy with batch normalization and without.
  private static let reference: [(scale: Double, step: Int, batch: Double, none: Double?)] = [
    (0.1, 500, 0.896, 0.128), (0.1, 2000, 0.920, 0.819), (0.1, 10_000, 0.960, 0.944), (0.1, 50_000, 0.974, 0.970),
    (0.01, 500, 0.900, 0.103), (0.01, 10_000, 0.959, 0.114), (0.01, 20_000, 0.972, 0.470),
  ]

  private func lastStep(_ context: LabContext) -> Int { context.full(50_000, quick: 3000) }

  func runs(_ context: LabContext) -> [TrainingRun] {
    let part = context.part(60_000, testCount: 10_000, preparation: .unitRange)
    let last = lastStep(context)
    return Self.scales.flatMap { scale in
      [NormalizationKind.none, .batch].map { normalization in
        TrainingRun(
          "\(normalization.words), scale \(scale)", on: part,
          ModelArchitecture(
            MultilayerPerceptron(
              hidden: [100, 100, 100], normalization: normalization, activation: .sigmoid,
              initialization: .normal(scale: scale))),
          TrainingConfiguration(
            epochs: part.epochs(ofSteps: last, batchSize: 60), batchSize: 60, optimizer: .sgd(),
            learningRate: 0.1, seed: context.seed),
          probes: .init(Self.allSteps.filter { $0 <= last }, watchesUnit: true))
      }
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let steps = ChartAxis("step, logarithmic", kind: .logarithmic, format: .integer)
    let isPublished = results.context.dataset == .mnist
    func probe(_ index: Int, _ step: Int, _ value: (TrainingRun.Probe) -> Double) -> Spread? {
      let values = results.outcomes[index].compactMap { $0.probes.first { $0.step == step }.map(value) }
      return values.count == results.outcomes[index].count ? Spread(values) : nil
    }
    let accuracyCharts = Self.scales.indices.map { scale -> LineChart in
      let first = 2 * scale
      var series = [
        results.course(first, "none", style: .plain) { $0.testAccuracy },
        results.course(first + 1, "batch", style: .batchNorm) { $0.testAccuracy },
      ]
      if isPublished {
        let known = Self.reference.filter { $0.scale == Self.scales[scale] && $0.step <= lastStep(results.context) }
        series.append(
          .published(
            "none, reference", style: .plain, known.compactMap { row in row.none.map { (Double(row.step), $0) } }))
        series.append(.published("batch, reference", style: .batchNorm, known.map { (Double($0.step), $0.batch) }))
      }
      return LineChart(
        title: "Weights from scale \(Self.scales[scale])", x: steps,
        y: ChartAxis("test accuracy", format: .percentage, covering: [0, 1]),
        series: series)
    }
    let unitCharts = results.runs.indices.map { index in
      LineChart(
        title: Words.capitalized(results.runs[index].label), x: steps, y: ChartAxis("input of the unit"),
        series: ["15th percentile", "median", "85th percentile"].enumerated().map { place, name in
          results.course(index, name, style: SeriesStyle([2, 0, 3][place])) { $0.unitPercentiles?[place] }
        })
    }
    func width(_ index: Int, _ step: Int) -> Spread? {
      probe(index, step) { ($0.unitPercentiles?[2] ?? .nan) - ($0.unitPercentiles?[0] ?? .nan) }
    }
    let ahead = Self.reference.filter { $0.step <= lastStep(results.context) }.compactMap {
      row -> (text: String, judgement: Judgement)? in
      let first = row.scale == Self.scales[0] ? 0 : 2
      guard let none = probe(first, row.step, \.testAccuracy), let batch = probe(first + 1, row.step, \.testAccuracy)
      else {
        return nil
      }
      return (
        "scale \(row.scale), step \(row.step): \(batch.text(percent)) against \(none.text(percent))",
        .accuracy(batch, above: none, examples: results.testExamples)
      )
    }
    let collapseStep = lastStep(results.context) >= 2000 ? 2000 : 500
    let collapsed = width(2, collapseStep)
    let kept = width(3, collapseStep)
    let rows = Self.reference.filter { $0.step <= lastStep(results.context) }.map { row -> [String] in
      let first = row.scale == Self.scales[0] ? 0 : 2
      return [
        "scale \(row.scale), step \(row.step)", probe(first + 1, row.step, \.testAccuracy)?.text(percent) ?? "",
        percent.text(row.batch), probe(first, row.step, \.testAccuracy)?.text(percent) ?? "",
        row.none.map(percent.text) ?? "",
      ]
    }
    var blocks: [ReportBlock] = [
      .figure(
        ReportFigure(
          caption: "Test accuracy over the steps",
          reading:
            "Steps are on a logarithmic axis: most of the difference is at the beginning. Sigmoids that get small inputs all "
            + "answer about one half, so a plain net from small weights has nothing to learn from until it has slowly grown them.",
          pictures: accuracyCharts, layout: .pairs,
          legend: isPublished ? [LegendEntry("a reference run with PyTorch", symbol: .hollow)] : [])),
      .figure(
        ReportFigure(
          caption: "What goes into one unit of the last hidden layer",
          reading:
            "The middle and the edges of the inputs of one sigmoid, over the test images: 15 % lie below the lowest line, "
            + "15 % above the highest. Lines that lie on each other mean that the unit gets the same whatever image is shown.",
          pictures: unitCharts, layout: .pairs)),
    ]
    if isPublished {
      blocks.append(
        .table(
          ReportTable(
            caption: "Test accuracy beside a reference run with PyTorch of the same settings",
            columns: [
              .init("scale and step"), .init("batch, ours", alignment: .trailing),
              .init("batch, reference", alignment: .trailing),
              .init("none, ours", alignment: .trailing), .init("none, reference", alignment: .trailing),
            ],
            rows: rows)))
    }
    return Findings(
      answer: ahead.last.map {
        "With batch normalization the net is ahead at \(ahead.count { $0.judgement.verdict == .held }) of \(ahead.count) moments looked at, such as "
          + "\($0.text)."
      } ?? "",
      claims: [
        Claim(
          "With batch normalization the test accuracy is higher at every step that the reference run names.",
          .all(ahead.map(\.judgement)), evidence: ahead.map(\.text).joined(separator: "; ")),
        Claim(
          "From weights of scale 0.01 the plain net's unit collapses: its percentiles lie within 0.03 of each other at step "
            + "\(collapseStep).",
          collapsed.map { .measure($0, atMost: 0.03) } ?? .cannotBeTold(because: "no unit was watched"),
          evidence:
            "from the 15th to the 85th percentile \(collapsed?.text() ?? "unknown") without, \(kept?.text() ?? "unknown") "
            + "with batch normalization"),
      ],
      blocks: blocks, settings: results.sharedSettings,
      differences: results.context.dataDifferences + [
        "The paper names no learning rate and no scale; rate 0.1 and both scales are those of the reference run. A thousand "
          + "training images are set aside for validation."
      ])
  }
}
