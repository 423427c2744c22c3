import Norma
import NormaTerminal

/// Shows what a trainer reports on a progress display.
struct TrainingProgress {
  private let display: ProgressDisplay

  /// A display for a training that begins now, of which about so many epochs get a line.
  init(label: String, data: DataSplits, configuration: TrainingConfiguration, lines: Int = 20, quiet: Bool) {
    let isClassification = if case .classes = data.training.targets { true } else { false }
    display = ProgressDisplay(
      label: label, epochs: configuration.epochs,
      stepsPerEpoch: configuration.batches(of: data.training.count).count, samplesPerStep: configuration.batchSize,
      metric: isClassification ? .accuracy : MetricLabel(name: "R²", isFraction: false),
      lines: lines, style: quiet ? .quiet : .automatic)
  }

  func show(_ event: Trainer<Float>.Event) {
    switch event {
    case .step(let step): display.step(step.number, epoch: step.epoch, loss: step.loss, metric: step.accuracy)
    case .epoch(let epoch):
      display.epochEnded(
        epoch: epoch.number, trainingLoss: epoch.trainingLoss, validationLoss: epoch.validationLoss,
        trainingMetric: epoch.trainingMetric, validationMetric: epoch.validationMetric)
    }
  }

  func finish() { display.finish() }
}
