import Norma

/// Larger learning rates, with and without batch normalization.
struct LearningRates: Experiment {
  let name = "learning-rates"
  let title = "Larger learning rates"
  let question = "Which learning rates can a net bear, and how much sooner does it arrive at the best of them?"
  let origin = "Ioffe & Szegedy 2015 (×5 and ×30 of a base rate); Bjorck et al. 2018"
  let dataset: LabDataset? = .mnist

  private static let base = 0.01
  private static let factors: [Double] = [1, 5, 30, 100, 300, 1000, 3000]
  /// A net that ends below this has not learned.
  private static let floor = 0.5

  private func lastStep(_ context: LabContext) -> Int { context.full(3000, quick: 600) }
  private func target(_ context: LabContext) -> Double {
    context.dataset == .mnist ? 0.95 : 0.9
  }
  private func interval(_ context: LabContext) -> Int { context.full(50, quick: 25) }

  func runs(_ context: LabContext) -> [TrainingRun] {
    let last = lastStep(context)
    let part = context.part(60_000, testCount: 2000, preparation: .unitRange)
    return [NormalizationKind.none, .batch].flatMap { normalization in
      Self.factors.map { factor in
        TrainingRun(
          "\(normalization.words), rate \(NumberFormat.plain.shortText(Self.base * factor))",
          on: part,
          ModelArchitecture(
            MultilayerPerceptron(hidden: [100, 100, 100], normalization: normalization, initialization: .kaimingNormal)),
          TrainingConfiguration(
            epochs: part.epochs(ofSteps: last, batchSize: 60), batchSize: 60, optimizer: .sgd(),
            learningRate: Self.base * factor, seed: context.seed),
          probes: .init(Array(stride(from: interval(context), through: last, by: interval(context)))))
      }
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let (target, interval) = (target(results.context), interval(results.context))
    let rates = Self.factors.map { $0 * Self.base }
    let never = Double(lastStep(results.context))
    /// The step at which the target was first reached, in the mean over seeds; infinite if some seed never did.
    func steps(_ index: Int) -> Double { stepSpread(index).mean }
    func stepSpread(_ index: Int) -> Spread {
      results.spread(index) { outcome in
        outcome.probes.first { $0.testAccuracy >= target }.map { Double($0.step) } ?? .infinity
      }
    }
    func end(_ index: Int) -> Spread {
      results.spread(index) {
        $0.divergedAtStep != nil ? TrainingRun.chance : $0.probes.last?.testAccuracy ?? TrainingRun.chance
      }
    }
    let none = Self.factors.indices.map { $0 }, batch = Self.factors.indices.map { $0 + Self.factors.count }
    func largest(_ indices: [Int]) -> Double? {
      indices.last { end($0).lowest >= Self.floor }.map { rates[$0 % rates.count] }
    }
    func fastest(_ indices: [Int]) -> (steps: Double, rate: Double, spread: Spread) {
      let best = indices.min { steps($0) < steps($1) } ?? indices[0]
      return (steps(best), rates[best % rates.count], stepSpread(best))
    }
    func isAhead(byTwoRates bounds: (Double?, Double?)) -> Bool {
      guard let batch = bounds.1, let place = rates.firstIndex(of: batch) else { return false }
      return bounds.0.map { rates[max(0, place - 1)] / $0 >= 5 } ?? true
    }
    let bounds = (largest(none), largest(batch))
    let best = (fastest(none), fastest(batch))
    let axis = ChartAxis("learning rate, logarithmic", kind: .logarithmic)
    func line(_ name: String, _ indices: [Int], _ style: SeriesStyle, _ value: (Int) -> Double) -> ChartSeries {
      ChartSeries(name: name, points: indices.map { .init(x: rates[$0 % rates.count], y: value($0)) }, style: style)
    }
    let ratio = (bounds.1 ?? 0) / (bounds.0 ?? .infinity)
    func diverged(_ index: Int) -> String {
      let found = results.outcomes[index].compactMap(\.divergedAtStep)
      return found.isEmpty
        ? (end(index).mean < Self.floor ? "does not learn" : "learns") : "diverges at step \(found[0])"
    }
    func stepText(_ index: Int) -> String { steps(index).isFinite ? NumberFormat.integer.text(steps(index)) : "never" }
    return Findings(
      answer:
        "The largest rate at which the net learns is \(bounds.0.map(NumberFormat.plain.shortText) ?? "none of those tried") without and "
        + "\(bounds.1.map(NumberFormat.plain.shortText) ?? "none of those tried") with batch normalization.",
      claims: [
        Claim(
          "Batch normalization bears learning rates at least five times as large.",
          // Which rates a net bears changes with the seed, by one of those tried.
          results.outcomes[0].count > 1 || ratio < 5 || isAhead(byTwoRates: bounds)
            ? .exact(ratio >= 5)
            : .cannotBeTold(because: "one seed may turn round which of two neighbouring rates is borne"),
          evidence: "largest rate that ends above \(percent.shortText(Self.floor)) test accuracy: "
            + "\(bounds.1.map(NumberFormat.plain.shortText) ?? "none") against \(bounds.0.map(NumberFormat.plain.shortText) ?? "none")"
        ),
        Claim(
          "At its best rate it reaches \(percent.shortText(target)) test accuracy in fewer steps than the plain net at its own best.",
          .measure(best.1.spread, below: best.0.spread),
          evidence: "\(best.1.steps.isFinite ? NumberFormat.integer.text(best.1.steps) : "never") steps at rate "
            + "\(NumberFormat.plain.shortText(best.1.rate)) against "
            + "\(best.0.steps.isFinite ? NumberFormat.integer.text(best.0.steps) : "never") at rate "
            + "\(NumberFormat.plain.shortText(best.0.rate)), looked at every \(interval) steps"),
      ],
      blocks: [
        .figure(
          ReportFigure(
            caption: "Learning rates that a net bears",
            reading:
              "Left the first step at which \(percent.shortText(target)) of test images are right; a missing point was not there "
              + "after \(NumberFormat.integer.text(never)) steps, and a cross says that no larger rate was either. Right the accuracy at the end: 10 % is guessing.",
            pictures: [
              LineChart(
                title: "Steps to \(percent.shortText(target))", x: axis,
                y: ChartAxis("steps, logarithmic", kind: .logarithmic, format: .integer),
                series: [line("none", none, .plain, steps), line("batch", batch, .batchNorm, steps)]),
              LineChart(
                title: "Test accuracy at the end", x: axis,
                y: ChartAxis("accuracy", format: .percentage, covering: [0]),
                series: [
                  .seeds("none", style: .plain, none.map { (rates[$0], end($0)) }),
                  .seeds("batch", style: .batchNorm, batch.map { (rates[$0 % rates.count], end($0)) }),
                ]),
            ],
            layout: .pairs)),
        .table(
          ReportTable(
            caption: "Each rate, without and with batch normalization",
            columns: [
              .init("rate"), .init("none", alignment: .leading), .init("steps", alignment: .trailing),
              .init("batch", alignment: .leading), .init("steps", alignment: .trailing),
            ],
            rows: rates.indices.map { index in
              [
                NumberFormat.plain.shortText(rates[index]), diverged(none[index]), stepText(none[index]),
                diverged(batch[index]),
                stepText(batch[index]),
              ]
            })),
        .paragraph(
          "The paper's own figures, too large for a CPU: on ImageNet, Inception took 31.0 million steps to 72.2 %, with batch "
            + "normalization 13.3 million at the same rate, 2.1 million at five times the rate, and at thirty times the rate 2.7 "
            + "million, but then on to 74.8 %."),
      ],
      settings: results.sharedSettings, differences: results.context.dataDifferences)
  }
}
