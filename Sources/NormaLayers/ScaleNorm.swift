import NormaGraph
import NormaTensor

/// Scale normalization (Nguyen and Salazar 2019, arXiv:1910.05895) over the last axis: `[…, C] → […, C]`,
/// `y = scale · x / √(‖x‖² + epsilon)`, each row at a length that is learned, one number for all; the same in training and inference.
public final class ScaleNorm<Element: TensorElement>: Layer {
  /// The length of rows `[1]`, √C at first as in the paper.
  public let scale: Parameter<Element>
  /// The number of channels C.
  public let featureCount: Int
  /// Added to the square of the length.
  public let epsilon: Double

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - epsilon: added to the square of the length, so that a row of zeros stays one. The paper's code takes 1e-5 for lengths below.
  public init(_ featureCount: Int, epsilon: Double = 1e-10) {
    require(featureCount > 0, "scale normalization of \(featureCount) channels")
    (self.featureCount, self.epsilon) = (featureCount, epsilon)
    scale = Parameter(shape: [1], name: "scale", kind: .gamma) {
      Tensor(repeating: Element(featureCount).squareRoot(), shape: [1])
    }
  }

  public var parameters: [Parameter<Element>] { [scale] }
  public var summary: String { "ScaleNorm(\(featureCount))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.scaleNormalized(scale: pass.variable(for: scale), channels: featureCount, epsilon: epsilon)
  }
}
