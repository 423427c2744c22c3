import NormaTensor

/// A value in a computation: a tensor, and its place in the graph that records the computation, if one does.
public struct Variable<Element: TensorElement> {
  /// The graph that records what is computed from it; nil for a constant.
  public let graph: Graph<Element>?
  /// Its place in the graph.
  public let node: Int?
  /// Whether gradients flow to it.
  public internal(set) var requiresGradient: Bool
  /// How to compute the value again, where an operation would rather do that than see it kept; nil where it is to be kept.
  var recomputation: (() -> Tensor<Element>)?
  /// Its half-width copy, where operations keep that in its place.
  var activation: KeptActivation<Element>?

  private let stored: Tensor<Element>?
  private let followedShape: Shape?

  init(value: Tensor<Element>, graph: Graph<Element>?, node: Int?, requiresGradient: Bool) {
    stored = value
    followedShape = nil
    self.graph = graph
    self.node = node
    self.requiresGradient = requiresGradient
  }

  /// A constant: nothing computed from constants alone is recorded.
  public init(_ value: Tensor<Element>) { self.init(value: value, graph: nil, node: nil, requiresGradient: false) }

  /// A value that is followed, not computed; nil for a shape that is not known either.
  init(shape: Shape?, graph: Graph<Element>, node: Int) {
    stored = nil
    followedShape = shape
    self.graph = graph
    self.node = node
    requiresGradient = true
  }

  /// The value itself. Where a computation is only followed by its shapes, there is none: then it is zeros, and whoever
  /// follows it is told that the computation depends on values.
  public var value: Tensor<Element> {
    if let stored { return stored }
    graph?.fail(.needsValue)
    return .zeros(followedShape ?? [])
  }

  /// The value, where there is one.
  var tensor: Tensor<Element>? { stored }

  /// The lengths of the axes.
  public var shape: Shape {
    if let stored { return stored.shape }
    if let followedShape { return followedShape }
    graph?.fail(.needsShape)
    return []
  }

  /// The lengths of the axes, where they are known.
  package var knownShape: Shape? { stored?.shape ?? followedShape }

  /// The same variable, which operations keep in its own width, as they do what comes from it by way of first inputs: a statistic.
  func keptExactly() -> Variable {
    if let graph, let node { graph.keepExact(node) }
    var variable = self
    variable.activation = nil
    return variable
  }

  /// The same variable, with a name in what the graph prints and draws.
  public func named(_ name: String) -> Variable {
    if let graph, let node { graph.rename(node, to: name) }
    return self
  }
}
