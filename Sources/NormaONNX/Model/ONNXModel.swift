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
  /// What goes in, what is done, and what comes out.
  let graph: ONNXGraph
  /// What goes in, in order.
  public var inputs: [ONNXValue] { graph.inputs }
  /// What comes out, in order.
  public var outputs: [ONNXValue] { graph.outputs }
  /// What is done, in order.
  var nodes: [ONNXNode] { graph.nodes }
  /// How many nodes there are, functions of the model's own replaced by what they do.
  public var nodeCount: Int { nodes.count }
  /// The tensors that belong to the model, by name.
  var initializers: [String: ONNXTensor] { graph.initializers }

  /// How often each operator is there, those of other domains by `domain.Operator`.
  public var operatorCounts: [String: Int] {
    var counts: [String: Int] = [:]
    for node in graph.allNodes { counts[node.qualifiedOperation, default: 0] += 1 }
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
  /// Reads a file, and those beside it that hold elements of its tensors: all are mapped, and large tensors copied from there once.
  ///
  /// - Throws: `FileError` if it cannot be read; ``ONNXError`` as ``init(bytes:)`` does, with the file's name, and for a file of
  ///   elements that is not there, too short, or outside of the model's folder.
  public init(contentsOf path: String) throws {
    let file = try ModelFile(path)
    var files: ExternalFiles? = ExternalFiles(of: file.file, at: path)
    do throws(ONNXError) { self = try ONNXModel(bytes: file.message, &files) } catch { throw error.within(path) }
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: ``ONNXError`` if they are no model, or one that does not hang together: values that nothing gives or two nodes
  ///   give, nodes before what they need, tensors of a wrong length; and for what is not supported at all, such as tensors in
  ///   other files. Operators are looked at when the model runs.
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
    var functions = try ONNXFunctions(message.functions, modelVersion: set.version)
    var expanded = message.graph
    expanded.nodes = try functions.expanding(message.graph.nodes)
    graph = try ONNXGraph(expanded, &files, withoutElementsOf: names)
    operatorSet = version
    try graph.checkNames()
  }

  /// The operators that a file's model uses, each with its domain where that is not ONNX's own, sorted; also of a model that
  /// cannot be run.
  ///
  /// - Throws: `FileError` if the file cannot be read; ``ONNXError`` if it is no model.
  public static func operators(inFile path: String) throws -> [String] {
    let file = try ModelFile(path)
    guard let message = try? ProtoModel(serializedBytes: file.message), message.hasGraph else {
      throw ONNXError.malformed(place, "it is cut off, or no model in ONNX's format").within(path)
    }
    let own = Set(message.functions.map { "\($0.domain).\($0.name)" })
    func names(_ nodes: [ProtoNode]) -> [String] {
      nodes.flatMap { node in
        [["", "ai.onnx"].contains(node.domain) ? node.operator : "\(node.domain).\(node.operator)"]
          + node.attributes.filter(\.hasGraph).flatMap { names($0.graph.nodes) }
      }
    }
    let all = names(message.graph.nodes) + message.functions.flatMap { names($0.nodes) }
    return Set(all).subtracting(own).sorted()
  }

  /// The bytes of a file; equal models give equal bytes.
  ///
  /// - Throws: ``ONNXError`` if it takes more than the 2 GiB that the format allows, or was read with an attribute of a kind
  ///   that is not kept, or has functions in another version of the operators.
  public func encoded() throws(ONNXError) -> [UInt8] { try encoded(withoutElementsOf: []) }

  /// The same with the tensors of the given names by their shapes alone.
  func encoded(withoutElementsOf names: Set<String>) throws(ONNXError) -> [UInt8] {
    for node in graph.allNodes {
      if node.attributes.values.contains(.other) {
        throw .unsupported(node.place, "an attribute of a kind that is not kept")
      }
      if let version = node.version, version != operatorSet {
        throw .unsupported(node.place, "version \(version) of ONNX's operators in a model of version \(operatorSet)")
      }
    }
    let message = ProtoModel.with {
      // The first version of the format that goes with each version of the operators.
      $0.irVersion = [(25, 13), (24, 12), (23, 11), (21, 10), (19, 9)].first { operatorSet >= $0.0 }?.1 ?? 8
      $0.producerName = "norma"
      let domains = Set(graph.allNodes.map(\.domain)).subtracting([""]).sorted()
      $0.operatorSets =
        [.with { $0.version = Int64(operatorSet) }]
        + domains.map { domain in
          .with {
            $0.domain = domain
            $0.version = 1
          }
        }
      $0.graph = graph.message(named: "network", withoutElementsOf: names)
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
