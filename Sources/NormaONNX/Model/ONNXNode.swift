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
    /// A graph, or something else that no operation here takes.
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

  /// How errors call it.
  var place: String { name.isEmpty ? "a node \(operation)" : "node '\(name)' (\(operation))" }
}

extension ONNXNode {
  init(_ message: ProtoNode) throws(ONNXError) {
    operation = message.operator
    domain = message.domain == "ai.onnx" ? "" : message.domain
    name = message.name
    inputs = message.inputs
    outputs = message.outputs
    for attribute in message.attributes {
      let place = "attribute '\(attribute.name)' of \(place)"
      guard attributes[attribute.name] == nil else { throw .malformed(place, "it is there twice") }
      attributes[attribute.name] = try Attribute(attribute, at: place)
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
  fileprivate init(_ message: ProtoAttribute, at place: String) throws(ONNXError) {
    switch message.kind {
    case .number: self = .number(message.number)
    case .integer: self = .integer(Int(message.integer))
    case .string: self = .string(String(decoding: message.string, as: UTF8.self))
    case .tensor: self = .tensor(try ONNXTensor(message.tensor, at: place))
    case .numbers: self = .numbers(message.numbers)
    case .integers: self = .integers(message.integers.map { Int($0) })
    case .strings: self = .strings(message.strings.map { String(decoding: $0, as: UTF8.self) })
    case .none: throw .malformed(place, "it does not say of what kind it is")
    case .graph, .UNRECOGNIZED: self = .other
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
      case .other: $0.kind = .graph
      }
    }
  }
}
