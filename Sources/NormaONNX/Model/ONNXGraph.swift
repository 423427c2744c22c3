internal import SwiftProtobuf

/// What goes in, what is done, and what comes out: of a model, or of one branch of it.
struct ONNXGraph: Sendable, Equatable {
  /// What goes in, in order.
  var inputs: [ONNXValue]
  /// What comes out, in order.
  var outputs: [ONNXValue]
  /// What is done, in order.
  var nodes: [ONNXNode]
  /// The tensors that belong to it, by name.
  var initializers: [String: ONNXTensor]

  /// The names of values that it needs from around it.
  var outerNames: Set<String> {
    var own = Set(inputs.map(\.name)).union(initializers.keys)
    var outer: Set<String> = []
    for node in nodes {
      outer.formUnion(node.needs.subtracting(own))
      own.formUnion(node.outputs)
    }
    outer.formUnion(outputs.map(\.name).filter { !own.contains($0) })
    return outer
  }

  /// Every node, those of branches too.
  var allNodes: [ONNXNode] { nodes.flatMap { [$0] + $0.branches.flatMap(\.allNodes) } }
}

extension ONNXGraph {
  init(
    _ message: ProtoGraph, _ files: inout ExternalFiles?, withoutElementsOf names: Set<String> = []
  ) throws(ONNXError) {
    guard message.sparseInitializers.isEmpty else { throw .unsupported(ONNXModel.place, "sparse tensors") }
    var initializers: [String: ONNXTensor] = [:]
    for tensor in message.initializers {
      let place = "the tensor '\(tensor.name)'"
      guard initializers[tensor.name] == nil else { throw .malformed(place, "it is there twice") }
      if names.contains(tensor.name) {
        let shape = try checkedShape(tensor.lengths.map { Int($0) }, atMost: 1 << 31, at: place)
        initializers[tensor.name] = .floats(.zeros(shape))
      } else {
        initializers[tensor.name] = try ONNXTensor(tensor, at: place, &files)
      }
    }
    var nodes: [ONNXNode] = []
    for node in message.nodes { nodes.append(try ONNXNode(node, &files)) }
    self.init(
      // Files of earlier versions of the format list the graph's own tensors among the inputs.
      inputs: message.inputs.map { ONNXValue($0) }.filter { initializers[$0.name] == nil },
      outputs: message.outputs.map { ONNXValue($0) }, nodes: nodes, initializers: initializers)
  }

  /// Makes sure that each value is given once, before it is needed.
  ///
  /// - Parameter outer: the names of values that there are around it.
  func checkNames(_ outer: Set<String> = []) throws(ONNXError) {
    var own = Set(initializers.keys)
    func isKnown(_ name: String) -> Bool { own.contains(name) || outer.contains(name) }
    for input in inputs {
      guard !input.name.isEmpty, own.insert(input.name).inserted else {
        throw .malformed(ONNXModel.place, "two inputs are called '\(input.name)'")
      }
    }
    for node in nodes {
      if let missing = node.inputs.first(where: { !$0.isEmpty && !isKnown($0) }) {
        throw .malformed(node.place, "it needs '\(missing)', which nothing before it gives")
      }
      let branches = node.branches
      if !branches.isEmpty {
        let known = own.union(outer)
        for branch in branches { try branch.checkNames(known) }
      }
      for output in node.outputs where !output.isEmpty {
        guard own.insert(output).inserted else {
          throw .malformed(node.place, "it gives '\(output)', which is there already")
        }
      }
    }
    if let missing = outputs.first(where: { !isKnown($0.name) }) {
      throw .malformed(ONNXModel.place, "nothing gives its output '\(missing.name)'")
    }
  }

  /// The message that says the graph, the tensors of the given names by their shapes alone.
  func message(named name: String, withoutElementsOf names: Set<String> = []) -> ProtoGraph {
    .with {
      $0.name = name
      $0.nodes = nodes.map(\.message)
      $0.inputs = inputs.map(\.message)
      $0.outputs = outputs.map(\.message)
      $0.initializers = initializers.sorted { $0.key < $1.key }.map { name, tensor in
        guard names.contains(name) else { return tensor.message(named: name) }
        return .with {
          $0.name = name
          $0.elementType = tensor.elementType.rawValue
          $0.lengths = tensor.shape.map(Int64.init)
        }
      }
    }
  }
}
