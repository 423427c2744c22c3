import NormaConvolution
import NormaGraph
import NormaTensor

/// The mean of each of as many windows as the result is to have pixels, whatever the size of the images:
/// `[N, H, W, C] → [N, height, width, C]`. See `Pooling2d.adaptiveWindow(_:of:length:)`.
public final class AdaptiveAveragePool2d<Element: TensorElement>: Layer {
  /// The size of the results.
  public let extent: Extent2d

  /// A pooling to a size, which must be positive.
  public init(_ extent: Extent2d) {
    require(extent.height > 0 && extent.width > 0, "a pooling to a size of \(extent)")
    self.extent = extent
  }

  public var summary: String { "AdaptiveAveragePool2d(to \(extent.height)×\(extent.width))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.adaptivelyAveragePooled(to: extent)
  }
}

/// The largest value of each of as many windows as the result is to have pixels, whatever the size of the images:
/// `[N, H, W, C] → [N, height, width, C]`. See `Pooling2d.adaptiveWindow(_:of:length:)`.
public final class AdaptiveMaxPool2d<Element: TensorElement>: Layer {
  /// The size of the results.
  public let extent: Extent2d

  /// A pooling to a size, which must be positive.
  public init(_ extent: Extent2d) {
    require(extent.height > 0 && extent.width > 0, "a pooling to a size of \(extent)")
    self.extent = extent
  }

  public var summary: String { "AdaptiveMaxPool2d(to \(extent.height)×\(extent.width))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.adaptivelyMaxPooled(to: extent)
  }
}
