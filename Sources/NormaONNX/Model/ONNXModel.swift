import Foundation
import NormaFiles
import NormaTensor
internal import SwiftProtobuf

/// A model in ONNX's format: read from a file, or made of a network of Norma's; written to a file, or run.
///
/// ```swift
/// let model = try ONNXModel(contentsOf: "model.onnx")
/// let scores = try model([.floats(batch)])[0]
/// ```
public struct ONNXModel: Sendable, Equatable {
  /// The versions of ONNX's operators that are known, and may be run.
  public static let knownOperatorSets = 1...28

  /// The version of ONNX's operators that it is written in.
  public let operatorSet: Int
  /// What goes in, in order.
  public let inputs: [ONNXValue]
  /// What comes out, in order.
  public let outputs: [ONNXValue]
  /// What is done, in order.
  let nodes: [ONNXNode]
  /// How many nodes there are.
  public var nodeCount: Int { nodes.count }
  /// The tensors that belong to the model, by name.
  let initializers: [String: ONNXTensor]

  /// How often each operator is there, those of other domains by `domain.Operator`.
  public var operatorCounts: [String: Int] {
    var counts: [String: Int] = [:]
    for node in nodes {
      counts[node.domain.isEmpty ? node.operation : "\(node.domain).\(node.operation)", default: 0] += 1
    }
    return counts
  }
  /// The tensors that belong to the model, in the order of their names.
  public var tensors: [(name: String, tensor: ONNXTensor)] {
    initializers.sorted { $0.key.compare($1.key, options: .numeric) == .orderedAscending }.map { ($0.key, $0.value) }
  }

  /// What errors call the model as a whole.
  static let place = "the model"
}

