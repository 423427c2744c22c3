import NormaGraph
import NormaTensor

/// Layer normalization over the last axis: `[…, C] → […, C]`, the same in training and inference.
public final class LayerNorm<Element: TensorElement>: Layer {
  /// The scale `[C]`, 1 at first; nil if not affine.
  public let gamma: Parameter<Element>?
  /// The shift `[C]`, 0 at first; nil if not affine.
  public let beta: Parameter<Element>?
  /// The number of channels C.
  public let featureCount: Int
  /// Added to the variance before the square root.
  public let epsilon: Double

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - epsilon: added to the variance before the square root.
  ///   - isAffine: whether there are gamma and beta.
  public init(_ featureCount: Int, epsilon: Double = 1e-5, isAffine: Bool = true) {
    require(featureCount > 0, "layer normalization of \(featureCount) channels")
    self.featureCount = featureCount
    self.epsilon = epsilon
    gamma = isAffine ? Parameter(shape: [featureCount], name: "weight", kind: .gamma) { .ones([featureCount]) } : nil
    beta = isAffine ? Parameter(shape: [featureCount], name: "bias", kind: .beta) { .zeros([featureCount]) } : nil
  }

  public var parameters: [Parameter<Element>] { [gamma, beta].compactMap { $0 } }
  public var summary: String { "LayerNorm(\(featureCount))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.layerNormalized(
      gamma: gamma.map { pass.variable(for: $0) }, beta: beta.map { pass.variable(for: $0) }, epsilon: epsilon,
      channels: featureCount)
  }
}
