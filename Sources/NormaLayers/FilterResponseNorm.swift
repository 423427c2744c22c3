import NormaGraph
import NormaTensor

/// Filter response normalization with a thresholded linear unit (FRN and TLU, Singh and Krishnan 2019, arXiv:1911.09737) over the last
/// axis of any rank: `[N, …, C] → [N, …, C]`, `y = max(gamma · x / √(mean(x²) + epsilon) + beta, tau)`, the mean over the positions of
/// a channel of a sample; the same in training and inference.
///
/// The threshold tau takes the place of the nonlinearity behind it: as no mean is subtracted, values may lie anywhere, and ReLU's
/// threshold of 0 suits few. Where a channel has a single position, this leaves its sign. Names in files are those of timm.
public final class FilterResponseNorm<Element: TensorElement>: Layer {
  /// The scale `[C]`, 1 at first.
  public let gamma: Parameter<Element>
  /// The shift `[C]`, 0 at first.
  public let beta: Parameter<Element>
  /// The threshold `[C]`, 0 at first; nil if there is none.
  public let threshold: Parameter<Element>?
  /// The number of channels C.
  public let featureCount: Int
  /// Added to the mean square before the root.
  public let epsilon: Double

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - epsilon: added to the mean square before the root.
  ///   - isThresholded: whether there is tau, and so a nonlinearity.
  public init(_ featureCount: Int, epsilon: Double = 1e-6, isThresholded: Bool = true) {
    require(featureCount > 0, "filter response normalization of \(featureCount) channels")
    (self.featureCount, self.epsilon) = (featureCount, epsilon)
    gamma = .gamma(featureCount)
    beta = .beta(featureCount)
    threshold =
      isThresholded
      ? Parameter(shape: [featureCount], name: "tau", kind: .threshold) { .zeros([featureCount]) } : nil
  }

  public var parameters: [Parameter<Element>] { [gamma, beta] + [threshold].compactMap { $0 } }
  public var summary: String { "FilterResponseNorm(\(featureCount)\(threshold == nil ? ", no threshold" : ""))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.filterResponseNormalized(
      channels: featureCount, gamma: pass.variable(for: gamma), beta: pass.variable(for: beta),
      threshold: threshold.map { pass.variable(for: $0) }, epsilon: epsilon)
  }
}
