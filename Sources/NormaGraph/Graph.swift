import NormaTensor

/// A computation, recorded while it runs, that can be differentiated and looked at.
///
/// ```swift
/// let graph = Graph<Double>()
/// let x = graph.input(Tensor([1, 2, 3]), name: "x")
/// let y = (x * x).sum()
/// let gradients = graph.gradients(of: y)
/// gradients[x]  // [2, 4, 6]
/// ```
///
/// Operations are methods of ``Variable``. Those whose inputs need no gradient leave nothing behind in the graph, so
/// inference, where every variable is a constant, keeps nothing.
public final class Graph<Element: TensorElement> {
  /// What a node is.
  public enum Kind: String, Sendable {
    /// Data that the caller wants a gradient for.
    case input
    /// A value that training changes.
    case parameter
    /// Data without a gradient; recorded only where the graph keeps values to be looked at.
    case constant
    /// The result of an operation.
    case operation
  }

  /// One step of the computation.
  public struct Node {
    /// Its place in the graph: the inputs of an operation stand before it.
    public let index: Int
    /// Whether it is a leaf, and which, or an operation.
    public let kind: Kind
    /// What it is called: its own name or, for an unnamed result, that of its operation.
    public var name: String
    /// The operation that made it; nil for leaves.
    public let operation: (any TensorOperation<Element>)?
    /// The places of its inputs.
    public let inputs: [Int]
    /// The shape of its value, and of its gradient; nil in a graph that follows a computation whose shapes are not known.
    public let knownShape: Shape?
    /// Its value, where the graph keeps values.
    public let value: Tensor<Element>?
    /// Whether it is a parameter, or comes from one by way of first inputs, as a weight that is computed; or a statistic.
    package fileprivate(set) var isExact = false
    /// The width in which operations keep it; nil for its own.
    package fileprivate(set) var keptPrecision: HalfPrecision?
    /// How to get at the value of a leaf, where the graph follows a computation.
    package let source: (() -> Tensor<Element>)?

    /// The shape of its value, and of its gradient.
    public var shape: Shape { knownShape ?? [] }
    /// What its operation is called, such as `matrix product`; empty for leaves.
    public var operationName: String { operation?.name ?? "" }
  }

  /// How much of a computation is recorded.
  enum Mode {
    /// What gradients need.
    case gradients
    /// The value of every node, too.
    case values
    /// The operations alone: nothing is computed.
    case operations
  }

  /// Why a computation cannot be followed by its operations alone.
  package enum Failure: Error {
    case shape(ShapeError)
    case needsValue, needsShape
  }

  private let mode: Mode
  /// The width in which operations keep activations for their gradients; nil for their own, which rounds nothing.
  ///
  /// Activations are the results of operations of rank 2 and more. Leaves, what is computed from parameters alone (a weight that is
  /// normalized), and statistics keep their own width. Results are the same; gradients are those of the rounded activations.
  public let keptActivations: HalfPrecision?
  /// Whether values of inner nodes are kept, to be printed and drawn.
  public var keepsValues: Bool { mode == .values }
  /// The steps recorded so far, in the order they ran.
  public private(set) var nodes: ContiguousArray<Node> = []
  private var recordings: ContiguousArray<Recording<Element>?> = []

  /// Whether what the operations kept for their gradients is gone.
  private(set) var isSpent = false
  /// Whether inputs that do not fit an operation are noted as a ``failure``, for a caller who looks there, instead of stopping the
  /// program; the result is then of no use.
  package var notesShapeErrors = false
  /// The first thing that cannot be followed, or does not fit.
  package private(set) var failure: Failure?

  /// An empty graph.
  ///
  /// - Parameter keepsValues: keep the value of every node, constants included, for printing and drawing. Training
  ///   leaves this off: it keeps only what the backward pass needs.
  /// - Parameter keptActivations: the width in which activations are kept for the backward pass, see ``keptActivations``.
  public init(keepsValues: Bool = false, keptActivations: HalfPrecision? = nil) {
    mode = keepsValues ? .values : .gradients
    self.keptActivations = keptActivations
  }

  /// A graph that follows a computation by its operations, and computes nothing.
  package init(followingOperations: Void, keptActivations: HalfPrecision? = nil) {
    mode = .operations
    self.keptActivations = keptActivations
  }

