import Norma
import NormaDiagnosis

/// Looks at a network after each epoch of its training.
struct TrainingWatch {
  private let trainer: Trainer<Float>
  private let data: Dataset<Float>
  /// What was found after the epoch before.
  private var known: [String: Finding.Kind] = [:]

  /// A look at what a trainer makes of its network from data.
  init(_ trainer: Trainer<Float>, _ data: Dataset<Float>) {
    (self.trainer, self.data) = (trainer, data)
  }

  /// What ails the network now.
  func look() throws -> Diagnosis {
    var training = Diagnosis.Training(trainer.configuration)
    training.stepCount = trainer.history.stepLosses.count
    return try Diagnosis(
      of: trainer.model, on: data, loss: trainer.configuration.loss, training: training,
      limit: Trainer<Float>.trainingMetricSamples)
  }

  /// What is to be told of an epoch: what was not found after the one before, and what no longer is.
  mutating func news(_ diagnosis: Diagnosis, epoch: Int) -> [String] {
    let faults = diagnosis.findings.filter { !$0.kind.isAdvice }
    let found = Dictionary(faults.map { ("\($0.kind.rawValue) \($0.layers)", $0) }) { first, _ in first }
    let new = faults.filter { known["\($0.kind.rawValue) \($0.layers)"] == nil }
      .map { "epoch \(epoch): \($0.kind.title). \($0.statement)" }
    let gone = Set(known.values).subtracting(found.values.map(\.kind)).map(\.title).sorted()
      .map { "epoch \(epoch): no longer: \($0)" }
    known = found.mapValues(\.kind)
    return new + gone
  }
}
