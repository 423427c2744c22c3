import NormaGraph
import NormaTensor

/// The dynamic hyperbolic tangent (DyT, Zhu and others 2025, arXiv:2503.10622) over the last axis: `[…, C] → […, C]`,
/// `y = gamma · tanh(alpha · x) + beta`, the same in training and inference.
///
/// It stands where ``LayerNorm`` does and takes no statistics: large values are bounded, which is most of what normalization did to
/// them. Alpha is one number for the layer. Names in files are those of the paper's code.
public final class DynamicTanh<Element: TensorElement>: Layer {
  /// What is multiplied by before the tangent `[1]`.
  public let alpha: Parameter<Element>
  /// The scale `[C]`, 1 at first.
  public let gamma: Parameter<Element>
  /// The shift `[C]`, 0 at first.
  public let beta: Parameter<Element>
  /// The number of channels C.
  public let featureCount: Int

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - alpha: where alpha starts.
  public init(_ featureCount: Int, alpha: Double = 0.5) {
    require(featureCount > 0, "the dynamic hyperbolic tangent of \(featureCount) channels")
    self.featureCount = featureCount
    self.alpha = Parameter(shape: [1], name: "alpha", kind: .factor) { Tensor(repeating: Element(alpha), shape: [1]) }
    gamma = .gamma(featureCount)
    beta = .beta(featureCount)
  }

  public var parameters: [Parameter<Element>] { [alpha, gamma, beta] }
  public var summary: String { "DynamicTanh(\(featureCount))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.dynamicHyperbolicTangent(
      alpha: pass.variable(for: alpha), channels: featureCount, gamma: pass.variable(for: gamma),
      beta: pass.variable(for: beta))
  }
}
