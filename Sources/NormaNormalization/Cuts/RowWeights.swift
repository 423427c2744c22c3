import CKernels
import NormaTensor

/// How much each row of a batch counts.
package struct RowWeights: Sendable {
  /// Where the rows of a batch stand.
  struct Layout: Sendable {
    /// Whether rows go across planes: with channels first, and a weight for each place.
    let isScattered: Bool
    /// The rows of a sample: its places, or with channels first and a weight for each sample the sample as a whole.
    let rowsPerSample: Int
    /// How far samples, and rows of a sample, are apart.
    let sampleStep: Int, rowStep: Int
  }

  let layout: Layout
  /// Whether rows that count do not all count the same.
  let isUneven: Bool
  private let rowsPerWeight: Int
  /// Weights that follow each other and are the same.
  private let stretches: [Stretch]

  private struct Stretch {
    let value: Double
    var weights: Range<Int>
  }

  /// - Throws: ``NormalizationError/invalidWeight(value:place:)`` for one below 0, or that is no number.
  @specialized(where Element == Float)
  package init<Element: TensorElement>(
    _ weights: Tensor<Element>, of shape: Shape, layout: ChannelLayout
  ) throws(NormalizationError) {
    let axes = layout == .channelsLast ? Array(shape.dropLast()) : Array(shape.prefix(1)) + shape.dropFirst(2)
    require(
      weights.rank > 0 && weights.shape.elementsEqual(axes.prefix(weights.rank)),
      "weights of shape \(weights.shape) for rows of a tensor of shape \(shape), \(layout)")
    let positions = axes.dropFirst().reduce(1, *)
    let channels = layout == .channelsLast ? shape.channelCount : shape[1]
    let perSample = shape[0] > 0 ? weights.count / shape[0] : 1
    let isScattered = layout == .channelsFirst && perSample > 1
    let isPlanes = layout == .channelsFirst && !isScattered
    self.layout = Layout(
      isScattered: isScattered, rowsPerSample: isPlanes ? 1 : positions, sampleStep: positions * channels,
      rowStep: isScattered ? 1 : isPlanes ? positions * channels : channels)
    rowsPerWeight = isPlanes ? 1 : positions / max(1, perSample)
    stretches = weights.withUnsafeElements { weights in
      var found: [Stretch] = []
      found.reserveCapacity(min(weights.count, 256))
      var index = 0
      while index < weights.count {
        let end = endOfEqual(weights.baseAddress!, from: index, count: weights.count)
        found.append(Stretch(value: Double(weights[index]), weights: index..<end))
        index = end
      }
      return found
    }
    for stretch in stretches where !(stretch.value >= 0 && stretch.value <= .greatestFiniteMagnitude) {
      throw .invalidWeight(value: stretch.value, place: stretch.weights.lowerBound)
    }
    let counting = stretches.first { $0.value > 0 }?.value ?? 0
    isUneven = stretches.contains { $0.value > 0 && $0.value != counting }
  }

  /// The weights of some samples.
  private func weights(of samples: Range<Int>) -> Range<Int> {
    samples.lowerBound * weightsPerSample..<samples.upperBound * weightsPerSample
  }

  private var weightsPerSample: Int { layout.rowsPerSample / max(1, rowsPerWeight) }

  /// The first stretch that ends behind a weight.
  private func firstStretch(behind weight: Int) -> Int {
    var (low, high) = (0, stretches.count)
    while low < high {
      let middle = (low + high) / 2
      if stretches[middle].weights.upperBound > weight { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Calls `body` for the stretches of rows, in some samples, that count, or that do not: with the place of the first, and how many.
  @inline(__always)
  func forEachRun(_ samples: Range<Int>, counting: Bool, _ body: (_ place: Int, _ count: Int) -> Void) {
    let (range, weightsPerSample) = (weights(of: samples), weightsPerSample)
    // Samples stand one after the other, so a stretch may go on from one to the next; not across planes.
    let isOneStretch = layout.sampleStep == layout.rowsPerSample * layout.rowStep
    var index = firstStretch(behind: range.lowerBound)
    while index < stretches.count, stretches[index].weights.lowerBound < range.upperBound {
      guard (stretches[index].value > 0) == counting else {
        index += 1
        continue
      }
      var begin = max(range.lowerBound, stretches[index].weights.lowerBound)
      // Other weights above 0 may follow.
      while index + 1 < stretches.count, (stretches[index + 1].value > 0) == counting { index += 1 }
      let last = min(range.upperBound, stretches[index].weights.upperBound)
      index += 1
      if isOneStretch {
        body(begin * rowsPerWeight * layout.rowStep, (last - begin) * rowsPerWeight)
        continue
      }
      while begin < last {
        let (sample, first) = begin.quotientAndRemainder(dividingBy: weightsPerSample)
        let end = min(last, (sample + 1) * weightsPerSample)
        body(sample * layout.sampleStep + first * rowsPerWeight * layout.rowStep, (end - begin) * rowsPerWeight)
        begin = end
      }
    }
  }

  /// The share of each row in a weighted mean, those of weight 0 included.
  package var shares: [Double] {
    let rows = stretches.flatMap { repeatElement($0.value, count: $0.weights.count * rowsPerWeight) }
    let total = rows.reduce(0, +)
    return rows.map { $0 / total }
  }

  /// The weights of the rows that count, in some samples.
  func weightsAboveZero(_ samples: Range<Int>) -> [Double] {
    var found: [Double] = []
    let range = weights(of: samples)
    for stretch in stretches[firstStretch(behind: range.lowerBound)...] where stretch.value > 0 {
      let count = stretch.weights.clamped(to: range).count
      if count == 0 { break }
      found += repeatElement(stretch.value, count: count * rowsPerWeight)
    }
    return found
  }
}

/// Where the numbers that are the same as the first of them end, or earlier: zeros may have two signs.
@specialized(where Element == Float)
private func endOfEqual<Element: TensorElement>(
  _ numbers: UnsafePointer<Element>, from first: Int, count: Int
) -> Int {
  if MemoryLayout<Element>.size == MemoryLayout<UInt32>.size {
    return first + norma_count_equal(numbers + first, count - first)
  }
  var end = first + 1
  while end < count && numbers[end] == numbers[first] { end += 1 }
  return end
}
