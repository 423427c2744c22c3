import NormaGraph
import NormaTensor

/// Group normalization over the last axis of any rank: `[N, …, C] → [N, …, C]`, each sample's channels by groups of
/// neighbours; the same in training and inference.
public final class GroupNorm<Element: TensorElement>: ReLUFusing {
  /// The scale `[C]`, 1 at first; nil if not affine.
  public let gamma: Parameter<Element>?
  /// The shift `[C]`, 0 at first; nil if not affine.
  public let beta: Parameter<Element>?
  /// The number of channels C.
  public let featureCount: Int
  /// How many groups the channels are divided into.
  public let groups: Int
  /// Added to the variance before the square root.
  public let epsilon: Double

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - groups: how many groups the channels are divided into, a divisor of C.
  ///   - epsilon: added to the variance before the square root.
  ///   - isAffine: whether there are gamma and beta.
  public init(_ featureCount: Int, groups: Int, epsilon: Double = 1e-5, isAffine: Bool = true) {
    requireGroups(groups, of: featureCount, in: "group normalization")
    (self.featureCount, self.groups, self.epsilon) = (featureCount, groups, epsilon)
    gamma = isAffine ? .gamma(featureCount) : nil
    beta = isAffine ? .beta(featureCount) : nil
  }

  public var parameters: [Parameter<Element>] { [gamma, beta].compactMap { $0 } }
  public var summary: String { "GroupNorm(\(featureCount), \(groups) groups)" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    apply(to: x, in: pass, rectifies: false)
  }

  public func rectified(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    apply(to: x, in: pass, rectifies: true)
  }

  private func apply(to x: Variable<Element>, in pass: Pass<Element>, rectifies: Bool) -> Variable<Element> {
    x.groupNormalized(
      groups: groups, gamma: gamma.map { pass.variable(for: $0) }, beta: beta.map { pass.variable(for: $0) },
      epsilon: epsilon, rectifies: rectifies, channels: featureCount)
  }
}

/// Stops where a layer has no channels, or they cannot be divided into so many groups.
func requireGroups(_ groups: Int, of featureCount: Int, in layer: String) {
  require(featureCount > 0, "\(layer) of \(featureCount) channels")
  require(groups > 0 && featureCount % groups == 0, "\(featureCount) channels cannot be divided into \(groups) groups")
}