  /// Whether a computation is only followed.
  package var followsOperations: Bool { mode == .operations }

  /// Notes that the computation cannot be followed.
  func fail(_ failure: Failure) { if self.failure == nil { self.failure = failure } }

  /// A leaf whose gradient is wanted.
  public func input(_ value: Tensor<Element>, name: String) -> Variable<Element> {
    leaf(value, kind: .input, name: name)
  }

  /// A leaf that training changes.
  public func parameter(_ value: Tensor<Element>, name: String) -> Variable<Element> {
    leaf(value, kind: .parameter, name: name)
  }

  /// A leaf without a gradient. It becomes a node only in a graph that keeps values.
  public func constant(_ value: Tensor<Element>, name: String) -> Variable<Element> {
    guard keepsValues else { return Variable(value) }
    var variable = leaf(value, kind: .constant, name: name)
    variable.requiresGradient = false
    return variable
  }

  /// A leaf of a computation that is followed. Its shape may be unknown, its value is asked for if and when it is needed.
  package func followedLeaf(
    _ kind: Kind, shape: Shape?, name: String, source: (() -> Tensor<Element>)? = nil
  ) -> Variable<Element> {
    let node = add(kind: kind, name: name, operation: nil, inputs: [], shape: shape, value: nil, source: source, nil)
    return Variable(shape: shape, graph: self, node: node)
  }

  @specialized(where Element == Float)
  private func leaf(_ value: Tensor<Element>, kind: Kind, name: String) -> Variable<Element> {
    append(kind: kind, name: name, operation: nil, inputs: [], value: value, requiresGradient: true, nil)
  }

  @specialized(where Element == Float)
  private func append(
    kind: Kind, name: String, operation: (any TensorOperation<Element>)?, inputs: [Int], value: Tensor<Element>,
    requiresGradient: Bool, _ recording: Recording<Element>?
  ) -> Variable<Element> {
    let node = add(
      kind: kind, name: name, operation: operation, inputs: inputs, shape: value.shape,
      value: keepsValues ? value : nil, source: nil, recording)
    return Variable(value: value, graph: self, node: node, requiresGradient: requiresGradient)
  }

  private func add(
    kind: Kind, name: String, operation: (any TensorOperation<Element>)?, inputs: [Int], shape: Shape?,
    value: Tensor<Element>?, source: (() -> Tensor<Element>)?, _ recording: Recording<Element>?
  ) -> Int {
    let index = nodes.count
    nodes.append(
      Node(
        index: index, kind: kind, name: name, operation: operation, inputs: inputs, knownShape: shape, value: value,
        source: source))
    recordings.append(recording)
    if keptActivations != nil { noteWidth(of: index) }
    return index
  }

  /// Notes in which width operations keep a node.
  private func noteWidth(of index: Int) {
    let node = nodes[index]
    if let operation = node.operation {
      nodes[index].isExact = nodes[node.inputs[0]].isExact
      nodes[index].keptPrecision = keptPrecision(of: operation, node.inputs, rank: node.shape.rank)
    } else {
      nodes[index].isExact = node.kind == .parameter
    }
  }

  /// The width in which operations keep a result.
  private func keptPrecision(
    of operation: any TensorOperation<Element>, _ inputs: [Int], rank: Int
  ) -> HalfPrecision? {
    let first = nodes[inputs[0]]
    if operation.isView { return first.keptPrecision }
    return first.isExact || rank < 2 ? nil : keptActivations
  }

  /// Lets operations keep a node, and what comes from it by way of first inputs, in full width: a statistic.
  func keepExact(_ node: Int) { (nodes[node].isExact, nodes[node].keptPrecision) = (true, nil) }

  /// Gives a node a name of its own.
  func rename(_ node: Int, to name: String) { nodes[node].name = name }

  /// How an operation turns the gradient of its result into those of its inputs, in words and symbols that speak of all of
  /// them by their names: `∂c = ∂x̂·r, ∂r = Σ ∂x̂·c`. Empty for leaves.
  public func rule(of index: Int) -> String {
    let node = nodes[index]
    var rule = (node.operation?.rule ?? "").replacing("{}", with: symbol(of: index))
    for (place, input) in node.inputs.enumerated() { rule = rule.replacing("{\(place)}", with: symbol(of: input)) }
    return rule
  }

