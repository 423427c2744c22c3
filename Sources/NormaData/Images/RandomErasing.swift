import NormaTensor

/// A rectangle of the mean put over some images (Zhong et al. 2020), as torchvision's `RandomErasing` draws it: of 2 to 33 % of the
/// area and proportions from 0.3 to 3.3, in ten tries.
public struct RandomErasing: Hashable, Sendable, Codable {
  /// How probable it is for an image.
  public var probability: Double

  /// Erasing with a probability.
  public init(probability: Double = 0.5) { self.probability = probability }

  var problem: String? {
    probability > 0 && probability <= 1 ? nil : "a rectangle erased with a probability of \(probability)"
  }

  /// The rectangle to erase; nil for none.
  func rectangle(height: Int, width: Int, using generator: inout RandomGenerator) -> PixelRectangle? {
    guard generator.uniform() < probability else { return nil }
    for _ in 0..<10 {
      let sides = ResizedCrop.sides(
        area: Double(height) * Double(width), share: 0.02...0.33, widthByHeight: 1 / 3.3...1 / 0.3, using: &generator)
      guard sides.height < height, sides.width < width, sides.height > 0, sides.width > 0 else { continue }
      let top = generator.draw(below: height - sides.height + 1)
      let left = generator.draw(below: width - sides.width + 1)
      return PixelRectangle(top: top, left: left, height: sides.height, width: sides.width)
    }
    return nil
  }

  /// Sets a rectangle of an image `[height, width, channels]` to 0, the mean of standardized data.
  static func erase<Element: TensorElement>(
    _ rectangle: PixelRectangle, of image: UnsafeMutablePointer<Element>, width: Int, channels: Int
  ) {
    for row in rectangle.top..<rectangle.top + rectangle.height {
      (image + (row * width + rectangle.left) * channels).update(repeating: 0, count: rectangle.width * channels)
    }
  }
}
