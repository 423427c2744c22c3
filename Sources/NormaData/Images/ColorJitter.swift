import NormaTensor

/// Other light and colours, by chance and in any order, as torchvision's `ColorJitter`.
public struct ColorJitter: Hashable, Sendable, Codable {
  /// By how much the factors of brightness, contrast and saturation differ from 1 at most; none is below 0.
  public var brightness, contrast, saturation: Double
  /// By how many turns, up to a half, the hue differs at most.
  public var hue: Double

  /// A jitter; by default none.
  public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
    (self.brightness, self.contrast, self.saturation, self.hue) = (brightness, contrast, saturation, hue)
  }

  var problem: String? {
    for number in [brightness, contrast, saturation] where !(number >= 0 && number.isFinite) {
      return "a jitter of \(number)"
    }
    return hue >= 0 && hue <= 0.5 ? nil : "a jitter of the hue by \(hue) turns, of which there are 0 to 0.5"
  }

  /// An image in other light.
  ///
  /// All numbers are drawn, whether they are needed or not, the order first.
  func applied(to image: RasterImage, using generator: inout RandomGenerator) -> RasterImage {
    let order = generator.permutation(4)
    let factors = [brightness, contrast, saturation].map { generator.draw(in: max(0, 1 - $0)...1 + $0) }
    let shift = generator.draw(in: -hue...hue)
    return order.reduce(image) { image, kind in
      switch kind {
      case 0: brightness > 0 ? image.withBrightness(factors[0]) : image
      case 1: contrast > 0 ? image.withContrast(factors[1]) : image
      case 2: saturation > 0 ? image.withSaturation(factors[2]) : image
      default: hue > 0 ? image.withHueShifted(shift) : image
      }
    }
  }
}
