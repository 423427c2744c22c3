import NormaLayers
import NormaTensor
import NormaTraining

/// What is left of a network from which channels were taken out.
public struct Pruning: Sendable {
  /// The network.
  public let checkpoint: Checkpoint
  /// How many channels each normalization lost.
  public let removed: [String: Int]
  /// The normalizations that keep dead channels, and why: `its channels go into 'layer1.0' together with others`.
  public let kept: [(layer: String, reason: String)]
}

extension Checkpoint {
  /// The same model without the channels that a diagnosis found dead, where a linear or convolutional layer gives them to a normalization
  /// and nothing but functions of single values, pooling and flattening stands between that and the next such layer: in a chain, or within
  /// a branch of a block. What such a channel gives to all examples alike becomes part of the bias of the layer behind, or of the running
  /// mean of its normalization, so answers differ by rounding.
  ///
  /// - Parameter diagnosis: one of this model.
  /// - Throws: ``MendingError`` for a network with a layer that is dead as a whole, and where there are dead channels and none can be
  ///   taken out; what building and following the network throws.
  public func pruningDead(_ diagnosis: Diagnosis) throws -> Pruning {
    if let layer = diagnosis.layers.first(where: { $0.channels.allSatisfy(\.isDead) }) {
      throw MendingError(problem: "all channels of \(layer.name) are dead; nothing would be left of it")
    }
    let (recipe, widths) = (settings.architecture.recipe, LayerWidths())
    let model: Sequential<Float> = try widths.applied { () throws(ModelArchitectureError) in
      try recipe.build(
        sampleShape: Shape(settings.exampleShape), outputCount: settings.outputs.count, random: RandomGenerator(seed: 0)
      )
    }
    try model.load(state)
    var pruner = try Pruner(model, state, widths, batchShape: Shape([1] + settings.exampleShape))
    guard pruner.execution.sites.map(\.name) == diagnosis.layers.map(\.name) else {
      throw MendingError(problem: "the diagnosis is of another model than \(recipe)")
    }
    var (removed, kept): ([String: Int], [(layer: String, reason: String)]) = ([:], [])
    for (index, layer) in diagnosis.layers.enumerated() where layer.channels.contains(where: \.isDead) {
      do throws(Obstacle) {
        let (count, reason) = try pruner.prune(index, layer.channels.map(\.constantResult))
        if count > 0 { removed[layer.name] = count }
        if let reason { kept.append((layer.name, reason)) }
      } catch {
        kept.append((layer.name, error.reason))
      }
    }
    if removed.isEmpty, let first = kept.first {
      throw MendingError(
        problem: "no dead channel can be taken out of \(recipe): of '\(first.layer)', \(first.reason)"
          + (kept.count > 1 ? "; \(kept.count - 1) more layers are alike" : ""))
    }
    var result = self
    if !removed.isEmpty {
      result.settings.architecture.recipe = PrunedNetwork(recipe, widths: pruner.widths)
      result.state = pruner.state
      _ = try result.makeModel()
    }
    return Pruning(checkpoint: result, removed: removed, kept: kept)
  }
}
