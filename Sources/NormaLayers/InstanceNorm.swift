import NormaGraph
import NormaTensor

/// Instance normalization over the last axis of any rank: `[N, …, C] → [N, …, C]`, each channel of each sample over its
/// positions alone; the same in training and inference.
///
/// It is a ``GroupNorm`` with a group for each channel, and not affine unless asked to be, as in PyTorch.
public final class InstanceNorm<Element: TensorElement>: ReLUFusing {
  private let groupNorm: GroupNorm<Element>

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - epsilon: added to the variance before the square root.
  ///   - isAffine: whether there are gamma and beta.
  public init(_ featureCount: Int, epsilon: Double = 1e-5, isAffine: Bool = false) {
    groupNorm = GroupNorm(featureCount, groups: featureCount, epsilon: epsilon, isAffine: isAffine)
  }

  /// The scale `[C]`, 1 at first; nil if not affine.
  public var gamma: Parameter<Element>? { groupNorm.gamma }
  /// The shift `[C]`, 0 at first; nil if not affine.
  public var beta: Parameter<Element>? { groupNorm.beta }
  /// The number of channels C.
  public var featureCount: Int { groupNorm.featureCount }
  /// Added to the variance before the square root.
  public var epsilon: Double { groupNorm.epsilon }

  public var parameters: [Parameter<Element>] { groupNorm.parameters }
  public var summary: String { "InstanceNorm(\(featureCount))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    groupNorm(x, in: pass)
  }

  public func rectified(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    groupNorm.rectified(x, in: pass)
  }
}
