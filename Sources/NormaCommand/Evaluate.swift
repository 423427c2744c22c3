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

  @Argument(help: ArgumentHelp("A model.safetensors, or the folder it is in.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("Other data, as for train.", valueName: "source"))
  var data: String?

  @OptionGroup var table: TableOptions

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
    let file = try modelFile(model)
    let checkpoint = try Checkpoint(contentsOf: file)
    let network = try checkpoint.makeModel()
    let dataset = try checkpoint.evaluationData(source: data, table: table)
    try network.check(dataset)
    let outputs = try network.outputs(for: dataset)
    let answers = try checkpoint.answers(outputs, from: file) { "example \($0) (counted from 0)" }
    let evaluation = try Evaluation(outputs: outputs, of: dataset, loss: checkpoint.settings.training.loss)
    let result = EvaluationResult(
      model: modelName, data: dataset.name, attribution: dataset.attribution, count: dataset.count,
      loss: evaluation.loss,
      outcome: try checkpoint.outcome(answers, targets: dataset.targets))
    if let report {
      try FileAccess.write(EvaluationReport(result, command: command).page.html(), to: report)
    }
    if json { return try outputJSON(EvaluationListing(result)) }
    let text = EvaluationText(result, columns: Terminal.outputColumns(), glyphs: Terminal.glyphs())
    try output(text.lines.joined(separator: "\n"))
    if let report { try output("\nReport: \(report)") }
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
  /// The shape `[height, width, channels]` of the images that the model takes; nil if it takes none.
  var imageShape: Shape? {
    let lengths = settings.exampleShape
    return lengths.count == 3 && (lengths[2] == 1 || lengths[2] == 3) ? Shape(lengths) : nil
  }

  /// How the model's own data are to be read again, where that was said.
  private func ownOptions() throws -> CSVOptions {
    let data = settings.data
    return CSVOptions(
      labelColumns: data.labelColumn.map(columns) ?? [], hasHeader: data.hasHeader,
      separator: try data.separator.map { try CSVOptions.Separator(named: $0) },
      decimalMark: try data.decimalMark.map { try CSVOptions.DecimalMark(named: $0) })
  }

  /// The options by which a table is read: what is said of it here and, of the label columns and what they hold, what the
  /// model knows.
  func csvOptions(_ given: CSVOptions) -> CSVOptions {
    var options = given
    // Which columns these are in tables of another order, the encoding knows.
    if options.labelColumns.isEmpty, settings.encoding?.labels.isEmpty ?? true {
      options.labelColumns = settings.data.labelColumn.map(columns) ?? [.number(-1)]
    }
    switch settings.outputs {
    case .classes(let names):
      options.classNames = names
      options.task = .classification
    case .values: options.task = .regression
    }
    return options
  }

  /// A source's data, the columns of a table found as the model's encoding says. Where labels are not needed, they may be of
  /// classes that the model does not know.
  func read(
    _ source: String, options given: CSVOptions = CSVOptions(labelColumns: []), needsLabels: Bool = true
  ) throws -> RawData {
    var options = csvOptions(given)
    let source = try DataSource(source)
    if let table = source.reader as? CSVReader {
      try source.checkFileKind()
      return try CSV.data(
        bytes: Gzip.contents(ofFile: table.path), file: table.path, encoding: tableEncoding, options: options)
    }
    let images = ImageFolderOptions(shape: imageShape, classNames: options.classNames)
    if !needsLabels { (options.classNames, options.task) = (nil, nil) }
    return try source.read(options: options, images: images)
  }

  /// The data to measure the model on, prepared as in training.
  func evaluationData(source: String?, table: TableOptions) throws -> Dataset<Float> {
    guard source != nil || !settings.isConverted else {
      throw UsageError("The model was trained elsewhere. Name the data to measure it on with --data.")
    }
    let read = try read(
      source ?? settings.data.source,
      options: source == nil && !table.isGiven ? ownOptions() : table.csvOptions())
    var notes = read.notes
    let shape = Shape(settings.exampleShape)
    var dataset: Dataset<Float>
    if let test = read.test {
      dataset = try preparation.dataset(test, shape: shape, notes: &notes)
      dataset.name += ", test part"
    } else if source == nil {
      guard settings.data.validationCount > 0 else {
        throw UsageError("The model was trained without validation data. Name some to measure it on with --data.")
      }
      var random = RandomGenerator(seed: settings.training.seed).split(RandomStream.split.rawValue)
      let rows = try read.training.split(
        settings.data.split ?? .random, validationCount: settings.data.validationCount, using: &random)
      dataset = try preparation.dataset(read.training, rows: rows.validation, shape: shape, notes: &notes)
      dataset.name += ", validation part"
    } else {
      dataset = try preparation.dataset(read.training, shape: shape, notes: &notes)
    }
    tell(notes)
    return dataset
  }
}

extension Checkpoint {
  /// Answers held against what is true, in the units of the data.
  fileprivate func outcome(_ answers: Answers, targets: Dataset<Float>.Targets) throws -> EvaluationResult.Outcome {
    switch (answers, targets) {
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
