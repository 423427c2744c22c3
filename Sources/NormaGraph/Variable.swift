import NormaTensor

/// A value in a computation: a tensor, and its place in the graph that records the computation, if one does.
public struct Variable<Element: TensorElement> {
  /// The value itself.
  public let value: Tensor<Element>
  /// The graph that records what is computed from it; nil for a constant.
  public let graph: Graph<Element>?
  /// Its place in the graph.
  public let node: Int?
  /// Whether gradients flow to it.
  public internal(set) var requiresGradient: Bool
  /// How to compute the value again, where an operation would rather do that than see it kept; nil where it is to be kept.
  var recomputation: (() -> Tensor<Element>)?

  init(value: Tensor<Element>, graph: Graph<Element>?, node: Int?, requiresGradient: Bool) {
    self.value = value
    self.graph = graph
    self.node = node
    self.requiresGradient = requiresGradient
  }

  /// A constant: nothing computed from constants alone is recorded.
  public init(_ value: Tensor<Element>) { self.init(value: value, graph: nil, node: nil, requiresGradient: false) }

  /// What an operation keeps that needs the value again for its gradient: the value, or the way to compute it.
  var kept: () -> Tensor<Element> {
    let value = value
    return recomputation ?? { value }
  }

  /// The lengths of the axes.
  public var shape: Shape { value.shape }

  /// The same variable, with a name in what the graph prints and draws.
  public func named(_ name: String) -> Variable {
    if let graph, let node { graph.rename(node, to: name) }
    return self
  }
}
