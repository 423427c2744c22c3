import NormaNormalization
import NormaTensor

/// Group normalization: x `[N, …, C]` (or `[N, C, …]`), then gamma and beta `[C]`.
package struct GroupNormalizationOperation<Element: TensorElement>: TensorOperation {
  package let groups: Int
  package let affine: AffineInputs
  package let epsilon: Double
  package let layout: ChannelLayout
  package var rectifies: Bool
  /// How many channels there must be; nil for any.
  package let channels: Int?

  package var name: String { rectifies ? "group norm + ReLU" : "group norm" }
  package var rule: String {
    (affine.gamma.map { "with g = ∂{}, h = g·{\($0)}" } ?? "with h = g = ∂{}")
      + ": ∂{0} = (h − mean h − x̂·mean(h·x̂))/s by group" + affine.rule
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let x = inputs[0]
    let count = x.rank < 2 ? 0 : layout == .channelsLast ? x.channelCount : x[1]
    let expected = layout == .channelsLast ? "[batch, …, {C}]" : "[batch, {C}, …]"
    guard x.rank >= 2, count % groups == 0, channels.map({ $0 == count }) ?? true else {
      throw ShapeError(
        expected: expected.replacing("{C}", with: channels.map(String.init) ?? "a multiple of \(groups)"), found: x)
    }
    try affine.check(inputs, channels: count, expected: expected)
    return x
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: GroupStatistics<Element>) {
    let (output, statistics) = GroupNormalization.forward(
      inputs[0], groups: groups, gamma: affine.gamma(inputs), beta: affine.beta(inputs), epsilon: epsilon,
      layout: layout, rectifies: rectifies)
    return (output, statistics)
  }

  package func kept(for needs: Needs) -> KeptTensors {
    // What the mask of ReLU is found by again.
    affine.keptGamma.union(rectifies ? affine.keptBeta : []).union(.input(0))
  }

  package func backward(
    _ g: Tensor<Element>, _ kept: Kept<Element>, saved: GroupStatistics<Element>
  ) -> [Tensor<Element>?] {
    affine.gradients(
      GroupNormalization.backward(g, input: kept.input(0), saved: saved), inputCount: kept.count)
  }

  package func backward(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, saved: GroupStatistics<Element>
  ) -> [Variable<Element>?] {
    let x = kept.input(0).channelsLast(layout)
    var g = gradient
    if rectifies {
      g = g.rectified(at: forward((0..<kept.count).map(kept.values.input)).output)
    }
    let normalization = MomentNormalization(sets: .rows, epsilon: epsilon)
    return affine.gradients(g.channelsLast(layout), kept) {
      x.groupNormalized(groups: groups, epsilon: epsilon)
    } inputGradient: { h in
      // A row for each group of each sample.
      func rows(_ x: Variable<Element>) -> (rows: Variable<Element>, restored: (Variable<Element>) -> Variable<Element>)
      {
        let shape = x.shape
        let positions = shape.elementCount / Swift.max(1, shape[0] * shape.channelCount)
        let parted = x.reshaped(to: [shape[0], positions, groups, shape.channelCount / groups]).asRows(over: [1, 3])
        return (parted.rows, { parted.restored($0).reshaped(to: shape) })
      }
      let (values, restored) = rows(x)
      return restored(values.momentNormalizationGradient(rows(h).rows, normalization)).restoringChannels(layout)
    }
  }

  /// A mean and a deviation for each group of each sample.
  package func savedBytes(for inputs: [Shape]) -> Int { inputs[0][0] * groups * 2 * MemoryLayout<Double>.stride }

  package var isPerSample: Bool { true }
  package var rectified: (any TensorOperation<Element>)? {
    var operation = self
    operation.rectifies = true
    return rectifies ? nil : operation
  }
  package var offsetCancellation: OffsetCancellation? { channels == groups ? .byItself : nil }
}

extension Variable {
  /// Group normalization: x `[N, …, C]` (or `[N, C, …]`), gamma and beta `[C]`, C a multiple of `groups`. As many groups as
  /// channels make it instance normalization.
  ///
  /// `channels`: how many channels there must be where a computation is followed by its shapes; any if nil.
  public func groupNormalized(
    groups: Int, gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false, channels: Int? = nil
  ) -> Variable {
    groupNormalizedWithStatistics(
      groups: groups, gamma: gamma, beta: beta, epsilon: epsilon, layout: layout, rectifies: rectifies,
      channels: channels
    ).output
  }

  /// Group normalization, and the statistics of the groups; nil where the computation is only followed.
  package func groupNormalizedWithStatistics(
    groups: Int, gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false, channels: Int? = nil
  ) -> (output: Variable, statistics: GroupStatistics<Element>?) {
    let operation = GroupNormalizationOperation<Element>(
      groups: groups, affine: AffineInputs(after: 1, gamma, beta), epsilon: epsilon, layout: layout,
      rectifies: rectifies, channels: channels)
    let (output, saved) = Graph.apply(operation, to: [self] + [gamma, beta].compactMap { $0 })
    return (output, saved)
  }
}
