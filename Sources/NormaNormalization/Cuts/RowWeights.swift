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

  /// Calls `body` for weights that follow each other and are the same, of some samples.
  private func forEachStretch(_ samples: Range<Int>, _ body: (Stretch) -> Void) {
    let weightsPerSample = layout.rowsPerSample / max(1, rowsPerWeight)
    let range = samples.lowerBound * weightsPerSample..<samples.upperBound * weightsPerSample
    // The first that ends behind the beginning.
    var (low, high) = (0, stretches.count)
    while low < high {
      let middle = (low + high) / 2
      if stretches[middle].weights.upperBound > range.lowerBound { high = middle } else { low = middle + 1 }
    }
    while low < stretches.count, stretches[low].weights.lowerBound < range.upperBound {
      body(Stretch(value: stretches[low].value, weights: stretches[low].weights.clamped(to: range)))
      low += 1
    }
  }

  /// Calls `body` for the stretches of rows, in some samples, that count, or that do not: with the place of the first, and how many.
  func forEachRun(_ samples: Range<Int>, counting: Bool, _ body: (_ place: Int, _ count: Int) -> Void) {
    let weightsPerSample = layout.rowsPerSample / max(1, rowsPerWeight)
    // Samples stand one after the other, so a stretch may go on from one to the next; not across planes.
    let isOneStretch = layout.sampleStep == layout.rowsPerSample * layout.rowStep
    func place(_ weight: Int) -> Int {
      isOneStretch
        ? weight * rowsPerWeight * layout.rowStep
        : weight / weightsPerSample * layout.sampleStep + weight % weightsPerSample * rowsPerWeight * layout.rowStep
    }
    var waiting = 0..<0
    func flush() {
      guard !waiting.isEmpty else { return }
      guard !isOneStretch else { return body(place(waiting.lowerBound), waiting.count * rowsPerWeight) }
      var begin = waiting.lowerBound
      while begin < waiting.upperBound {
        let end = min(waiting.upperBound, (begin / weightsPerSample + 1) * weightsPerSample)
        body(place(begin), (end - begin) * rowsPerWeight)
        begin = end
      }
    }
    forEachStretch(samples) { stretch in
      guard (stretch.value > 0) == counting else { return }
      if !waiting.isEmpty && waiting.upperBound == stretch.weights.lowerBound {
        waiting = waiting.lowerBound..<stretch.weights.upperBound
      } else {
        flush()
        waiting = stretch.weights
      }
    }
    flush()
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
    forEachStretch(samples) { stretch in
      if stretch.value > 0 { found += repeatElement(stretch.value, count: stretch.weights.count * rowsPerWeight) }
    }
    return found
  }
}

/// Where the numbers that are the same as the first of them end.
@specialized(where Element == Float)
private func endOfEqual<Element: TensorElement>(
  _ numbers: UnsafePointer<Element>, from first: Int, count: Int
) -> Int {
  let value = numbers[first]
  var end = first + 1
  // Eight at a time, whose comparisons do not wait for each other.
  while end + 8 <= count {
    var areEqual = true
    for index in end..<end + 8 { areEqual = (numbers[index] == value) && areEqual }
    guard areEqual else { break }
    end += 8
  }
  while end < count && numbers[end] == value { end += 1 }
  return end
}
