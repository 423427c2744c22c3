import NormaTensor

/// Changes training images by chance, in ways that leave their class as it is, so that no image is seen twice the same.
public struct ImageAugmentation: Hashable, Sendable, Codable {
  /// How many zeros are put around an image on each side, before a part of the old size is cut out anywhere. On standardized
  /// data, 0 is the mean. 0 for no crop.
  public var padding: Int
  /// Whether every second image, by chance, is turned left to right.
  public var flipsHorizontally: Bool

  /// Changes; by default none. The padding must not be negative.
  public init(padding: Int = 0, flipsHorizontally: Bool = false) {
    self.padding = padding
    self.flipsHorizontally = flipsHorizontally
    if let problem { fatalError(problem) }
  }

  /// Why nothing can be changed with these numbers; nil if it can. Numbers read from a file were never checked.
  package var problem: String? { padding < 0 ? "a padding of \(padding)" : nil }

  /// Why images of this shape, without the batch axis, cannot be changed so; nil if they can.
  public func problem(forExamplesOf shape: Shape) -> String? {
    guard shape.rank == 3 else { return "examples of shape \(shape) are no images [height, width, channels]" }
    guard padding < min(shape[0], shape[1]) else {
      return "with \(padding) zeros around an image of \(shape[1]) × \(shape[0]) pixels, nothing of it may be left"
    }
    return nil
  }

  /// The images `[N, height, width, channels]`, each changed by chance.
  ///
  /// Three numbers are drawn for each image, whether they are needed or not, so that the n-th image is changed in the same
  /// way whatever else is turned on. The images must be such that ``problem(forExamplesOf:)`` finds nothing.
  public func applied<Element: TensorElement>(
    to images: Tensor<Element>, using generator: inout RandomGenerator
  ) -> Tensor<Element> {
    let shape = Shape(images.shape.dropFirst())
    if let problem = problem(forExamplesOf: shape) { fatalError(problem) }
    return Tensor(shape: images.shape) { result in
      images.withUnsafeElements { images in
        guard let from = images.baseAddress, let to = result.baseAddress else { return }
        for start in stride(from: 0, to: images.count, by: shape.elementCount) {
          change(from + start, to: to + start, shape: shape, using: &generator)
        }
      }
    }
  }

  /// Writes an image `[height, width, channels]`, changed by chance, to a place.
  func change<Element: TensorElement>(
    _ image: UnsafePointer<Element>, to result: UnsafeMutablePointer<Element>, shape: Shape,
    using generator: inout RandomGenerator
  ) {
    let rowShift = Self.draw(below: 2 * padding + 1, using: &generator) - padding
    let columnShift = Self.draw(below: 2 * padding + 1, using: &generator) - padding
    let isFlipped = Self.draw(below: 2, using: &generator) == 1 && flipsHorizontally
    copyShifted(
      image, to: result, height: shape[0], width: shape[1], channels: shape[2], rowShift: rowShift,
      columnShift: columnShift, isFlipped: isFlipped)
  }

  /// A whole number below a bound: the bound's share of one random number. So every number takes one draw; for bounds as small
  /// as these, their probabilities differ by less than 2⁻³².
  private static func draw(below bound: Int, using generator: inout RandomGenerator) -> Int {
    Int(generator.next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}

extension ImageAugmentation: CustomStringConvertible {
  /// As the command's `--augment` takes it, such as `crop:4,flip`.
  public var description: String {
    let parts = (padding > 0 ? ["crop:\(padding)"] : []) + (flipsHorizontally ? ["flip"] : [])
    return parts.isEmpty ? "none" : parts.joined(separator: ",")
  }
}

/// Copies an image `[height, width, channels]` from so many rows down and columns to the right, with zeros where there is
/// nothing to copy, and turns it left to right if that is asked for.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func copyShifted<Element: TensorElement>(
  _ from: UnsafePointer<Element>, to: UnsafeMutablePointer<Element>, height: Int, width: Int, channels: Int,
  rowShift: Int, columnShift: Int, isFlipped: Bool
) {
  let columns = max(0, -columnShift)..<min(width, width - columnShift)
  for row in 0..<height {
    let target = to + row * width * channels
    guard (0..<height).contains(row + rowShift) else {
      target.initialize(repeating: 0, count: width * channels)
      continue
    }
    let source = from + ((row + rowShift) * width + columnShift) * channels
    if isFlipped {
      for column in 0..<width {
        let pixel = target + (width - 1 - column) * channels
        for channel in 0..<channels {
          pixel[channel] = columns.contains(column) ? source[column * channels + channel] : 0
        }
      }
    } else {
      target.initialize(repeating: 0, count: columns.lowerBound * channels)
      (target + columns.lowerBound * channels).initialize(
        from: source + columns.lowerBound * channels, count: columns.count * channels)
      (target + columns.upperBound * channels).initialize(
        repeating: 0, count: (width - columns.upperBound) * channels)
    }
  }
}
