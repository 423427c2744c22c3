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
        norma train --resume --out mnist-model

      INTERRUPTED
      While it runs, the training is saved into the folder checkpoints in --out, which goes when the model is there. \
      Ctrl-C or SIGTERM saves it at the end of the step, then ends it with exit code 130 or 143; a second one ends it \
      at once. After that, or a crash, or a full disk, `norma train --resume` goes on from the newest checkpoint that is \
      whole, and ends with the same model, bit for bit, as if nothing had happened. The options are those the training \
      was begun with; of those given again only --threads, --recompute, --quiet, --json and those about checkpoints may \
      be others, and --epochs where the schedule does not depend on it. Without a checkpoint the training begins. A \
      training that is not to go on is begun anew with --overwrite. While one runs, no other can write into its folder.

      \(NetworkOptions.models)
      """)

  @Option(
    help: ArgumentHelp(
      "What stands between linear or convolutional layers and nonlinearities. instance is not for mlp.",
      valueName: "name"))
  var norm = NormalizationKind.batch

  @Option(help: ArgumentHelp("The folder for model.safetensors and history.json.", valueName: "folder"))
  var out = "norma-model"

  @Flag(
    help:
      "Recompute the running statistics of batch normalization over all training data, with the weights as they are, before the model is saved."
  )
  var recalibrate = false

  @Option(
    help: ArgumentHelp(
      "Also divide the data into so many parts, train a network for each on all others, and tell how they do on the part they did not see. The model that is saved is the one of the usual split.",
      valueName: "count"))
  var folds: Int?

  @Option(
    help: ArgumentHelp(
      "A folder for an event file that TensorBoard shows while this runs: losses, activations, filters. Each run should have one of its own.",
      valueName: "folder"))
  var tensorboard: String?

  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Network") var network: NetworkOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Checkpoints") var checkpoints: CheckpointOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  /// What `--json` prints.
  private struct Result: Encodable {
    var checkpoint: String
    var bestEpoch: Int
    var validationLoss: Double?
    var validationMetric: Double?
    var testLoss: Double?
    var testMetric: Double?
    var trainingMetric: Double?
    var batchTrainingMetric: Double?
    var recalibratedValidationMetric: Double?
    var linearMetric: Double?
    var foldMetrics: [Double]?
    var history: TrainingHistory
  }

  func validate() throws {
    try network.check(normalizations: [norm])
    if let folds, !(2...1000).contains(folds) {
      throw ValidationError("--folds takes a number from 2 to 1000, not \(folds).")
    }
    guard !recalibrate || norm == .batch else {
      throw ValidationError("--recalibrate is about batch normalization, and there is none here: add --norm batch.")
    }
    try training.check(defaults(try network.architecture(normalization: norm)), normalizations: [norm])
  }

  private func defaults(_ architecture: ModelArchitecture) -> TrainingDefaults {
    TrainingDefaults(architecture, data: data, normalizations: [norm], isComparison: false)
  }

  private var modelPath: String { "\(out)/model.safetensors" }
  private var checkpointFolder: String { "\(out)/checkpoints" }

  func run() throws {
    let given = Array(CommandLine.arguments.drop { $0 != Self._commandName }.dropFirst())
    let folder = try OutputFolder(out)
    defer { folder.close() }
    guard checkpoints.resume else {
      guard try checkpoints.overwrite || TrainingStateFolder(checkpointFolder).files.isEmpty else {
        throw UsageError(
          "A training in '\(out)' was interrupted. Go on with it with --resume, begin anew in its place with --overwrite, or "
            + "name another folder with --out.")
      }
      return try train(arguments: given)
    }
    if let interrupted = try InterruptedTraining(TrainingStateFolder(checkpointFolder)) {
      // Of two options of a name, the later counts.
      let command = try Self.parse(interrupted.arguments + given)
      return try command.train(arguments: interrupted.arguments, goingOnWith: interrupted)
    }
    if FileAccess.kind(of: modelPath) != nil {
      let checkpoint = try Checkpoint(contentsOf: modelPath, allowsUnusableNumbers: true)
      note("The training in '\(out)' has ended; there is nothing left to go on with.")
      return try show(Outcome(history: checkpoint.settings.history), checkpoint.settings.training.loss)
    }
    note("There is no checkpoint in '\(checkpointFolder)' yet; the training begins.")
    try train(arguments: given)
  }

  private func note(_ text: String) {
    if !common.quiet { Terminal.standardError.write(text + "\n") }
  }

  /// Trains from the beginning, or from where a training was interrupted, and writes the model.
  ///
  /// - Parameter arguments: the command line of the training's beginning, after `train`.
  private func train(arguments: [String], goingOnWith interrupted: InterruptedTraining? = nil) throws {
    common.apply()
    var architecture = try network.architecture(normalization: norm)
    let prepared = try data.prepare(seed: common.seed, asImages: architecture.recipe.takesImages)
    let configuration = try training.configuration(
      for: prepared.training, normalizations: [norm], defaults: defaults(architecture), seed: common.seed)
    architecture = network.adjusted(
      architecture, stepsPerEpoch: configuration.batches(of: prepared.training.count).count)
    let outputs = Checkpoint.Outputs(prepared.training)
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: prepared.training.exampleShape, outputCount: outputs.count,
      random: RandomGenerator(seed: common.seed).split(RandomStream.weights.rawValue))
    let events = try tensorboard.map {
      try TrainingEvents(directory: $0, settings: settings(architecture, configuration, prepared))
    }
    var saved = Checkpoint.Settings(
      architecture: architecture, exampleShape: Array(prepared.training.exampleShape), outputs: outputs,
      featureNames: prepared.training.featureNames, encoding: prepared.preparation.encoding,
      standardization: prepared.standardization.map { Checkpoint.SavedStandardization($0) },
      targetStandardization: prepared.targetStandardization.map { Checkpoint.SavedStandardization($0) },
      training: configuration,
      data: data.saved(validationCount: prepared.validation.count), history: TrainingHistory())
    let trainer = Trainer(model, configuration: configuration)
    if let interrupted {
      try interrupted.check(saved)
      try trainer.restore(interrupted.state)
      note("Going on from \(interrupted.state.position).")
      events?.goOn(model, on: prepared, after: interrupted.state.stepCount)
    } else {
      if let words = smallBatchWords(architecture, configuration) { note(words) }
      events?.begin(model, on: prepared)
    }
    let notes = try InterruptedTraining.notes(saved, arguments: arguments)
    let history = try fit(trainer, prepared, events, notes: notes, isNew: interrupted == nil)
    saved.history = history
    var outcome = Outcome(history: history)
    if recalibrate {
      try model.recalibrateStatistics(on: prepared.training, batchSize: configuration.batchSize)
      saved.recalibrationCount = prepared.training.count
      let measured = prepared.validation.count > 0 ? prepared.validation : prepared.training
      outcome.recalibrated = try model.evaluate(on: measured, loss: configuration.loss)
    } else if let gap = StatisticsGap(history.best, metric: configuration.loss.metricLabel) {
      note("\(gap.words) \(gap.remedy)")
    }
    outcome.test = try prepared.test.map { try model.evaluate(on: $0, loss: configuration.loss) }
    let checkpoint = Checkpoint(settings: saved, state: model.state)
    try FileAccess.write([
      (path: "\(out)/history.json", contents: .bytes([UInt8](try ResultFile.data(history)))),
      (path: modelPath, contents: try checkpoint.contents(of: modelPath)),
    ])
    try TrainingStateFolder(checkpointFolder).removeAll()
    if let reference = try LinearReference(prepared, against: model, loss: configuration.loss) {
      outcome.linear = reference.linear
      if let words = reference.words { note(words) }
    }
    outcome.folds = try folds.map { try crossValidate($0, architecture, configuration) }
    try show(outcome, configuration.loss)
    try events?.finish()
  }

  /// Trains a network for each of so many parts of the data.
  private func crossValidate(
    _ count: Int, _ architecture: ModelArchitecture, _ configuration: TrainingConfiguration
  ) throws -> CrossValidation {
    let random = RandomGenerator(seed: common.seed).split(RandomStream.split.rawValue)
    let parts = try data.folds(count, random: random, asImages: architecture.recipe.takesImages)
    var progress: (fold: Int, display: TrainingProgress)?
    defer { progress?.display.finish() }
    var preparedOfFold: DataSplits?
    return try CrossValidation(parts, configuration: configuration, random: random.split(1)) { data in
      preparedOfFold = data
      return try architecture.recipe.build(
        sampleShape: data.training.exampleShape, outputCount: Checkpoint.Outputs(data.training).count,
        random: RandomGenerator(seed: common.seed).split(RandomStream.weights.rawValue))
    } onEvent: { fold, event in
      if progress?.fold != fold, let data = preparedOfFold {
        progress?.display.finish()
        progress = (
          fold,
          TrainingProgress(
            label: "part \(fold + 1)/\(count)", data: data, configuration: configuration, lines: 3,
            quiet: common.quiet)
        )
      }
      progress?.display.show(event)
      return .proceed
    }
  }

  private func fit(
    _ trainer: Trainer<Float>, _ data: DataSplits, _ events: TrainingEvents?, notes: [String: String], isNew: Bool
  ) throws -> TrainingHistory {
    let count = checkpoints.checkpoints
    let folder = TrainingStateFolder(checkpointFolder, kept: max(1, count), replacing: isNew)
    var saver =
      count == 0
      ? nil
      : CheckpointSaver(
        folder, interval: checkpoints.checkpointEvery, notes: notes,
        resumption: "norma train --resume --out \(out.shellQuoted)")
    let progress = TrainingProgress(
      label: norm.rawValue, data: data, configuration: trainer.configuration, quiet: common.quiet)
    defer { progress.finish() }
    func fit() throws -> TrainingHistory {
      try trainer.fit(data.training, validation: data.validation.count > 0 ? data.validation : nil) { event in
        progress.show(event)
        events?.record(event)
        try saver?.save(trainer, after: event)
        return .proceed
      }
    }
    return try saver == nil ? fit() : StopRequest.noted(during: fit)
  }

  /// What came of a training.
  private struct Outcome {
    var history: TrainingHistory
    var test: Evaluation?
    /// On validation data, with running statistics recomputed.
    var recalibrated: Evaluation?
    var linear: Double?
    var folds: CrossValidation?
  }

  private func show(_ outcome: Outcome, _ loss: LossFunction) throws {
    let (history, test) = (outcome.history, outcome.test)
    if common.json {
      return try outputJSON(
        Result(
          checkpoint: modelPath, bestEpoch: history.best?.number ?? 0, validationLoss: history.best?.validationLoss,
          validationMetric: history.best?.validationMetric, testLoss: test?.loss, testMetric: test?.metric,
          trainingMetric: history.best?.trainingMetric, batchTrainingMetric: history.best?.batchTrainingMetric,
          recalibratedValidationMetric: outcome.recalibrated?.metric, linearMetric: outcome.linear,
          foldMetrics: outcome.folds?.metrics, history: history))
    }
    let metric = loss.metricLabel
    var lines: [String] = []
    if let best = history.best {
      let part = best.validationMetric == nil ? "training" : "validation"
      lines.append("Best epoch \(best.number): \(part) \(metric.name) \(metric.text(best.decidingMetric))")
    }
    if let recalibrated = outcome.recalibrated {
      lines.append("With running statistics recomputed: \(metric.name) \(metric.text(recalibrated.metric))")
    }
    if let test { lines.append("Test \(metric.name): \(metric.text(test.metric))") }
    if let folds = outcome.folds {
      let spread =
        loss.metricLabel.isFraction
        ? "\(Formatting.number(folds.deviation * 100)) points" : Formatting.number(folds.deviation)
      lines.append(
        "\(folds.metrics.count) parts, each judged by a network that saw the others: \(metric.name) \(metric.text(folds.mean)), "
          + "deviation \(spread)")
    }
    try output((lines + ["Model: \(modelPath)"]).joined(separator: "\n"))
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
