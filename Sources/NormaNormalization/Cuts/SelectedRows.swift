import NormaTensor

/// Rows of a tensor that are worked on as if they stood one after the other, in a tensor of their own.
///
/// The passes see such a tensor and nothing else, so that what they find has the bits that it has of rows that were packed before.
/// Rows that stand side by side are read and written where they are; others go through memory that is in the cache.
struct SelectedRows: Sendable {
  /// How the rows are read as a tensor of their own.
  let extent: ChannelExtent
  /// Where the first of them stands, where they stand side by side.
  let start: Int
  /// Where each row stands in the whole tensor; nil where they stand side by side.
  private let places: [Int]?
  /// How far the values of neighbouring channels are apart in the whole tensor.
  private let channelStep: Int
  /// How much each row counts; nil where all count the same.
  let weights: [Double]?

  /// All rows of some samples.
  init(_ whole: ChannelExtent, outers: Range<Int>) {
    (extent, start) = whole.slice(outers: outers)
    channelStep = extent.inner
    (places, weights) = (nil, nil)
  }

  /// Those rows of some samples that count.
  ///
  ///
  /// - Parameter keepsWeights: whether their weights matter even where all are the same: these are not all rows that share moments.
  init(
    _ whole: ChannelExtent, layout: ChannelLayout, samples: Range<Int>, positions: Int, weights: RowWeights,
    keepsWeights: Bool
  ) {
    // With channels first and a weight for each place rows are gathered across the planes.
    let isScattered = layout == .channelsFirst && weights.perSample > 1
    let rowsPerSample = layout == .channelsFirst && !isScattered ? 1 : positions
    let rows = samples.lowerBound * rowsPerSample..<samples.upperBound * rowsPerSample
    let rowsPerWeight = rowsPerSample / weights.perSample
    var (kept, found): ([Int], [Double]) = ([], [])
    kept.reserveCapacity(rows.count)
    for row in rows {
      let weight = weights.values[row / rowsPerWeight]
      guard weight > 0 else { continue }
      found.append(weight)
      kept.append(isScattered ? row / positions * whole.stride + row % positions : row * whole.stride)
    }
    let rowWeights = keepsWeights || found.contains { $0 != found[0] } ? found : nil
    if kept.count < rows.count || isScattered && rowWeights != nil {
      extent = ChannelExtent(outers: kept.count, channels: whole.channels, inner: isScattered ? 1 : whole.inner)
      start = 0
      places = kept
    } else {
      (extent, start) = whole.slice(outers: layout == .channelsFirst ? samples : rows)
      places = nil
    }
    channelStep = whole.inner
    self.weights = rowWeights
  }

  /// The sum of all weights of a channel's values, and of their squares.
  var weight: (sum: Double, squares: Double) {
    guard let weights else {
      let count = Double(extent.valuesPerChannel)
      return (count, count)
    }
    let inner = Double(extent.inner)
    return (weights.reduce(0, +) * inner, weights.reduce(0) { $0 + $1 * $1 } * inner)
  }

  /// Some neighbouring rows and channels, by where they begin in the tensor of their own.
  private func rows(_ part: ChannelExtent, _ start: Int) -> (rows: Range<Int>, channel: Int) {
    let row = start / max(1, extent.stride)
    return (row..<row + part.outers, (start - row * extent.stride) / max(1, extent.inner))
  }

  /// The number of the first row of a part.
  func firstRow(_ start: Int) -> Int { start / max(1, extent.stride) }

  /// Where a part begins in the whole tensor, if its rows stand there as in the tensor of their own.
  private func place(_ rows: Range<Int>, _ channel: Int, _ begin: Int) -> Int? {
    guard let places else { return start + begin }
    guard let first = rows.first, channelStep == extent.inner,
      places[rows.upperBound - 1] - places[first] == (rows.count - 1) * extent.stride
    else { return nil }
    return places[first] + channel * channelStep
  }

  /// Lends a part of a tensor.
  @inline(__always)
  func read<Element: TensorElement, Value>(
    _ x: UnsafePointer<Element>, _ part: ChannelExtent, _ begin: Int,
    _ body: (_ x: UnsafePointer<Element>, _ part: ChannelExtent) -> Value
  ) -> Value {
    guard places != nil else { return body(x + (start + begin), part) }
    let (rows, channel) = rows(part, begin)
    if let place = place(rows, channel, begin) { return body(x + place, part) }
    let packed = part.packed
    return withScratch(part.outers * packed.stride, of: Element.self) { memory in
      gather(x, rows, channel, packed, memory)
      return body(memory, packed)
    }
  }

