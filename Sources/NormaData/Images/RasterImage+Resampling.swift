import NormaTensor

/// A rectangle of an image, in pixels.
public struct PixelRectangle: Hashable, Sendable {
  /// How many rows are above it.
  public var top: Int
  /// How many columns are left of it.
  public var left: Int
  /// How many rows it has.
  public var height: Int
  /// How many columns it has.
  public var width: Int

  /// A rectangle by its place and size.
  public init(top: Int, left: Int, height: Int, width: Int) {
    (self.top, self.left, self.height, self.width) = (top, left, height, width)
  }
}

extension RasterImage {
  /// The middle of the image in another size: `[height, width, channelCount]`, values from 0 to 255.
  ///
  /// The image is scaled, its proportions kept, until it just covers the size (for a square: until its shorter side has that
  /// length) or its shorter side has the length that is given, and what stands out is cut off evenly. Each value is a mean of
  /// source values under a triangle that is as wide as the scale asks: bilinear where the image grows, without aliasing where it
  /// shrinks. Values are not rounded. An image of that size already keeps its values.
  ///
  /// The sizes are those of torchvision's `Resize` and `CenterCrop`.
  ///
  /// - Parameters:
  ///   - newHeight: how many rows the result has.
  ///   - newWidth: how many columns it has.
  ///   - shorterSide: the length in pixels that the shorter side is scaled to, no less than both; nil for as little as covers the size.
  public func fitted(height newHeight: Int, width newWidth: Int, shorterSide: Int? = nil) -> Tensor<Float> {
    require(newHeight > 0 && newWidth > 0, "an image of \(newHeight) × \(newWidth) pixels")
    require(shorterSide ?? .max >= max(newHeight, newWidth), "\(newHeight) × \(newWidth) pixels of fewer")
    // Which side decides is found in whole numbers, and the other one's length is rounded down.
    let (coveredHeight, coveredWidth) = (shorterSide ?? newHeight, shorterSide ?? newWidth)
    let heightDecides = height * coveredWidth <= width * coveredHeight
    let rows = ResamplingWeights(
      from: height, to: heightDecides ? coveredHeight : height * coveredWidth / width, keeping: newHeight)
    let columns = ResamplingWeights(
      from: width, to: heightDecides ? width * coveredHeight / height : coveredWidth, keeping: newWidth)

    // First along the rows that are needed, then across them.
    let sourceRows = rows.sources
    let narrowed = Tensor<Float>(shape: [sourceRows.count, newWidth, channelCount]) { narrowed in
      pixels.withUnsafeBufferPointer { pixels in
        var position = 0
        for row in sourceRows {
          for column in 0..<newWidth {
            let first = row * width + columns.first[column]
            for channel in 0..<channelCount {
              var sum: Float = 0
              for (offset, weight) in columns.weights[column].enumerated() {
                sum += Float(weight) * Float(pixels[(first + offset) * channelCount + channel])
              }
              narrowed.initializeElement(at: position, to: sum)
              position += 1
            }
          }
        }
      }
    }
    let rowLength = newWidth * channelCount
    return Tensor(shape: [newHeight, newWidth, channelCount]) { result in
      result.initialize(repeating: 0)
      narrowed.withUnsafeElements { narrowed in
        for row in 0..<newHeight {
          for (offset, weight) in rows.weights[row].enumerated() {
            let source = (rows.first[row] + offset - sourceRows.lowerBound) * rowLength
            let weight = Float(weight)
            for index in 0..<rowLength { result[row * rowLength + index] += weight * narrowed[source + index] }
          }
        }
      }
    }
  }

