import NormaGraph
import NormaTensor

/// Larger images of fewer channels: `[N, H, W, C · factor²] → [N, H · factor, W · factor, C]` (Shi and others 2016,
/// arXiv:1609.05158). Each pixel's channels become a square of pixels.
public final class PixelShuffle<Element: TensorElement>: Layer {
  /// How many times as high and wide the images become.
  public let factor: Int

  /// A layer with a factor, which must be positive.
  public init(_ factor: Int) {
    require(factor > 0, "pixels shuffled by \(factor)")
    self.factor = factor
  }

  public var summary: String { "PixelShuffle(\(factor))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.pixelShuffled(by: factor)
  }
}
