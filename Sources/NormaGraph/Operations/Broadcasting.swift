import NormaTensor

/// The first input repeated along its axes of length 1 to the shape that it has in common with the others.
package struct BroadcastOperation<Element: TensorElement>: TensorOperation {
  package var name: String { "broadcast" }
  package var rule: String { "∂{0} = Σ ∂{} along the axes" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    var common = Array(inputs[0])
    for input in inputs.dropFirst() {
      guard input.rank == common.count,
        zip(common, input).allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 })
      else { throw ShapeError(expected: "a tensor that \(inputs[0]) can be repeated to fit", found: input) }
      common = zip(common, input).map { $0 == 1 ? $1 : $0 }
    }
    return Shape(common)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    var common = Array(inputs[0].shape)
    for input in inputs.dropFirst() { common = zip(common, input.shape).map { $0 == 1 ? $1 : $0 } }
    var result = inputs[0]
    // The last axes first, so that what is repeated later lies together.
    for axis in common.indices.reversed() where result.shape[axis] != common[axis] {
      result = result.gathering([Int](repeating: 0, count: common[axis]), axis: axis)
    }
    return (result, ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }

  private func repeatedAxes(_ shape: Shape, _ result: Shape) -> [Int] {
    shape.indices.filter { shape[$0] != result[$0] }
  }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let others = [Tensor<Element>?](repeating: nil, count: kept.count - 1)
    guard kept.needs[0] else { return [nil] + others }
    let shape = kept.shape(0)
    let axes = repeatedAxes(shape, g.shape)
    return [(axes.isEmpty ? g : g.sum(over: axes)).reshaped(to: shape)] + others
  }
  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    let others = [Variable<Element>?](repeating: nil, count: kept.count - 1)
    guard kept.needs[0] else { return [nil] + others }
    let shape = kept.shape(0)
    let axes = repeatedAxes(shape, g.shape)
    return [axes.isEmpty ? g : g.sum(over: axes, keepsAxes: true)] + others
  }
  package var isPerSample: Bool { true }
}

extension Variable {
  /// This variable repeated along its axes of length 1 to the shape that it has in common with another of as many axes, by NumPy's
  /// rule.
  public func broadcast(with other: Variable) -> Variable {
    Graph.apply(BroadcastOperation(), to: [self, other]).output
  }
}
