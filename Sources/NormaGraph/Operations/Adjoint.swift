import NormaNormalization
import NormaTensor

/// An operation that is linear in its one input, but for a constant that is added.
package protocol LinearMapping<Element>: TensorOperation where Saved == Void, Failure == Never {
  /// The same without a constant; by default itself.
  var linearPart: Self { get }
}

extension LinearMapping {
  package var linearPart: Self { self }

  package func backward(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void
  ) -> [Variable<Element>?] {
    [gradient.applyingAdjoint(of: self, inputShape: kept.shape(0))]
  }
}

/// The adjoint of a linear operation, which is what its backward pass applies to a gradient.
package struct AdjointOperation<Mapping: LinearMapping>: TensorOperation {
  package typealias Element = Mapping.Element

  let mapping: Mapping
  let inputShape: Shape

  package var name: String { "adjoint of \(mapping.name)" }
  package var rule: String { "∂{0} = \(mapping.name) of ∂{}" }
  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape { inputShape }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let kept = Kept<Element>(shapes: [inputShape], needs: .all(1))
    return (mapping.backward(inputs[0], kept, saved: ())[0]!, ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [mapping.linearPart.forward([g]).output]
  }
  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    [Graph.apply(mapping.linearPart, to: [g]).output]
  }
}

/// What a gradient is where a function made of straight pieces was applied, the pieces that its places are on being given: it is its own
/// adjoint.
private struct PieceOperation<Element: TensorElement>: TensorOperation {
  /// The gradient of the function, from place and gradient.
  let gradient: BinaryOperation<Element>
  let places: Tensor<Element>

  var name: String { "gradient of pieces" }
  var rule: String { "∂{0} = the same of ∂{}" }

  func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (places.applying(gradient, inputs[0]), ())
  }
  func kept(for needs: Needs) -> KeptTensors { [] }
  func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [places.applying(gradient, g)]
  }
  func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    [Graph.apply(self, to: [g]).output]
  }
}

extension Variable {
  /// A gradient brought back through a linear operation.
  func applyingAdjoint<Mapping: LinearMapping>(
    of mapping: Mapping, inputShape: Shape
  ) -> Variable where Mapping.Element == Element {
    Graph.apply(AdjointOperation(mapping: mapping, inputShape: inputShape), to: [self]).output
  }

  /// A gradient brought back through a function made of straight pieces, at given places.
  func gated(by gradient: BinaryOperation<Element>, at places: Tensor<Element>) -> Variable {
    Graph.apply(PieceOperation(gradient: gradient, places: places), to: [self]).output
  }

  /// A gradient brought back through ReLU, by its result or its input.
  func rectified(at places: Tensor<Element>) -> Variable { gated(by: .leakyReLUGradient(slope: 0), at: places) }

  /// A single number everywhere.
  func spread(to shape: Shape) -> Variable {
    applyingAdjoint(of: ReductionOperation(isMean: false, axes: .all), inputShape: shape)
  }

  /// The values along some axes as rows `[R, W]`, and how rows get back to where they came from.
  func asRows(over axes: [Int]) -> (rows: Variable, restored: (Variable) -> Variable) {
    let axes = AxesAsRows(shape, axes)
    let moved = axes.isInOrder ? self : transposed(axes.order)
    return (
      moved.reshaped(to: axes.rowsShape),
      { rows in
        let moved = rows.reshaped(to: axes.movedShape)
        return axes.isInOrder ? moved : moved.transposed(axes.restoredOrder)
      }
    )
  }

  /// Channels behind all other axes, where they are the second.
  func channelsLast(_ layout: ChannelLayout) -> Variable {
    layout == .channelsLast || shape.rank < 3 ? self : transposed([0] + Array(2..<shape.rank) + [1])
  }

  /// Channels, which are last, where a layout has them.
  func restoringChannels(_ layout: ChannelLayout) -> Variable {
    let rank = shape.rank
    return layout == .channelsLast || rank < 3 ? self : transposed([0, rank - 1] + Array(1..<rank - 1))
  }
}

extension Broadcast {
  /// Sums a gradient of the full shape down to that of the second operand.
  func reduced<Element: TensorElement>(_ gradient: Variable<Element>, to shape: Shape) -> Variable<Element> {
    switch self {
    case .none: gradient
    case .perChannel: gradient.sumOverRows().reshaped(to: shape)
    case .perRow: gradient.sum(over: [-1]).reshaped(to: shape)
    case .perSample: gradient.sumOverPositions()
    }
  }
}
