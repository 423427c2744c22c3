import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma evaluate`: how well a saved model does.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how well a saved model does.",
    usage: "norma evaluate <model> [<options>]",
    discussion: """
      Without --data the model is measured on the data it was trained on: on their test part if there is one, else on \
      the part that was set aside for validation, which is found again by the seed. With --data it is measured on all \
      of the given data, or on their test part.

      For classes: accuracy and balanced accuracy (the mean recall of the classes), F1, the area under the ROC curve, log \
      loss, Brier score and calibration error, recall and precision by class, and the confusion matrix, or where that has \
      no room the most frequent mistakes. For numbers: R², the mean and the median absolute error, and the root mean squared \
      error. All are defined as in scikit-learn. The probabilities are those of a model that learned by cross-entropy; scores \
      of another have none, and no measures of them.

      EXAMPLES
        norma evaluate norma-model
        norma evaluate norma-model --report evaluation.html
        norma evaluate norma-model/model.safetensors --data csv:new.csv --json
      """)

  @Argument(help: ArgumentHelp("A model.safetensors, the folder it is in, or an ONNX model.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("Other data, as for train.", valueName: "source"))
  var data: String?

  @OptionGroup var table: TableOptions
  @OptionGroup var unusable: UnusableNumberOptions

  @Option(help: ArgumentHelp("How many threads work. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "An HTML file to write: a page with the measures and pictures of them, which needs no other file.",
      valueName: "file"))
  var report: String?

  @Flag(help: "Print the results as JSON.")
  var json = false

  func validate() throws {
    if let data { try validateSource(data) }
    try validateThreads(threads)
  }

  func run() throws {
    if let threads { Parallel.threadCount = threads }
    let (file, checkpoint) = try savedModel(model, allowsUnusableNumbers: unusable.allowsUnusableNumbers)
    let network = try checkpoint.makeModel()
    var dataset = try evaluationData(checkpoint)
    try network.check(dataset)
    var outputs = try network.outputs(for: dataset)
    if unusable.allowsUnusableNumbers, !outputs.isFinite { (dataset, outputs) = withoutUnusable(dataset, outputs) }
    let place = network.place(ofUnusable: outputs) { dataset.batch($0..<$0 + 1).features }
    let predictions = try checkpoint.predictions(from: outputs, of: file, place: place) {
      "example \($0) (counted from 0)"
    }
    let evaluation = try Evaluation(outputs: outputs, of: dataset, loss: checkpoint.settings.training.loss)
    let result = EvaluationResult(
      model: modelName, data: dataset.name, attribution: dataset.attribution, count: dataset.count,
      loss: evaluation.loss,
      outcome: try checkpoint.outcome(predictions, targets: dataset.targets))
    if let report {
      try FileAccess.write(EvaluationReport(result, command: command).page.html(), to: report)
    }
    if json { return try outputJSON(EvaluationListing(result)) }
    let text = EvaluationText(result, columns: Terminal.outputColumns(), glyphs: Terminal.glyphs())
    try output(text.lines.joined(separator: "\n"))
    if let report { try output("\nReport: \(report)") }
  }

  /// The examples that get answers that are numbers, which it says; all where there are none.
  private func withoutUnusable(
    _ dataset: Dataset<Float>, _ outputs: Tensor<Float>
  ) -> (Dataset<Float>, Tensor<Float>) {
    let rows = (0..<dataset.count).filter { outputs[rows: $0..<$0 + 1].isFinite }
    guard !rows.isEmpty else { return (dataset, outputs) }
    remark(
      "\(dataset.count - rows.count) of \(dataset.count) examples get answers that are no numbers, and are left out.")
    return (dataset.subset(rows: rows), outputs.gathering(rows: rows))
  }

  private func evaluationData(_ checkpoint: Checkpoint) throws -> Dataset<Float> {
    do {
      let found = try checkpoint.evaluationData(
        source: data, options: data == nil && !table.isGiven ? nil : try table.csvOptions())
      tell(found.notes)
      return found.dataset
    } catch TrainingError.dataDoNotFit(let problem) where data == nil {
      throw UsageError("\(problem) with --data.")
    }
  }

  /// What a report calls the model: the last part of its path that is a name of its own.
  private var modelName: String {
    let url = URL(filePath: model)
    let name =
      url.lastPathComponent == "model.safetensors"
      ? url.deletingLastPathComponent().lastPathComponent : url.lastPathComponent
    return name.isEmpty || name == "." ? "The model" : name
  }

  /// The command line that makes the report again.
  private var command: String {
    var words = ["norma", "evaluate", model.shellQuoted]
    if let data { words += ["--data", data.shellQuoted] }
    words += table.words
    if let report { words += ["--report", report.shellQuoted] }
    return words.joined(separator: " ")
  }
}

extension Checkpoint {
  /// Predictions held against what is true, in the units of the data.
  fileprivate func outcome(
    _ predictions: Predictions, targets: Dataset<Float>.Targets
  ) throws -> EvaluationResult.Outcome {
    switch (predictions, targets) {
    case (.classes(let names, let scores, _), .classes(let labels, _)):
      let metrics = try ClassificationMetrics(scores: scores, labels: labels, areLogits: givesProbabilities)
      let ranking = names.count == 2 ? Ranking(ofSecondClass: scores.converted(), labels: labels) : nil
      return .classes(names: names, metrics, ranking)
    case (.values(let values), .values(let wanted)):
      let wanted = try preparation.originalUnits(wanted)
      return .values(
        names: targetNames ?? [], try RegressionMetrics(predictions: values, targets: wanted), predictions: values,
        targets: wanted)
    case (.classes, .values), (.values, .classes):
      throw TrainingError.targetsDoNotFit("the model predicts other than what the data have to be predicted")
    }
  }
}
