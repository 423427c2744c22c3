import NormaTensor

/// Runs the nodes of graphs, operator by operator.
struct GraphRunner {
  /// The version of ONNX's operators.
  let version: Int
  /// The most elements that a tensor may have that is computed.
  let maximumElementCount: Int
  /// The values around the graph.
  var outer: [String: ONNXTensor] = [:]
  /// How many elements are needed around it.
  var outerCount = 0
  /// How deep the graph stands in others.
  var depth = 0
  /// What nodes in branches have taken so far.
  let spent = Spent()

  /// Counts what is computed in loops.
  final class Spent {
    var nodes = 0
    var elements = 0
  }

  /// A graph and when its values are needed last.
  struct Prepared: Sendable {
    let graph: ONNXGraph
    /// What each node needs, and what it needs last.
    fileprivate let needs: [Set<String>]
    fileprivate let lastUse: [String: Int]

    init(_ graph: ONNXGraph) {
      self.graph = graph
      needs = graph.nodes.map(\.needs)
      var lastUse: [String: Int] = [:]
      for (index, names) in needs.enumerated() { for name in names { lastUse[name] = index } }
      for output in graph.outputs { lastUse[output.name] = graph.nodes.count }
      self.lastUse = lastUse
    }
  }

  /// Runs a graph.
  ///
  /// - Parameter inputs: a value for each of the graph's inputs, in their order.
  /// - Returns: a value for each of its outputs.
  func run(_ prepared: Prepared, _ inputs: [ONNXTensor]) throws(ONNXError) -> [ONNXTensor] {
    let graph = prepared.graph
    guard depth < 16 else { throw .unsupported(ONNXModel.place, "branches that stand \(depth) deep in each other") }
    var values = graph.initializers
    for (input, value) in zip(graph.inputs, inputs) { values[input.name] = value }
    // What nothing needs any more is let go of, so that its memory serves again.
    var kept = inputs.reduce(outerCount) { $0 + $1.elementCount }
    for (index, node) in graph.nodes.enumerated() {
      let results = try run(node, values, kept)
      for (name, result) in zip(node.outputs, results) where prepared.lastUse[name] != nil {
        values[name] = result
        kept += result.elementCount
      }
      guard (kept + 15) / 16 <= maximumElementCount else {
        throw .unsupported(node.place, "with its results there are \(kept) elements that later nodes need")
      }
      for name in prepared.needs[index] where prepared.lastUse[name] == index {
        let freed = values.removeValue(forKey: name)
        if graph.initializers[name] == nil { kept -= freed?.elementCount ?? 0 }
      }
      if depth > 0 {
        spent.nodes += 1
        spent.elements += results.reduce(0) { $0 + $1.elementCount }
        guard spent.nodes <= maximumElementCount / 8, spent.elements / 64 <= maximumElementCount else {
          throw .unsupported(node.place, "branches and loops of more than \(maximumElementCount / 8) nodes that run")
        }
      }
    }
    var results: [ONNXTensor] = []
    for output in graph.outputs {
      guard let value = values[output.name] ?? outer[output.name] else {
        throw .malformed(ONNXModel.place, "nothing gives '\(output.name)'")
      }
      results.append(value)
    }
    return results
  }

  private func run(
    _ node: ONNXNode, _ values: [String: ONNXTensor], _ kept: Int
  ) throws(ONNXError) -> [ONNXTensor] {
    var inner = self
    if node.attributes.values.contains(where: { if case .graph = $0 { true } else { false } }) {
      inner.outer.merge(values) { $1 }
      inner.outerCount = kept
      inner.depth += 1
    }
    return try Self.run(
      node, node.inputs.map { $0.isEmpty ? nil : values[$0] ?? outer[$0] }, version: version,
      maximumElementCount: maximumElementCount, runner: inner)
  }

  /// Runs one node.
  static func run(
    _ node: ONNXNode, _ inputs: [ONNXTensor?], version: Int, maximumElementCount: Int, runner: GraphRunner? = nil
  ) throws(ONNXError) -> [ONNXTensor] {
    func run<Element>(
      _ operators: [String: ONNXOperator<Element>]
    ) throws(ONNXError) -> [ONNXTensor] {
      guard let known = operators[node.qualifiedOperation] else {
        throw .unsupported(node.place, "the operator is not among those that are done")
      }
      return try known.body(
        OperatorCall(
          node: node, inputs: inputs, version: node.version ?? version, maximumElementCount: maximumElementCount,
          runner: runner))
    }
    let first = inputs.lazy.compactMap { $0?.elementType }.first { $0 == .double || $0.computed == .float }
    let results = try first == .double ? run(ONNXOperators.double) : run(ONNXOperators.single)
    guard results.count >= node.outputs.count else {
      throw .unsupported(node.place, "it has \(node.outputs.count) outputs; \(results.count) are given")
    }
    return results
  }
}
