import CKernels
import NormaTensor

/// How rows, each with statistics of its own, are cut into blocks that are worth a ticket each.
struct RowCut {
  let rows, channels: Int
  let streams: Bool
  private let rowsPerBlock: Int

  init(_ shape: Shape) {
    (rows, channels) = (shape.rowCount, shape.channelCount)
    rowsPerBlock = max(Int(NORMA_BLOCK), 16_384 / max(1, channels))
    // Not so where rows are short, which costs more than it saves: each is written in one piece, and what is not a whole line
    // of it one by one.
    streams =
      channels >= (channels % ChannelExtent.lanes == 0 ? 128 : 256)
      && writesPastCaches(count: rows * channels, run: channels)
  }

  /// Whether rows of half width are written past the caches: those of whole vectors.
  var streamsHalves: Bool { streams && channels % ChannelExtent.lanes == 0 }

  /// Whether kernels read rows of half width as they lie: not short ones, whose means are found by their columns.
  func readsHalves(subtractingMean: Bool) -> Bool {
    channels > Int(NORMA_BLOCK) || !subtractingMean && channels >= ChannelExtent.lanes
  }

  /// Rows that are expanded together where they are of half width: as many as the kernels do together, in the nearest cache.
  var rowsExpanded: Int {
    channels <= 256 ? max(ChannelExtent.lanes, 2048 / max(1, channels)) : channels <= 1024 ? 4 : 1
  }

  var blockCount: Int { (rows + rowsPerBlock - 1) / rowsPerBlock }

  /// Calls `body` for so many rows at a time, or for all where none are of half width.
  func forEachPiece(
    of rows: Range<Int>, isHalf: Bool, _ body: (_ rows: Range<Int>, _ isFirst: Bool, _ isLast: Bool) -> Void
  ) {
    let step = isHalf ? rowsExpanded : max(1, rows.count)
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let end = min(rows.upperBound, first + step)
      body(first..<end, first == rows.lowerBound, end == rows.upperBound)
    }
  }

  /// Calls `body` for each block.
  func forEachBlock(_ body: (_ index: Int, _ rows: Range<Int>) -> Void) {
    Parallel.forEach(blockCount) { body($0, $0 * rowsPerBlock..<min(rows, ($0 + 1) * rowsPerBlock)) }
  }

  /// Calls `body` for the longest runs of a block's rows that are all ordinary, or none of them, with 64 at most: sums in single
  /// precision stay short.
  func forEachRun(
    of block: Range<Int>, _ reciprocalDeviation: UnsafePointer<Double>, hasKernels: Bool,
    _ body: (_ run: Range<Int>, _ isOrdinary: Bool) -> Void
  ) {
    func isOrdinary(_ row: Int) -> Bool {
      hasKernels && NormaNormalization.isOrdinary(reciprocalDeviation[row], scale: reciprocalDeviation[row])
    }
    for first in stride(from: block.lowerBound, to: block.upperBound, by: Int(NORMA_BLOCK)) {
      let last = min(block.upperBound, first + Int(NORMA_BLOCK))
      var start = first
      while start < last {
        let kind = isOrdinary(start)
        var end = start + 1
        while end < last && isOrdinary(end) == kind { end += 1 }
        body(start..<end, kind)
        start = end
      }
    }
  }
}

/// Memory for the few rows that are expanded at a time where some of what is read or written is of half width.
struct RowScratch<Element: TensorElement> {
  /// The memory; nil where all is of full width.
  private let memory: UnsafeMutablePointer<Element>?
  private let channels, values: Int
  private let streams: Bool

  /// Rows of full width.
  struct Lent {
    let g: UnsafePointer<Element>?, x: UnsafePointer<Element>
    let y: UnsafeMutablePointer<Element>
    /// Whether they are written past the caches.
    let streams: Bool
  }

  fileprivate init(_ memory: UnsafeMutablePointer<Element>?, rows: Int, _ cut: RowCut) {
    self.memory = memory
    (channels, values, streams) = (cut.channels, rows * cut.channels, cut.streams)
  }

  /// Whether rows are expanded.
  var isThere: Bool { memory != nil }

  /// Lends rows, and a place for those that are written.
  func lend(_ rows: Range<Int>, g: Reading<Element>? = nil, x: Reading<Element>, y: Writing<Element>) -> Lent {
    let (place, count) = (rows.lowerBound * channels, rows.count * channels)
    return Lent(
      g: g?.expanded(place, count: count, in: memory!), x: x.expanded(place, count: count, in: memory! + values),
      y: y.place(place, in: memory! + 2 * values), streams: streams && !y.isHalf)
  }

  /// Takes in what was written.
  func store(_ lent: Lent, _ rows: Range<Int>, to y: Writing<Element>) {
    guard y.isHalf else { return }
    y.store(lent.y, at: rows.lowerBound * channels, count: rows.count * channels, streams: streams)
  }
}

extension RowCut {
  /// Calls `body` for each block, with memory for rows of half width where there are some.
  func forEachBlock<Element: TensorElement>(
    of g: Reading<Element>? = nil, _ x: Reading<Element>, _ y: Writing<Element>,
    _ body: (_ index: Int, _ rows: Range<Int>, _ scratch: RowScratch<Element>) -> Void
  ) {
    let isHalf = x.isHalf || y.isHalf || (g?.isHalf ?? false)
    forEachBlock { index, block in
      withScratch(forRows: rowsExpanded, isHalf: isHalf) { body(index, block, $0) }
    }
  }

  /// Lends memory for so many rows at a time, if some are of half width.
  func withScratch<Element: TensorElement>(
    forRows rows: Int, isHalf: Bool, _ body: (_ scratch: RowScratch<Element>) -> Void
  ) {
    guard isHalf else { return body(RowScratch(nil, rows: rows, self)) }
    NormaTensor.withScratch(3 * rows * channels, of: Element.self) { body(RowScratch($0, rows: rows, self)) }
  }

  /// The gradient of some rows of half width, if kernels read and write them as they lie; see `layer_gradient`.
  func findGradient<Element: TensorElement>(
    _ g: Reading<Element>, _ x: Reading<Element>, _ dx: Writing<Element>, _ run: Range<Int>,
    _ gamma: UnsafePointer<Float>, mean: UnsafePointer<Double>?, _ reciprocal: UnsafePointer<Double>,
    _ parts: UnsafeMutablePointer<Double>, _ scratch: UnsafeMutablePointer<Float>,
    _ kernels: UnsafePointer<norma_kernels>
  ) -> Bool {
    guard let (g, precision) = g.bits, let (x, other) = x.bits, let (dx, written) = dx.bits, precision == other,
      precision == written, channels >= ChannelExtent.lanes
    else { return false }
    let find =
      precision == .float16 ? kernels.pointee.layer_gradient_float16! : kernels.pointee.layer_gradient_bfloat16!
    let (row, start) = (run.lowerBound, run.lowerBound * channels)
    find(
      g + start, x + start, dx + start, run.count, channels, gamma, mean.map { $0 + row }, reciprocal + row, parts,
      parts + channels, scratch, true, true, streamsHalves)
    return true
  }
}
