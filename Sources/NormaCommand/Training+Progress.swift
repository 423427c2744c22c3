import Norma
import NormaTerminal

/// Shows what a trainer reports on a progress display.
struct TrainingProgress {
  private let display: ProgressDisplay

  /// A display for a training that begins now, of which about so many epochs get a line.
  init(label: String, data: DataSplits, configuration: TrainingConfiguration, lines: Int = 20, quiet: Bool) {
    display = ProgressDisplay(
      label: label, epochs: configuration.epochs,
      stepsPerEpoch: configuration.batches(of: data.training.count).count, samplesPerStep: configuration.batchSize,
      metric: Checkpoint.Outputs(of: data.training).metricLabel, lines: lines, style: quiet ? .quiet : .automatic)
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

  func note(_ text: String) { display.note(text) }

  func finish() { display.finish() }
}

extension TrainingWaiting {
  /// What of its steps the process waited; nil where it is alone.
  var words: String? {
    guard let share else { return nil }
    func percent(_ part: Duration) -> String { Formatting.percentage(part / steps) }
    return
      "Of its steps' time the first process waited \(Formatting.percentage(share)) for the others: \(percent(statistics)) for statistics, \(percent(gradients)) for gradients."
  }
}
