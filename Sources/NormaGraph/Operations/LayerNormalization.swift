import NormaNormalization
import NormaTensor

/// Layer normalization over the last axis: x `[…, C]`, then gamma and beta `[C]`.
package struct LayerNormalizationOperation<Element: TensorElement>: TensorOperation {
  package let affine: AffineInputs
  package let epsilon: Double
  /// How many channels there must be; nil for any.
  package let channels: Int?

  package var name: String { "layer norm" }
  package var rule: String {
    (affine.gamma.map { "with g = ∂{}, h = g·{\($0)}" } ?? "with h = g = ∂{}")
      + ": ∂{0} = (h − mean h − x̂·mean(h·x̂))/s" + affine.rule
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try affine.checkRows(inputs, channels: channels)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: GroupStatistics<Element>) {
    let (output, rows) = LayerNormalization.forward(
      inputs[0], gamma: affine.gamma(inputs), beta: affine.beta(inputs), epsilon: epsilon)
    return (output, rows)
  }

  package func kept(for needs: Needs) -> KeptTensors { [.input(0), affine.gamma.map { .input($0) } ?? []] }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: GroupStatistics<Element>) -> [Tensor<
    Element
  >?] {
    let found =
      kept.half(0).map { LayerNormalization.backward(g, input: $0, saved: saved) }
      ?? LayerNormalization.backward(g, input: kept.input(0), saved: saved)
    return affine.gradients(found, inputCount: kept.count)
  }

  package func backward(
    _ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: GroupStatistics<Element>
  ) -> [Variable<Element>?] {
    let (x, normalization) = (kept.input(0), MomentNormalization(sets: .rows, epsilon: epsilon))
    return affine.gradients(g, kept) {
      normalization.normalized(x)
    } inputGradient: {
      x.momentNormalizationGradient($0, normalization)
    }
  }

  /// A mean and a deviation for each row.
  package func savedBytes(for inputs: [Shape]) -> Int { inputs[0].rowCount * 2 * MemoryLayout<Double>.stride }

  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

extension Variable {
  /// Layer normalization over the last axis: x `[…, C]`, gamma and beta `[C]`.
  ///
  /// `channels`: how many channels there must be where a computation is followed by its shapes; any if nil.
  public func layerNormalized(
    gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5, channels: Int? = nil
  ) -> Variable {
    let operation = LayerNormalizationOperation<Element>(
      affine: AffineInputs(after: 1, gamma, beta), epsilon: epsilon, channels: channels)
    return Graph.apply(operation, to: [self] + [gamma, beta].compactMap { $0 }).output
  }
}
