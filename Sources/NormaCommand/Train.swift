import ArgumentParser
import Foundation
import Norma
import NormaLab
import NormaTerminal

/// `norma train`: trains a network and writes a checkpoint.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network and save it.",
    usage: "norma train [<options>]",
    discussion: """
      Writes model.safetensors, which `norma evaluate`, `norma predict` and `norma inspect` read, and history.json into \
      the folder --out. The model is that of the epoch with the best validation result. Its tensors have PyTorch's \
      names: loaded with safetensors' Python package they are the state dictionary of the same layers in nn.Sequential.

      EXAMPLES
        norma train
        norma train --data mnist:mnist --model mlp:512,512 --out mnist-model
        norma train --data cifar10:cifar-10-binary.tar.gz --model resnet20
        norma train --data csv:iris.csv --label species --epochs 50 --optimizer adamw

      \(NetworkOptions.models)
      """)

  @Option(
    help: ArgumentHelp(
      "What stands between linear or convolutional layers and nonlinearities. instance is not for mlp.",
      valueName: "name"))
  var norm = NormalizationKind.batch

  @Option(help: ArgumentHelp("The folder for model.safetensors and history.json.", valueName: "folder"))
  var out = "norma-model"

  @Option(
    help: ArgumentHelp(
      "A folder for an event file that TensorBoard shows while this runs: losses, activations, filters. Each run should have one of its own.",
      valueName: "folder"))
  var tensorboard: String?

  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Network") var network: NetworkOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  /// What `--json` prints.
  private struct Result: Encodable {
    var checkpoint: String
    var bestEpoch: Int
    var validationLoss: Double?
    var validationMetric: Double?
    var testLoss: Double?
    var testMetric: Double?
    var history: TrainingHistory
  }

  func validate() throws {
    try training.check(defaults(try network.architecture(normalization: norm)), normalizations: [norm])
  }

  private func defaults(_ architecture: ModelArchitecture) -> TrainingDefaults {
    TrainingDefaults(architecture, data: data, normalizations: [norm], isComparison: false)
  }

  func run() throws {
    common.apply()
    try FileAccess.createWritableDirectory(out)
    let architecture = try network.architecture(normalization: norm)
    let prepared = try data.prepare(seed: common.seed, asImages: architecture.takesImages)
    let configuration = try training.configuration(
      for: prepared.training, normalizations: [norm], defaults: defaults(architecture), seed: common.seed)
    let outputs = Checkpoint.Outputs(prepared.training)
    _ = try architecture.parameterCount(sampleShape: prepared.training.exampleShape, outputCount: outputs.count)
    let model = architecture.build(
      Float.self, sampleShape: prepared.training.exampleShape, outputCount: outputs.count,
      random: RandomGenerator(seed: common.seed).split(RandomStream.weights.rawValue))
    let events = try tensorboard.map {
      try TrainingEvents(directory: $0, settings: settings(architecture, configuration, prepared))
    }
    events?.begin(model, on: prepared)
    let trainer = Trainer(model, configuration: configuration)
    let progress = TrainingProgress(
      label: norm.rawValue, data: prepared, configuration: configuration, quiet: common.quiet)
    let validation = prepared.validation.count > 0 ? prepared.validation : nil
    let history = try trainer.fit(prepared.training, validation: validation) { event in
      progress.show(event)
      events?.record(event)
      return .proceed
    }
    progress.finish()
    let test = try prepared.test.map { try model.evaluate(on: $0, loss: configuration.loss) }
    let checkpoint = Checkpoint(
      settings: Checkpoint.Settings(
        architecture: architecture, exampleShape: Array(prepared.training.exampleShape), outputs: outputs,
        featureNames: prepared.training.featureNames,
        standardization: prepared.standardization.map { Checkpoint.SavedStandardization($0) }, training: configuration,
        data: data.saved(validationCount: prepared.validation.count), history: history),
      state: model.state)
    let path = "\(out)/model.safetensors"
    try checkpoint.write(to: path)
    let result = Result(
      checkpoint: path, bestEpoch: history.best?.number ?? 0, validationLoss: history.best?.validationLoss,
      validationMetric: history.best?.validationMetric, testLoss: test?.loss, testMetric: test?.metric,
      history: history)
    try FileAccess.write([UInt8](try ResultFile.data(history)), to: "\(out)/history.json")
    if common.json {
      try outputJSON(result)
    } else {
      let metric = configuration.loss.metricLabel
      var lines: [String] = []
      if let best = history.best {
        let part = best.validationMetric == nil ? "training" : "validation"
        lines.append("Best epoch \(best.number): \(part) \(metric.name) \(metric.text(best.decidingMetric))")
      }
      if let test { lines.append("Test \(metric.name): \(metric.text(test.metric))") }
      try output((lines + ["Model: \(path)"]).joined(separator: "\n"))
    }
    try events?.finish()
  }
}

extension LossFunction {
  /// What is measured beside this loss.
  var metricLabel: MetricLabel { self == .meanSquaredError ? MetricLabel(name: "R²", isFraction: false) : .accuracy }
}

extension Checkpoint.Outputs {
  /// What a network's outputs stand for that learns from the given data.
  init(_ dataset: Dataset<Float>) {
    switch dataset.targets {
    case .classes(_, let count): self = .classes(names: dataset.classNames ?? (0..<count).map(String.init))
    case .values(let values): self = .values(count: values.shape.channelCount)
    }
  }
}
