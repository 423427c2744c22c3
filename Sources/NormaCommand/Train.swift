import ArgumentParser
import Foundation
import Norma
import NormaDiagnosis
import NormaLab
import NormaTerminal

/// `norma train`: trains a network and writes a checkpoint.
struct Train: GroupCommand {
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
        norma train --from mnist-model --data images:photos --freeze '*'
        norma train --data mnist:mnist --shards 8 --processes 4
        norma train --resume --out mnist-model

      INTERRUPTED
      While it runs, the training is saved into the folder checkpoints in --out, which goes when the model is there. \
      Ctrl-C, SIGTERM or SIGUSR1 saves it at the end of the step, then ends it with exit code 130, 143 or 138; a second one ends it \
      at once. After that, or a crash, or a full disk, `norma train --resume` goes on from the newest checkpoint that is \
      whole, and ends with the same model, bit for bit, as if nothing had happened. The options are those the training \
      was begun with; of those given again only --threads, --processes, --recompute, --quiet, --json and those about \
      checkpoints may be others, and --epochs where the schedule does not depend on it. Without a checkpoint the training begins. A \
      training that is not to go on is begun anew with --overwrite. While one runs, no other can write into its folder.

      \(NetworkOptions.models)
      """)

  @Option(
    help: ArgumentHelp(
      "What stands between linear or convolutional layers and nonlinearities. instance and frn are not for mlp; frn, evonorm-b0 and evonorm-s0 are the nonlinearity too. (default: batch)",
      valueName: "name"))
  var norm: NormalizationKind?

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

  @Flag(
    help:
      "After each epoch, look at the network's normalizations as norma diagnose does, with a thousand of the training's examples, and tell what was found; with --tensorboard, how far the running statistics of each layer are off."
  )
  var watch = false

  @Option(
    help: ArgumentHelp(
      "Train nothing, but try learning rates from 1e-7 up to 10 in 200 steps, tell at which the loss falls fastest, and draw what becomes of it on a page, which is written to this HTML file.",
      valueName: "file"))
  var rangeTest: String?

  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Network") var network: NetworkOptions
  @OptionGroup(title: "Training further") var fineTuning: FineTuningOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Several processes") var processes: ProcessOptions
  @OptionGroup(title: "Several processes") var scaling: ScalingOptions
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
    var averagedValidationMetric: Double?
    var recalibratedValidationMetric: Double?
    var linearMetric: Double?
    var foldMetrics: [Double]?
    var history: TrainingHistory
  }

  func validate() throws {
    if fineTuning.from == nil {
      try network.check(normalizations: [try network.architecture(normalization: norm).recipe.normalization])
    }
    if let folds, !(2...1000).contains(folds) {
      throw ValidationError("--folds takes a number from 2 to 1000, not \(folds).")
    }
    guard folds == nil || !data.given.isGiven else {
      throw ValidationError("--folds standardizes by each part's own training data: leave out --mean and --scale.")
    }
    guard scaling.plan == nil || processes.processes == nil else {
      throw ValidationError("Give --plan or --processes, not both.")
    }
    if let count = processes.processes, count > 1, !checkpoints.resume {
      guard let shards = training.shards, shards % count == 0 else {
        throw ValidationError(
          "--processes \(count) takes --shards, into which each batch is cut, such as --shards \(max(8, count)): "
            + "a number that \(count) divides.")
      }
    }
    guard fineTuning.from == nil else {
      // A state dictionary does not say which network it is of.
      guard network.model != nil || (norm == nil && !network.isGiven) else {
        throw ValidationError(Self.givenNetworkWords)
      }
      guard folds == nil else { throw ValidationError("--folds is for networks that are trained from the beginning.") }
      return
    }
    try check(try network.architecture(normalization: norm))
  }

  /// Makes sure that options go together for a network.
  private func check(_ architecture: ModelArchitecture) throws {
    let norm = architecture.recipe.normalization
    guard !recalibrate || norm.keepsStatistics && norm != .whitening else {
      throw ValidationError("--recalibrate is about running statistics, and there are none here: add --norm batch.")
    }
    try training.check(defaults(architecture), normalizations: [norm])
  }

  private func defaults(_ architecture: ModelArchitecture) -> TrainingDefaults {
    TrainingDefaults(
      architecture, data: data, normalizations: [architecture.recipe.normalization], isComparison: false)
  }

  private static let givenNetworkWords =
    "The network is that of --from: options about it, such as --model and --norm, are not for it."

  var givenThreads: Int? { common.threads }

  private var modelPath: String { "\(out)/model.safetensors" }
  private var checkpointFolder: String { "\(out)/checkpoints" }

  func run(in group: (any ProcessGroup)?) throws {
    if let plan = scaling.plan { return try show(plan) }
    guard group != nil || !scaling.shardOptimizer else {
      throw UsageError("--shard-optimizer is about several processes: add --processes 4, or have mpirun start them.")
    }
    if let rangeTest { return try testRange(rangeTest, in: group) }
    let given = Array(CommandLine.arguments.drop { $0 != Self._commandName }.dropFirst())
    // Of several processes the first alone writes.
    let folder = try group.isFirst ? OutputFolder(out) : nil
    defer { folder?.close() }
    guard checkpoints.resume else {
      guard try checkpoints.overwrite || TrainingStateFolder(checkpointFolder).files.isEmpty else {
        throw UsageError(
          "A training in '\(out)' was interrupted. Go on with it with --resume, begin anew in its place with --overwrite, or "
            + "name another folder with --out.")
      }
      return try train(arguments: given, in: group)
    }
    if let interrupted = try InterruptedTraining(TrainingStateFolder(checkpointFolder)) {
      // Of two options of a name, the later counts.
      let command = try Self.parse(interrupted.arguments + given)
      return try command.train(arguments: interrupted.arguments, goingOnWith: interrupted, in: group)
    }
    if FileAccess.kind(of: modelPath) != nil {
      let checkpoint = try Checkpoint(contentsOf: modelPath, allowsUnusableNumbers: true)
      note("The training in '\(out)' has ended; there is nothing left to go on with.")
      return try show(Outcome(history: checkpoint.settings.history), checkpoint.settings.outputs)
    }
    note("There is no checkpoint in '\(checkpointFolder)' yet; the training begins.")
    try train(arguments: given, in: group)
  }

  /// A network with all that its training needs.
  private struct Preparation {
    var architecture: ModelArchitecture
    var data: DataSplits
    /// What the shorter side of images was scaled to; nil for their size.
    var shorterSide: Int?
    var configuration: TrainingConfiguration
    var outputs: Checkpoint.Outputs
    var model: Sequential<Float>
    /// What was made of the model that is trained further, in words.
    var words: String?
  }

  /// Reads the data, and builds the network or takes the one that is trained further.
  private func prepare() throws -> Preparation {
    let dictionary = try fineTuning.stateDictionary()
    var base = dictionary == nil ? try fineTuning.baseModel() : nil
    guard base == nil || (norm == nil && !network.isGiven) else { throw UsageError(Self.givenNetworkWords) }
    guard dictionary == nil || network.model != nil else {
      throw UsageError("'\(fineTuning.from ?? "")' does not say which network it is of; --model does.")
    }
    var architecture = try base?.checkpoint.settings.architecture ?? network.architecture(normalization: norm)
    if fineTuning.from != nil { try check(architecture) }
    let augmentation = try training.augmentation()
    let prepared = try data.prepare(
      seed: common.seed, asImages: architecture.recipe.takesImages, for: augmentation, base: base)
    let shorterSide = data.shorterSide(for: base)
    if let dictionary {
      // Its statistics are no beginning: a batch weighs what it did.
      if network.bnRule == nil {
        architecture.recipe.conventions.rule = .updating(
          architecture.recipe.conventions.rule.weight(afterBatches: 1 << 30))
      }
      base = try fineTuning.baseModel(of: dictionary, architecture, for: prepared)
    }
    var configuration = try training.configuration(
      for: prepared.training, normalizations: [architecture.recipe.normalization], defaults: defaults(architecture),
      seed: common.seed)
    if base == nil {
      architecture = network.adjusted(
        architecture, normalizations: [architecture.recipe.normalization],
        stepsPerEpoch: configuration.batches(of: prepared.training.count).count, epochs: configuration.epochs)
    }
    let outputs = Checkpoint.Outputs(of: prepared.training)
    let model: Sequential<Float> = try architecture.recipe.build(
      sampleShape: prepared.training.exampleShape, outputCount: outputs.count,
      random: RandomGenerator(seed: common.seed).split(RandomStream.weights.rawValue))
    var words: String?
    if let base {
      let (said, group) = try base.prepare(model, outputs: outputs, exampleShape: prepared.training.exampleShape)
      configuration.groups = [group].compactMap(\.self) + configuration.groups
      words = said
    }
    return Preparation(
      architecture: architecture, data: prepared, shorterSide: shorterSide, configuration: configuration,
      outputs: outputs, model: model, words: words)
  }

  /// Tries learning rates, and writes what becomes of the loss to a page.
  private func testRange(_ file: String, in group: (any ProcessGroup)?) throws {
    common.apply()
    let ready = try prepare()
    if let words = ready.words { note(words) }
    let test = try LearningRateRangeTest(
      ready.model, on: ready.data.training, configuration: ready.configuration, group: group)
    guard group.isFirst else { return }
    let report = RangeTestReport(
      test, subject: "\(ready.architecture) on \(ready.data.training.name)", command: reproducingCommand())
    try FileAccess.write(report.page.html(), to: file)
    if common.json {
      struct Result: Encodable {
        var learningRate: Double?
        var diverged: Bool
        var learningRates: [Double], losses: [Double], smoothedLosses: [Double]
      }
      return try outputJSON(
        Result(
          learningRate: test.suggestion, diverged: test.diverged, learningRates: test.points.map(\.learningRate),
          losses: test.points.map(\.loss), smoothedLosses: test.points.map(\.smoothedLoss)))
    }
    try output("\(report.headline)\nReport: \(file)")
  }

  /// Tells how long a step would take by several processes.
  private func show(_ processCount: Int) throws {
    common.apply()
    var ready = try prepare()
    if let words = ready.words { note(words) }
    ready.configuration.shards = max(ready.configuration.shards ?? 1, processCount)
    let plan = try ScalingPlan(
      ready.model, on: ready.data.training, configuration: ready.configuration, processCount: processCount,
      interconnect: scaling.network ?? .gigabit)
    if common.json { return try outputJSON(plan.result) }
    try output(plan.table)
    try output(plan.words)
  }

  private func note(_ text: String) {
    if !common.quiet { Terminal.standardError.write(text + "\n") }
  }

  /// Trains from the beginning, or from where a training was interrupted, and writes the model.
  ///
  /// - Parameter arguments: the command line of the training's beginning, after `train`.
  private func train(
    arguments: [String], goingOnWith interrupted: InterruptedTraining? = nil, in group: (any ProcessGroup)?
  ) throws {
    common.apply()
    let ready = try prepare()
    let (architecture, prepared, configuration) = (ready.architecture, ready.data, ready.configuration)
    let (outputs, model) = (ready.outputs, ready.model)
    if let words = ready.words, interrupted == nil { note(words) }
    let events =
      try group.isFirst
      ? tensorboard.map {
        try TrainingEvents(directory: $0, settings: settings(architecture, configuration, prepared))
      } : nil
    let source = data.saved(validationCount: prepared.validation.count)
    var saved = Checkpoint.Settings(
      architecture: architecture, training: configuration, data: prepared, source: source)
    saved.shorterSide = ready.shorterSide
    let trainer = try Trainer(
      model, configuration: configuration, group: group, sharesOptimizer: scaling.shardOptimizer)
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
    let history = try fit(
      trainer, prepared, events, name: architecture.recipe.normalization.rawValue, notes: notes,
      isNew: interrupted == nil)
    if group.isFirst, let words = trainer.waiting.words { note(words) }
    var outcome = Outcome(history: history)
    let measured = prepared.validation.count > 0 ? prepared.validation : prepared.training
    if case .stochastic = configuration.averaging {
      outcome.averaged = try model.evaluate(on: measured, loss: configuration.loss, in: group)
    }
    if recalibrate {
      try model.recalibrateStatistics(on: prepared.training, batchSize: configuration.batchSize, in: group)
      outcome.recalibrated = try model.evaluate(on: measured, loss: configuration.loss, in: group)
    } else if let gap = StatisticsGap(history.best, metric: outputs.metricLabel) {
      note("\(gap.words) \(gap.remedy)")
    }
    outcome.test = try prepared.test.map { try model.evaluate(on: $0, loss: configuration.loss, in: group) }
    if group.isFirst {
      var checkpoint = Checkpoint(trainer, architecture: architecture, data: prepared, source: source)
      checkpoint.settings.shorterSide = ready.shorterSide
      checkpoint.settings.recalibrationCount = recalibrate ? prepared.training.count : nil
      try FileAccess.write([
        (path: "\(out)/history.json", contents: .bytes([UInt8](try ResultFile.data(history)))),
        (path: modelPath, contents: try checkpoint.contents(of: modelPath)),
      ])
      try TrainingStateFolder(checkpointFolder).removeAll()
      if let reference = try LinearReference(prepared, against: model, loss: configuration.loss) {
        outcome.linear = reference.linear
        if let words = reference.words { note(words) }
      }
    }
    outcome.folds = try folds.map { try crossValidate($0, architecture, configuration, in: group) }
    guard group.isFirst else { return }
    try show(outcome, outputs)
    try events?.finish()
  }

  /// Trains a network for each of so many parts of the data.
  private func crossValidate(
    _ count: Int, _ architecture: ModelArchitecture, _ configuration: TrainingConfiguration,
    in group: (any ProcessGroup)?
  ) throws -> CrossValidation {
    let random = RandomGenerator(seed: common.seed).split(RandomStream.split.rawValue)
    let parts = try data.folds(
      count, random: random, asImages: architecture.recipe.takesImages, for: configuration.augmentation)
    var progress: (fold: Int, display: TrainingProgress)?
    defer { progress?.display.finish() }
    var preparedOfFold: DataSplits?
    return try CrossValidation(parts, configuration: configuration, random: random.split(1), group: group) { data in
      preparedOfFold = data
      return try architecture.recipe.build(
        sampleShape: data.training.exampleShape, outputCount: Checkpoint.Outputs(of: data.training).count,
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
    _ trainer: Trainer<Float>, _ data: DataSplits, _ events: TrainingEvents?, name: String, notes: [String: String],
    isNew: Bool
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
      label: name, data: data, configuration: trainer.configuration, quiet: common.quiet)
    defer { progress.finish() }
    var watched = watch && trainer.group.isFirst ? TrainingWatch(trainer, data.training) : nil
    trainer.isAskedToStop = { StopRequest.signal != nil }
    trainer.isAskedForState = { [unowned trainer] event in saver?.isDue(trainer, after: event) ?? false }
    func fit() throws -> TrainingHistory {
      try trainer.fit(data.training, validation: data.validation.count > 0 ? data.validation : nil) { event in
        progress.show(event)
        events?.record(event)
        if case .epoch(let epoch) = event, let diagnosis = try watched?.look() {
          for words in watched?.news(diagnosis, epoch: epoch.number) ?? [] { progress.note(words) }
          events?.record(diagnosis)
        }
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
    /// On validation data, with the mean of the weights of epochs, which no epoch was judged by.
    var averaged: Evaluation?
    var linear: Double?
    var folds: CrossValidation?
  }

  private func show(_ outcome: Outcome, _ outputs: Checkpoint.Outputs) throws {
    let (history, test) = (outcome.history, outcome.test)
    if common.json {
      return try outputJSON(
        Result(
          checkpoint: modelPath, bestEpoch: history.best?.number ?? 0, validationLoss: history.best?.validationLoss,
          validationMetric: history.best?.validationMetric, testLoss: test?.loss, testMetric: test?.metric,
          trainingMetric: history.best?.trainingMetric, batchTrainingMetric: history.best?.batchTrainingMetric,
          averagedValidationMetric: outcome.averaged?.metric,
          recalibratedValidationMetric: outcome.recalibrated?.metric, linearMetric: outcome.linear,
          foldMetrics: outcome.folds?.metrics, history: history))
    }
    let metric = outputs.metricLabel
    var lines: [String] = []
    if let best = history.best {
      let part = best.validationMetric == nil ? "training" : "validation"
      lines.append("Best epoch \(best.number): \(part) \(metric.name) \(metric.text(best.decidingMetric))")
    }
    if let averaged = outcome.averaged {
      lines.append("With the mean of the weights: \(metric.name) \(metric.text(averaged.metric))")
    }
    if let recalibrated = outcome.recalibrated {
      lines.append("With running statistics recomputed: \(metric.name) \(metric.text(recalibrated.metric))")
    }
    if let test { lines.append("Test \(metric.name): \(metric.text(test.metric))") }
    if let folds = outcome.folds {
      let spread =
        metric.isFraction
        ? "\(Formatting.number(folds.deviation * 100)) points" : Formatting.number(folds.deviation)
      lines.append(
        "\(folds.metrics.count) parts, each judged by a network that saw the others: \(metric.name) \(metric.text(folds.mean)), "
          + "deviation \(spread)")
    }
    try output((lines + ["Model: \(modelPath)"]).joined(separator: "\n"))
  }
}

extension Checkpoint.Outputs {
  /// What is measured of such outputs beside the loss.
  var metricLabel: MetricLabel {
    if case .values = self { MetricLabel(name: "R²", isFraction: false) } else { .accuracy }
  }
}
