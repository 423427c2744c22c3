import NormaTensor

/// What a graph holds of an operation, so that its gradients can be found.
class Recording<Element: TensorElement> {
  /// The gradients of the inputs, from that of the result.
  func gradients(_ gradient: Tensor<Element>) -> [Tensor<Element>?] { fatalError("an operation has gradients") }

  /// The same as variables of a graph, of the inputs that are needed.
  func gradients(
    _ gradient: Variable<Element>, of node: Graph<Element>.Node, in graph: Graph<Element>, needs: Needs
  ) throws(DifferentiationError) -> [Variable<Element>?] { fatalError("an operation has gradients") }
}

/// An operation with what it keeps: values alone, since a variable would hold the graph that holds it, for ever.
final class RecordedOperation<Applied: TensorOperation>: Recording<Applied.Element> {
  private let operation: Applied
  private let kept: Kept<Applied.Element>
  private let saved: Applied.Saved

  init(_ operation: Applied, _ kept: Kept<Applied.Element>, _ saved: Applied.Saved) {
    (self.operation, self.kept, self.saved) = (operation, kept, saved)
  }

  override func gradients(_ gradient: Tensor<Applied.Element>) -> [Tensor<Applied.Element>?] {
    operation.backward(gradient, kept, saved: saved)
  }

  override func gradients(
    _ gradient: Variable<Applied.Element>, of node: Graph<Applied.Element>.Node, in graph: Graph<Applied.Element>,
    needs: Needs
  ) throws(DifferentiationError) -> [Variable<Applied.Element>?] {
    try operation.backward(
      gradient, KeptVariables(kept, of: node, in: graph, needs: needs), saved: saved)
  }
}

/// Why a gradient cannot be differentiated in turn.
public struct DifferentiationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The operation whose gradients are no variables.
  public let operation: String

  /// An error about an operation, by its name.
  public init(operation: String) { self.operation = operation }

  public var description: String {
    "the gradient of \"\(operation)\" cannot be differentiated: the operation has no backward pass of variables"
  }
}

/// What an operation finds again where its gradients are to be differentiated in turn: variables, whose gradients lead to where they came
/// from.
public struct KeptVariables<Element: TensorElement> {
  /// Which gradients are asked for.
  public let needs: Needs
  /// The values.
  public let values: Kept<Element>
  private let graph: Graph<Element>
  private let node: Graph<Element>.Node

  init(_ values: Kept<Element>, of node: Graph<Element>.Node, in graph: Graph<Element>, needs: Needs) {
    (self.values, self.node, self.graph, self.needs) = (values, node, graph, needs)
  }

  /// An input, which must be one that is kept.
  public func input(_ index: Int) -> Variable<Element> {
    let value = values.input(index)
    return values.needs[index]
      ? Variable(value: value, graph: graph, node: node.inputs[index], requiresGradient: true) : Variable(value)
  }

  /// The number of inputs.
  public var count: Int { values.count }

  /// The shape of an input, kept or not.
  public func shape(_ index: Int) -> Shape { values.shape(index) }

  /// The result, which must be one that is kept.
  public var output: Variable<Element> {
    Variable(value: values.output, graph: graph, node: node.index, requiresGradient: true)
  }

  /// The gradients of what a computation gives from the inputs, by its own operations: for an operation that is one for speed alone.
  func gradients(
    of result: Variable<Element>, seed: Variable<Element>, withRespectTo inputs: [Variable<Element>]
  ) throws(DifferentiationError) -> [Variable<Element>?] {
    try graph.gradients(of: result, withRespectTo: inputs, seed: seed, differentiable: true)
  }
}
