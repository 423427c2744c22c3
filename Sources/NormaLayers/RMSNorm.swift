import NormaGraph
import NormaTensor

/// RMS normalization over the last axis: `[…, C] → […, C]`, the same in training and inference.
public final class RMSNorm<Element: TensorElement>: Layer {
  /// What is learned of the scale.
  public enum Scale: Hashable, Sendable {
    /// The scale itself, gamma, 1 at first.
    case gamma
    /// What it is more than 1, 0 at first: rows are multiplied by 1 + gamma, as in Gemma (2024, arXiv:2403.08295). A penalty on gamma
    /// draws the scale to 1.
    case onePlusGamma
  }

  /// What is learned of the scale, `[C]`; nil if there is none.
  public let gamma: Parameter<Element>?
  /// How gamma scales.
  public let scale: Scale
  /// The number of channels C.
  public let featureCount: Int
  /// How many channels, from the first on, the mean square is of: C unless it is partial.
  public let statisticsCount: Int
  /// Added to the mean square before the root.
  public let epsilon: Double

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - epsilon: added to the mean square before the root; if nil the machine epsilon of the element type, as PyTorch's `RMSNorm` has
  ///     it where it is told none.
  ///   - isAffine: whether there is gamma.
  ///   - scale: what gamma is.
  ///   - share: of which part of the channels, from the first on, the mean square is taken, above 0 and up to 1; a part of a channel
  ///     counts as one (partial RMSNorm, Zhang and Sennrich 2019, who find some 6 % to be enough).
  public init(
    _ featureCount: Int, epsilon: Double? = 1e-5, isAffine: Bool = true, scale: Scale = .gamma, share: Double = 1
  ) {
    require(featureCount > 0, "RMS normalization of \(featureCount) channels")
    require(
      share > 0 && share <= 1, "RMS normalization by a share of \(share) of the channels, which is above 0 and up to 1")
    self.featureCount = featureCount
    self.epsilon = epsilon ?? Double(Element.ulpOfOne)
    self.scale = scale
    statisticsCount = min(featureCount, Int((Double(featureCount) * share).rounded(.up)))
    gamma =
      isAffine
      ? Parameter(shape: [featureCount], name: "weight", kind: .gamma) {
        scale == .gamma ? .ones([featureCount]) : .zeros([featureCount])
      } : nil
  }

  public var parameters: [Parameter<Element>] { [gamma].compactMap { $0 } }
  public var summary: String {
    let parts = [
      "\(featureCount)", statisticsCount < featureCount ? "by the first \(statisticsCount)" : nil,
      gamma != nil && scale == .onePlusGamma ? "1 + gamma" : nil,
    ]
    return "RMSNorm(\(parts.compactMap(\.self).joined(separator: ", ")))"
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    var factors = gamma.map { pass.variable(for: $0) }
    if scale == .onePlusGamma { factors = factors.map { $0 + 1 } }
    guard statisticsCount < featureCount else {
      return x.rmsNormalized(gamma: factors, epsilon: epsilon, channels: featureCount)
    }
    return x.rmsNormalized(byFirst: statisticsCount, gamma: factors, epsilon: epsilon)
  }
}

/// RMS normalization by groups over the last axis of any rank: `[N, …, C] → [N, …, C]`, each sample's channels by groups of neighbours
/// over all positions, divided by the root of their mean square; the same in training and inference.
///
/// It is ``GroupNorm`` without the mean, as ``RMSNorm`` is ``LayerNorm`` without it.
public final class RMSGroupNorm<Element: TensorElement>: Layer {
  /// The scale `[C]`, 1 at first; nil if not affine.
  public let gamma: Parameter<Element>?
  /// The shift `[C]`, 0 at first; nil if not affine.
  public let beta: Parameter<Element>?
  /// The number of channels C.
  public let featureCount: Int
  /// How many groups the channels are divided into.
  public let groups: Int
  /// Added to the mean square before the root.
  public let epsilon: Double

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - groups: how many groups the channels are divided into, a divisor of C.
  ///   - epsilon: added to the mean square before the root.
  ///   - isAffine: whether there are gamma and beta.
  public init(_ featureCount: Int, groups: Int, epsilon: Double = 1e-5, isAffine: Bool = true) {
    requireGroups(groups, of: featureCount, in: "RMS group normalization")
    (self.featureCount, self.groups, self.epsilon) = (featureCount, groups, epsilon)
    gamma = isAffine ? .gamma(featureCount) : nil
    beta = isAffine ? .beta(featureCount) : nil
  }

  public var parameters: [Parameter<Element>] { [gamma, beta].compactMap { $0 } }
  public var summary: String { "RMSGroupNorm(\(featureCount), \(groups) group\(groups == 1 ? "" : "s"))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.rmsGroupNormalized(
      groups: groups, channels: featureCount, gamma: gamma.map { pass.variable(for: $0) },
      beta: beta.map { pass.variable(for: $0) }, epsilon: epsilon)
  }
}
