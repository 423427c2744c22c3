import Norma
import NormaTerminal

/// What `norma inspect --memory` shows: what a training step keeps alive, with and without recomputation.
struct MemoryListing: Encodable {
  /// The examples of a step.
  let batchSize: Int
  /// What a step keeps that keeps all it needs.
  let keeping: TrainingMemory
  /// What a step keeps that computes the results of batch normalization again.
  let recomputing: TrainingMemory

  /// The memory of the steps that train a checkpoint's network.
  init(_ network: Sequential<Float>, _ settings: Checkpoint.Settings, batchSize: Int) throws {
    self.batchSize = batchSize
    func memory(_ recomputesNormalized: Bool) throws -> TrainingMemory {
      try TrainingMemory(
        of: network, batchShape: Shape([batchSize] + settings.exampleShape), optimizer: settings.training.optimizer,
        recomputesNormalized: recomputesNormalized, keptActivations: settings.training.keptActivations)
    }
    keeping = try memory(false)
    recomputing = try memory(true)
  }

  /// A row for each layer: what it gives and what it keeps.
  var layers: TextTable {
    var table = TextTable(columns: [
      .words("layer"), .words("result"), .numbers("kept"), .numbers("kept, --recompute"), .numbers("parameters"),
    ])
    for (kept, recomputed) in zip(keeping.layers, recomputing.layers) where !kept.path.isEmpty {
      func bytes(_ count: Int) -> String { count == 0 ? "" : Formatting.bytes(count) }
      table.addRow([
        layerLine(path: kept.path, summary: kept.layer), "\(Shape(kept.outputShape))", bytes(kept.keptBytes),
        bytes(recomputed.keptBytes), bytes(kept.parameterBytes),
      ])
    }
    return table
  }

  /// What there is in all, a row a kind.
  var totals: TextTable {
    var table = TextTable(columns: [
      .words("a training step of \(batchSize) keeps"), .numbers("bytes"), .numbers("with --recompute"),
    ])
    let kinds: [(String, KeyPath<TrainingMemory, Int>)] = [
      ("the batch", \.batchBytes), ("activations, for the gradients", \.activationBytes),
      ("parameters", \.parameterBytes), ("their gradients", \.gradientBytes),
      ("the optimizer's memory", \.optimizerBytes),
      ("running statistics", \.statisticsBytes), ("in all", \.totalBytes),
    ]
    for (name, kind) in kinds {
      table.addRow([name, Formatting.bytes(keeping[keyPath: kind]), Formatting.bytes(recomputing[keyPath: kind])])
    }
    return table
  }
}

/// A layer in a list, under the layers it stands in: `    conv1: Conv2d(…)`.
func layerLine(path: String, summary: String) -> String {
  let parts = path.split(separator: ".")
  return String(repeating: "  ", count: max(0, parts.count - 1)) + "\(parts.last ?? ""): \(summary)"
}
