internal import SwiftProtobuf

/// The operators that a model defines itself, which are put in place of their calls when it is read.
struct ONNXFunctions {
  /// The most nodes that a model may have once its functions stand in it, and how deep they may call each other.
  private static let maximumNodeCount = 1 << 17, maximumDepth = 32

  private struct Key: Hashable {
    let domain, name, overload: String
  }

  private var functions: [Key: ProtoFunction] = [:]
  private var callCount = 0
  private var nodeCount = 0
  private let modelVersion: Int64

  init(_ messages: [ProtoFunction], modelVersion: Int64) throws(ONNXError) {
    self.modelVersion = modelVersion
    for message in messages {
      let key = Key(domain: message.domain, name: message.name, overload: message.overload)
      guard functions.updateValue(message, forKey: key) == nil else {
        throw .malformed("the function '\(message.name)'", "it is there twice")
      }
    }
  }

  /// The nodes with those that call a function replaced by what the function does.
  mutating func expanding(_ nodes: [ProtoNode], depth: Int = 0) throws(ONNXError) -> [ProtoNode] {
    guard !functions.isEmpty else { return nodes }
    var result: [ProtoNode] = []
    for var node in nodes {
      nodeCount += 1
      guard nodeCount <= Self.maximumNodeCount else {
        throw .unsupported(ONNXModel.place, "more than \(Self.maximumNodeCount) nodes in its functions")
      }
      let key = Key(domain: node.domain, name: node.operator, overload: node.overload)
      guard let function = functions[key] else {
        for index in node.attributes.indices where node.attributes[index].hasGraph {
          let inner = node.attributes[index].graph.nodes
          node.attributes[index].graph.nodes = try expanding(inner, depth: depth)
        }
        result.append(node)
        continue
      }
      guard depth < Self.maximumDepth else {
        throw .unsupported("the function '\(node.operator)'", "functions call each other \(depth) deep")
      }
      result += try expanding(try body(of: function, calledBy: node), depth: depth + 1)
    }
    return result
  }

  /// What a function does, for a call: with names of its own, the call's values and the call's attributes.
  private mutating func body(of function: ProtoFunction, calledBy call: ProtoNode) throws(ONNXError) -> [ProtoNode] {
    let place = "the function '\(function.name)'"
    guard call.inputs.count <= function.inputs.count, call.outputs.count <= function.outputs.count else {
      throw .malformed(place, "it is called with \(call.inputs.count) inputs and \(call.outputs.count) outputs")
    }
    callCount += 1
    let prefix = "\(function.name) \(callCount)/"
    var names: [String: String] = [:]
    for (index, name) in function.inputs.enumerated() {
      names[name] = index < call.inputs.count ? call.inputs[index] : ""
    }
    var passed: [ProtoNode] = []
    for (index, name) in function.outputs.enumerated() where index < call.outputs.count {
      guard let input = names[name] else {
        if !call.outputs[index].isEmpty { names[name] = call.outputs[index] }
        continue
      }
      // An output that is an input comes out as it went in.
      passed.append(
        .with {
          $0.operator = "Identity"
          $0.inputs = [input]
          $0.outputs = [call.outputs[index]]
        })
    }
    var attributes: [String: ProtoAttribute] = [:]
    for attribute in function.attributeDefaults { attributes[attribute.name] = attribute }
    for attribute in call.attributes { attributes[attribute.name] = attribute }
    let version = function.operatorSets.first { ["", "ai.onnx"].contains($0.domain) }?.version ?? modelVersion
    let scope = Scope(prefix: prefix, names: names, attributes: attributes, version: version)
    return function.nodes.map(scope.node) + passed
  }

  /// What names and references mean in a call of a function.
  private struct Scope {
    let prefix: String
    let names: [String: String]
    let attributes: [String: ProtoAttribute]
    let version: Int64

    private func name(_ name: String) -> String { name.isEmpty ? "" : names[name] ?? prefix + name }

    func node(_ node: ProtoNode) -> ProtoNode {
      var result = node
      result.name = node.name.isEmpty ? "" : prefix + node.name
      result.inputs = node.inputs.map(name)
      result.outputs = node.outputs.map(name)
      if result.version == 0 { result.version = version }
      result.attributes = node.attributes.compactMap { attribute in
        var result = attribute
        if !attribute.reference.isEmpty {
          guard let given = attributes[attribute.reference] else { return nil }
          result = given
          result.name = attribute.name
        } else if attribute.hasGraph {
          result.graph = graph(attribute.graph)
        }
        return result
      }
      return result
    }

    private func graph(_ graph: ProtoGraph) -> ProtoGraph {
      var result = graph
      result.nodes = graph.nodes.map(node)
      for index in result.inputs.indices { result.inputs[index].name = name(graph.inputs[index].name) }
      for index in result.outputs.indices { result.outputs[index].name = name(graph.outputs[index].name) }
      for index in result.initializers.indices {
        result.initializers[index].name = name(graph.initializers[index].name)
      }
      return result
    }
  }
}
