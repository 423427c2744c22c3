import NormaGraph
import NormaTensor

/// Adaptive instance normalization (Huang and Belongie 2017, arXiv:1703.06868): x gets, channel by channel, the mean and the deviation
/// that another picture has, `deviation(y) · (x − mean(x)) / √(variance(x) + epsilon) + mean(y)`, x `[N, …, C]`, y `[N, …, C]` of as
/// many positions as it likes.
public final class AdaptiveInstanceNorm<Element: TensorElement>: ConditionedLayer {
  /// The number of channels C.
  public let featureCount: Int
  /// Added to both variances before the square root.
  public let epsilon: Double
  private let norm: GroupNorm<Element>

  /// A layer for so many channels.
  public init(_ featureCount: Int, epsilon: Double = 1e-5) {
    self.featureCount = featureCount
    self.epsilon = epsilon
    norm = GroupNorm(featureCount, groups: featureCount, epsilon: epsilon, isAffine: false)
  }

  public var summary: String { "AdaptiveInstanceNorm(\(featureCount))" }

  public func callAsFunction(
    _ x: Variable<Element>, given style: Variable<Element>, in pass: Pass<Element>
  ) -> Variable<Element> {
    let (mean, deviation) = style.channelStatistics(epsilon: epsilon)
    return self(x, mean: mean, deviation: deviation, in: pass)
  }

  /// Gives x a mean and a deviation for each sample and channel, `[N, C]`.
  public func callAsFunction(
    _ x: Variable<Element>, mean: Variable<Element>, deviation: Variable<Element>, in pass: Pass<Element>
  ) -> Variable<Element> {
    norm(x, in: pass).modulated(scale: deviation, shift: mean)
  }
}
