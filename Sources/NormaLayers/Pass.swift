import NormaGraph
import NormaNormalization
import NormaTensor

/// One run of a network over one batch: training or inference, the graph that records it, the random numbers it draws,
/// and the batch statistics it found.
///
/// ```swift
/// let pass = Pass<Float>.training(random: generator)
/// let loss = try model(Variable(batch), in: pass).softmaxCrossEntropy(labels: labels)
/// let gradients = pass.gradients(of: loss)
/// generator = pass.random  // or the next pass drops the same units
/// try pass.updateRunningStatistics()  // the only step that changes them
/// ```
///
/// A step of training needs none of this: see ``Layer/differentiate(_:random:recomputesNormalized:keptActivations:statisticsScope:rowWeights:loss:)``.
public final class Pass<Element: TensorElement> {
  /// The graph of a training pass; nil in inference.
  public let graph: Graph<Element>?
  /// Where dropout draws from; as it stands after the pass.
  public var random: RandomGenerator
  /// Whether what batch normalization gives is computed again for the gradients of the layers that follow instead of kept:
  /// the same bits, for one more pass over each. It halves what convolution and batch normalization in turn keep. Where the graph
  /// keeps activations in half width, it is computed from those, and its bits are others.
  public var recomputesNormalized = false
  /// Which values of the batch share moments in batch normalization.
  public var statisticsScope = StatisticsScope.batch
  /// How much each row counts in the moments of batch normalization, `[N]` or `[N, …]`, not below 0; nil where all count the same. So
  /// is told what of a batch is padding: 0 for such rows, whose outputs are then 0 and whose gradients are too.
  ///
  /// They hold for every batch normalization of a tensor whose first axes are theirs; of tensors that have no such axes any more, such as
  /// `[N, C]` after a mean over positions, all rows count. Where axes have other lengths, a layer throws. ``EvoNormB0`` and ``IterNorm``, in
  /// whose statistics all rows of a batch count, take no tensor of such rows.
  public var rowWeights: Tensor<Element>?
  /// What tells batch normalization of the other shards, where the batch is one of several that are normalized as one; nil where it is a
  /// batch of its own. ``EvoNormB0`` and ``IterNorm`` take no shards.
  package var shardExchange: (any ShardExchange)?
  /// Called with each layer's path, the layer and its result, for looking into a network. While it is set, no layers
  /// are fused.
  public var observer: ((_ path: String, _ layer: any Layer<Element>, _ output: Tensor<Element>) -> Void)?

  /// Whether batch normalization is by the statistics of the batch itself, which are gathered, rather than by running ones.
  public let usesBatchStatistics: Bool

  /// What the network is followed for, where it is followed rather than run.
  let purpose: Program<Element>.Purpose?
  /// Of a network that is followed: which layer each node belongs to, and the shapes of layers' results.
  private(set) var followed = FollowedLayers()
  /// The names of parameters and the paths of layers, by their identities.
  private var names: [ObjectIdentifier: String] = [:]

  private var variables: [ObjectIdentifier: Variable<Element>] = [:]
  private var found: [GatheredMoments<Element>] = []
  private var deferred: [() -> Void] = []
  private var path: [String] = []
  private var running: (any Layer<Element>)?

  /// Throws where the batch is a shard, or rows of a tensor have weights: for layers that go by the statistics of all rows.
  func requireWholeBatch(_ x: Variable<Element>, layer: String) throws(LayerError) {
    guard shardExchange == nil else {
      throw LayerError(layer: layer, expected: "a whole batch, which is not cut into shards", found: x.shape)
    }
    guard let rowWeights, rowWeights.rank < x.shape.rank,
      rowWeights.shape.elementsEqual(x.shape.prefix(rowWeights.rank))
    else { return }
    throw LayerError(layer: layer, expected: "rows that all count, with no weights in the pass", found: x.shape)
  }

  private init(
    graph: Graph<Element>?, random: RandomGenerator, usesBatchStatistics: Bool,
    purpose: Program<Element>.Purpose? = nil
  ) {
    self.graph = graph
    self.random = random
    self.usesBatchStatistics = usesBatchStatistics
    self.purpose = purpose
  }

