import NormaTraining

extension Diagnosis.Training {
  /// What a configuration says of how many examples are normalized together.
  public init(_ configuration: TrainingConfiguration) {
    let parts = configuration.sharesMoments ? 1 : configuration.microBatches
    self.init(batchSize: configuration.ghostSize ?? max(1, configuration.batchSize / max(1, parts)))
  }

  /// What a checkpoint says; nothing of the batches of a network that was trained elsewhere.
  public init(_ checkpoint: Checkpoint) {
    let settings = checkpoint.settings
    guard !settings.isConverted else {
      self.init(isRecalibrated: settings.recalibrationCount != nil)
      return
    }
    let (training, history) = (settings.training, settings.history)
    self.init(training)
    isRecalibrated = settings.recalibrationCount != nil
    guard !history.epochs.isEmpty, !history.stepLosses.isEmpty else { return }
    let perEpoch = history.stepLosses.count / history.epochs.count
    stepCount = training.keepsBest ? (history.best?.number ?? 0) * perEpoch : history.stepLosses.count
  }
}