extension ONNXModel {
  /// Reads a file, and those beside it that hold elements of its tensors.
  ///
  /// - Throws: `FileError` if it cannot be read; ``ONNXError`` as ``init(bytes:)`` does, with the file's name, and for a file of
  ///   elements that is not there, too short, or outside of the model's folder.
  public init(contentsOf path: String) throws {
    let bytes = try FileAccess.read(path)
    var files: ExternalFiles? = ExternalFiles(beside: path)
    do throws(ONNXError) { self = try ONNXModel(bytes: bytes, &files) } catch { throw error.within(path) }
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: ``ONNXError`` if they are no model, or one that does not hang together: values that nothing gives or two nodes
  ///   give, nodes before what they need, tensors of a wrong length; and for what is not supported at all, such as functions
  ///   of the model's own, or tensors in other files. Operators are looked at when the model runs.
  public init(bytes: [UInt8]) throws(ONNXError) {
    var files: ExternalFiles?
    try self.init(bytes: bytes, &files)
  }

  /// Reads the bytes of a model some of whose tensors, those of the given names, are there without their elements: zeros.
  init(bytes: [UInt8], withoutElementsOf names: Set<String>) throws(ONNXError) {
    var files: ExternalFiles?
    try self.init(bytes: bytes, &files, withoutElementsOf: names)
  }

  private init(
    bytes: [UInt8], _ files: inout ExternalFiles?, withoutElementsOf names: Set<String> = []
  ) throws(ONNXError) {
    guard let message = try? ProtoModel(serializedBytes: bytes) else {
      throw .malformed(Self.place, "it is cut off, or no model in ONNX's format")
    }
    guard message.hasGraph, !message.operatorSets.isEmpty else {
      throw .malformed(Self.place, "it has no graph, or does not say which version of ONNX's operators it uses")
    }
    guard let set = message.operatorSets.first(where: { ["", "ai.onnx"].contains($0.domain) }) else {
      let domains = message.operatorSets.map { "'\($0.domain)'" }.joined(separator: ", ")
      throw .unsupported(Self.place, "operators of \(domains) alone")
    }
    guard let version = Int(exactly: set.version), Self.knownOperatorSets.contains(version) else {
      throw .unsupported(
        Self.place,
        "version \(set.version) of ONNX's operators; "
          + "\(Self.knownOperatorSets.lowerBound) to \(Self.knownOperatorSets.upperBound) are known")
    }
    guard message.functions.isEmpty else { throw .unsupported(Self.place, "functions of its own") }
    guard message.graph.sparseInitializers.isEmpty else { throw .unsupported(Self.place, "sparse tensors") }
    var initializers: [String: ONNXTensor] = [:]
    for tensor in message.graph.initializers {
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
    for node in message.graph.nodes { nodes.append(try ONNXNode(node)) }
    self.init(
      operatorSet: version,
      // Files of earlier versions of the format list the model's own tensors among the inputs.
      inputs: message.graph.inputs.map { ONNXValue($0) }.filter { initializers[$0.name] == nil },
      outputs: message.graph.outputs.map { ONNXValue($0) }, nodes: nodes, initializers: initializers)
    try checkNames()
  }

  /// The operators that a file's model uses, each with its domain where that is not ONNX's own, sorted; also of a model that
  /// cannot be run.
  ///
  /// - Throws: `FileError` if the file cannot be read; ``ONNXError`` if it is no model.
  public static func operators(inFile path: String) throws -> [String] {
    let bytes = try FileAccess.read(path)
    guard let message = try? ProtoModel(serializedBytes: bytes), message.hasGraph else {
      throw ONNXError.malformed(place, "it is cut off, or no model in ONNX's format").within(path)
    }
    let names = message.graph.nodes.map {
      ["", "ai.onnx"].contains($0.domain) ? $0.operator : "\($0.domain).\($0.operator)"
    }
    return Set(names).sorted()
  }

  /// Makes sure that each value is given once, before it is needed.
  private func checkNames() throws(ONNXError) {
    var known = Set(initializers.keys)
    for input in inputs {
      guard !input.name.isEmpty, known.insert(input.name).inserted else {
        throw .malformed(Self.place, "two inputs are called '\(input.name)'")
      }
    }
    for node in nodes {
      if let missing = node.inputs.first(where: { !$0.isEmpty && !known.contains($0) }) {
        throw .malformed(node.place, "it needs '\(missing)', which nothing before it gives")
      }
      for output in node.outputs where !output.isEmpty {
        guard known.insert(output).inserted else {
          throw .malformed(node.place, "it gives '\(output)', which is there already")
        }
      }
    }
    if let missing = outputs.first(where: { !known.contains($0.name) }) {
      throw .malformed(Self.place, "nothing gives its output '\(missing.name)'")
    }
  }

  /// The bytes of a file; equal models give equal bytes.
  ///
  /// - Throws: ``ONNXError`` if it takes more than the 2 GiB that the format allows, or was read with an attribute of a kind
  ///   that is not kept, such as a graph.
  public func encoded() throws(ONNXError) -> [UInt8] { try encoded(withoutElementsOf: []) }

  /// The same with the tensors of the given names by their shapes alone.
  func encoded(withoutElementsOf names: Set<String>) throws(ONNXError) -> [UInt8] {
    if let node = nodes.first(where: { $0.attributes.values.contains(.other) }) {
      throw .unsupported(node.place, "an attribute of a kind that is not kept")
    }
    let message = ProtoModel.with {
      // The first version of the format that goes with each version of the operators.
      $0.irVersion = operatorSet >= 23 ? 11 : operatorSet >= 21 ? 10 : operatorSet >= 19 ? 9 : 8
      $0.producerName = "norma"
      $0.operatorSets = [.with { $0.version = Int64(operatorSet) }]
      $0.graph = .with {
        $0.name = "network"
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
    do { return try message.serializedBytes() } catch {
      throw .unsupported(Self.place, "it takes more than 2 GiB")
    }
  }

  /// Writes a file, whole or not at all.
  ///
  /// - Throws: `FileError` if it cannot be written; ``ONNXError`` as ``encoded()`` does.
  public func write(to path: String) throws { try FileAccess.write(try encoded(), to: path) }
}