  /// What a node is called in a formula: its name as far as that is not a formula itself, `c` of `c = x − μ`, or its number
  /// where it has no name of its own.
  package func symbol(of index: Int) -> String {
    let node = nodes[index]
    let hasName = node.name != (node.kind == .operation ? node.operationName : node.kind.rawValue)
    guard hasName, !node.name.isEmpty else { return "#\(index)" }
    return node.name.firstRange(of: " = ").map { String(node.name[..<$0.lowerBound]) } ?? node.name
  }

  /// Applies an operation and adds its result to the graph of its inputs, where one records them.
  ///
  /// - Returns: the result, and what the forward pass saved; nothing of that where the computation is only followed.
  package static func apply<Applied: TensorOperation>(
    _ operation: Applied, to inputs: [Variable<Element>]
  ) throws(Applied.Failure) -> (output: Variable<Element>, saved: Applied.Saved?) where Applied.Element == Element {
    // Closures and key paths would cost more here than the arithmetic on a small tensor.
    var common: Graph?
    var requiresGradient = false
    var needs = Needs()
    for (index, input) in inputs.enumerated() {
      require(
        input.graph == nil || common == nil || input.graph === common,
        "\(operation.name) of variables from different graphs")
      common = common ?? input.graph
      guard input.requiresGradient else { continue }
      requiresGradient = true
      needs[index] = true
    }
    if let common {
      if common.mode == .operations { return (common.follow(operation, inputs), nil) }
      if common.notesShapeErrors && !common.fits(operation, inputs) { return (Variable(.zeros(inputs[0].shape)), nil) }
    }
    var tensors: [Tensor<Element>] = []
    tensors.reserveCapacity(inputs.count)
    for input in inputs { tensors.append(input.value) }
    let (output, saved) = try operation.forward(tensors)
    guard let graph = common, requiresGradient || graph.keepsValues else { return (Variable(output), saved) }
    var indices: [Int] = []
    indices.reserveCapacity(inputs.count)
    for input in inputs { indices.append(input.node ?? graph.constantNode(input.value)) }
    guard requiresGradient else {
      let variable = graph.append(
        kind: .operation, name: operation.name, operation: operation, inputs: indices, value: output,
        requiresGradient: false, nil)
      return (variable, saved)
    }
    var activation: KeptActivation<Element>?
    if graph.keptActivations != nil,
      let precision = graph.keptPrecision(of: operation, indices, rank: output.shape.rank)
    {
      activation = operation.isView ? inputs[0].activation : KeptActivation(precision)
    }
    let kept = Kept(
      operation.kept(for: needs), of: inputs, output: output, activation: activation, needs: needs)
    var variable = graph.append(
      kind: .operation, name: operation.name, operation: operation, inputs: indices, value: output,
      requiresGradient: true, RecordedOperation(operation, kept, saved))
    variable.activation = activation
    if operation.isRecomputed { variable.recomputation = { operation.recompute(kept, saved: saved) } }
    return (variable, saved)
  }

  /// How the gradients of an operation are found, if it was recorded.
  func recording(of index: Int) -> Recording<Element>? { recordings[index] }

  /// Whether inputs fit an operation; notes why not.
  private func fits(_ operation: some TensorOperation<Element>, _ inputs: [Variable<Element>]) -> Bool {
    var shapes: [Shape] = []
    shapes.reserveCapacity(inputs.count)
    for input in inputs { shapes.append(input.shape) }
    do { _ = try operation.outputShape(for: shapes) } catch {
      fail(.shape(error))
      return false
    }
    return true
  }

  private func constantNode(_ value: Tensor<Element>) -> Int {
    add(
      kind: .constant, name: "constant", operation: nil, inputs: [], shape: value.shape,
      value: keepsValues ? value : nil, source: nil, nil)
  }

  /// Adds an operation on values that are not there.
  private func follow(_ operation: some TensorOperation<Element>, _ inputs: [Variable<Element>]) -> Variable<Element> {
    let indices = inputs.map { input in
      input.node
        ?? followedLeaf(.constant, shape: input.knownShape, name: "constant", source: { input.value }).node!
    }
    var shape: Shape?
    let shapes = inputs.compactMap(\.knownShape)
    if shapes.count == inputs.count {
      do { shape = try operation.outputShape(for: shapes) } catch {
        fail(.shape(error))
        shape = shapes.first
      }
    }
    let node = add(
      kind: .operation, name: operation.name, operation: operation, inputs: indices, shape: shape, value: nil,
      source: nil, nil)
    return Variable(shape: shape, graph: self, node: node)
  }

