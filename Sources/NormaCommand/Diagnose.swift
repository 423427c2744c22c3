import ArgumentParser
import Foundation
import Norma
import NormaDiagnosis
import NormaLab
import NormaONNX
import NormaTerminal

/// `norma diagnose`: what ails a network's normalization.
struct Diagnose: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find out what ails a network's normalization, and what mends it.",
    usage: "norma diagnose <model> [--data <source>] [<options>]",
    discussion: """
      A network that is good in training and bad in use has, as a rule, wrong running statistics. Here examples go through \
      the network, by the statistics of batches as in training and by running ones as in use, and what normalizations \
      keep is held against what the examples say: statistics of other data or of no data, a momentum in another \
      framework's direction, standardization left out, dead channels, an epsilon that rules, batches too small, \
      and more. Each finding says what speaks for it, where it comes from, and which command mends it. Where nothing is \
      wrong, nothing is found: what counts is beyond what chance does to statistics of so many examples.

      The model is one of norma's, an ONNX model, or a state dictionary with --model and what goes with it, as for \
      convert. Best are the data that it learned from, of which the training part is used; without --data those are \
      found again. Labels need not be there; where they are, it is told what each fault costs.

      Exit codes, as linters have them: 0 nothing is wrong, 1 something was found; advice is no finding. 64 and \
      above as for all commands.

      EXAMPLES
        norma diagnose norma-model
        norma diagnose norma-model --html diagnosis.html
        norma diagnose resnet18.onnx --data images:photos \\
            --mean 123.7,116.3,103.5 --scale 58.4,57.1,57.4
        norma diagnose state.safetensors --model resnet20 --shape 32x32x3 \\
            --data cifar10:cifar-10-binary.tar.gz
        norma diagnose norma-model --json | jq '.diagnosis.findings[].kind'

      \(NetworkOptions.models)
      """)

  @Argument(
    help: ArgumentHelp(
      "A model.safetensors, the folder it is in, an ONNX model, or a state dictionary.", valueName: "model"))
  var file: String

  @Option(help: ArgumentHelp("Examples such as it learned from, as for train.", valueName: "source"))
  var data: String?

  @OptionGroup var table: TableOptions

  @Option(
    help: ArgumentHelp("How many examples are looked at, drawn by chance where there are more.", valueName: "count"))
  var examples = Diagnosis.usualExampleCount

  @Option(
    help: ArgumentHelp(
      "How many examples were normalized together in the training. (default: as the model says; where it does not, batches of 32 are supposed)",
      valueName: "count"))
  var batchSize: Int?

  @Option(help: ArgumentHelp("How many threads work. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "An HTML file to write: a page with the findings and pictures of each layer's statistics.", valueName: "file"))
  var html: String?

  @Flag(help: "Print the results as JSON, with the statistics of every channel.")
  var json = false

  @OptionGroup(title: "Network of a state dictionary or an ONNX model") var network: ConvertedNetworkOptions

  func validate() throws {
    if let data { try validateSource(data) }
    guard examples >= 2 else { throw ValidationError("--examples takes a number from 2 on, not \(examples).") }
    if let batchSize, batchSize < 2 {
      throw ValidationError("--batch-size takes a number from 2 on, not \(batchSize).")
    }
    try validateThreads(threads)
  }

  /// What `--json` prints.
  private struct Result: Encodable {
    var model: String, data: String
    var isHealthy: Bool
    /// The commands that mend the findings, in their order; nil where none does.
    var commands: [String?]
    var diagnosis: Diagnosis
  }

  func run() throws {
    if let threads { Parallel.threadCount = threads }
    let checkpoint = try model()
    let network = try checkpoint.makeModel()
    let (dataset, hasLabels) = try dataset(checkpoint, network)
    var training = Diagnosis.Training(checkpoint)
    training.batchSize = batchSize ?? training.batchSize
    let diagnosis = try Diagnosis(
      of: network, on: dataset, loss: hasLabels ? checkpoint.settings.training.loss : nil, training: training,
      limit: examples)
    let mends = Mends(
      model: file, data: data ?? checkpoint.settings.data.source, table: table,
      canPrune: (try? checkpoint.pruningDead(diagnosis).removed.isEmpty) == false)
    if let html {
      let report = DiagnosisReport(
        diagnosis, model: URL(filePath: file).lastPathComponent, data: dataset.name, command: reproducingCommand(),
        mend: { mends.command(for: $0) })
      try FileAccess.write(report.page.html(), to: html)
    }
    if json {
      try outputJSON(
        Result(
          model: file, data: dataset.name, isHealthy: diagnosis.isHealthy,
          commands: diagnosis.findings.map(mends.command), diagnosis: diagnosis))
    } else {
      let text = DiagnosisText(diagnosis, mends: mends, columns: Terminal.outputColumns(), glyphs: Terminal.glyphs())
      try output((text.lines + (html.map { ["", "Report: \($0)"] } ?? [])).joined(separator: "\n"))
    }
    if !diagnosis.isHealthy { throw ExitCode(1) }
  }

  /// The model, which may hold any numbers: that is what is looked for.
  private func model() throws -> Checkpoint {
    let path = try modelFile(file, kinds: [.safetensors, .npz, .onnx])
    let isONNX = try FileKind(ofFile: path) == .onnx
    guard !isONNX, try TensorFile(contentsOf: path).metadata[Checkpoint.settingsKey] == nil else {
      guard !network.isGiven, network.epsilon == nil, isONNX || !network.saysOfSamples else {
        throw UsageError("'\(path)' is a model and knows its network: leave out --model and what goes with it.")
      }
      return try savedModel(path, options: isONNX ? network : nil, allowsUnusableNumbers: true).checkpoint
    }
    let dictionary = StateDictionary(entries: try TensorFile(contentsOf: path).entries)
    let conversion = try Conversion(
      of: dictionary, from: path, settings: network, conventions: nil, allowsUnusableNumbers: true)
    guard case .model(let checkpoint) = conversion.result else { fatalError("a state dictionary became no model") }
    tell(conversion.remarks)
    return checkpoint
  }

  /// The examples, and whether they have labels that the model knows.
  private func dataset(
    _ checkpoint: Checkpoint, _ network: Sequential<Float>
  ) throws -> (dataset: Dataset<Float>, hasLabels: Bool) {
    do {
      let found = try checkpoint.trainingData(
        source: data, options: data == nil && !table.isGiven ? nil : try table.csvOptions())
      try network.check(found.dataset)
      tell(found.notes)
      return (found.dataset, true)
    } catch TrainingError.dataDoNotFit(let problem) where data == nil {
      throw UsageError("\(problem) with --data.")
    } catch {
      guard let data else { throw error }
      let reader = ExampleReader(checkpoint: checkpoint, table: table)
      let features = try reader.features(ofData: data) { [$0.training] }
      remark("No losses are measured, since the data have no labels that the model knows: \(error)")
      let none = Dataset<Float>.Targets.classes([Int](repeating: 0, count: features.shape[0]), count: 1)
      return (Dataset(features: features, targets: none, name: data), false)
    }
  }
}

/// The commands that mend what a diagnosis found.
struct Mends: Sendable {
  let model: String
  let data: String
  let tableWords: [String]
  /// Whether dead channels can be taken out of the network.
  let canPrune: Bool

  init(model: String, data: String, table: TableOptions, canPrune: Bool) {
    (self.model, self.data, tableWords, self.canPrune) = (model, data, table.words, canPrune)
  }

  /// The command; nil where there is none.
  func command(for finding: Finding) -> String? {
    let file = model.shellQuoted
    let source = (["--data", data.shellQuoted] + tableWords).joined(separator: " ")
    let isONNX = model.lowercased().hasSuffix(".onnx")
    switch finding.mend {
    case .recalibrate: return isONNX ? nil : "norma recalibrate \(file) \(source) --out mended"
    case .pruneDead:
      return isONNX || !canPrune ? nil : "norma convert \(file) --prune-dead \(source) -o pruned.safetensors"
    case .fold: return "norma convert \(file) --fold \(source) -o folded.\(isONNX ? "onnx" : "safetensors")"
    case .standardize, .setEpsilon:
      guard !finding.mendArguments.isEmpty, !isONNX || finding.mend == .standardize else { return nil }
      let arguments = finding.mendArguments.map(\.shellQuoted).joined(separator: " ")
      return "norma convert \(file) --to norma \(arguments) -o mended.safetensors"
    case .train: return nil
    }
  }
}
