import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaONNX
import NormaTerminal

/// `norma inspect`: what a file of tensors holds.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a saved model is made of.",
    usage: "norma inspect <model> [<options>]",
    discussion: """
      Lists the layers, every tensor with its shape and the range of its values, and how the model was trained. Any \
      other safetensors, .npz, .npy or .pt file is listed too, without the layers. Numbers with which no network answers \
      anything (NaN, infinite ones, variances below zero) are counted at the end; other commands refuse such a model.

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
        norma inspect model.onnx
      """)

  @Argument(
    help: ArgumentHelp("A .safetensors, .npz, .npy, .pt or .onnx file, or the folder of a model.", valueName: "model"))
  var model: String

  @Option(
    help: ArgumentHelp(
      "Of a .pt file that holds several dictionaries of tensors: which one. (default: the only one)", valueName: "name")
  )
  var dictionary: String?

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
    /// What no network can compute with.
    var unusable: String?

    /// Takes in what there is to say of numbers, which are told one by one.
    mutating func summarize(_ forEachValue: ((Double) -> Void) throws -> Void) rethrows {
      var (summary, found) = (NumberSummary(), UnusableNumbers(name: name))
      try forEachValue { number in
        summary.add(number)
        found.add(number)
      }
      mean = summary.mean
      standardDeviation = summary.standardDeviation
      (minimum, maximum) = (summary.minimum, summary.maximum)
      unusable = found.isEmpty ? nil : found.description
    }
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

  /// What `--json` prints of a model in ONNX's format.
  private struct ONNXResult: Encodable {
    var model: ONNXDescription
    var tensors: [Row]
  }

  func run() throws {
    let path = try modelFile(model, kinds: [.safetensors, .npz, .npy, .pyTorch, .onnx])
    if try FileKind(ofFile: path) == .onnx { return try inspectONNX(path) }
    if memory { return try showMemory(try Checkpoint(contentsOf: path, allowsUnusableNumbers: true)) }
    let (rows, metadata) = try contents(path)
    let checkpoint =
      metadata[Checkpoint.settingsKey] == nil ? nil : try Checkpoint(contentsOf: path, allowsUnusableNumbers: true)
    let network = try checkpoint?.makeModel()
    let layers = network?.layers.dropFirst()
    let isBatchNormalized = checkpoint?.settings.architecture.recipe.normalization.isBatchNormalization ?? false
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
    let unusable = rows.filter { $0.unusable != nil }
    guard !unusable.isEmpty else { return }
    let lines = unusable.prefix(10).map { "'\($0.name)': \($0.unusable ?? "")" }
    try output(
      (["", "Numbers that no network can compute with:"] + lines
        + (unusable.count > 10 ? ["and so in \(unusable.count - 10) more"] : [])).joined(separator: "\n"))
  }

  /// What a model in ONNX's format is made of.
  private func inspectONNX(_ path: String) throws {
    let model = try ONNXModel(contentsOf: path)
    if memory { return try showMemory(try savedModel(path, allowsUnusableNumbers: true).checkpoint) }
    let rows = model.tensors.map { name, tensor -> Row in
      var row = Row(name: name, type: tensor.elementType.description, shape: Array(tensor.shape))
      if case .doubles(let numbers) = tensor {
        row.summarize { numbers.elements.forEach($0) }
      } else if let numbers = tensor.singles {
        row.summarize { add in numbers.elements.forEach { add(Double($0)) } }
      }
      return row
    }
    let description = ONNXDescription(model)
    if json { return try outputJSON(ONNXResult(model: description, tensors: rows)) }
    try output(description.lines.joined(separator: "\n") + "\n")
    try output(table(rows))
  }

  /// The tensors of a file in the order of their names, of which a piece is in memory at a time, and its metadata.
  private func contents(_ path: String) throws -> (rows: [Row], metadata: [String: String]) {
    let file = try TensorReader(contentsOf: path, dictionary: dictionary)
    if !file.dictionary.isEmpty { remark("In '\(path)' \(StateDictionary.Remark.dictionary(file.dictionary)).") }
    let tensors = file.tensors.sorted { $0.name.compare($1.name, options: .numeric) == .orderedAscending }
    return (try tensors.map { try row($0, in: file) }, file.metadata)
  }

  private func showMemory(_ checkpoint: Checkpoint) throws {
    let listing = try MemoryListing(
      try checkpoint.makeModel(), checkpoint.settings,
      batchSize: batch ?? min(checkpoint.settings.training.batchSize, 65_536))
    if json { return try outputJSON(listing) }
    try output("\(checkpoint.settings.architecture), \(checkpoint.settings.training.optimizer)\n")
    try output(listing.layers)
    try output("")
    try output(listing.totals)
  }

  private func row(_ tensor: TensorReader.Description, in file: TensorReader) throws -> Row {
    var row = Row(name: tensor.name, type: tensor.elementType.name, shape: Array(tensor.shape))
    guard tensor.elementType.isFloatingPoint else {
      if tensor.shape.elementCount == 1 {
        row.count = try file.entry(tensor.name)?.wholeNumbers?.first.map { Int($0) }
      }
      return row
    }
    try row.summarize { try file.forEachValue(of: tensor.name, $0) }
    return row
  }

  private func table(_ rows: [Row]) -> TextTable {
    var table = TextTable(columns: [
      .words("tensor"), .words("type"), .words("shape"), .numbers("mean"), .numbers("deviation"), .numbers("min"),
      .numbers("max"),
    ])
    for row in rows {
      let numbers = [row.mean, row.standardDeviation, row.minimum, row.maximum]
      table.addRow(
        [row.name, row.type, "\(Shape(row.shape))".replacing(", ", with: ",")]
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
      ("Network", settings.architecture.description), ("Takes", "examples of shape \(Shape(settings.exampleShape))"),
      ("Gives", outputs), ("Parameters", "\(parameterCount)"),
      ("Standardized", settings.standardization.map { $0.mode.words } ?? "not"),
      (
        "Predicts",
        settings.targetStandardization == nil ? "" : "numbers standardized in training, undone in all that is shown"
      ),
      ("Columns", settings.encoding.map { $0.columns.map(\.words).joined(separator: ", ") } ?? ""),
      (settings.isConverted ? "Converted" : "Trained on", (settings.isConverted ? "from " : "") + settings.data.source),
      ("Loss", settings.training.loss.description),
      (
        "Optimizer",
        "\(settings.training.optimizer), rate \(settings.training.learningRate), \(settings.training.schedule)"
      ),
      ("Batch size", "\(settings.training.batchSize)"), ("Seed", "\(settings.training.seed)"),
    ]
    rows.removeAll { $0.1.isEmpty }
    if settings.isConverted { rows.removeSubrange((rows.firstIndex { $0.0 == "Loss" } ?? 0)...) }
    if !(settings.architecture.recipe is ONNXRecipe) {
      rows.insert(("Normalization", settings.architecture.recipe.normalization.rawValue), at: 1)
    }
    if let recipe = settings.architecture.recipe as? ResidualNetwork {
      rows.insert(("Shortcuts", recipe.shortcutWords), at: 2)
    }
    if let augmentation = settings.training.augmentation {
      rows.insert(("Augmentation", augmentation.words), at: rows.firstIndex { $0.0 == "Trained on" } ?? 0)
    }
    if settings.training.l2Penalty > 0 { rows.append(("L2 penalty", "\(settings.training.l2Penalty)")) }
    if settings.training.recomputesNormalized { rows.append(("Recomputed", "batch normalization")) }
    if let precision = settings.training.keptActivations { rows.append(("Kept as", "\(precision.rawValue)")) }
    if let best = settings.history.best {
      let metric = settings.outputs.metricLabel
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
