import NormaTensor

/// So many operations, each drawn evenly from a list of fourteen, all of one magnitude (Cubuk et al. 2020), as torchvision's
/// `RandAugment` has them.
public struct RandAugment: Hashable, Sendable, Codable {
  /// What may be done to an image.
  public enum Operation: String, CaseIterable, Sendable {
    case identity, shearX, shearY, translateX, translateY, rotate, brightness, color, contrast, sharpness
    case posterize, solarize, autoContrast, equalize
  }

  /// The largest magnitude.
  public static let largestMagnitude = 30

  /// How many operations follow one another.
  public var count: Int
  /// How strong they are, from 0 to 30.
  public var magnitude: Int

  /// Operations; by default two of magnitude 9.
  public init(count: Int = 2, magnitude: Int = 9) { (self.count, self.magnitude) = (count, magnitude) }

  var problem: String? {
    (1...100).contains(count) && (0...Self.largestMagnitude).contains(magnitude)
      ? nil : "\(count) operations of magnitude \(magnitude), of 0 to \(Self.largestMagnitude)"
  }

  /// An image changed by operations that are drawn. Each takes two numbers: which, and towards which side.
  func applied(to image: RasterImage, using generator: inout RandomGenerator) -> RasterImage {
    (0..<count).reduce(image) { image, _ in
      let operation = Operation.allCases[generator.draw(below: Operation.allCases.count)]
      return operation.applied(to: image, magnitude: magnitude, isNegative: generator.draw(below: 2) == 1)
    }
  }
}

extension RandAugment.Operation {
  /// An image changed by the operation.
  ///
  /// At magnitude m of 30, an image is sheared by 0.3 · m / 30, moved by 150 / 331 · m / 30 of its size, turned by m degrees; the
  /// factor of brightness, colour, contrast or sharpness differs from 1 by 0.9 · m / 30; 8 − 4 · m / 30 bits are left, rounded; values
  /// from 255 · (1 − m / 30) on are turned round.
  ///
  /// - Parameters:
  ///   - image: the image.
  ///   - magnitude: from 0 to 30.
  ///   - isNegative: whether it is done towards the other side, where there are two.
  public func applied(to image: RasterImage, magnitude: Int, isNegative: Bool) -> RasterImage {
    let share = Double(magnitude) / Double(RandAugment.largestMagnitude)
    let signed = isNegative ? -share : share
    // In whole numbers, so that a distance or a value that is one is not missed by a rounding.
    let largest = RandAugment.largestMagnitude
    func distance(_ length: Int) -> Int { 150 * length * (isNegative ? -magnitude : magnitude) / (331 * largest) }
    return switch self {
    case .identity: image
    case .shearX: image.sheared(x: 0.3 * signed)
    case .shearY: image.sheared(y: 0.3 * signed)
    case .translateX: image.moved(right: distance(image.width))
    case .translateY: image.moved(down: distance(image.height))
    case .rotate: image.rotated(degrees: 30 * signed)
    case .brightness: image.withBrightness(1 + 0.9 * signed)
    case .color: image.withSaturation(1 + 0.9 * signed)
    case .contrast: image.withContrast(1 + 0.9 * signed)
    case .sharpness: image.withSharpness(1 + 0.9 * signed)
    case .posterize: image.posterized(toBits: 8 - Int((4 * share).rounded()))
    case .solarize: image.solarized(from: Double(255 * (largest - magnitude)) / Double(largest))
    case .autoContrast: image.withFullContrast()
    case .equalize: image.equalized()
    }
  }
}
