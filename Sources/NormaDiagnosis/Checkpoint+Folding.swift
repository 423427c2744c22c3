import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor
import NormaTraining

/// Why a model cannot be mended so.
public struct MendingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What stands in the way.
  public let problem: String
  public var description: String { problem }

  /// An error in words.
  public init(problem: String) { self.problem = problem }
}

extension Checkpoint {
  /// The same model without normalization: what each does in inference is part of the weights and biases of the layer before it. Answers
  /// differ by rounding; it can be trained further, as a network without normalization.
  ///
  /// - Returns: the model, and the names of the normalizations that it had.
  /// - Throws: ``MendingError`` for a model whose normalizations are not all batch normalization behind a layer with weights, and for one
  ///   that has gathered no statistics; what building the networks throws.
  public func folded() throws -> (checkpoint: Checkpoint, normalizations: [String]) {
    let recipe = settings.architecture.recipe
    guard recipe.normalization.isBatchNormalization else {
      throw MendingError(
        problem: "\(recipe) has \(recipe.normalization.words), and what is folded is batch normalization")
    }
    var result = self
    result.settings.architecture.recipe.normalization = .none
    result.settings.recalibrationCount = nil
    let model = try makeModel()
    let target: Sequential<Float> = try result.settings.architecture.recipe.build(
      sampleShape: Shape(settings.exampleShape), outputCount: settings.outputs.count, random: RandomGenerator(seed: 0))
    let batchShape = Shape([1] + settings.exampleShape)
    let (execution, plain) = (
      try Execution(model, batchShape: batchShape), try Execution(target, batchShape: batchShape)
    )
    if let site = execution.sites.first(where: { $0.layer?.hasGathered == false || !$0.invalidChannels.isEmpty }) {
      throw MendingError(
        problem: "\(site.name) has no statistics that it could be folded with: recalibrate the model first")
    }
    if let site = execution.sites.first(where: { $0.foldsInto == nil }) {
      throw MendingError(problem: "\(site.name) follows no layer with weights that it alone uses, and cannot be folded")
    }
    let (old, new) = (execution.weighted, plain.weighted)
    guard old.count == new.count else {
      throw MendingError(problem: "\(recipe) has other layers without normalization")
    }
    var state = target.state
    for (old, new) in zip(old, new) {
      let constants = try execution.folded(old)
      let names = plain.program.nodes[new].inputs.dropFirst().map { plain.program.nodes[$0].name }
      guard names.count == constants.count,
        zip(names, constants).allSatisfy({ state.tensors[$0]?.shape == $1.shape })
      else {
        throw MendingError(
          problem: "\(execution.program.nodes[old].path) has no counterpart in \(recipe) without normalization")
      }
      for (name, tensor) in zip(names, constants) { state.tensors[name] = tensor }
    }
    result.state = state
    return (result, execution.sites.map(\.name))
  }
}

extension Execution {
  /// The operations with weights that a map of channels can be folded into, in their order.
  fileprivate var weighted: [Int] {
    program.nodes.indices.filter { index in
      let node = program.nodes[index]
      guard let operation = node.operation, node.inputs.count > 1, let weight = constants[node.inputs[1]] else {
        return false
      }
      let channels = weight.shape[0]
      let identity = ChannelMap(
        centre: .init(repeating: 0, count: channels), scale: .init(repeating: 1, count: channels),
        shift: .init(repeating: 0, count: channels))
      return operation.followed(by: identity, node.inputs.map { constants[$0] }) != nil
    }
  }

  /// Weights and bias of an operation with the normalization that alone takes its result, if there is one.
  fileprivate func folded(_ index: Int) throws -> [Tensor<Float>] {
    let node = program.nodes[index]
    let known = node.inputs.map { constants[$0] }
    if let site = sites.first(where: { program.nodes[$0.node].inputs[0] == index }) {
      let normalization = program.nodes[site.node]
      if let map = normalization.operation?.channelMap(normalization.inputs.map { constants[$0] }),
        let folded = node.operation?.followed(by: map, known)
      {
        return folded.constants
      }
    }
    return known.dropFirst().compactMap(\.self)
  }
}
