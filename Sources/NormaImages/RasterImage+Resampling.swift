import NormaTensor

extension RasterImage {
  /// The middle of the image in another size: `[height, width, channelCount]`, values from 0 to 255.
  ///
  /// The image is scaled, its proportions kept, until it just covers the size (for a square: until its shorter side has that
  /// length), and what stands out on two sides is cut off evenly. Each value is a mean of source values under a triangle
  /// that is as wide as the scale asks: bilinear where the image grows, without aliasing where it shrinks. Values are not
  /// rounded. An image of that size already keeps its values.
  ///
  /// The sizes are those of torchvision's `Resize` and `CenterCrop`.
  public func fitted(height newHeight: Int, width newWidth: Int) -> Tensor<Float> {
    require(newHeight > 0 && newWidth > 0, "an image of \(newHeight) × \(newWidth) pixels")
    // Which side decides is found in whole numbers, and the other one's length is rounded down.
    let heightDecides = height * newWidth <= width * newHeight
    let rows = ResamplingWeights(
      from: height, to: heightDecides ? newHeight : height * newWidth / width, keeping: newHeight)
    let columns = ResamplingWeights(
      from: width, to: heightDecides ? width * newHeight / height : newWidth, keeping: newWidth)

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
                sum += weight * Float(pixels[(first + offset) * channelCount + channel])
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
            for index in 0..<rowLength { result[row * rowLength + index] += weight * narrowed[source + index] }
          }
        }
      }
    }
  }
}

/// Which source values each place along one axis is a mean of, and with which weights.
private struct ResamplingWeights {
  /// The first source value of each place.
  var first: [Int] = []
  /// The weights from there on, which add up to 1.
  var weights: [[Float]] = []

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
      weights.append(heights.map { Float($0 / sum) })
    }
  }

  /// All source values that any place needs.
  var sources: Range<Int> { first[0]..<(first[first.count - 1] + weights[weights.count - 1].count) }
}
