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

  var blockCount: Int { (rows + rowsPerBlock - 1) / rowsPerBlock }

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
