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

      EXAMPLES
        norma evaluate norma-model
        norma evaluate norma-model/model.safetensors --data csv:new.csv --json
      """)

  @Argument(help: ArgumentHelp("A model.safetensors, or the folder it is in.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("Other data, as for train.", valueName: "source"))
  var data: String?

  @Option(
    name: .customLong("label"),
    help: ArgumentHelp("CSV: the column to predict. (default: as in training)", valueName: "column"))
  var labelColumn: String?

  @Option(help: ArgumentHelp("How many threads work. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Flag(help: "Print the results as JSON.")
  var json = false

  func validate() throws {
    if let data { try validateSource(data) }
    try validateThreads(threads)
  }

  /// What `--json` prints.
  private struct Result: Encodable {
    var data: String
    var count: Int
    var loss: Double
    var metric: String
    var value: Double
    var rootMeanSquaredError: Double?
    var classNames: [String]?
    var confusion: [[Int]]?
  }

  func run() throws {
    if let threads { Parallel.threadCount = threads }
    let checkpoint = try Checkpoint(contentsOf: checkpointPath(model))
    let network = try checkpoint.makeModel()
    let dataset = try checkpoint.evaluationData(source: data, labelColumn: labelColumn)
    let loss = checkpoint.settings.training.loss
    try network.check(dataset)
    let evaluation = try Evaluation(outputs: network.answers(for: dataset.features), of: dataset, loss: loss)
    let metric = loss.metricLabel
    if json {
      let names: [String]? = if case .classes(let names) = checkpoint.settings.outputs { names } else { nil }
      let result = Result(
        data: dataset.name, count: dataset.count, loss: evaluation.loss, metric: metric.name, value: evaluation.metric,
        rootMeanSquaredError: evaluation.rootMeanSquaredError, classNames: names,
        confusion: names == nil ? nil : evaluation.confusion)
      try outputJSON(result)
      return
    }
    try output(
      "\(dataset.name), \(dataset.count) examples: \(metric.name) \(metric.text(evaluation.metric)), loss \(Formatting.number(evaluation.loss))"
    )
    if let error = evaluation.rootMeanSquaredError {
      try output("Root mean squared error: \(Formatting.number(error))")
    }
    guard case .classes(let names) = checkpoint.settings.outputs else { return }
    try output("")
    try output(table(evaluation.confusion, names))
  }

  /// For each class: how many there are, which share was found, which share of those found is right, and what it was
  /// most often taken for.
  private func table(_ confusion: [[Int]], _ names: [String]) -> TextTable {
    var table = TextTable(columns: [
      .words("class"), .numbers("examples"), .numbers("recall"), .numbers("precision"), .words("most often taken for"),
    ])
    for (index, row) in confusion.enumerated() {
      let count = row.reduce(0, +)
      let found = confusion.reduce(0) { $0 + $1[index] }
      let mistakes = row.enumerated().filter { $0.offset != index && $0.element > 0 }.max { $0.element < $1.element }
      table.addRow([
        names[index], "\(count)", count == 0 ? "" : Formatting.percentage(Double(row[index]) / Double(count)),
        found == 0 ? "" : Formatting.percentage(Double(row[index]) / Double(found)),
        mistakes.map { "\(names[$0.offset]) (\($0.element)×)" } ?? "",
      ])
    }
    return table
  }
}

/// The checkpoint that a path names: the file itself, or that in the folder.
func checkpointPath(_ path: String) -> String {
  FileAccess.kind(of: path) == .directory ? "\(path)/model.safetensors" : path
}

extension Checkpoint {
  /// The shape `[height, width, channels]` of the images that the model takes; nil if it takes none.
  var imageShape: Shape? {
    let lengths = settings.exampleShape
    return lengths.count == 3 && (lengths[2] == 1 || lengths[2] == 3) ? Shape(lengths) : nil
  }

  /// A source's data, read as the model's own were; with `allowsOtherClasses`, a table may name classes that the model
  /// does not know.
  func load(_ source: String, labelColumn: String? = nil, allowsOtherClasses: Bool = false) throws -> LoadedData {
    var options = CSVOptions(hasHeader: settings.data.hasHeader)
    if let column = labelColumn ?? settings.data.labelColumn {
      options.labelColumns = column.split(separator: ",").map { CSVOptions.Column(String($0)) }
    }
    switch settings.outputs {
    case .classes(let names): options.classNames = names
    case .values: options.task = .regression
    }
    let images = ImageFolderOptions(shape: imageShape, classNames: options.classNames)
    if allowsOtherClasses { options.classNames = nil }
    let loaded = try DataSource(source).load(options: options, images: images)
    loaded.notes.forEach(remark)
    return loaded
  }

  /// The data to measure the model on, standardized as in training.
  func evaluationData(source: String?, labelColumn: String?) throws -> Dataset<Float> {
    guard source != nil || !settings.isConverted else {
      throw UsageError("The model was trained elsewhere. Name the data to measure it on with --data.")
    }
    let loaded = try load(source ?? settings.data.source, labelColumn: labelColumn)
    var dataset: Dataset<Float>
    if let test = loaded.test {
      dataset = test
      dataset.name += ", test part"
    } else if source == nil {
      guard settings.data.validationCount > 0 else {
        throw UsageError("The model was trained without validation data. Name some to measure it on with --data.")
      }
      var random = RandomGenerator(seed: settings.training.seed).split(RandomStream.split.rawValue)
      dataset = try loaded.training.split(validationCount: settings.data.validationCount, using: &random).validation
      dataset.name += ", validation part"
    } else {
      dataset = loaded.training
    }
    dataset.features.shapeExamples(as: Shape(settings.exampleShape))
    if let standardization { dataset.features = try standardization.applied(to: dataset.features) }
    return dataset
  }
}
