import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma inspect`: what a file of tensors holds.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a saved model is made of.",
    usage: "norma inspect <model> [<options>]",
    discussion: """
      Lists the layers, every tensor with its shape and the range of its values, and how the model was trained. Any \
      other safetensors, .npz or .npy file is listed too, without the layers.

      Of batch normalization it says by which conventions it gathers running statistics, and how PyTorch, Keras, ONNX, \
      CS231n and MLX say the same: what epsilon and momentum are called there, and by what a running variance differs \
      where another estimator of the variance is usual. N is how many values a channel had in a training batch.

      With --memory it says instead what a training step keeps alive: what each layer keeps for its gradients, with and \
      without --recompute, the parameters and their gradients, what the optimizer remembers, and running statistics. The \
      numbers are computed from shapes; nothing runs. Gradients on their way back come on top for a moment each.

      EXAMPLES
        norma inspect norma-model
        norma inspect norma-model --memory --batch 256
        norma inspect weights.safetensors --json
      """)

  @Argument(help: ArgumentHelp("A .safetensors file, or the folder of a model.", valueName: "model"))
  var model: String

  @Flag(help: "Show what a training step keeps alive.")
  var memory = false

  @Option(
    help: ArgumentHelp("With --memory: the examples of a step. (default: as in training)", valueName: "count"))
  var batch: Int?

  @Flag(help: "Print the results as JSON.")
  var json = false

  func validate() throws {
    guard let batch else { return }
    guard memory else { throw ValidationError("--batch is for --memory.") }
    guard (1...65_536).contains(batch) else {
      throw ValidationError("--batch takes a number from 1 to 65536, not \(batch).")
    }
  }

  /// One tensor, as it is listed.
  private struct Row: Encodable {
    var name: String
    var type: String
    var shape: [Int]
    var mean: Double?
    var standardDeviation: Double?
    var minimum: Double?
    var maximum: Double?
    var count: Int?
  }

  /// What `--json` prints.
  private struct Result: Encodable {
    var settings: Checkpoint.Settings?
    var layers: [String]?
    var parameterCount: Int?
    var metadata: [String: String]?
    var conventions: [ConventionReport.Row]?
    var tensors: [Row]
  }

  func run() throws {
    let path = try modelFile(model, kinds: [.safetensors, .npz, .npy])
    if memory { return try showMemory(try Checkpoint(contentsOf: path)) }
    let (rows, metadata) = try contents(path)
    let checkpoint = metadata[Checkpoint.settingsKey] == nil ? nil : try Checkpoint(contentsOf: path)
    let network = try checkpoint?.makeModel()
    let layers = network?.layers.dropFirst()
    let isBatchNormalized = checkpoint?.settings.architecture.normalization == .batch
    let report = try isBatchNormalized ? checkpoint.map { try ConventionReport($0) } : nil
    if json {
      let result = Result(
        settings: checkpoint?.settings, layers: layers?.map { "\($0.path): \($0.layer.summary)" },
        parameterCount: network?.parameterCount,
        metadata: checkpoint == nil ? metadata : nil, conventions: report?.rows, tensors: rows)
      try outputJSON(result)
      return
    }
    if let checkpoint, let network {
      try output(lines(checkpoint.settings, parameterCount: network.parameterCount).joined(separator: "\n"))
      let lines = (layers ?? []).map { "  " + layerLine(path: $0.path, summary: $0.layer.summary) }
      try output((["", "Layers"] + lines + [""]).joined(separator: "\n"))
      if let report {
        try output("Conventions of batch normalization: \(report.words)")
        try output(report.table)
        try output("")
      }
    } else if !metadata.isEmpty {
      let lines = metadata.sorted { $0.key < $1.key }.map { key, value in
        "\(key): \(value.count > 200 ? value.prefix(200) + "…" : value)".singleLine
      }
      try output((lines + [""]).joined(separator: "\n"))
    }
    if checkpoint == nil, rows.contains(where: { $0.name.hasSuffix("running_var") }) {
      try output("Conventions of batch normalization: not in the file; `norma convert` supposes PyTorch's\n")
    }
    try output(table(rows))
  }

  /// The tensors of a file in the order of their names, one in memory at a time where that can be, and its metadata.
  private func contents(_ path: String) throws -> (rows: [Row], metadata: [String: String]) {
    func precedes(_ left: String, _ right: String) -> Bool {
      left.compare(right, options: .numeric) == .orderedAscending
    }
    if [.npz, .npy].contains(TensorFile.Format(path: path)) {
      let entries = try TensorFile(contentsOf: path).entries.sorted { precedes($0.key, $1.key) }
      return (entries.map { row(name: $0.key, $0.value) }, [:])
    }
    let file = try SafetensorsFile(contentsOf: path)
    let rows = try file.tensors.sorted { precedes($0.name, $1.name) }.compactMap { tensor in
      try file.entry(tensor.name).map { entry in
        var row = row(name: tensor.name, entry)
        row.type = tensor.elementType
        return row
      }
    }
    return (rows, file.metadata)
  }

  private func showMemory(_ checkpoint: Checkpoint) throws {
    let listing = try MemoryListing(
      try checkpoint.makeModel(), checkpoint.settings,
      batchSize: batch ?? min(checkpoint.settings.training.batchSize, 65_536))
    if json { return try outputJSON(listing) }
    try output("\(checkpoint.settings.architecture.name), \(checkpoint.settings.training.optimizer)\n")
    try output(listing.layers)
    try output("")
    try output(listing.totals)
  }

  private func row(name: String, _ entry: Safetensors.Entry) -> Row {
    func summary<Element: TensorElement>(_ tensor: Tensor<Element>) -> Row {
      let values = tensor.converted(to: Double.self)
      let mean = values.mean()
      let spread = (values + -mean).sumOfSquares() / Double(max(1, values.count))
      return Row(
        name: name, type: Element.typeName, shape: Array(tensor.shape), mean: mean,
        standardDeviation: spread.squareRoot(), minimum: values.minimum(), maximum: values.maximum())
    }
    return switch entry {
    case .float(let tensor): summary(tensor)
    case .double(let tensor): summary(tensor)
    case .integers(let numbers, let shape):
      Row(name: name, type: "I64", shape: Array(shape), count: numbers.count == 1 ? Int(numbers[0]) : nil)
    }
  }

  private func table(_ rows: [Row]) -> TextTable {
    var table = TextTable(columns: [
      .words("tensor"), .words("type"), .words("shape"), .numbers("mean"), .numbers("deviation"), .numbers("min"),
      .numbers("max"),
    ])
    for row in rows {
      let numbers = [row.mean, row.standardDeviation, row.minimum, row.maximum]
      table.addRow(
        [row.name, row.type, "\(Shape(row.shape))"]
          + (row.count.map { ["\($0)", "", "\($0)", "\($0)"] } ?? numbers.map { $0.map(Formatting.number) ?? "" }))
    }
    return table
  }

  /// The settings, a line each.
  private func lines(_ settings: Checkpoint.Settings, parameterCount: Int) -> [String] {
    let outputs =
      switch settings.outputs {
      case .classes(let names):
        "\(names.count) classes: \(names.prefix(20).joined(separator: ", "))\(names.count > 20 ? ", …" : "")"
      case .values(let count): "\(count) number\(count == 1 ? "" : "s")"
      }
    var rows = [
      ("Network", settings.architecture.name), ("Takes", "examples of shape \(Shape(settings.exampleShape))"),
      ("Gives", outputs), ("Parameters", "\(parameterCount)"),
      ("Standardized", settings.standardization.map { $0.mode.words } ?? "not"),
      (
        "Predicts",
        settings.targetStandardization == nil ? "" : "numbers standardized in training, undone in all that is shown"
      ),
      ("Columns", settings.encoding.map { $0.columns.map(\.words).joined(separator: ", ") } ?? ""),
      (settings.isConverted ? "Converted" : "Trained on", (settings.isConverted ? "from " : "") + settings.data.source),
      ("Loss", settings.training.loss.words),
      (
        "Optimizer",
        "\(settings.training.optimizer), rate \(settings.training.learningRate), \(settings.training.schedule)"
      ),
      ("Batch size", "\(settings.training.batchSize)"), ("Seed", "\(settings.training.seed)"),
    ]
    rows.removeAll { $0.1.isEmpty }
    if settings.isConverted { rows.removeSubrange((rows.firstIndex { $0.0 == "Loss" } ?? 0)...) }
    rows.insert(("Normalization", settings.architecture.normalization.rawValue), at: 1)
    if let recipe = settings.architecture.recipe as? ResidualNetwork {
      rows.insert(("Shortcuts", recipe.shortcutWords), at: 2)
    }
    if let augmentation = settings.training.augmentation {
      rows.insert(("Augmentation", augmentation.words), at: rows.firstIndex { $0.0 == "Trained on" } ?? 0)
    }
    if settings.training.l2Penalty > 0 { rows.append(("L2 penalty", "\(settings.training.l2Penalty)")) }
    if settings.training.recomputesNormalized { rows.append(("Recomputed", "batch normalization")) }
    if let best = settings.history.best {
      let metric = settings.training.loss.metricLabel
      rows.append(
        (
          "Best epoch",
          "\(best.number) of \(settings.history.epochs.count), \(metric.name) \(metric.text(best.decidingMetric))"
        ))
    }
    rows.append(("Written by", "norma \(settings.version)"))
    return rows.map { ($0.padded(toColumns: 14) + $1).singleLine }
  }
}
