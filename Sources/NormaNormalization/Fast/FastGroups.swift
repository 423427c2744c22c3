import CKernels
import NormaTensor

/// Group normalization of floats on the kernels of batch normalization.
///
/// Where the values of a channel stand side by side, those of a group do too. Where they do not, the kernels find each
/// channel's sums, around a value of its own, and those of a group are merged. Few channels are folded into a wide row;
/// positions that do not fill one are left to the plain loops.
struct FastGroups: GroupLoops {
  let extent: GroupExtent
  let cut: GroupCut
  let fold: Int
  private let kernels: norma_kernels
  /// Rows of all positions that the kernels read; 0 where the values of a channel stand side by side.
  private let rows: Int

  /// Values in one ticket where samples can be parted: a group is found in the cache when it is read again.
  private static let valuesPerTicket = 1 << 15
  /// Tickets that are enough for any number of threads: more are not worth narrow strips, which are slower to read.
  private static let enoughTickets = 16
  /// Channels in the narrowest strip.
  private static let leastChannels = 2 * RowPlan.lanes

  /// Nil where the plain Swift loops were asked for.
  init?(_ extent: GroupExtent) {
    guard let kernels = Kernels.table?.pointee else { return nil }
    self.kernels = kernels
    self.extent = extent
    let channelsPerGroup = extent.channelsPerGroup
    guard extent.sample.inner == 1 else {
      cut = GroupCut(extent, valuesPerTicket: Self.valuesPerTicket, unit: channelsPerGroup)
      (fold, rows) = (1, 0)
      return
    }
    // The least common multiple with a power of two.
    let unit =
      channelsPerGroup * Self.leastChannels
      >> min(Self.leastChannels.trailingZeroBitCount, channelsPerGroup.trailingZeroBitCount)
    cut = GroupCut(
      extent, valuesPerTicket: Self.valuesPerTicket, unit: unit,
      mostStrips: (Self.enoughTickets + extent.samples - 1) / extent.samples)
    let isWhole = cut.channelsPerTicket == extent.channels
    fold = isWhole && extent.channels < 64 ? max(1, min(extent.positions, 64 / extent.channels)) : 1
    rows = isWhole && fold * extent.channels < RowPlan.lanes ? 0 : extent.positions / fold
  }

  private var isPlanes: Bool { extent.sample.inner > 1 }
  /// The positions that are left to the plain loops.
  private var tail: Range<Int> { rows * fold..<extent.positions }
  /// The distance between rows.
  private var stride: Int { fold * extent.channels }

  private var streams: Bool {
    NormaNormalization.streams(
      count: extent.samples * extent.valuesPerSample,
      width: isPlanes ? extent.positions : fold * cut.channelsPerTicket)
  }

  func findMoments(
    _ x: UnsafePointer<Float>, _ channels: Range<Int>, _ statistics: GroupStatistics, _ scratch: GroupScratch<Float>
  ) {
    let (first, width) = (channels.lowerBound, channels.count)
    let (base, sums, squares) = (scratch.rest, scratch.sums, scratch.products)
    let groups = extent.groups(in: channels)
    let share = 1 / Double(extent.valuesPerGroup)
    if isPlanes {
      kernels.plane_moments(
        x + extent.start(ofChannel: first), 1, 0, groups.count, extent.valuesPerGroup, base, sums, squares)
    } else if rows > 0 {
      // The vectors are not in use yet.
      kernels.row_moments(x + first, stride, rows, fold * width, base, sums, squares, scratch.pivot)
    }
    for group in groups {
      var moments: PivotedSums
      if isPlanes {
        let place = group - groups.lowerBound
        moments = PivotedSums(pivot: base[place], sum: sums[place], square: squares[place])
      } else {
        let channels = extent.channels(of: group)
        moments = PivotedSums(pivot: rows > 0 ? base[channels.lowerBound - first] : x[channels.lowerBound])
        for copy in 0..<(rows > 0 ? fold : 0) {
          for place in copy * width + channels.lowerBound - first..<copy * width + channels.upperBound - first {
            moments.add(Double(rows), pivot: base[place], sum: sums[place], square: squares[place])
          }
        }
        for position in tail {
          for channel in channels { moments.add(x[position * extent.channels + channel]) }
        }
      }
      let difference = moments.sum * share
      statistics.mean[group] = Double(moments.pivot) + difference
      statistics.reciprocal[group] = moments.square - difference * moments.sum
    }
  }

