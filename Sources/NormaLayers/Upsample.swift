import NormaConvolution
import NormaGraph
import NormaTensor

/// Images so many times as large, or of a given size: `[N, H, W, C] → [N, H', W', C]`. See `Resampling2d`.
///
/// ```swift
/// Upsample(by: 2)                                            // each pixel becomes four
/// Upsample(by: 2, interpolation: .bilinear(alignsCorners: false))
/// Upsample(to: Extent2d(height: 32, width: 48))
/// ```
public final class Upsample<Element: TensorElement>: Layer {
  /// How many times as large the results are; nil if they have one size.
  public let factor: Extent2d?
  /// The size of the results; nil if they are so many times as large.
  public let extent: Extent2d?
  /// How values between those of an image are found.
  public let interpolation: Interpolation

  /// Images so many times as large; factors must be positive.
  public init(by factor: Extent2d, interpolation: Interpolation = .nearest) {
    require(factor.height > 0 && factor.width > 0, "images \(factor) times as large")
    (self.factor, extent) = (factor, nil)
    self.interpolation = interpolation
  }

  /// Images of a size, which must be positive.
  public init(to extent: Extent2d, interpolation: Interpolation = .nearest) {
    require(extent.height > 0 && extent.width > 0, "images of a size of \(extent)")
    (factor, self.extent) = (nil, extent)
    self.interpolation = interpolation
  }

  public var summary: String {
    let target = factor.map { "by \($0)" } ?? extent.map { "to \($0.height)×\($0.width)" } ?? ""
    let kind =
      switch interpolation {
      case .nearest: "nearest"
      case .bilinear(let alignsCorners): "bilinear\(alignsCorners ? ", corners aligned" : "")"
      }
    return "Upsample(\(target), \(kind))"
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    if let factor { return x.upsampled(by: factor, interpolation) }
    return x.resampled(to: extent ?? 1, interpolation)
  }
}
