import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma recalibrate`: a model's running statistics anew.
struct Recalibrate: ParsableCommand {
  /// Which examples of data that are divided.
  enum Part: String, CaseIterable, ExpressibleByArgument {
    case training, test, all

    func examples(_ data: RawData) -> [RawDataset] {
      switch self {
      case .training: [data.training]
      case .test: [data.test ?? data.training]
      case .all: [data.training] + (data.test.map { [$0] } ?? [])
      }
    }
  }

  static let configuration = CommandConfiguration(
    abstract: "Recompute a model's running statistics, over its data or others.",
    usage: "norma recalibrate <model> (<file> ... | --data <source>) --out <folder>",
    discussion: """
      Batch normalization answers by running statistics, which lag behind the weights of a short training and are wrong \
      where examples come from elsewhere: another camera, another light, another laboratory. Here the examples go through \
      the network once, each batch normalized by its own statistics, and the exact means and variances of all of them \
      together become the running ones. The weights stay as they are.

      The examples need no labels. They come as for `norma predict`: a CSV file, image files or folders of such, or what train \
      takes by --data, of which the training part is used unless --part says otherwise. Where --data have labels that the model \
      knows, it is measured on their test part, or on all of them, before and after.

      EXAMPLES
        norma recalibrate norma-model photos-of-the-new-camera --out new-model
        norma recalibrate norma-model --data mnist:mnist --out exact-model
        norma recalibrate norma-model --data images:shifted --part test --out adapted
      """)

  @Argument(help: ArgumentHelp("A model.safetensors, or the folder it is in.", valueName: "model"))
  var model: String

  @OptionGroup var given: ExampleOptions

  @Option(
    help: ArgumentHelp("Which of the examples of --data to use: training, test or all.", valueName: "part"))
  var part: Part = .training

  @Option(help: ArgumentHelp("The folder to write the model into.", valueName: "folder"))
  var out: String

  @Option(
    help: ArgumentHelp(
      "How many examples are normalized together. (default: as in training)", valueName: "count"))
  var batchSize: Int?

  @Option(help: ArgumentHelp("How many threads work. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Flag(help: "Write over a model that is in the folder.")
  var overwrite = false

  @Flag(help: "Print the results as JSON, with what changed in every channel.")
  var json = false

  func validate() throws {
    if part != .training && given.data == nil { throw ValidationError("--part is for --data.") }
    if let batchSize, batchSize < 2 {
      throw ValidationError("--batch-size takes a number from 2 on, not \(batchSize).")
    }
    try validateThreads(threads)
  }

  /// What was found, as `--json` prints it.
  private struct Result: Encodable {
    var model: String
    var exampleCount: Int
    var metric: String?
    var metricBefore: Double?, metricAfter: Double?
    /// The share of the examples of which another class is predicted than before.
    var changedShare: Double?
    var layers: [StatisticsChange]
  }

  func run() throws {
    if let threads { Parallel.threadCount = threads }
    // Statistics that are no numbers are what it replaces.
    var (file, checkpoint) = try savedModel(model, allowsUnusableNumbers: true)
    let network = try checkpoint.makeModel()
    guard network.gathersStatistics else {
      throw UsageError("'\(file)' has no running statistics: nothing in it is normalized by those of batches.")
    }
    let written = URL(filePath: out).appending(path: "model.safetensors").path
    guard overwrite || FileAccess.kind(of: written) == nil else {
      throw UsageError("'\(written)' is there already; --overwrite writes over it.")
    }
    let folder = try OutputFolder(out)
    defer { folder.close() }
    let features = try features(checkpoint)
    let measured = try measuredData(checkpoint, network)
    let before = try measured.map { try network.evaluate(on: $0, loss: checkpoint.settings.training.loss).metric }
    let outputs = try network.outputs(for: features)
    let changes = try network.recalibrateStatistics(
      on: features, batchSize: batchSize ?? max(2, checkpoint.settings.training.batchSize))
    guard !changes.isEmpty else {
      throw UsageError("The examples do not tell a variance: there are \(features.shape[0]) of them; take two or more.")
    }
    let changed = changedShare(from: outputs, to: try network.outputs(for: features), checkpoint)
    checkpoint.state = network.state
    checkpoint.settings.recalibrationCount = features.shape[0]
    try checkpoint.checkNumbers(file: "what the examples make of '\(file)'")
    try checkpoint.write(to: written)
    let after = try measured.map { try network.evaluate(on: $0, loss: checkpoint.settings.training.loss).metric }
    let label = measured.map { _ in checkpoint.settings.outputs.metricLabel }
    let result = Result(
      model: written, exampleCount: features.shape[0], metric: label?.name, metricBefore: before, metricAfter: after,
      changedShare: changed, layers: changes)
    if json { return try outputJSON(result) }
    try output(text(result, label))
  }

  private func features(_ checkpoint: Checkpoint) throws -> Tensor<Float> {
    let reader = ExampleReader(checkpoint: checkpoint, table: given.table)
    if let data = given.data { return try reader.features(ofData: data, parts: part.examples) }
    switch try reader.contents(of: given.files) {
    case .rows(let features, _, _): return features
    case .images(let images):
      var batches: [Tensor<Float>] = []
      try reader.forEachBatch(of: images) { batch, _ in batches.append(batch) }
      return .concatenating(rows: batches)
    }
  }

  /// Data with labels to measure the model on; nil where there are none, or none that it knows.
  private func measuredData(_ checkpoint: Checkpoint, _ network: Sequential<Float>) throws -> Dataset<Float>? {
    guard let data = given.data else { return nil }
    do {
      let found = try checkpoint.evaluationData(source: data, options: try given.table.csvOptions()).dataset
      try network.check(found)
      return found
    } catch {
      remark("The model is not measured, since the data have no labels that it knows: \(error)")
      return nil
    }
  }

  /// The share of examples whose class is another now; nil for numbers.
  private func changedShare(
    from before: Tensor<Float>, to after: Tensor<Float>, _ checkpoint: Checkpoint
  ) -> Double? {
    guard case .classes = checkpoint.settings.outputs else { return nil }
    let pairs = zip(before.indicesOfMaximaOverChannels(), after.indicesOfMaximaOverChannels())
    return Double(pairs.count { $0 != $1 }) / Double(max(1, before.shape[0]))
  }

  private func text(_ result: Result, _ label: MetricLabel?) -> String {
    func number(_ value: Double) -> String { String(format: "%.3g", value) }
    var table = TextTable(columns: [
      .words("layer"), .numbers("channels"), .numbers("mean moved by, in deviations"), .numbers("at most"),
      .numbers("deviation times"), .numbers("from"), .numbers("to"),
    ])
    for layer in result.layers {
      let (shifts, ratios) = (layer.meanShifts.map(abs).sorted(), layer.deviationRatios.sorted())
      table.addRow([
        layer.layer, "\(shifts.count)", number(shifts[shifts.count / 2]), number(shifts.last ?? 0),
        number(ratios[ratios.count / 2]), number(ratios.first ?? 0), number(ratios.last ?? 0),
      ])
    }
    var lines = [
      "Running statistics of \(result.exampleCount) examples. Of each layer the median of its channels, and the largest or the range:",
      "", table.text(width: Terminal.outputColumns(), glyphs: Terminal.glyphs()), "",
    ]
    if let changed = result.changedShare {
      lines.append("Of the examples \(Formatting.percentage(changed)) are taken for another class than before.")
    }
    if let label, let before = result.metricBefore, let after = result.metricAfter {
      lines.append(
        "\(label.name.prefix(1).uppercased() + label.name.dropFirst()): \(label.text(before)) before, \(label.text(after)) now."
      )
    }
    lines.append("Model: \(result.model)")
    return lines.joined(separator: "\n")
  }
}
