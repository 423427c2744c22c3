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

  @OptionGroup var table: TableOptions

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
    let dataset = try checkpoint.evaluationData(source: data, table: table)
    let loss = checkpoint.settings.training.loss
    try network.check(dataset)
    let evaluation = try checkpoint.evaluation(outputs: network.answers(for: dataset.features), of: dataset)
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

  /// How the model's own data were read, where that was said.
  private var ownTable: TableOptions {
    var table = TableOptions()
    table.labelColumn = settings.data.labelColumn
    table.header = settings.data.hasHeader
    table.separator = settings.data.separator
    table.decimal = settings.data.decimalMark
    return table
  }

  /// The options by which a table is read: what the command line says of it and, of the label columns, what the model knows.
  func csvOptions(_ table: TableOptions) throws -> CSVOptions {
    var options = try table.csvOptions()
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
    _ source: String, table: TableOptions = TableOptions(), needsLabels: Bool = true
  ) throws -> SourceData {
    var options = try csvOptions(table)
    if case .csv(let path) = try DataSource(source) {
      return try CSV.data(
        bytes: Gzip.contents(ofFile: path), file: path, encoding: tableEncoding, options: options)
    }
    let images = ImageFolderOptions(shape: imageShape, classNames: options.classNames)
    if !needsLabels { (options.classNames, options.task) = (nil, nil) }
    return try DataSource(source).read(options: options, images: images)
  }

  /// The data to measure the model on, prepared as in training.
  func evaluationData(source: String?, table: TableOptions = TableOptions()) throws -> Dataset<Float> {
    guard source != nil || !settings.isConverted else {
      throw UsageError("The model was trained elsewhere. Name the data to measure it on with --data.")
    }
    let read = try read(source ?? settings.data.source, table: source == nil && !table.isGiven ? ownTable : table)
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