  /// A pass in training: batch statistics, dropout, and a graph to differentiate, such as one that keeps activations in half width.
  public static func training(graph: Graph<Element> = Graph(), random: RandomGenerator) -> Pass {
    Pass(graph: graph, random: random, usesBatchStatistics: true)
  }

  /// A pass in inference: running statistics, no dropout, and nothing kept.
  public static var inference: Pass {
    Pass(graph: nil, random: RandomGenerator(seed: 0), usesBatchStatistics: false)
  }

  /// A pass that looks at a batch as training normalizes it, and learns nothing: batch statistics, which are gathered, no
  /// dropout, no graph. What it gives beside ``inference`` is what the running statistics make of a network.
  public static var measuring: Pass {
    Pass(graph: nil, random: RandomGenerator(seed: 0), usesBatchStatistics: true)
  }

  /// Whether it is ``measuring``.
  var isMeasuring: Bool { graph == nil && usesBatchStatistics && purpose == nil }

  /// A pass that follows a network by its operations, and computes nothing.
  static func following(_ model: any Layer<Element>, for purpose: Program<Element>.Purpose) -> Pass {
    var (recomputes, keptActivations): (Bool, HalfPrecision?) = (false, nil)
    if case .training(let recomputesNormalized, let precision) = purpose {
      (recomputes, keptActivations) = (recomputesNormalized, precision)
    }
    let pass = Pass(
      graph: Graph(followingOperations: (), keptActivations: keptActivations), random: RandomGenerator(seed: 0),
      usesBatchStatistics: purpose != .shapes && purpose != .serving, purpose: purpose)
    pass.recomputesNormalized = recomputes
    for (name, parameter) in model.namedParameters { pass.names[ObjectIdentifier(parameter)] = name }
    for (path, layer) in model.distinctLayers { pass.names[ObjectIdentifier(layer)] = path }
    return pass
  }

  /// Whether this is training: dropout drops.
  public var isTraining: Bool {
    switch purpose {
    case nil: graph != nil
    case .training, .exportedTraining: true
    case .shapes, .serving: false
    }
  }

  /// Whether statistics that were never gathered are refused.
  var isServing: Bool { purpose == .serving }

  /// Whether layers do the work of a ReLU that follows them.
  var fusesReLU: Bool {
    switch purpose {
    case nil: observer == nil
    case .training: true
    case .exportedTraining, .shapes, .serving: false
    }
  }

  /// The variable that stands for a parameter in this pass: one and the same however often it is used.
  @specialized(where Element == Float)
  public func variable(for parameter: Parameter<Element>) -> Variable<Element> {
    guard let graph, purpose != nil || !parameter.isFrozen else { return Variable(parameter.value) }
    if let known = variables[ObjectIdentifier(parameter)] { return known }
    let variable =
      purpose == nil
      ? graph.parameter(parameter.value, name: parameter.kind.rawValue)
      : graph.followedLeaf(
        parameter.isFrozen ? .constant : .parameter, shape: parameter.shape,
        name: names[ObjectIdentifier(parameter)] ?? path.joined(separator: ".").appending(parameter.name),
        source: { parameter.value })
    variables[ObjectIdentifier(parameter)] = variable
    return variable
  }

  /// A buffer of the layer that is running, as a constant: a batch normalization's running mean.
  ///
  /// - Parameters:
  ///   - value: what the buffer holds.
  ///   - name: its name within the layer, in files.
  @specialized(where Element == Float)
  public func constant(_ value: Tensor<Element>, named name: String) -> Variable<Element> {
    guard purpose != nil, let graph else { return Variable(value) }
    let path = running.map { canonicalPath(of: $0) } ?? ""
    return graph.followedLeaf(.constant, shape: value.shape, name: path.appending(name), source: { value })
  }

  /// Applies a layer as the child of the one that is running.
  public func apply(
    _ layer: any Layer<Element>, named name: String, to x: Variable<Element>
  ) throws -> Variable<Element> {
    try checkConstant(x, layer)
    return try within(name, layer) { try layer(x, in: self) }
  }

