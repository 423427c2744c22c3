import NormaTensor

/// Group normalization by the plain loops of batch normalization: what it computes, by definition. A sample's channels are
/// never parted.
struct PlainGroups<Element: TensorElement>: GroupLoops {
  let extent: GroupExtent
  let cut: GroupCut
  let fold = 1

  init(_ extent: GroupExtent) {
    self.extent = extent
    cut = GroupCut(extent, valuesPerTicket: 1 << 14, unit: 1, mostStrips: 1)
  }

  private var block: Range<Int> { 0..<extent.sample.outer }

  /// In double precision by the corrected two-pass algorithm, as in ``BatchMoments``, around one of the group's values.
  func findMoments(
    _ x: UnsafePointer<Element>, _ channels: Range<Int>, _ statistics: GroupStatistics, _ scratch: GroupScratch<Element>
  ) {
    let pivot = scratch.restOfDoubles
    for group in 0..<extent.groups {
      let channels = extent.channels(of: group)
      let first = Double(x[extent.start(ofChannel: channels.lowerBound)])
      (pivot + channels.lowerBound).update(repeating: first, count: channels.count)
    }
    // The second time around the means, for the sums that their rounding left over.
    for _ in 0..<2 {
      scratch.sums.update(repeating: 0, count: extent.channels)
      scratch.products.update(repeating: 0, count: extent.channels)
      addPivotedMoments(
        x, extent: extent.sample, block: block, pivot: pivot, sums: scratch.sums, squares: scratch.products)
      for group in 0..<extent.groups {
        let channels = extent.channels(of: group)
        let sum = channels.reduce(0) { $0 + scratch.sums[$1] }
        let square = channels.reduce(0) { $0 + scratch.products[$1] }
        let difference = sum / Double(extent.valuesPerGroup)
        statistics.mean[group] = pivot[channels.lowerBound] + difference
        statistics.reciprocal[group] = square - difference * sum
        (pivot + channels.lowerBound).update(repeating: statistics.mean[group], count: channels.count)
      }
    }
  }

  func normalize(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ channels: Range<Int>,
    _ scratch: GroupScratch<Element>, rectifies: Bool
  ) {
    NormaNormalization.normalize(
      x, y, extent: extent.sample, block: block, transform: scratch.transform, rectifies: rectifies)
  }

  func findGradientSums(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ channels: Range<Int>, _ scratch: GroupScratch<Element>,
    rectifies: Bool
  ) {
    scratch.sums.update(repeating: 0, count: extent.channels)
    scratch.products.update(repeating: 0, count: extent.channels)
    addGradientSums(
      g, x, extent: extent.sample, block: block, transform: scratch.transform, rectifies: rectifies,
      sums: scratch.sums, products: scratch.products)
  }

  func inputGradient(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>,
    _ channels: Range<Int>, _ scratch: GroupScratch<Element>, rectifies: Bool
  ) {
    NormaNormalization.inputGradient(
      g, x, dx, extent: extent.sample, block: block, transform: scratch.transform, slope: scratch.slope,
      offset: scratch.offset, rectifies: rectifies)
  }
}
