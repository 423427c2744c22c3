import NormaTensor

/// A model whose normalizations by given statistics are part of the layers before them, as far as they can be.
public struct FoldedModel: Sendable {
  /// The model.
  public let model: ONNXModel
  /// The normalizations that are part of another node now.
  public let folded: [String]
  /// Those that are not, and why.
  public let kept: [(name: String, reason: String)]
}

extension ONNXModel {
  /// The same model with each `BatchNormalization` that alone takes what a `Conv`, `ConvTranspose` or `Gemm` gives made part of its weight and
  /// bias, in double precision. Answers differ by rounding.
  ///
  /// Weights must be tensors of the model's, in single precision; those that other nodes share stay for these.
  public func folded() -> FoldedModel {
    var folding = Folding(graph)
    var (folded, kept): ([String], [(name: String, reason: String)]) = ([], [])
    for node in nodes where node.operation == "BatchNormalization" && node.domain.isEmpty {
      let name = node.name.isEmpty ? node.inputs.dropFirst(3).first ?? node.place : node.name
      do throws(Unfoldable) {
        try folding.fold(node)
        folded.append(name)
      } catch {
        kept.append((name, error.reason))
      }
    }
    return FoldedModel(
      model: ONNXModel(operatorSet: operatorSet, graph: folding.finished()), folded: folded, kept: kept)
  }
}

/// Why a normalization stays as it is.
private struct Unfoldable: Error {
  let reason: String
}

/// A graph of which normalizations become part of other nodes, one by one.
private struct Folding {
  private var graph: ONNXGraph
  /// How often values are needed, as outputs too.
  private var useCounts: [String: Int] = [:]

  init(_ graph: ONNXGraph) {
    self.graph = graph
    for node in graph.nodes {
      for name in node.inputs + node.branches.flatMap(\.outerNames) { useCounts[name, default: 0] += 1 }
    }
    for output in graph.outputs { useCounts[output.name, default: 0] += 1 }
  }

  /// The graph without tensors that nothing needs any more.
  consuming func finished() -> ONNXGraph {
    var needed = Set(graph.outputs.map(\.name))
    var nodes: [ONNXNode] = []
    for node in graph.nodes.reversed() {
      // What only named statistics goes with them.
      guard !["Constant", "Identity"].contains(node.operation) || !needed.isDisjoint(with: node.outputs) else {
        continue
      }
      needed.formUnion(node.needs)
      nodes.append(node)
    }
    graph.nodes = nodes.reversed()
    graph.initializers = graph.initializers.filter { needed.contains($0.key) }
    return graph
  }

  /// The tensor of a name that is the same for all inputs.
  private func constant(_ name: String) -> Tensor<Float>? {
    var name = name
    while true {
      if let tensor = graph.initializers[name] { return if case .floats(let values) = tensor { values } else { nil } }
      guard let node = graph.nodes.first(where: { $0.outputs.contains(name) }), node.domain.isEmpty else { return nil }
      switch (node.operation, node.attributes["value"], node.inputs.first) {
      case ("Identity", _, let source?): name = source
      case ("Constant", .tensor(.floats(let values))?, _): return values
      default: return nil
      }
    }
  }