  /// Lends parts of up to two tensors, and takes in what is written of a third: a few rows at a time where they have to be gathered.
  @inline(__always)
  func write<Element: TensorElement>(
    _ g: UnsafePointer<Element>?, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>,
    _ part: ChannelExtent, _ begin: Int, streams: Bool,
    _ body: (
      _ g: UnsafePointer<Element>?, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>,
      _ part: ChannelExtent, _ streams: Bool
    ) -> Void
  ) {
    guard places != nil else {
      let place = start + begin
      return body(g.map { $0 + place }, x + place, y + place, part, streams)
    }
    let (rows, channel) = rows(part, begin)
    if let place = place(rows, channel, begin) {
      return body(g.map { $0 + place }, x + place, y + place, part, streams)
    }
    let packed = part.packed
    let step = max(1, Self.valuesGathered / max(1, packed.stride * packed.fold)) * packed.fold
    withScratch(3 * step * packed.stride, of: Element.self) { memory in
      for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
        let some = first..<min(rows.upperBound, first + step)
        var piece = packed
        piece.outers = some.count
        if let place = place(some, channel, begin + (first - rows.lowerBound) * extent.stride) {
          var direct = part
          direct.outers = some.count
          body(g.map { $0 + place }, x + place, y + place, direct, false)
          continue
        }
        let (gs, xs, ys) = (memory, memory + step * packed.stride, memory + 2 * step * packed.stride)
        if let g { gather(g, some, channel, piece, gs) }
        gather(x, some, channel, piece, xs)
        body(g == nil ? nil : UnsafePointer(gs), xs, ys, piece, false)
        scatter(ys, some, channel, piece, y)
      }
    }
  }

  /// Values that are gathered at a time: as many as the nearest cache holds three times.
  private static let valuesGathered = 1 << 11

  private func gather<Element: TensorElement>(
    _ x: UnsafePointer<Element>, _ rows: Range<Int>, _ channel: Int, _ part: ChannelExtent,
    _ memory: UnsafeMutablePointer<Element>
  ) {
    guard let places else { return }
    var to = memory
    for row in rows {
      let from = x + places[row] + channel * channelStep
      if channelStep == extent.inner {
        to.update(from: from, count: part.stride)
      } else {
        for channel in 0..<part.channels { to[channel] = from[channel * channelStep] }
      }
      to += part.stride
    }
  }

  private func scatter<Element: TensorElement>(
    _ memory: UnsafePointer<Element>, _ rows: Range<Int>, _ channel: Int, _ part: ChannelExtent,
    _ y: UnsafeMutablePointer<Element>
  ) {
    guard let places else { return }
    var from = memory
    for row in rows {
      let to = y + places[row] + channel * channelStep
      if channelStep == extent.inner {
        to.update(from: from, count: part.stride)
      } else {
        for channel in 0..<part.channels { to[channel * channelStep] = from[channel] }
      }
      from += part.stride
    }
  }
}

extension ChannelExtent {
  /// The same part in memory of its own.
  fileprivate var packed: ChannelExtent {
    var packed = self
    packed.stride = channels * inner
    return packed
  }
}

/// How much each row of a batch counts.
struct RowWeights: Sendable {
  let values: [Double]
  /// The number of weights of each sample.
  let perSample: Int
  /// Whether rows that count do not all count the same.
  let isUneven: Bool

  /// - Throws: ``NormalizationError/invalidWeight(value:place:)`` for one below 0, or that is no number.
  init<Element: TensorElement>(
    _ weights: Tensor<Element>, of shape: Shape, layout: ChannelLayout
  ) throws(NormalizationError) {
    let axes = layout == .channelsLast ? Array(shape.dropLast()) : Array(shape.prefix(1)) + shape.dropFirst(2)
    require(
      weights.rank > 0 && weights.shape.elementsEqual(axes.prefix(weights.rank)),
      "weights of shape \(weights.shape) for rows of a tensor of shape \(shape), \(layout)")
    values = weights.elements.map(Double.init)
    perSample = max(1, shape[0] > 0 ? weights.count / shape[0] : 1)
    let first = values.first { $0 > 0 }
    isUneven = values.contains { $0 > 0 && $0 != first }
    for (place, value) in values.enumerated() where !(value >= 0 && value.isFinite) {
      throw .invalidWeight(value: value, place: place)
    }
  }
}
