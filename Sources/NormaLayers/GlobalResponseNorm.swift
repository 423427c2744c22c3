import NormaGraph
import NormaTensor

/// Global response normalization (ConvNeXt V2, Woo and others 2023, arXiv:2301.00808) over the last axis of any rank:
/// `[N, …, C] → [N, …, C]`, `y = gamma · x · ‖x‖ / (mean‖x‖ + epsilon) + beta + x`, the same in training and inference.
///
/// ‖x‖ is a channel's length over the positions of its sample, the mean is over the channels. Gamma and beta start at 0, so that the
/// layer starts as the identity. Names in files are those of timm.
public final class GlobalResponseNorm<Element: TensorElement>: Layer {
  /// What the weighed value is multiplied by `[C]`, 0 at first.
  public let gamma: Parameter<Element>
  /// The shift `[C]`, 0 at first.
  public let beta: Parameter<Element>
  /// The number of channels C.
  public let featureCount: Int
  /// Added to the mean length.
  public let epsilon: Double

  /// A normalization of so many channels.
  public init(_ featureCount: Int, epsilon: Double = 1e-6) {
    require(featureCount > 0, "global response normalization of \(featureCount) channels")
    (self.featureCount, self.epsilon) = (featureCount, epsilon)
    gamma = Parameter(shape: [featureCount], name: "weight", kind: .gamma) { .zeros([featureCount]) }
    beta = .beta(featureCount)
  }

  public var parameters: [Parameter<Element>] { [gamma, beta] }
  public var summary: String { "GlobalResponseNorm(\(featureCount))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.globalResponseNormalized(gamma: pass.variable(for: gamma), beta: pass.variable(for: beta), epsilon: epsilon)
  }
}