  func normalize(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ channels: Range<Int>, _ scratch: GroupScratch<Float>,
    rectifies: Bool
  ) {
    let (start, width) = (extent.start(ofChannel: channels.lowerBound), channels.count)
    if isPlanes {
      kernels.plane_normalize(
        x + start, y + start, 1, 0, width, extent.positions, scratch.pivot, scratch.scale, scratch.shift, rectifies,
        streams)
      return
    }
    if rows > 0 {
      kernels.row_normalize(
        x + start, y + start, stride, rows, fold * width, scratch.pivot, scratch.scale, scratch.shift, rectifies,
        streams)
    }
    NormaNormalization.normalize(
      x, y, extent: extent.sample, block: tail, transform: scratch.transform, rectifies: rectifies)
  }

  func findGradientSums(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ channels: Range<Int>, _ scratch: GroupScratch<Float>,
    rectifies: Bool
  ) {
    let (start, width) = (extent.start(ofChannel: channels.lowerBound), channels.count)
    let (sums, products) = (scratch.sums, scratch.products)
    if isPlanes {
      kernels.plane_gradient_sums(
        g + start, x + start, 1, 0, width, extent.positions, scratch.pivot, scratch.scale, scratch.shift, rectifies,
        sums, products)
      return
    }
    if rows > 0 {
      kernels.row_gradient_sums(
        g + start, x + start, stride, rows, fold * width, scratch.pivot, scratch.scale, scratch.shift, rectifies, sums,
        products, scratch.rest)
      for copy in 1..<max(1, fold) {
        for place in 0..<width {
          sums[place] += sums[copy * width + place]
          products[place] += products[copy * width + place]
        }
      }
    } else {
      sums.update(repeating: 0, count: width)
      products.update(repeating: 0, count: width)
    }
    addGradientSums(
      g, x, extent: extent.sample, block: tail, transform: scratch.transform, rectifies: rectifies, sums: sums,
      products: products)
  }

  func inputGradient(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ channels: Range<Int>,
    _ scratch: GroupScratch<Float>, rectifies: Bool
  ) {
    let (start, width) = (extent.start(ofChannel: channels.lowerBound), channels.count)
    if isPlanes {
      kernels.plane_input_gradient(
        g + start, x + start, dx + start, 1, 0, width, extent.positions, scratch.pivot, scratch.scale, scratch.shift,
        scratch.slope, scratch.offset, rectifies, streams)
      return
    }
    if rows > 0 {
      kernels.row_input_gradient(
        g + start, x + start, dx + start, stride, rows, fold * width, scratch.pivot, scratch.scale, scratch.shift,
        scratch.slope, scratch.offset, rectifies, streams)
    }
    NormaNormalization.inputGradient(
      g, x, dx, extent: extent.sample, block: tail, transform: scratch.transform, slope: scratch.slope,
      offset: scratch.offset, rectifies: rectifies)
  }
}

/// Sums of values' distances from a pivot, and of their squares.
private struct PivotedSums {
  var pivot: Float
  var sum = 0.0
  var square = 0.0

  mutating func add(_ value: Float) {
    let distance = Double(value) - Double(pivot)
    sum += distance
    square += distance * distance
  }

  /// Adds those of `count` values around another pivot.
  mutating func add(_ count: Double, pivot other: Float, sum otherSum: Double, square otherSquare: Double) {
    let distance = Double(other) - Double(pivot)
    sum += otherSum + count * distance
    square += (otherSquare + 2 * distance * otherSum) + (count * distance) * distance
  }
}