  /// The gradients of a result with respect to everything it was computed from, by one walk back over the graph.
  ///
  /// - Parameters:
  ///   - result: a variable of this graph; usually a single number, the loss.
  ///   - seed: the gradient to start from, of the result's shape; ones if nil.
  ///   - isLast: whether the graph is not differentiated again. Then what an operation kept for its gradient is let go
  ///     as soon as that is found, and its memory serves the gradients of the operations before it.
  ///   - onLeaf: called with each node that is the result of no operation and its gradient, once that is whole, while the walk goes on.
  @specialized(where Element == Float)
  public func gradients(
    of result: Variable<Element>, seed: Tensor<Element>? = nil, isLast: Bool = false,
    onLeaf: ((_ node: Int, Tensor<Element>) -> Void)? = nil
  ) -> Gradients<Element> {
    require(!isSpent, "a graph is differentiated again whose last gradients have been found")
    isSpent = isLast
    let seed = seed ?? .ones(result.value.shape)
    require(
      seed.shape == result.value.shape, "a seed of shape \(seed.shape) for a result of \(result.value.shape)")
    var gradients = Gradients<Element>(graph: self, nodeCount: nodes.count)
    guard let last = result.node, result.requiresGradient else { return gradients }
    require(result.graph === self, "the result belongs to another graph")
    gradients.values[last] = seed
    for index in stride(from: last, through: 0, by: -1) {
      guard let gradient = gradients.values[index] else { continue }
      guard let recording = recordings[index] else {
        onLeaf?(index, gradient)
        continue
      }
      if isLast { recordings[index] = nil }
      for (input, part) in zip(nodes[index].inputs, recording.gradients(gradient)) {
        guard let part else { continue }
        require(
          part.shape == nodes[input].shape,
          "\(nodes[index].operationName) gave a gradient of shape \(part.shape) for an input of shape \(nodes[input].shape)"
        )
        gradients.add(part, to: input, from: index, keepsParts: keepsValues)
      }
      // The gradients of inner nodes have done their work, unless somebody wants to look at them.
      if !keepsValues { gradients.values[index] = nil }
    }
    return gradients
  }
}

/// The gradients that ``Graph/gradients(of:seed:isLast:onLeaf:)`` found.
public struct Gradients<Element: TensorElement> {
  /// What one of the nodes that use another adds to its gradient.
  public struct Part {
    /// The place of the node that it comes from.
    public let node: Int
    /// What it brings, of the shape of the node that it goes to.
    public let gradient: Tensor<Element>
  }

  private let graph: Graph<Element>
  var values: ContiguousArray<Tensor<Element>?>
  private var parts: [Int: [Part]] = [:]

  init(graph: Graph<Element>, nodeCount: Int) {
    self.graph = graph
    values = ContiguousArray(repeating: nil, count: nodeCount)
  }

  @specialized(where Element == Float)
  mutating func add(_ gradient: Tensor<Element>, to node: Int, from user: Int, keepsParts: Bool) {
    if keepsParts { parts[node, default: []].append(Part(node: user, gradient: gradient)) }
    if values[node] == nil { values[node] = gradient } else { values[node]! += gradient }
  }

  /// The gradient with respect to a variable, of its shape: zeros if the result does not depend on it.
  ///
  /// The gradients of inner results are there only in a graph that keeps values.
  public subscript(variable: Variable<Element>) -> Tensor<Element> {
    require(variable.graph === graph, "the variable belongs to another graph")
    return variable.node.flatMap { self[node: $0] } ?? .zeros(variable.value.shape)
  }

  /// The gradient with respect to a node, if the result depends on it and it was kept.
  public subscript(node index: Int) -> Tensor<Element>? { index < values.count ? values[index] : nil }

  /// What the gradient of a node is the sum of: a part from each place where the node is used, in the order in which they
  /// are added. Kept only in a graph that keeps values.
  public func parts(ofNode index: Int) -> [Part] { parts[index] ?? [] }
}
