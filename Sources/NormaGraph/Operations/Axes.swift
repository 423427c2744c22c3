import NormaTensor

/// The axes in another order: `axes[i]` names the axis of the input that becomes axis `i`.
package struct TranspositionOperation<Element: TensorElement>: LinearMapping {
  package let axes: [Int]

  package var name: String { "transpose" }
  package var rule: String { "∂{0} = ∂{}, transposed back" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard axes.sorted() == Array(0..<inputs[0].rank) else {
      throw ShapeError(expected: "a tensor of \(axes.count) axes, to be put in the order \(axes)", found: inputs[0])
    }
    return Shape(axes.map { inputs[0][$0] })
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].transposed(axes), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [g.transposed(axes.indices.map { axes.firstIndex(of: $0)! })]
  }
  package var isPerSample: Bool { axes.first == 0 }
}

/// Some places of an axis.
package struct SliceOperation<Element: TensorElement>: LinearMapping {
  package let range: Range<Int>
  package let axis: Int

  package var name: String { "slice" }
  package var rule: String { "∂{0} = ∂{} in the slice, 0 elsewhere" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try inputs[0].check(axis, for: name)
    let axis = inputs[0].axis(axis)
    guard range.lowerBound >= 0, range.upperBound <= inputs[0][axis] else {
      throw ShapeError(expected: "a tensor with places \(range) of axis \(axis)", found: inputs[0])
    }
    return inputs[0].replacing(axis, with: range.count)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].sliced(range, axis: axis), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let (axis, length) = (kept.shape(0).axis(axis), kept.shape(0)[kept.shape(0).axis(axis)])
    return [g.padded(axis: axis, before: range.lowerBound, after: length - range.upperBound)]
  }
  package var isPerSample: Bool { axis > 0 }
}

/// The named places of an axis, in their order, as often as they are named.
package struct GatherOperation<Element: TensorElement>: LinearMapping {
  package let indices: [Int]
  package let axis: Int

  package var name: String { "gather" }
  package var rule: String { "∂{0} = the sum of ∂{} wherever a place was taken" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try inputs[0].check(axis, for: name)
    let axis = inputs[0].axis(axis)
    if let wrong = indices.first(where: { $0 < 0 || $0 >= inputs[0][axis] }) {
      throw ShapeError(expected: "a tensor with place \(wrong) of axis \(axis)", found: inputs[0])
    }
    return inputs[0].replacing(axis, with: indices.count)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].gathering(indices, axis: axis), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let axis = kept.shape(0).axis(axis)
    return [g.addingPicked(indices, axis: axis, length: kept.shape(0)[axis])]
  }
  package var isPerSample: Bool { axis > 0 }
}

/// Values one after the other along an axis.
package struct ConcatenationOperation<Element: TensorElement>: TensorOperation {
  package let axis: Int

  package var name: String { "concatenate" }
  package var rule: String { "each its part of ∂{}" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try inputs[0].check(axis, for: "concatenation")
    let axis = inputs[0].axis(axis)
    for input in inputs {
      guard input.rank == inputs[0].rank, input.replacing(axis, with: 0) == inputs[0].replacing(axis, with: 0) else {
        throw ShapeError(
          expected: "a tensor that can follow one of shape \(inputs[0]) along axis \(axis)", found: input)
      }
    }
    return inputs[0].replacing(axis, with: inputs.reduce(0) { $0 + $1[axis] })
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (Tensor.concatenating(inputs, axis: axis), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let axis = g.shape.axis(axis)
    var start = 0
    return (0..<kept.count).map { index in
      let range = start..<start + kept.shape(index)[axis]
      start = range.upperBound
      return kept.needs[index] ? g.sliced(range, axis: axis) : nil
    }
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    let axis = g.shape.axis(axis)
    var start = 0
    return (0..<kept.count).map { index in
      let range = start..<start + kept.shape(index)[axis]
      start = range.upperBound
      return kept.needs[index] ? g.sliced(range, axis: axis) : nil
    }
  }
}

/// More places at the beginning and at the end of an axis.
package struct PaddingOperation<Element: TensorElement>: LinearMapping {
  package let axis: Int
  package let before: Int
  package let after: Int
  package let mode: PaddingMode<Element>

  package var name: String { "pad" }
  package var rule: String {
    if case .constant = mode { return "∂{0} = ∂{} of the places that there were" }
    return "∂{0} = the sum of ∂{} wherever a place was taken"
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try inputs[0].check(axis, for: "padding")
    let axis = inputs[0].axis(axis)
    guard let sources = mode.sources(length: inputs[0][axis], before: before, after: after) else {
      throw ShapeError(
        expected: "a tensor whose axis \(axis) can be padded by \(before) and \(after), \(mode)", found: inputs[0])
    }
    return inputs[0].replacing(axis, with: sources.count)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].padded(axis: axis, before: before, after: after, mode: mode), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let axis = g.shape.axis(axis)
    let length = kept.shape(0)[axis]
    if case .constant = mode { return [g.sliced(before..<before + length, axis: axis)] }
    let sources = mode.sources(length: length, before: before, after: after)!
    return [g.addingPicked(sources, axis: axis, length: length)]
  }
  package var linearPart: PaddingOperation {
    if case .constant = mode { return PaddingOperation(axis: axis, before: before, after: after, mode: .constant(0)) }
    return self
  }
  package var isPerSample: Bool { axis > 0 }
}