  /// Makes sure that what nothing was learned of yet fits a layer, where the graph notes what does not: of constants it sees
  /// nothing.
  private func checkConstant(_ x: Variable<Element>, _ layer: any Layer<Element>) throws(LayerError) {
    guard let graph, graph.notesShapeErrors, x.graph == nil else { return }
    _ = try layer.outputShape(for: x.shape)
  }

  /// Applies a layer together with the ReLU that follows it.
  func applyRectified(
    _ layer: any ReLUFusing<Element>, named name: String, reluNamed reluName: String, to x: Variable<Element>
  ) throws -> Variable<Element> {
    try checkConstant(x, layer)
    let output = try within(name, layer) { try layer.rectified(x, in: self) }
    if purpose != nil { followed.shapes[(path + [reluName]).joined(separator: ".")] = output.knownShape }
    return output
  }

  @specialized(where Element == Float)
  func within(
    _ name: String, _ layer: any Layer<Element>, _ body: () throws -> Variable<Element>
  ) throws -> Variable<Element> {
    path.append(name)
    defer { path.removeLast() }
    if purpose != nil { return try note(layer, at: path.joined(separator: "."), body) }
    let output = try body()
    if graph?.failure != nil { try checkShapes(layer) }
    observer?(path.joined(separator: "."), layer, output.value)
    return output
  }

  /// Throws what did not fit a layer, where the graph notes it.
  func checkShapes(_ layer: any Layer<Element>) throws(LayerError) {
    guard case .shape(let error) = graph?.failure else { return }
    throw LayerError(layer: layer.summary, expected: error.expected, found: error.found)
  }

  /// Follows the network itself.
  func follow(_ model: any Layer<Element>, from x: Variable<Element>) throws -> Variable<Element> {
    try note(model, at: "") { try model(x, in: self) }
  }

  /// Notes which operations a layer comes to, and what cannot be followed in it.
  private func note(
    _ layer: any Layer<Element>, at path: String, _ body: () throws -> Variable<Element>
  ) throws -> Variable<Element> {
    let outer = running
    running = layer
    defer { running = outer }
    let graph = graph!
    let start = graph.nodes.count
    let output: Variable<Element>
    do {
      output = try body()
    } catch let error as InferenceModelError where error.path.isEmpty && !path.isEmpty {
      throw InferenceModelError(layer: error.layer, path: path, reason: error.reason)
    }
    switch graph.failure {
    case .shape(let error): throw LayerError(layer: layer.summary, expected: error.expected, found: error.found)
    case .needsValue: throw InferenceModelError(layer: layer.summary, path: path, reason: .dependsOnValues)
    case .needsShape: throw InferenceModelError(layer: layer.summary, path: path, reason: .dependsOnShape)
    case nil: break
    }
    for node in start..<graph.nodes.count where followed.layers[node] == nil {
      followed.layers[node] = (path, layer.summary)
    }
    followed.shapes[path] = output.knownShape
    return output
  }

  /// The first path of a layer of the network that is followed.
  func canonicalPath(of layer: any Layer<Element>) -> String {
    names[ObjectIdentifier(layer)] ?? path.joined(separator: ".")
  }

  /// Notes the statistics of the batch that a layer has just normalized.
  public func gather(_ moments: BatchMoments, for layer: any StatisticsKeeping<Element>) {
    gather(moments, for: layer, isOfAllShards: false)
  }

  /// The same for a layer that may have found those of a whole batch from one shard of it.
  func gather(_ moments: BatchMoments, for layer: any StatisticsKeeping<Element>, isOfAllShards: Bool) {
    found.append(GatheredMoments(layer: layer, moments: moments, isOfAllShards: isOfAllShards))
  }

  /// Lets every layer take the statistics found in this pass into its running statistics, once: a second call changes
  /// nothing.
  public func updateRunningStatistics() throws(NormalizationError) {
    for found in takeGatheredMoments() { try found.layer.updateStatistics(with: found.moments) }
    for change in takeDeferredChanges() { change() }
  }

  /// Lets a change of a layer's buffers wait for the moment in which running statistics change, ``updateRunningStatistics()``: a
  /// forward pass changes nothing.
  public func deferChange(_ change: @escaping () -> Void) { if purpose == nil { deferred.append(change) } }

