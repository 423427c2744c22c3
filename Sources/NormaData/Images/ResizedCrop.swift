import NormaTensor

/// A part of an image of any size and proportions, scaled to the size that a network takes (Szegedy et al. 2015), as torchvision's
/// `RandomResizedCrop` draws it.
public struct ResizedCrop: Hashable, Sendable, Codable {
  /// The smallest and the largest share of the image's area.
  public var smallestShare, largestShare: Double
  /// The smallest and the largest quotient of width by height; its logarithm is drawn evenly.
  public var smallestRatio, largestRatio: Double

  /// A crop; by default of 8 % of the area or more, and from 3:4 to 4:3.
  public init(
    smallestShare: Double = 0.08, largestShare: Double = 1, smallestRatio: Double = 3.0 / 4,
    largestRatio: Double = 4.0 / 3
  ) {
    (self.smallestShare, self.largestShare) = (smallestShare, largestShare)
    (self.smallestRatio, self.largestRatio) = (smallestRatio, largestRatio)
  }

  var problem: String? {
    guard smallestShare > 0, smallestShare <= largestShare, largestShare <= 1 else {
      return "a crop of \(smallestShare) to \(largestShare) of an image"
    }
    guard smallestRatio > 0, smallestRatio <= largestRatio, largestRatio.isFinite else {
      return "a crop of proportions from \(smallestRatio) to \(largestRatio)"
    }
    return nil
  }

  /// A part of an image: the first of ten draws that fits into it, or else its middle in the nearest proportions there may be.
  public func rectangle(height: Int, width: Int, using generator: inout RandomGenerator) -> PixelRectangle {
    let area = Double(height) * Double(width)
    for _ in 0..<10 {
      let (newHeight, newWidth) = Self.sides(
        area: area, share: smallestShare...largestShare, widthByHeight: smallestRatio...largestRatio, using: &generator)
      guard newWidth > 0, newWidth <= width, newHeight > 0, newHeight <= height else { continue }
      let top = generator.draw(below: height - newHeight + 1)
      let left = generator.draw(below: width - newWidth + 1)
      return PixelRectangle(top: top, left: left, height: newHeight, width: newWidth)
    }
    let ratio = Double(width) / Double(height)
    var (newHeight, newWidth) = (height, width)
    if ratio < smallestRatio {
      newHeight = max(1, min(height, Int((Double(width) / smallestRatio).rounded(.toNearestOrEven))))
    } else if ratio > largestRatio {
      newWidth = max(1, min(width, Int((Double(height) * largestRatio).rounded(.toNearestOrEven))))
    }
    return PixelRectangle(
      top: (height - newHeight) / 2, left: (width - newWidth) / 2, height: newHeight, width: newWidth)
  }

  /// The sides of a rectangle with a share of an area that is drawn evenly, and with proportions whose logarithm is.
  static func sides(
    area: Double, share: ClosedRange<Double>, widthByHeight: ClosedRange<Double>,
    using generator: inout RandomGenerator
  ) -> (height: Int, width: Int) {
    let drawn = area * generator.draw(in: share)
    let logarithms = Functions.logarithm(widthByHeight.lowerBound)...Functions.logarithm(widthByHeight.upperBound)
    let ratio = Functions.exponential(generator.draw(in: logarithms))
    func side(_ square: Double) -> Int { Int(square.squareRoot().rounded(.toNearestOrEven)) }
    return (side(drawn / ratio), side(drawn * ratio))
  }
}

extension RandomGenerator {
  /// A whole number below a bound: the bound's share of one random number. So every number takes one draw; for bounds as small
  /// as these, their probabilities differ by less than 2⁻³².
  mutating func draw(below bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

  /// A number evenly distributed over a range.
  mutating func draw(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }
}
