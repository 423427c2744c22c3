import NormaGraph
import NormaNormalization
import NormaTensor

/// Local response normalization across channels (AlexNet, Krizhevsky, Sutskever and Hinton 2012): `[N, …, C] → [N, …, C]`,
/// `y = x / (k + alpha / size · Σ x²)^beta`, the sum over the channels around a value at its position; nothing is learned, and it is
/// the same in training and inference.
///
/// The definition is PyTorch's, with its defaults; the paper has size 5, alpha 5e-4 by this definition, and k 2.
public final class LocalResponseNorm<Element: TensorElement>: Layer {
  /// What is done.
  public let normalization: LocalResponseNormalization

  /// - Parameters:
  ///   - size: how many channels are summed over, the value's own in their middle.
  ///   - alpha: what the mean of the squares is multiplied by.
  ///   - beta: the power of the divisor.
  ///   - k: added to the multiple of the mean.
  public init(size: Int = 5, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) {
    normalization = LocalResponseNormalization(size: size, alpha: alpha, beta: beta, k: k)
  }

  public var summary: String { "LocalResponseNorm(\(normalization.size) channels)" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.normalized(by: normalization)
  }
}
