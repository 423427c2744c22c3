import NormaNormalization
import NormaTensor

/// RMS normalization over the last axis: x `[…, C]`, then gamma `[C]`.
package struct RMSNormalizationOperation<Element: TensorElement>: TensorOperation {
  package let affine: AffineInputs
  package let epsilon: Double
  /// How many channels there must be; nil for any.
  package let channels: Int?

  package var name: String { "RMS norm" }
  package var rule: String {
    (affine.gamma.map { "with g = ∂{}, h = g·{\($0)}" } ?? "with h = g = ∂{}") + ": ∂{0} = (h − x̂·mean(h·x̂))/s"
      + affine.rule
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try affine.checkRows(inputs, channels: channels)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: RootMeanSquares<Element>) {
    let (output, saved) = RMSNormalization.forward(inputs[0], gamma: affine.gamma(inputs), epsilon: epsilon)
    return (output, saved)
  }

  package func kept(for needs: Needs) -> KeptTensors { affine.keptGamma.union(.input(0)) }

  package func backward(
    _ g: Tensor<Element>, _ kept: Kept<Element>, saved: RootMeanSquares<Element>
  ) -> [Tensor<Element>?] {
    let found =
      kept.half(0).map { RMSNormalization.backward(g, input: $0, saved: saved) }
      ?? RMSNormalization.backward(g, input: kept.input(0), saved: saved)
    return affine.gradients(found, inputCount: kept.count)
  }

  package func backward(
    _ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: RootMeanSquares<Element>
  ) -> [Variable<Element>?] {
    let x = kept.input(0)
    let normalization = MomentNormalization(sets: .rows, isCentred: false, epsilon: epsilon)
    return affine.gradients(g, kept) {
      normalization.normalized(x)
    } inputGradient: {
      x.momentNormalizationGradient($0, normalization)
    }
  }

  /// The reciprocal of a root for each row.
  package func savedBytes(for inputs: [Shape]) -> Int { inputs[0].rowCount * MemoryLayout<Double>.stride }

  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

extension Variable {
  /// RMS normalization over the last axis: x `[…, C]`, gamma `[C]`.
  ///
  /// `channels`: how many channels there must be where a computation is followed by its shapes; any if nil.
  public func rmsNormalized(gamma: Variable? = nil, epsilon: Double = 1e-5, channels: Int? = nil) -> Variable {
    let operation = RMSNormalizationOperation<Element>(
      affine: AffineInputs(after: 1, gamma, nil), epsilon: epsilon, channels: channels)
    return Graph.apply(operation, to: gamma.map { [self, $0] } ?? [self]).output
  }
}
