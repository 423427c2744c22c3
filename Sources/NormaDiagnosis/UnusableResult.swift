import NormaGraph
import NormaLayers
import NormaTensor

/// Where a network's numbers stop being such.
public struct UnusableResult: Sendable, Equatable, CustomStringConvertible {
  /// The layer, as files call it; empty for what stands in none.
  public let layer: String
  /// What it is.
  public let summary: String
  /// What is so: `the variance of channel 3 is -0.5`, or `gives nan`.
  public let problem: String

  public var description: String { (layer.isEmpty ? summary : "layer '\(layer)', \(summary)") + ": \(problem)" }
}

extension Layer<Float> {
  /// The first of the normalizations by given statistics, in the order of the computation, that has a mean or a variance that is no
  /// finite number, or a variance below zero; whether they are buffers of layers or constants of a model from elsewhere.
  ///
  /// - Throws: what following the network throws; `LayerError` where such samples do not fit.
  public func unusableStatistics(sampleShape: Shape) throws -> UnusableResult? {
    let program = try Program(self, batchShape: Shape([batchSize ?? 1] + sampleShape), for: .shapes)
    for node in program.nodes {
      guard let given = node.operation?.givenStatistics, let mean = program.nodes[node.inputs[given.mean]].value,
        let variance = program.nodes[node.inputs[given.variance]].value
      else { continue }
      let pairs = Array(zip(mean.elements, variance.elements))
      guard let channel = pairs.firstIndex(where: { !$0.isFinite || !$1.isFinite || $1 < 0 }) else { continue }
      return UnusableResult(
        layer: Site.name(program.nodes[node.inputs[given.mean]].name) ?? node.path, summary: node.layer,
        problem: pairs[channel].0.isFinite
          ? "the variance of channel \(channel) is \(pairs[channel].1)"
          : "the mean of channel \(channel) is \(pairs[channel].0)")
    }
    return nil
  }

  /// The first layer, in the order of the computation, that makes of numbers what is none; nil where all results are finite.
  ///
  /// - Throws: as ``unusableStatistics(sampleShape:)``.
  public func unusableResult(of batch: Tensor<Float>) throws -> UnusableResult? {
    let execution = try Execution(self, batchShape: batch.shape.replacingFirst(with: batchSize ?? 1))
    var found: UnusableResult?
    var hooks = Execution.Hooks()
    hooks.node = { node, result in
      guard found == nil, let value = result.elements.first(where: { !$0.isFinite }) else { return }
      found = UnusableResult(layer: node.path, summary: node.layer, problem: "gives \(value)")
    }
    _ = try execution.run(batch, hooks)
    return found
  }
}
