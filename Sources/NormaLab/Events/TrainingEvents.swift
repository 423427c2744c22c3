import Norma
import NormaDiagnosis
import NormaEvents

/// Writes what a training does to an event file, which TensorBoard shows while it runs: losses, metrics and the learning
/// rate, how the activations of each layer are distributed, and the filters of the first convolution.
///
/// ```swift
/// let events = try TrainingEvents(directory: "runs/first")
/// events.begin(model, on: data)
/// try trainer.fit(data.training, validation: data.validation) { event in
///   events.record(event)
///   return .proceed
/// }
/// try events.finish()
/// ```
///
/// No training is lost for its events: what goes wrong in writing them ends the writing, and is thrown by ``finish()``.
///
/// | tag | what | after |
/// |---|---|---|
/// | `loss/step` | the loss of a batch | some steps, 50 times an epoch at most |
/// | `loss/training`, `loss/validation` | as `TrainingHistory.Epoch` has them | each epoch |
/// | `accuracy/…` or `R²/…` | the metric, for training and validation | each epoch |
/// | `learning rate` | of the epoch's last step | each epoch |
/// | `activations/LAYER` | what comes out of a nonlinearity, for a batch normalized as in training | each epoch, and at 0 |
/// | `filters` | those of the first convolution, 64 at most | each epoch, and at 0 |
/// | `settings` | a table | at 0 |
/// | `statistics/mean off by/LAYER` | how far running means are from the examples', in deviations, the median | each diagnosis |
/// | `statistics/deviation times/LAYER` | running deviations over the examples', the median | each diagnosis |
/// | `statistics/dead channels/LAYER` | how many channels give the same for all examples | each diagnosis |
/// | `diagnosis` | what was found, as text | each diagnosis that finds something |
///
/// All stand at the number of steps that the optimizer had made: TensorBoard knows one count for a run, by which it also tells
/// what comes again when a training is gone on with.
public final class TrainingEvents {
  /// At most so many losses of steps are written in an epoch.
  private static let stepLossesPerEpoch = 50

  private let writer: EventWriter
  private let settings: [NormComparison.Setting]
  private var failure: (any Error)?
  private var subject: (model: any Layer<Float>, probe: ActivationProbe, metric: String)?
  /// The steps made so far.
  private var stepCount = 0

  /// Creates an event file.
  ///
  /// - Parameters:
  ///   - directory: the folder of the run, created if it is not there; each run has one of its own.
  ///   - settings: what TensorBoard shows beside the curves, under Text.
  /// - Throws: `FileError` if the file cannot be created.
  public init(directory: String, settings: [NormComparison.Setting] = []) throws(FileError) {
    writer = try EventWriter(directory: directory)
    self.settings = settings
  }

  /// Begins with a network as it is before its training.
  ///
  /// - Parameters:
  ///   - model: the network, which the training changes.
  ///   - data: what it is trained on; some of it is sent through the network to look at its activations.
  public func begin(_ model: any Layer<Float>, on data: DataSplits) {
    look(at: model, data)
    attempt {
      if !settings.isEmpty { try writer.addText("settings", settingsTable, step: 0) }
      try recordState()
    }
  }

  /// Goes on with a training that was interrupted, of which the folder has events: those of later steps than it goes on from
  /// are taken back, so that TensorBoard shows each step once.
  ///
  /// - Parameters:
  ///   - model: the network, as it was saved.
  ///   - data: what it is trained on.
  ///   - stepCount: how many steps it had made then.
  public func goOn(_ model: any Layer<Float>, on data: DataSplits, after stepCount: Int) {
    look(at: model, data)
    self.stepCount = stepCount
    attempt { try writer.addStart(step: stepCount + 1) }
  }

  private func look(at model: any Layer<Float>, _ data: DataSplits) {
    let metric = if case .classes = data.training.targets { "accuracy" } else { "R²" }
    subject = (model, ActivationProbe(data), metric)
  }

  /// Records a step or an epoch.
  public func record(_ event: Trainer<Float>.Event) {
    attempt {
      switch event {
      case .step(let step): try record(step)
      case .epoch(let epoch): try record(epoch)
      }
    }
  }

  /// Records what ails the network after the last step that was recorded.
  public func record(_ diagnosis: Diagnosis) {
    func median(_ numbers: [Double]) -> Double? { numbers.isEmpty ? nil : numbers.sorted()[numbers.count / 2] }
    attempt {
      for layer in diagnosis.layers {
        let values: [(tag: String, value: Double?)] = [
          ("mean off by", median(layer.channels.compactMap { $0.meanShift.map(abs) })),
          ("deviation times", median(layer.channels.compactMap(\.deviationRatio))),
          ("dead channels", Double(layer.channels.count(where: \.isDead))),
        ]
        for case (let tag, let value?) in values {
          try writer.addScalar("statistics/\(tag)/\(layer.name)", value, step: stepCount)
        }
      }
      let found = diagnosis.findings.filter { !$0.kind.isAdvice }
      guard !found.isEmpty else { return }
      try writer.addText(
        "diagnosis", found.map { "**\($0.kind.title)**: \($0.statement)" }.joined(separator: "\n\n"), step: stepCount)
    }
  }

  /// Waits until everything is on the disk.
  ///
  /// - Throws: what kept events from being written, now or before; `FileError` as a rule.
  public func finish() throws {
    if let failure { throw failure }
    try writer.synchronize()
  }

  private func attempt(_ body: () throws -> Void) {
    guard failure == nil else { return }
    do { try body() } catch { failure = error }
  }

  private func record(_ step: Trainer<Float>.Step) throws {
    stepCount = (step.epoch - 1) * step.count + step.number
    let interval = (step.count + Self.stepLossesPerEpoch - 1) / Self.stepLossesPerEpoch
    guard step.number % max(1, interval) == 0 else { return }
    try writer.addScalar("loss/step", step.loss, step: stepCount)
  }

  private func record(_ epoch: TrainingHistory.Epoch) throws {
    let metric = subject?.metric ?? "metric"
    let values: [(tag: String, value: Double?)] = [
      ("loss/training", epoch.trainingLoss), ("loss/validation", epoch.validationLoss),
      ("loss/training, in inference", epoch.inferenceTrainingLoss),
      ("\(metric)/training", epoch.trainingMetric), ("\(metric)/validation", epoch.validationMetric),
      ("\(metric)/training, by batch statistics", epoch.batchTrainingMetric),
      ("learning rate", epoch.learningRate),
    ]
    for case (let tag, let value?) in values { try writer.addScalar(tag, value, step: stepCount) }
    try recordState()
  }

  private func recordState() throws {
    guard let subject else { return }
    for (layer, values) in try subject.probe.activations(of: subject.model) {
      try writer.addHistogram("activations/\(layer)", of: values, step: stepCount)
    }
    if let filters = NormComparison.Filters(firstOf: subject.model) {
      let image = FilterGrid(title: "filters", filters: filters).image()
      try writer.addImage("filters", png: image.encodedAsPNG(), step: stepCount)
    }
  }

  private var settingsTable: String {
    let rows = settings.map { "| \($0.name) | \($0.value.replacing("|", with: "\\|")) |" }
    return (["| setting | value |", "|---|---|"] + rows).joined(separator: "\n")
  }
}