  /// Makes a normalization part of the node before it.
  mutating func fold(_ normalization: ONNXNode) throws(Unfoldable) {
    func integer(_ name: String, of node: ONNXNode, or usual: Int) -> Int {
      if case .integer(let number)? = node.attributes[name] { number } else { usual }
    }
    guard integer("training_mode", of: normalization, or: 0) == 0,
      normalization.outputs.dropFirst().allSatisfy(\.isEmpty)
    else { throw Unfoldable(reason: "it normalizes by the statistics of batches") }
    guard integer("spatial", of: normalization, or: 1) == 1 else {
      throw Unfoldable(reason: "it normalizes each position by itself")
    }
    guard normalization.inputs.count == 5,
      let place = graph.nodes.firstIndex(where: { $0.outputs.first == normalization.inputs[0] })
    else { throw Unfoldable(reason: "it normalizes the model's input") }
    var before = graph.nodes[place]
    guard useCounts[normalization.inputs[0]] == 1 else {
      throw Unfoldable(reason: "what it normalizes, \(before.place), is used elsewhere, too")
    }
    guard ["Conv", "ConvTranspose", "Gemm"].contains(before.operation), before.domain.isEmpty else {
      throw Unfoldable(reason: "it follows no layer with weights, but \(before.place)")
    }
    let numbers = normalization.inputs.dropFirst().compactMap(constant).map { $0.elements.map(Double.init) }
    guard numbers.count == 4, let count = numbers.first?.count, numbers.allSatisfy({ $0.count == count }),
      before.inputs.count > 1,
      let weight = constant(before.inputs[1])
    else {
      throw Unfoldable(
        reason: "its numbers, or the weight before it, are no tensors of the model's in single precision")
    }
    let hasBias = before.inputs.count > 2 && !before.inputs[2].isEmpty
    let bias = hasBias ? constant(before.inputs[2]) : Tensor<Float>.zeros([count])
    guard weight.shape.rank > 1, weight.count > 0, let result = normalization.outputs.first else {
      throw Unfoldable(reason: "\(before.place) has a weight that is none of channels")
    }
    let width = weight.count / weight.shape[0]
    let inner = weight.shape.dropFirst(2).reduce(1, *)
    /// The output channel that a number of the weight, by its place, belongs to.
    let channel: (Int) -> Int
    switch before.operation {
    case "Conv": channel = { $0 / width }
    case "ConvTranspose":
      let groups = max(1, integer("group", of: before, or: 1))
      let (inputs, outputs) = (weight.shape[0] / groups, weight.shape[1])
      channel = { $0 / width / max(1, inputs) * outputs + $0 % width / inner }
    default:
      for (name, usual) in [("alpha", Float(1)), ("beta", 1)] {
        guard case .number(let factor) = before.attributes[name] ?? .number(usual), factor == 1 else {
          throw Unfoldable(reason: "\(before.place) has factors")
        }
      }
      channel = integer("transB", of: before, or: 0) == 1 ? { $0 / width } : { $0 % width }
    }
    guard let bias, bias.count == count, (0..<weight.count).lazy.map(channel).max() == count - 1 else {
      throw Unfoldable(reason: "\(before.place) has a bias or a weight that is not by channels")
    }
    var epsilon = 1e-5
    if case .number(let given)? = normalization.attributes["epsilon"] { epsilon = Double(given) }
    let (gamma, beta, mean, variance) = (numbers[0], numbers[1], numbers[2], numbers[3])
    guard zip(mean, variance).allSatisfy({ $0.isFinite && $1.isFinite && $1 + epsilon > 0 }) else {
      throw Unfoldable(reason: "its statistics are no numbers to normalize by")
    }
    let shift = bias.elements
    let scale = (0..<count).map { gamma[$0] / (variance[$0] + epsilon).squareRoot() }
    let newWeight = Tensor(
      weight.elements.enumerated().map { Float(Double($1) * scale[channel($0)]) }, shape: weight.shape)
    let newBias = Tensor((0..<count).map { Float((Double(shift[$0]) - mean[$0]) * scale[$0] + beta[$0]) })
    let (weightName, biasName) = (before.inputs[1], hasBias ? before.inputs[2] : "")
    let stem = weightName.hasSuffix("weight") ? String(weightName.dropLast(6)) : weightName + "."
    before.inputs = [
      before.inputs[0], put(newWeight, inPlaceOf: weightName),
      put(newBias, inPlaceOf: biasName, orAs: hasBias ? biasName : stem + "bias"),
    ]
    before.outputs = [result]
    graph.nodes[place] = before
    graph.nodes.removeAll { $0.operation == "BatchNormalization" && $0.outputs.first == result }
  }

  /// Adds a tensor under the name of one that nothing else needs, or under a new name like another.
  private mutating func put(_ tensor: Tensor<Float>, inPlaceOf name: String, orAs usual: String? = nil) -> String {
    var new = name
    if name.isEmpty || graph.initializers[name] == nil || useCounts[name] != 1 {
      let known = Set(graph.nodes.flatMap(\.outputs) + graph.inputs.map(\.name) + graph.initializers.keys)
      new = usual ?? name
      var number = 1
      while known.contains(new) {
        number += 1
        new = "\(usual ?? name).\(number)"
      }
    }
    graph.initializers[new] = .floats(tensor)
    useCounts[new] = 1
    return new
  }
}