  /// A rectangle of the image scaled to another size, whatever its proportions, with the same means as
  /// ``fitted(height:width:shorterSide:)``, rounded.
  ///
  /// Rows are scaled first, then columns; both are rounded, and weights are whole numbers of 2⁻²²: Pillow's bytes.
  public func resized(_ rectangle: PixelRectangle, height newHeight: Int, width newWidth: Int) -> RasterImage {
    require(newHeight > 0 && newWidth > 0, "an image of \(newHeight) × \(newWidth) pixels")
    require(
      rectangle.top >= 0 && rectangle.left >= 0 && rectangle.height > 0 && rectangle.width > 0
        && rectangle.top + rectangle.height <= height && rectangle.left + rectangle.width <= width,
      "\(rectangle) of \(height) × \(width) pixels")
    let rows = FixedPointWeights(
      ResamplingWeights(from: rectangle.height, to: newHeight, keeping: newHeight), from: rectangle.top)
    let columns = FixedPointWeights(
      ResamplingWeights(from: rectangle.width, to: newWidth, keeping: newWidth), from: rectangle.left)
    let sourceRows = rectangle.top..<rectangle.top + rectangle.height
    let rowLength = newWidth * channelCount
    let narrowed = [UInt8](unsafeUninitializedCapacity: sourceRows.count * rowLength) { narrowed, count in
      count = sourceRows.count * rowLength
      pixels.withUnsafeBufferPointer { pixels in
        for (row, sourceRow) in sourceRows.enumerated() {
          for column in 0..<newWidth {
            for channel in 0..<channelCount {
              narrowed[row * rowLength + column * channelCount + channel] = columns.mean(
                of: pixels, from: sourceRow * width * channelCount + channel, step: channelCount, at: column)
            }
          }
        }
      }
    }
    let result = [UInt8](unsafeUninitializedCapacity: newHeight * rowLength) { result, count in
      count = newHeight * rowLength
      narrowed.withUnsafeBufferPointer { narrowed in
        for row in 0..<newHeight {
          for index in 0..<rowLength {
            result[row * rowLength + index] = rows.mean(
              of: narrowed, from: index - rectangle.top * rowLength, step: rowLength, at: row)
          }
        }
      }
    }
    return RasterImage(height: newHeight, width: newWidth, channelCount: channelCount, pixels: result)
  }
}

/// Which source values each place along one axis is a mean of, and with which weights.
private struct ResamplingWeights {
  /// The first source value of each place.
  var first: [Int] = []
  /// The weights from there on, which add up to 1.
  var weights: [[Double]] = []

  /// Weights for scaling `count` values to `scaledCount`, of which the middle `kept` are computed.
  init(from count: Int, to scaledCount: Int, keeping kept: Int) {
    let scale = Double(count) / Double(scaledCount)
    let radius = max(1, scale)
    let start = Int((Double(scaledCount - kept) / 2).rounded(.toNearestOrEven))
    for place in start..<start + kept {
      let center = (Double(place) + 0.5) * scale
      let lower = max(0, Int(center - radius + 0.5))
      let upper = min(count, Int(center + radius + 0.5))
      let heights = (lower..<upper).map { max(0, 1 - abs(Double($0) + 0.5 - center) / radius) }
      let sum = heights.reduce(0, +)
      first.append(lower)
      weights.append(heights.map { $0 / sum })
    }
  }

  /// All source values that any place needs.
  var sources: Range<Int> { first[0]..<(first[first.count - 1] + weights[weights.count - 1].count) }
}

/// The same with weights in whole numbers of 2⁻²², one place's after the other's.
private struct FixedPointWeights {
  private let first: [Int]
  private let starts: [Int]
  private let weights: [Int32]

  /// Weights for values that begin at an offset.
  init(_ weights: ResamplingWeights, from offset: Int) {
    first = weights.first.map { $0 + offset }
    starts = weights.weights.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    self.weights = weights.weights.joined().map { Int32($0 * 0x1p22 + 0.5) }
  }

  /// The rounded mean at a place, of values that are `step` apart and begin at `start`.
  ///
  /// Weights add up to 1 but for a rounding each, so that no sum leaves 32 bits.
  @inline(__always) func mean(
    of values: UnsafeBufferPointer<UInt8>, from start: Int, step: Int, at place: Int
  ) -> UInt8 {
    var sum: Int32 = 1 << 21
    var position = start + first[place] * step
    for index in starts[place]..<starts[place + 1] {
      sum &+= weights[index] &* Int32(values[position])
      position += step
    }
    return UInt8(max(0, min(255, sum >> 22)))
  }
}
