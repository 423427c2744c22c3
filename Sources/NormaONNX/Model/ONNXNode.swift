import Foundation
internal import SwiftProtobuf

/// An operation of a model.
struct ONNXNode: Sendable, Equatable {
  /// What an operation can be told beside its inputs.
  enum Attribute: Sendable, Equatable {
    case number(Float)
    case integer(Int)
    case string(String)
    case tensor(ONNXTensor)
    case numbers([Float])
    case integers([Int])
    case strings([String])
    /// A branch, or the body of a loop.
    case graph(ONNXGraph)
    /// Something that no operation here takes.
    case other
  }

  /// The operation: `Conv`.
  var operation: String
  /// Whose operation it is; empty for ONNX's own.
  var domain = ""
  /// What it is called, if it has a name.
  var name: String
  /// Where its inputs come from; empty for those left out.
  var inputs: [String]
  /// What its outputs are called; empty for those not wanted.
  var outputs: [String]
  /// What else it is told.
  var attributes: [String: Attribute] = [:]
  /// The version of ONNX's operators, where it is not the model's.
  var version: Int?

  /// How errors call it.
  var place: String { name.isEmpty ? "a node \(operation)" : "node '\(name)' (\(operation))" }

  /// What the operator is called, with its domain where that is not ONNX's own.
  var qualifiedOperation: String { domain.isEmpty ? operation : "\(domain).\(operation)" }

  /// The graphs among its attributes, in the order of their names.
  var branches: [ONNXGraph] {
    attributes.sorted { $0.key < $1.key }.compactMap { if case .graph(let graph) = $1 { graph } else { nil } }
  }

  /// The names of all values that it needs, those that its branches take from around it too.
  var needs: Set<String> {
    branches.reduce(into: Set(inputs.filter { !$0.isEmpty })) { $0.formUnion($1.outerNames) }
  }
}

extension ONNXNode {
  init(_ message: ProtoNode, _ files: inout ExternalFiles?) throws(ONNXError) {
    operation = message.operator
    domain = message.domain == "ai.onnx" ? "" : message.domain
    name = message.name
    inputs = message.inputs
    outputs = message.outputs
    if message.version != 0 {
      guard let known = Int(exactly: message.version), ONNXModel.knownOperatorSets.contains(known) else {
        throw .unsupported(place, "version \(message.version) of ONNX's operators")
      }
      version = known
    }
    for attribute in message.attributes {
      let place = "attribute '\(attribute.name)' of \(place)"
      guard attributes[attribute.name] == nil else { throw .malformed(place, "it is there twice") }
      attributes[attribute.name] = try Attribute(attribute, at: place, &files)
    }
  }

  var message: ProtoNode {
    .with {
      $0.operator = operation
      $0.domain = domain
      $0.name = name
      $0.inputs = inputs
      $0.outputs = outputs
      $0.attributes = attributes.sorted { $0.key < $1.key }.map { $1.message(named: $0) }
    }
  }
}

extension ONNXNode.Attribute {
  fileprivate init(_ message: ProtoAttribute, at place: String, _ files: inout ExternalFiles?) throws(ONNXError) {
    guard message.reference.isEmpty else { throw .malformed(place, "it refers to a function's, outside of any") }
    switch message.kind {
    case .number: self = .number(message.number)
    case .integer: self = .integer(Int(message.integer))
    case .string: self = .string(String(decoding: message.string, as: UTF8.self))
    case .tensor: self = .tensor(try ONNXTensor(message.tensor, at: place, &files))
    case .numbers: self = .numbers(message.numbers)
    case .integers: self = .integers(message.integers.map { Int($0) })
    case .strings: self = .strings(message.strings.map { String(decoding: $0, as: UTF8.self) })
    case .none: throw .malformed(place, "it does not say of what kind it is")
    case .graph: self = .graph(try ONNXGraph(message.graph, &files))
    case .UNRECOGNIZED: self = .other
    }
  }

  fileprivate func message(named name: String) -> ProtoAttribute {
    .with {
      $0.name = name
      switch self {
      case .number(let number):
        $0.kind = .number
        $0.number = number
      case .integer(let integer):
        $0.kind = .integer
        $0.integer = Int64(integer)
      case .string(let string):
        $0.kind = .string
        $0.string = Data(string.utf8)
      case .tensor(let tensor):
        $0.kind = .tensor
        $0.tensor = tensor.message(named: "")
      case .numbers(let numbers):
        $0.kind = .numbers
        $0.numbers = numbers
      case .integers(let integers):
        $0.kind = .integers
        $0.integers = integers.map(Int64.init)
      case .strings(let strings):
        $0.kind = .strings
        $0.strings = strings.map { Data($0.utf8) }
      case .graph(let graph):
        $0.kind = .graph
        $0.graph = graph.message(named: "")
      case .other: break
      }
    }
  }
}
