import Foundation
import Norma
import NormaDiagnosis
import NormaLab
import NormaTerminal

extension Convert {
  /// A model of norma's.
  func checkpoint(_ path: String) throws -> Checkpoint {
    let checkpoint = try Checkpoint(
      contentsOf: path, allowsUnusableNumbers: unusable.allowsUnusableNumbers)
    if !unusable.allowsUnusableNumbers { try checkpoint.checkStatistics(file: path) }
    return checkpoint
  }

  /// The model with all that is to be changed of it, and what was.
  func mended(_ before: Checkpoint) throws -> (checkpoint: Checkpoint, remarks: [String]) {
    var (checkpoint, remarks) = (before, [String]())
    if network.mendsModels {
      let recipe = checkpoint.settings.architecture.recipe
      if let epsilon = network.epsilon {
        guard recipe.normalization != .none else {
          throw UsageError("\(recipe) has no normalization, to which --epsilon is.")
        }
        remarks.append("Epsilon is \(epsilon) now, and was \(recipe.conventions.epsilon).")
        checkpoint.settings.architecture.recipe.conventions.epsilon = epsilon
      }
      if let standardization = try network.given.standardization(checkpoint.settings.exampleShape) {
        remarks.append(
          checkpoint.settings.standardization == nil
            ? "Examples are standardized now." : "Examples are standardized by these numbers now, and were by others.")
        checkpoint.settings.standardization = standardization
      }
    }
    if pruneDead {
      let examples = try checkpoint.trainingData(source: data)
      tell(examples.notes)
      let diagnosis = try Diagnosis(
        of: try checkpoint.makeModel(), on: examples.dataset, loss: nil, training: Diagnosis.Training(checkpoint),
        limit: examples.dataset.count)
      let pruning = try checkpoint.pruningDead(diagnosis)
      checkpoint = pruning.checkpoint
      let counts = pruning.removed.sorted { $0.key.compare($1.key, options: .numeric) == .orderedAscending }
        .map { "\($0.value) of '\($0.key)'" }
      remarks.append(
        counts.isEmpty
          ? "No channel gives the same for all \(diagnosis.exampleCount) examples: nothing was taken out."
          : "Channels that give the same for all \(diagnosis.exampleCount) examples were taken out: \(counts.joined(separator: ", ")). "
            + "The network is \(checkpoint.settings.architecture) now.")
      remarks += pruning.kept.map { "Dead channels of '\($0.layer)' stay: \($0.reason)." }
    }
    if fold {
      let (folded, normalizations) = try checkpoint.folded()
      checkpoint = folded
      remarks.append(foldingRemark(normalizations))
    }
    return (checkpoint, remarks)
  }

  /// Which normalizations are part of other layers now.
  func foldingRemark(_ names: [String]) -> String {
    "\(names.count) normalization\(names.count == 1 ? " is" : "s are") part of the layers before: '"
      + names.prefix(5).joined(separator: "', '") + "'" + (names.count > 5 ? " and \(names.count - 5) more" : "") + "."
  }
}

/// How a model did before something was changed of it, and how it does now.
struct Measures {
  let label: MetricLabel
  let before: Evaluation
  let after: Evaluation
  private let name: String
  private let count: Int

  /// Measures two models on the data that a source names for each.
  init(_ first: Checkpoint, _ second: Checkpoint, data: String) throws {
    func evaluation(_ checkpoint: Checkpoint) throws -> (Evaluation, Dataset<Float>) {
      let dataset = try checkpoint.evaluationData(source: data).dataset
      let outputs = try checkpoint.makeModel().outputs(for: dataset)
      return (try Evaluation(outputs: outputs, of: dataset, loss: checkpoint.settings.training.loss), dataset)
    }
    let dataset: Dataset<Float>
    (before, _) = try evaluation(first)
    (after, dataset) = try evaluation(second)
    (label, name, count) = (second.settings.outputs.metricLabel, dataset.name, dataset.count)
  }

  /// In a sentence.
  var words: String {
    "On \(name.singleLine), \(count) examples: \(label.name) \(label.text(before.metric)) before, \(label.text(after.metric)) now; loss "
      + "\(Formatting.number(before.loss)) before, \(Formatting.number(after.loss)) now."
  }
}
