import NormaTensor

/// The same elements under another shape.
package struct ReshapeOperation<Element: TensorElement>: LinearMapping {
  package let shape: Shape

  package var name: String { "reshape" }
  package var rule: String { "∂{0} = ∂{}, reshaped" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].elementCount == shape.elementCount else {
      throw ShapeError(expected: "\(shape.elementCount) elements, to become \(shape)", found: inputs[0])
    }
    return shape
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].reshaped(to: shape), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [g.reshaped(to: kept.shape(0))]
  }
  package var isView: Bool { true }
}

/// The same elements under a shape of which one length is whatever is left: that which goes with the size of the batch.
package struct OpenReshapeOperation<Element: TensorElement>: LinearMapping {
  /// The lengths of the axes but the open one.
  package let lengths: [Int]
  /// The place of the axis whose length is open.
  package let openAxis: Int

  package var name: String { "reshape" }
  package var rule: String { "∂{0} = ∂{}, reshaped" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (count, known) = (inputs[0].elementCount, lengths.reduce(1, *))
    guard known > 0, count.isMultiple(of: known) else {
      throw ShapeError(expected: "a multiple of \(known) elements", found: inputs[0])
    }
    return shape(count)
  }

  private func shape(_ count: Int) -> Shape {
    Shape(lengths[..<openAxis] + [count / lengths.reduce(1, *)] + lengths[openAxis...])
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].reshaped(to: shape(inputs[0].count)), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [g.reshaped(to: kept.shape(0))]
  }
  package var isView: Bool { true }
  package var isPerSample: Bool { openAxis == 0 }
}

/// `[N, …] → [N, product of the rest]`.
package struct FlattenOperation<Element: TensorElement>: LinearMapping {
  package init() {}

  package var name: String { "reshape" }
  package var rule: String { "∂{0} = ∂{}, reshaped" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank >= 1 else { throw ShapeError(expected: "[batch, …]", found: inputs[0]) }
    return [inputs[0][0], inputs[0].dropFirst().reduce(1, *)]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].flattened(), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [g.reshaped(to: kept.shape(0))]
  }
  package var isView: Bool { true }

  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

/// `[…, C] → […, parts, C / parts]`, or, where there is no number of parts, back: `[…, A, B] → […, A · B]`.
package struct ChannelSplittingOperation<Element: TensorElement>: LinearMapping {
  package let parts: Int?

  package var name: String { "reshape" }
  package var rule: String { "∂{0} = ∂{}, reshaped" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let shape = inputs[0]
    guard let parts else {
      guard shape.rank >= 2 else { throw ShapeError(expected: "[…, parts, channels]", found: shape) }
      return Shape(shape.dropLast(2) + [shape[shape.rank - 2] * shape.channelCount])
    }
    guard shape.rank >= 1, shape.rank < Shape.maximumRank, shape.channelCount.isMultiple(of: parts) else {
      throw ShapeError(expected: "[…, a multiple of \(parts) channels]", found: shape)
    }
    return Shape(shape.dropLast() + [parts, shape.channelCount / parts])
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let shape = inputs[0].shape
    guard let parts else {
      return (inputs[0].reshaped(to: Shape(shape.dropLast(2) + [shape[shape.rank - 2] * shape.channelCount])), ())
    }
    return (inputs[0].reshaped(to: Shape(shape.dropLast() + [parts, shape.channelCount / parts])), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [g.reshaped(to: kept.shape(0))]
  }
  package var isView: Bool { true }
}

/// Channels of zeros after those there are: `[…, C] → […, channels]`.
package struct ChannelPaddingOperation<Element: TensorElement>: LinearMapping {
  package let channels: Int

  package var name: String { "padded channels" }
  package var rule: String { "∂{0} = ∂{} of the first channels" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank >= 1, inputs[0].channelCount <= channels else {
      throw ShapeError(expected: "[batch, …, up to \(channels) channels]", found: inputs[0])
    }
    return inputs[0].replacingLast(with: channels)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let shape = inputs[0].shape
    require(channels >= shape.channelCount, "a tensor of shape \(shape) padded to \(channels) channels")
    let padded = inputs[0].copyingChannels(
      shape.channelCount, of: shape.rowCount, to: shape.replacingLast(with: channels))
    return (padded, ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let shape = kept.shape(0)
    return [g.copyingChannels(shape.channelCount, of: shape.rowCount, to: shape)]
  }

  package var isPerSample: Bool { true }
}

extension Variable {
  /// The same elements under another shape.
  public func reshaped(to newShape: Shape) -> Variable {
    Graph.apply(ReshapeOperation(shape: newShape), to: [self]).output
  }

  /// The same elements under a shape of which the length of one axis is whatever is left for it.
  ///
  /// - Parameters:
  ///   - lengths: of the axes, that of the open one, which is not looked at, included.
  ///   - openAxis: the axis whose length is left open.
  public func reshaped(to lengths: [Int], openAxis: Int) -> Variable {
    require(lengths.indices.contains(openAxis), "axis \(openAxis) of \(lengths)")
    let known = Array(lengths[..<openAxis] + lengths[(openAxis + 1)...])
    return Graph.apply(OpenReshapeOperation(lengths: known, openAxis: openAxis), to: [self]).output
  }

  /// `[N, …] → [N, product of the rest]`.
  public func flattened() -> Variable { Graph.apply(FlattenOperation(), to: [self]).output }

  /// The channels in equal parts, such as the heads of an attention: `[…, C] → […, parts, C / parts]`.
  public func channelsSplit(into parts: Int) -> Variable {
    require(parts > 0, "channels split into \(parts) parts")
    return Graph.apply(ChannelSplittingOperation(parts: parts), to: [self]).output
  }

  /// The last two axes in one, as before ``channelsSplit(into:)``: `[…, A, B] → […, A · B]`.
  public func channelsMerged() -> Variable { Graph.apply(ChannelSplittingOperation(parts: nil), to: [self]).output }

  /// Channels of zeros after those there are: `[…, C] → […, channels]`.
  public func paddedChannels(to channels: Int) -> Variable {
    Graph.apply(ChannelPaddingOperation(channels: channels), to: [self]).output
  }
}

extension Tensor {
  /// The first channels of each row in a tensor of another number of channels, the rest zeros.
  fileprivate func copyingChannels(_ count: Int, of rows: Int, to shape: Shape) -> Tensor {
    let (from, to) = (self.shape.channelCount, shape.channelCount)
    return Tensor(shape: shape) { result in
      if to > count { result.initialize(repeating: 0) }
      withUnsafeElements { x in
        guard let x = x.baseAddress, let result = result.baseAddress else { return }
        for row in 0..<rows { (result + row * to).update(from: x + row * from, count: count) }
      }
    }
  }
}
