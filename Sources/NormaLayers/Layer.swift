import NormaGraph
import NormaTensor

/// A part of a network: a function with parameters.
///
/// What a layer does, it says in ``callAsFunction(_:in:)``, by the methods of `Variable`, by other layers, or by a `TensorOperation` of
/// its own. It must do the same whatever numbers it is given: everything else is derived from that.
///
/// A layer is called like a function, and told at the call whether this is training or inference:
///
/// ```swift
/// let scores = try model(Variable(batch), in: .inference)
/// ```
public protocol Layer<Element>: AnyObject {
  associatedtype Element: TensorElement

  /// The layer's own parameters, without those of its children.
  var parameters: [Parameter<Element>] { get }
  /// What the layer itself keeps beside its parameters, such as running statistics.
  var buffers: [Buffer<Element>] { get }
  /// The layers it is made of, with the names they have in files.
  var children: [(name: String, layer: any Layer<Element>)] { get }
  /// What it does, for listings: `Linear(64 → 100)`.
  var summary: String { get }
  /// How many samples a batch must have for the layer, or for one within; nil, as nearly always, where any will do.
  var batchSize: Int? { get }

  /// Applies the layer. This is its one description: called with a variable that has no numbers, it tells what the layer
  /// does in inference, what it keeps in training, what shape its result has and how it is exported.
  ///
  /// - Throws: what normalization layers throw for a batch they cannot normalize.
  func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element>
}

extension Layer {
  /// None.
  public var parameters: [Parameter<Element>] { [] }
  /// None.
  public var buffers: [Buffer<Element>] { [] }
  /// None.
  public var children: [(name: String, layer: any Layer<Element>)] { [] }
  /// What a layer within asks for.
  public var batchSize: Int? { children.lazy.compactMap(\.layer.batchSize).first }

  /// This layer and all within it, each with its path, such as `2` or `block.0`; this layer's own is empty.
  public var layers: [(path: String, layer: any Layer<Element>)] {
    [("", self)]
      + children.flatMap { name, child in
        child.layers.map { ($0.path.isEmpty ? name : "\(name).\($0.path)", $0.layer) }
      }
  }

  /// All parameters within, each with its full name in files, such as `2.weight`. One that stands in several places is listed
  /// once, under its first name.
  public var namedParameters: [(name: String, parameter: Parameter<Element>)] {
    var known: Set<ObjectIdentifier> = []
    return layers.flatMap { path, layer in
      layer.parameters.filter { known.insert(ObjectIdentifier($0)).inserted }.map { (path.appending($0.name), $0) }
    }
  }

  /// All parameters within, in the order of ``namedParameters``, without the cost of making names.
  package var distinctParameters: [Parameter<Element>] {
    var found: [Parameter<Element>] = []
    var known: Set<ObjectIdentifier> = []
    collectParameters(into: &found, &known)
    return found
  }

  private func collectParameters(into found: inout [Parameter<Element>], _ known: inout Set<ObjectIdentifier>) {
    for parameter in parameters where known.insert(ObjectIdentifier(parameter)).inserted { found.append(parameter) }
    for child in children { child.layer.collectParameters(into: &found, &known) }
  }

  /// All buffers within, each with its full name in files, such as `1.running_mean`. Those of a layer that stands in several
  /// places are listed once, under their first names.
  public var namedBuffers: [(name: String, buffer: Buffer<Element>)] {
    distinctLayers.flatMap { path, layer in layer.buffers.map { (path.appending($0.name), $0) } }
  }

  /// This layer and all within it, each once, with the first of its paths.
  public var distinctLayers: [(path: String, layer: any Layer<Element>)] {
    var known: Set<ObjectIdentifier> = []
    return layers.filter { known.insert(ObjectIdentifier($0.layer)).inserted }
  }

  /// The number of all trained numbers within.
  public var parameterCount: Int { distinctParameters.reduce(0) { $0 + $1.shape.elementCount } }

  /// Makes sure that all parameters and buffers within have names of their own.
  ///
  /// - Throws: ``ModelStructureError`` otherwise.
  public func checkNames() throws(ModelStructureError) {
    for (path, layer) in distinctLayers {
      var known: Set<String> = []
      for name in layer.parameters.map(\.name) + layer.buffers.map(\.name) + layer.children.map(\.name)
      where name.isEmpty || !known.insert(name).inserted {
        throw ModelStructureError(
          layer: path.isEmpty ? layer.summary : "\(layer.summary) at '\(path)'",
          problem: name.isEmpty ? "holds something without a name" : "holds two things of the name '\(name)'")
      }
    }
    var known: Set<String> = []
    for name in namedParameters.map(\.name) + namedBuffers.map(\.name) where !known.insert(name).inserted {
      throw ModelStructureError(layer: summary, problem: "holds two tensors of the full name '\(name)'")
    }
  }
}

extension String {
  /// A path with one more name at its end.
  func appending(_ name: String) -> String { isEmpty ? name : "\(self).\(name)" }
}

/// Why layers make no model: names that stand for two things.
public struct ModelStructureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What the layer is, and where.
  public let layer: String
  /// What is wrong.
  public let problem: String

  public var description: String { "\(layer) \(problem); what a model holds is saved under names, which must differ" }
}

/// Why an input does not fit a layer.
public struct LayerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What the layer is.
  public let layer: String
  /// What it would take.
  public let expected: String
  /// The shape it was given.
  public let found: Shape

  /// An error about an input of a shape that a layer does not take.
  public init(layer: String, expected: String, found: Shape) {
    self.layer = layer
    self.expected = expected
    self.found = found
  }

  public var description: String { "\(layer) takes \(expected), not a tensor of shape \(found)" }
}
