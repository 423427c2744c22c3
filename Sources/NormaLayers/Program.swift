import NormaGraph
import NormaTensor

/// A network as the operations that its layers come to, in the order they run.
///
/// It is made by calling the network once with a batch that has a shape and no numbers: what a layer's `callAsFunction` does is
/// all there is to say about it. Shapes, memory, inference, folding and export are derived from this.
public struct Program<Element: TensorElement> {
  /// What a network is followed for.
  package enum Purpose: Equatable, Sendable {
    /// A training step as it runs.
    case training(recomputesNormalized: Bool, keptActivations: HalfPrecision? = nil)
    /// A training step in as few kinds of operation as can be: one for batch normalization, and none that does ReLU besides.
    case exportedTraining
    /// Inference, whatever the layers have learned.
    case shapes
    /// Inference for use: what has gathered no statistics is refused.
    case serving
  }

  /// One step, or one of the values it starts from.
  public struct Node {
    /// What is done; nil for the batch, parameters, buffers and constants.
    public let operation: (any TensorOperation<Element>)?
    /// The places of the operation's inputs, all before this one.
    public let inputs: [Int]
    /// The shape of the result; nil where the network was followed without one.
    public let shape: Shape?
    /// The path of the layer that does it, and what that layer is.
    public let path: String, layer: String
    /// The name in files of a parameter or buffer; of a result the name that the computation gives it, empty where it gives none.
    public let name: String
    /// What it is.
    let kind: Graph<Element>.Kind
    /// The width in which it is kept for gradients; nil for its own.
    let keptPrecision: HalfPrecision?
    let source: (() -> Tensor<Element>)?

    /// The value of a parameter, buffer or constant.
    package var value: Tensor<Element>? { source?() }
    /// Whether it is the batch.
    package var isInput: Bool { kind == .input }
    /// Whether it is a parameter.
    package var isParameter: Bool { kind == .parameter }
  }

  /// The batch, which is the first, and all that follows.
  public let nodes: [Node]
  /// The place of the network's outputs.
  public let output: Int
  /// The shapes of layers' results, by their paths.
  package let layerShapes: [String: Shape]
  /// How many values of a channel each layer gathered statistics from, by its path.
  package let gatheredCounts: [String: Int]

  /// Follows a batch of a shape `[N, …]` through a network, or of a shape that is not known.
  ///
  /// - Throws: ``LayerError`` where the shape does not fit, ``InferenceModelError`` for what cannot be followed; what a layer
  ///   throws.
  package init(_ model: any Layer<Element>, batchShape: Shape?, for purpose: Purpose) throws {
    let pass = Pass<Element>.following(model, for: purpose)
    let graph = pass.graph!
    let batch = graph.followedLeaf(.input, shape: batchShape, name: "")
    let result = try pass.follow(model, from: batch)
    let places = pass.followed
    // What reaches the outputs without being computed from anything followed is a constant.
    let last =
      result.node ?? graph.followedLeaf(.constant, shape: result.shape, name: "", source: { result.value }).node!
    nodes = graph.nodes.map { node in
      let place = places.layers[node.index]
      let name =
        switch node.kind {
        case .operation: node.name == node.operationName ? "" : (place?.path ?? "").appending(node.name)
        default: node.name
        }
      return Node(
        operation: node.operation, inputs: node.inputs, shape: node.knownShape, path: place?.path ?? "",
        layer: place?.layer ?? model.summary, name: name, kind: node.kind,
        keptPrecision: node.keptPrecision, source: node.source)
    }
    output = last
    layerShapes = places.shapes
    gatheredCounts = Dictionary(
      pass.takeGatheredMoments().map { (pass.canonicalPath(of: $0.layer), $0.moments.count) },
      uniquingKeysWith: { first, _ in first })
  }

  /// How often the result of each node is used, the network's outputs counting as one use.
  package var useCounts: [Int] {
    var counts = [Int](repeating: 0, count: nodes.count)
    for node in nodes { for input in node.inputs { counts[input] += 1 } }
    counts[output] += 1
    return counts
  }
}

extension Layer {
  /// The shape of the result for an input of the given shape, both with the batch axis first.
  ///
  /// - Throws: ``LayerError`` where the input does not fit.
  public func outputShape(for input: Shape) throws(LayerError) -> Shape {
    let program = try followed(from: input, for: .shapes)
    guard let shape = program.nodes[program.output].shape else {
      throw LayerError(layer: summary, expected: "something whose result has a shape", found: input)
    }
    return shape
  }

  /// The network's operations on a batch of a known shape.
  package func followed(
    from shape: Shape, for purpose: Program<Element>.Purpose
  ) throws(LayerError) -> Program<Element> {
    do {
      return try Program(self, batchShape: shape, for: purpose)
    } catch let error as LayerError {
      throw error
    } catch {
      throw LayerError(layer: summary, expected: "something that it can be followed with: \(error)", found: shape)
    }
  }
}
