import Norma
import NormaEvents

/// An outcome that can be shown in TensorBoard.
protocol LoggedOutcome {
  /// Writes everything of it that has a place there.
  func record(to events: EventWriter) throws
}

extension LabReport {
  /// Writes event files for TensorBoard: a folder for each experiment, in it one for each run and seed.
  ///
  /// They are made from the outcomes, so runs that were known from before have them too. A run whose outcome has nothing to
  /// show over time has none.
  ///
  /// - Parameter directory: the folder for all of them, created if it is not there.
  /// - Throws: `FileError` where a file cannot be written.
  public func writeEvents(to directory: String) throws {
    for result in results {
      for run in result.record.runs {
        for (seed, outcome) in zip(plan.seeds, run.outcomes) {
          guard let outcome = outcome as? any LoggedOutcome else { continue }
          let name = run.label + (plan.seeds.count > 1 ? ", seed \(seed)" : "")
          let events = try EventWriter(
            directory: "\(directory)/\(result.experiment.name)/\(name.replacing("/", with: "-"))")
          try events.addText("question", result.experiment.question, step: 0)
          try outcome.record(to: events)
          try events.synchronize()
        }
      }
    }
  }
}

extension EventWriter {
  /// What the epochs of a training say.
  func add(_ epochs: [TrainingHistory.Epoch]) throws {
    for epoch in epochs {
      let values: [(tag: String, value: Double?)] = [
        ("loss/training", epoch.trainingLoss), ("loss/validation", epoch.validationLoss),
        ("loss/training, in inference", epoch.inferenceTrainingLoss),
        ("accuracy/training", epoch.trainingMetric), ("accuracy/validation", epoch.validationMetric),
        ("accuracy/training, by batch statistics", epoch.batchTrainingMetric),
        ("learning rate", epoch.learningRate),
      ]
      for case (let tag, let value?) in values { try addScalar(tag, value, step: epoch.number) }
    }
  }
}

extension TrainingRun.Outcome: LoggedOutcome {
  func record(to events: EventWriter) throws {
    try events.add(epochs)
    for (place, loss) in losses.enumerated() {
      try events.addScalar("loss/step", loss, step: (place + 1) * lossInterval)
    }
    for probe in probes {
      try events.addScalar("accuracy/test", probe.testAccuracy, step: probe.step)
      if let exact = probe.exactTestAccuracy {
        try events.addScalar("accuracy/test, exact statistics", exact, step: probe.step)
      }
      for (name, value) in zip(["15th", "50th", "85th"], probe.unitPercentiles ?? []) {
        try events.addScalar("unit/\(name) percentile", value, step: probe.step)
      }
    }
    if let filters {
      let image = FilterGrid(title: "filters", filters: filters).image()
      try events.addImage("filters", png: image.encodedAsPNG(), step: epochs.count)
    }
  }
}

extension PlacementRun.Outcome: LoggedOutcome {
  func record(to events: EventWriter) throws { try events.add(epochs) }
}

extension SmallBatchRun.Outcome: LoggedOutcome {
  func record(to events: EventWriter) throws {
    for accuracy in accuracies { try events.addScalar("accuracy/test", accuracy.accuracy, step: accuracy.seen) }
  }
}

extension DeepLinearRun.Outcome: LoggedOutcome {
  func record(to events: EventWriter) throws {
    for look in looks {
      try events.addScalar("loss/training", look.loss, step: look.step)
      try events.addScalar("gradient/range of the loss", look.range, step: look.step)
      try events.addScalar("gradient/change", look.gradientChange, step: look.step)
      try events.addScalar("gradient/length", look.gradientLength, step: look.step)
    }
  }
}

extension ActivationRun.Outcome: LoggedOutcome {
  /// The layer takes the place of the step, so that TensorBoard shows the layers behind each other.
  func record(to events: EventWriter) throws {
    for (number, layer) in layers.enumerated() {
      try events.addScalar("standard deviation", layer.standardDeviation, step: number + 1)
      let count = Double(layer.histogram.counts.reduce(0, +))
      try events.addHistogram(
        "activations",
        EventHistogram(
          minimum: layer.histogram.lower, maximum: layer.histogram.upper, sum: layer.mean * count,
          sumOfSquares: (layer.standardDeviation * layer.standardDeviation + layer.mean * layer.mean) * count,
          counts: layer.histogram.counts),
        step: number + 1)
    }
  }
}
