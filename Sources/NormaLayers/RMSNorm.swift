import NormaGraph
import NormaTensor

/// RMS normalization over the last axis: `[…, C] → […, C]`, the same in training and inference.
public final class RMSNorm<Element: TensorElement>: Layer {
  /// The scale `[C]`, 1 at first; nil if there is none.
  public let gamma: Parameter<Element>?
  /// The number of channels C.
  public let featureCount: Int
  /// Added to the mean square before the root.
  public let epsilon: Double

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - epsilon: added to the mean square before the root.
  ///   - isAffine: whether there is gamma.
  public init(_ featureCount: Int, epsilon: Double = 1e-5, isAffine: Bool = true) {
    require(featureCount > 0, "RMS normalization of \(featureCount) channels")
    self.featureCount = featureCount
    self.epsilon = epsilon
    gamma = isAffine ? Parameter(.ones([featureCount]), name: "weight", kind: .gamma) : nil
  }

  public var parameters: [Parameter<Element>] { [gamma].compactMap { $0 } }
  public var summary: String { "RMSNorm(\(featureCount))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.rmsNormalized(gamma: gamma.map { pass.variable(for: $0) }, epsilon: epsilon, channels: featureCount)
  }
}