/// `[N, H, W, C·r²] → [N, H·r, W·r, C]`, channel `(c·r + i)·r + j` being row i and column j of a pixel's square; or back.
package struct PixelShuffleOperation<Element: TensorElement>: LinearMapping {
  package let factor: Int
  package let isInverse: Bool

  package var name: String { isInverse ? "pixel unshuffle" : "pixel shuffle" }
  package var rule: String { "∂{0} = ∂{}, shuffled back" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (shape, square) = (inputs[0], factor * factor)
    if isInverse {
      guard shape.rank == 4, shape[1].isMultiple(of: factor), shape[2].isMultiple(of: factor) else {
        throw ShapeError(
          expected: "[batch, height, width, channels], height and width multiples of \(factor)", found: shape)
      }
      return [shape[0], shape[1] / factor, shape[2] / factor, shape[3] * square]
    }
    guard shape.rank == 4, shape[3].isMultiple(of: square) else {
      throw ShapeError(expected: "[batch, height, width, a multiple of \(square) channels]", found: shape)
    }
    return [shape[0], shape[1] * factor, shape[2] * factor, shape[3] / square]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (isInverse ? inputs[0].pixelUnshuffled(by: factor) : inputs[0].pixelShuffled(by: factor), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [isInverse ? g.pixelShuffled(by: factor) : g.pixelUnshuffled(by: factor)]
  }
  package var isPerSample: Bool { true }
}

extension Variable {
  /// The axes in another order: `axes[i]` names the axis of this variable that becomes axis `i`.
  public func transposed(_ axes: [Int]) -> Variable {
    Graph.apply(TranspositionOperation(axes: axes), to: [self]).output
  }

  /// Some places of an axis, which counts from the end where it is negative.
  public func sliced(_ range: Range<Int>, axis: Int) -> Variable {
    Graph.apply(SliceOperation(range: range, axis: axis), to: [self]).output
  }

  /// The named rows of the leading axis, in that order, as often as they are named: `[N, …] → [indices.count, …]`.
  ///
  /// A row's gradient is the sum of all that it was taken for, added up in their order.
  public func gathering(rows indices: [Int]) -> Variable { gathering(indices, axis: 0) }

  /// The named places of an axis, in that order, as often as they are named. The axis counts from the end where it is negative.
  public func gathering(_ indices: [Int], axis: Int) -> Variable {
    Graph.apply(GatherOperation(indices: indices, axis: axis), to: [self]).output
  }

  /// Variables one after the other along an axis, in whose length alone they may differ; up to 63. The axis counts from the end where
  /// it is negative.
  public static func concatenating(_ variables: [Variable], axis: Int) -> Variable {
    require(
      !variables.isEmpty && variables.count <= 63, "from 1 to 63 variables can be concatenated, not \(variables.count)")
    return Graph.apply(ConcatenationOperation(axis: axis), to: variables).output
  }

  /// More places at the beginning and at the end of an axis, which counts from the end where it is negative.
  public func padded(axis: Int, before: Int, after: Int, mode: PaddingMode<Element> = .constant(0)) -> Variable {
    Graph.apply(PaddingOperation(axis: axis, before: before, after: after, mode: mode), to: [self]).output
  }

  /// Larger images of fewer channels: `[N, H, W, C·r²] → [N, H·r, W·r, C]`, channel `(c·r + i)·r + j` being row i and column j of a
  /// pixel's square (Shi and others 2016).
  public func pixelShuffled(by factor: Int) -> Variable { shuffled(factor, isInverse: false) }

  /// Smaller images of more channels, the inverse of ``pixelShuffled(by:)``: `[N, H·r, W·r, C] → [N, H, W, C·r²]`.
  public func pixelUnshuffled(by factor: Int) -> Variable { shuffled(factor, isInverse: true) }

  private func shuffled(_ factor: Int, isInverse: Bool) -> Variable {
    require(factor > 0, "pixels shuffled by \(factor)")
    return Graph.apply(PixelShuffleOperation(factor: factor, isInverse: isInverse), to: [self]).output
  }
}