  /// The changes that wait; a second call gives none.
  package func takeDeferredChanges() -> [() -> Void] {
    defer { deferred = [] }
    return deferred
  }

  /// The statistics found in this pass, in the order in which layers found them; a second call gives none.
  public func takeGatheredMoments() -> [GatheredMoments<Element>] {
    defer { found = [] }
    return found
  }

  /// Data of this pass whose gradient is wanted; a constant in inference.
  public func input(_ value: Tensor<Element>, name: String = "input") -> Variable<Element> {
    graph?.input(value, name: name) ?? Variable(value)
  }

  /// The gradients of a result of this pass with respect to some of its variables, as variables that can be differentiated in turn; see
  /// `Graph.gradients(of:withRespectTo:seed:differentiable:)`.
  ///
  /// - Throws: `DifferentiationError` for an operation whose gradient cannot be differentiated.
  public func gradients(
    of result: Variable<Element>, withRespectTo variables: [Variable<Element>], seed: Variable<Element>? = nil,
    differentiable: Bool
  ) throws(DifferentiationError) -> [Variable<Element>] {
    require(graph != nil, "a pass in inference has no gradients")
    return try graph!.gradients(
      of: result, withRespectTo: variables, seed: seed, differentiable: differentiable)
  }

  /// The gradients of a result of this pass. They can be asked for once: what the layers kept for them is let go.
  public func gradients(of result: Variable<Element>) -> ParameterGradients<Element> {
    gradients(of: result, onGradient: nil)
  }

  /// The same, for which each parameter's gradient is told as soon as it is whole, while others are still looked for.
  func gradients(
    of result: Variable<Element>, onGradient: ((ObjectIdentifier, Tensor<Element>) -> Void)?
  ) -> ParameterGradients<Element> {
    require(graph != nil, "a pass in inference has no gradients")
    var parameters: [Int: ObjectIdentifier] = [:]
    if onGradient != nil {
      for case (let parameter, let node?) in variables.mapValues(\.node) { parameters[node] = parameter }
    }
    let gradients = graph!.gradients(
      of: result, isLast: true,
      onLeaf: onGradient.map { tell in
        { node, gradient in if let parameter = parameters[node] { tell(parameter, gradient) } }
      })
    return ParameterGradients(gradients: gradients, variables: variables)
  }
}

/// The statistics that a layer found in a pass.
public struct GatheredMoments<Element: TensorElement> {
  /// The layer that normalized by them.
  public let layer: any StatisticsKeeping<Element>
  /// The statistics.
  public let moments: BatchMoments
  /// Whether they are those of all shards of the batch already.
  let isOfAllShards: Bool

  /// Other moments of the same layer.
  package func with(_ moments: BatchMoments) -> GatheredMoments {
    GatheredMoments(layer: layer, moments: moments, isOfAllShards: isOfAllShards)
  }
}

/// Where operations of a network that is followed belong.
struct FollowedLayers {
  /// The path and the summary of the layer that each node belongs to.
  var layers: [Int: (path: String, layer: String)] = [:]
  /// The shapes of layers' results, by their paths.
  var shapes: [String: Shape] = [:]
}

/// The gradients of a pass, by parameter.
public struct ParameterGradients<Element: TensorElement> {
  /// The gradients by variable.
  public let gradients: Gradients<Element>
  let variables: [ObjectIdentifier: Variable<Element>]

  /// The gradient with respect to a parameter, of its shape; nil for one that is frozen or was not used.
  public subscript(parameter: Parameter<Element>) -> Tensor<Element>? {
    variables[ObjectIdentifier(parameter)].map { gradients[$0] }
  }
}

/// A layer that can do the work of the ReLU that follows it.
public protocol ReLUFusing<Element>: Layer {
  /// Applies the layer and then ReLU.
  func rectified(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element>
  /// Whether it does so at the moment; the default is that it does.
  var fusesReLU: Bool { get }
}

extension ReLUFusing {
  /// It does.
  public var fusesReLU: Bool { true }
}
