import Norma
import NormaLab

// The experiment that docs/Experiments.md adds.

struct BatchesAndRates: Experiment {
  let name = "batches-and-rates"
  let title = "Large batches and their learning rates"
  let question = "Does a batch ten times as large bear a learning rate ten times as high?"
  let origin = "an example of docs/Experiments.md"
  let dataset: LabDataset? = .mnist

  private static let settings = [(size: 50, rate: 0.05), (size: 500, rate: 0.05), (size: 500, rate: 0.5)]

  func runs(_ context: LabContext) -> [TrainingRun] {
    Self.settings.map { size, rate in
      TrainingRun(
        "batches of \(size), rate \(rate)",
        on: context.part(context.full(10_000, quick: 1000), preparation: .unitRange),
        ModelArchitecture(MultilayerPerceptron(hidden: [100, 100])),
        TrainingConfiguration(epochs: 3, batchSize: size, optimizer: .sgd(), learningRate: rate, seed: context.seed))
    }
  }

  func findings(_ results: LabResults<TrainingRun>) -> Findings {
    let percent = NumberFormat.percentage
    let best = results.runs.indices.map { results.bestValidation($0) }
    let chart = LineChart(
      title: "Validation accuracy", x: ChartAxis("epoch", integersOnly: true),
      y: ChartAxis("accuracy", format: .percentage),
      series: results.runs.indices.map { index in
        results.curve(index, results.runs[index].label, style: SeriesStyle(index)) { $0.validationMetric }
      }, isWide: true)
    return Findings(
      answer:
        "At ten times the rate the large batches reach \(best[2].text(percent)), at the same rate \(best[1].text(percent)).",
      claims: [
        Claim(
          "Large batches do better at the higher rate.",
          .accuracy(best[2], above: best[1], examples: results.validationExamples),
          evidence: "\(best[2].text(percent)) against \(best[1].text(percent))")
      ],
      blocks: [.figure(ReportFigure(caption: "Accuracy", reading: "One line for each setting.", pictures: [chart]))],
      settings: results.sharedSettings, differences: results.context.dataDifferences)
  }
}

func ownExperiment() throws {
  try FileAccess.createDirectory("runs")
  let laboratory = Laboratory([BatchesAndRates()], plan: LabPlan(isQuick: true), data: LabData(), folder: "runs")
  let results = try laboratory.run(workers: 1)
  check(results[0].findings.claims.count == 1)
}
