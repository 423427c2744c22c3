import CKernels
import NormaTensor

/// Rows of a tensor that are worked on as if they stood one after the other, in a tensor of their own.
///
/// The passes see such a tensor and nothing else, so that what they find has the bits that it has of rows that were packed before.
/// Rows that stand side by side are read and written where they are; others go through memory that is in the cache.
struct SelectedRows: Sendable {
  /// How the rows are read as a tensor of their own.
  let extent: ChannelExtent
  /// Where the first of them stands, where they all stand side by side.
  let start: Int
  /// The stretches of rows that stand side by side; nil where all do.
  private let runs: [Run]?
  /// How far the values of neighbouring rows, and of neighbouring channels, are apart in the whole tensor.
  private let rowStep: Int, channelStep: Int
  /// How much each row counts; nil where all count the same.
  let weights: [Double]?
  /// Whether results are written past the caches, which the size of the whole tensor decides.
  let streams: Bool

  /// Rows that stand side by side in the whole tensor.
  struct Run: Sendable {
    /// The number of the first among the rows that are worked on.
    let row: Int
    /// Where its first value stands in the whole tensor.
    let place: Int
    var count: Int
  }

  /// All rows of some samples.
  init(_ whole: ChannelExtent, outers: Range<Int>) {
    (extent, start) = whole.slice(outers: outers)
    (rowStep, channelStep) = (extent.stride, extent.inner)
    (runs, weights, streams) = (nil, nil, whole.streams)
  }

  /// Whether some rows do not stand beside their neighbours.
  var areApart: Bool { runs != nil }

  /// A part as rows that kernels read and write as they lie, folded ones as one, and how many of its rows are in them; nil where they do
  /// not lie so.
  func wideRows(_ part: ChannelExtent) -> (rows: ChannelExtent, count: Int)? {
    guard runs == nil, part.inner == 1, part.width >= ChannelExtent.lanes, part.outers >= part.fold else { return nil }
    return (part.wide, part.outers / part.fold * part.fold)
  }

  /// Those rows of some samples that count.
  ///
  /// - Parameter keepsWeights: whether their weights matter even where all are the same: these are not all rows that share moments.
  init(_ whole: ChannelExtent, samples: Range<Int>, of rows: RowWeights, keepsWeights: Bool) {
    let isScattered = rows.layout.isScattered
    rowStep = rows.layout.rowStep
    channelStep = whole.inner
    streams = whole.streams
    var found: [Run] = []
    var count = 0
    rows.forEachRun(samples, counting: true) { place, length in
      found.append(Run(row: count, place: place, count: length))
      count += length
    }
    let all = samples.count * rows.layout.rowsPerSample
    let ofRows = rows.isUneven ? rows.weightsAboveZero(samples) : []
    weights = keepsWeights || ofRows.contains { $0 != ofRows[0] } ? ofRows : nil
    if count < all || isScattered && weights != nil {
      extent = ChannelExtent(outers: count, channels: whole.channels, inner: isScattered ? 1 : whole.inner)
      start = 0
      runs = found
    } else {
      let outersPerSample = isScattered ? 1 : rows.layout.rowsPerSample
      (extent, start) = whole.slice(
        outers: samples.lowerBound * outersPerSample..<samples.upperBound * outersPerSample)
      runs = nil
    }
  }

  /// Whether rows of half width are written past the caches: those of whole vectors.
  func streamsHalves(_ rows: ChannelExtent) -> Bool {
    streams && rows.channels % ChannelExtent.lanes == 0 && rows.stride % ChannelExtent.lanes == 0
  }

  /// The sum of all weights of a channel's values.
  var weight: Double {
    weights.map { $0.reduce(0, +) * Double(extent.inner) } ?? Double(extent.valuesPerChannel)
  }

  /// The number of the first row of a part, which begins somewhere in the tensor of the rows' own.
  func firstRow(_ begin: Int) -> Int { begin / max(1, extent.stride) }

  /// The first channel of a part.
  private func firstChannel(_ begin: Int) -> Int {
    (begin - firstRow(begin) * extent.stride) / max(1, extent.inner)
  }

  /// Whether rows of a run are read as they lie.
  private var liesAsRows: Bool { channelStep == extent.inner && rowStep == extent.stride }

  /// So many rows that do not count are at most passed over by writing them as if they did: what they are to hold is written later, and
  /// where they are few, and not written past the caches, that takes less than to begin anew behind them.
  private func mostBetween(streams: Bool) -> Int {
    streams || !liesAsRows ? 0 : Self.valuesBetween / max(1, extent.stride)
  }

  /// Calls `body` for the stretches of some rows, several as one where no more than some rows are between them; `ahead`, where one begins,
  /// with the place of the next.
  @inline(__always)
  private func forEachRun(
    _ runs: [Run], _ rows: Range<Int>, across: Int = 0, ahead: (_ place: Int) -> Void = { _ in },
    _ body: (_ first: Int, _ place: Int, _ count: Int, _ withRowsBetween: Int) -> Void
  ) {
    // The last run that begins at or before the first row.
    var (low, high) = (0, runs.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if runs[middle].row <= rows.lowerBound { low = middle } else { high = middle }
    }
    var row = rows.lowerBound
    while row < rows.upperBound {
      let run = runs[low]
      let place = run.place + (row - run.row) * rowStep
      var end = min(rows.upperBound, run.row + run.count)
      var all = end - row
      while across > 0, end < rows.upperBound, low + 1 < runs.count {
        let next = runs[low + 1]
        let rowsUpToNext = (next.place - place) / rowStep
        guard rowsUpToNext - all <= across, next.place > place else { break }
        end = min(rows.upperBound, next.row + next.count)
        all = rowsUpToNext + (end - next.row)
        low += 1
      }
      if row == run.row && low + 1 < runs.count { ahead(runs[low + 1].place) }
      body(row, place, end - row, all)
      row = end
      low += 1
    }
  }

  /// Lends a part of a tensor.
  ///
  /// - Parameter packs: whether rows are to stand side by side, as those that are expanded do.
  @inline(__always)
  func read<Element: TensorElement, Value>(
    _ x: Reading<Element>, _ part: ChannelExtent, _ begin: Int, packs: Bool = false,
    _ body: (_ x: UnsafePointer<Element>, _ part: ChannelExtent) -> Value
  ) -> Value {
    let (first, channel) = (firstRow(begin), firstChannel(begin))
    let rows = first..<first + part.outers
    let packed = part.packed
    if case .full(let x) = x, !packs || packed.stride == part.stride {
      guard let runs, part.outers > 0 else { return body(x + (start + begin), part) }
      if liesAsRows, let place = place(runs, rows) { return body(x + place + channel * channelStep, part) }
    }
    return withScratch(part.outers * packed.stride, of: Element.self) { memory in
      gather(x, rows, channel, packed, memory)
      return body(memory, packed)
    }
  }

  /// Lends a block of rows of up to two tensors in pieces, one after the other: stretches where they are, and what is too short for that
  /// gathered into some memory, which has room for all. Each piece has a multiple of the rows that are folded, the first at least eight times as many, if there are so many.
  @inline(__always)
  func readPieces<Element: TensorElement>(
    _ g: UnsafePointer<Element>?, _ x: UnsafePointer<Element>, _ part: ChannelExtent, _ begin: Int,
    _ memory: UnsafeMutablePointer<Element>,
    _ body: (_ g: UnsafePointer<Element>?, _ x: UnsafePointer<Element>, _ part: ChannelExtent) -> Void
  ) {
    guard let runs else { return body(g.map { $0 + (start + begin) }, x + (start + begin), part) }
    let (first, channel) = (firstRow(begin), firstChannel(begin))
    let (end, least) = (first + part.outers, 8 * part.fold)
    // What is not lent yet begins here.
    var next = first
    func lendGathered(upTo row: Int) {
      guard row > next else { return }
      var packed = part.packed
      packed.outers = row - next
      let gathered = memory + packed.outers * packed.stride
      gather(.full(x), next..<row, channel, packed, memory)
      if let g { gather(.full(g), next..<row, channel, packed, gathered) }
      body(g == nil ? nil : UnsafePointer(gathered), memory, packed)
      next = row
    }
    if liesAsRows {
      forEachRun(runs, first..<end) { place in
        let place = place + channel * channelStep
        prefetch(x + place)
        if let g { prefetch(g + place) }
      } _: { row, place, count, _ in
        // From whole folded rows on, and behind a first piece that is long enough.
        var direct = row + (part.fold - (row - first) % part.fold) % part.fold
        if next == first && row > first { direct = max(direct, first + least) }
        let length = (row + count - direct) / part.fold * part.fold
        guard length >= least else { return }
        lendGathered(upTo: direct)
        var piece = part
        piece.outers = length
        let begin = place + (direct - row) * rowStep + channel * channelStep
        body(g.map { $0 + begin }, x + begin, piece)
        next = direct + length
      }
    }
    lendGathered(upTo: end)
  }

  /// Where rows stand that all stand side by side.
  private func place(_ runs: [Run], _ rows: Range<Int>) -> Int? {
    var found: Int?
    forEachRun(runs, rows) { _, place, count, _ in found = count == rows.count ? place : nil }
    return found
  }

  /// Lends parts of up to two tensors, and takes in what is written of a third: stretches of rows where they are, or some rows at a time
  /// where these are short or of half width.
  @inline(__always)
  func write<Element: TensorElement>(
    _ g: Reading<Element>?, _ x: Reading<Element>, _ y: Writing<Element>, _ part: ChannelExtent, _ begin: Int,
    streams: Bool,
    _ body: (
      _ g: UnsafePointer<Element>?, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>,
      _ part: ChannelExtent, _ streams: Bool
    ) -> Void
  ) {
    let allFull = !x.isHalf && !y.isHalf && !(g?.isHalf ?? false)
    if allFull, runs == nil || part.outers == 0, case .full(let x) = x, case .full(let y) = y {
      let place = start + begin
      var gradient: UnsafePointer<Element>?
      if case .full(let g) = g { gradient = g + place }
      return body(gradient, x + place, y + place, part, streams)
    }
    let (first, channel) = (firstRow(begin), firstChannel(begin))
    let packed = part.packed
    let step = max(1, Self.valuesGathered / max(1, packed.stride * part.fold)) * part.fold
    // Where rows of full width are used as they lie beside those that are expanded.
    let isPlain = runs == nil && packed.stride == extent.stride
    withScratch(3 * step * packed.stride, of: Element.self) { memory in
      let (gs, xs, ys) = (memory, memory + step * packed.stride, memory + 2 * step * packed.stride)
      func gathered(_ rows: Range<Int>) {
        var piece = packed
        piece.outers = rows.count
        let place = start + rows.lowerBound * extent.stride
        func lent(_ x: Reading<Element>, _ memory: UnsafeMutablePointer<Element>) -> UnsafePointer<Element> {
          if isPlain, case .full(let x) = x { return x + place }
          gather(x, rows, channel, piece, memory)
          return UnsafePointer(memory)
        }
        let (gradient, input) = (g.map { lent($0, gs) }, lent(x, xs))
        if isPlain, case .full(let y) = y { return body(gradient, input, y + place, piece, streams) }
        body(gradient, input, ys, piece, false)
        scatter(ys, rows, channel, piece, y, streams: streams)
      }
      // Short stretches wait until they are enough.
      var waiting = first..<first
      func flush() {
        for row in stride(from: waiting.lowerBound, to: waiting.upperBound, by: step) {
          gathered(row..<min(waiting.upperBound, row + step))
        }
      }
      if let runs, allFull, case .full(let x) = x, case .full(let y) = y {
        var gradient: UnsafePointer<Element>?
        if case .full(let g) = g { gradient = g }
        forEachRun(runs, first..<first + part.outers, across: mostBetween(streams: streams)) { place in
          let place = place + channel * channelStep
          prefetch(x + place)
          if let gradient { prefetch(gradient + place) }
        } _: { row, place, count, all in
          guard liesAsRows, count * packed.stride >= Self.valuesInPlace, count >= part.fold else {
            waiting = waiting.isEmpty ? row..<row + count : waiting.lowerBound..<row + count
            return
          }
          flush()
          waiting = row + count..<row + count
          let place = place + channel * channelStep
          var direct = part
          direct.outers = all
          body(gradient.map { $0 + place }, x + place, y + place, direct, streams)
        }
      } else {
        waiting = first..<first + part.outers
      }
      flush()
    }
  }

  /// Asks for the beginning of a stretch while the one before it is worked on.
  @inline(__always)
  private func prefetch<Element: TensorElement>(_ values: UnsafePointer<Element>) {
    norma_prefetch(values, Self.bytesAhead)
  }

  /// So much is asked for ahead: from there on the processor knows how it goes on.
  private static let bytesAhead = 1 << 10
  /// Values that are gathered at a time: as many as the nearest cache holds three times.
  private static let valuesGathered = 1 << 11
  /// See ``mostBetween(streams:)``.
  private static let valuesBetween = 1 << 10
  /// From so many values on a stretch is worth a call of its own.
  private static let valuesInPlace = 1 << 9

  /// Calls `body` for the stretches of some rows, as they lie from a channel on.
  private func forEachStretch(
    _ rows: Range<Int>, _ channel: Int, _ part: ChannelExtent,
    _ body: (_ memory: Int, _ place: Int, _ count: Int, _ isDense: Bool) -> Void
  ) {
    guard let runs else {
      let place = start + rows.lowerBound * extent.stride + channel * extent.inner
      return body(0, place, rows.count, part.stride == extent.stride)
    }
    forEachRun(runs, rows) { row, place, count, _ in
      body(
        (row - rows.lowerBound) * part.stride, place + channel * channelStep, count,
        liesAsRows && part.stride == extent.stride)
    }
  }

  /// How far rows, and channels in one, are apart.
  private var steps: (row: Int, channel: Int) {
    runs == nil ? (extent.stride, extent.inner) : (rowStep, channelStep)
  }

  private func gather<Element: TensorElement>(
    _ x: Reading<Element>, _ rows: Range<Int>, _ channel: Int, _ part: ChannelExtent,
    _ memory: UnsafeMutablePointer<Element>
  ) {
    let steps = steps
    forEachStretch(rows, channel, part) { start, place, count, isDense in
      let memory = memory + start
      if isDense { return x.load(place, count: count * part.stride, to: memory) }
      for row in 0..<count {
        let (to, from) = (memory + row * part.stride, place + row * steps.row)
        if steps.channel == extent.inner {
          x.load(from, count: part.stride, to: to)
        } else {
          for channel in 0..<part.channels { to[channel] = x[from + channel * steps.channel] }
        }
      }
    }
  }

  private func scatter<Element: TensorElement>(
    _ memory: UnsafePointer<Element>, _ rows: Range<Int>, _ channel: Int, _ part: ChannelExtent,
    _ y: Writing<Element>, streams: Bool
  ) {
    let steps = steps
    forEachStretch(rows, channel, part) { start, place, count, isDense in
      let memory = memory + start
      if isDense { return y.store(memory, at: place, count: count * part.stride, streams: streams) }
      for row in 0..<count {
        let (from, to) = (memory + row * part.stride, place + row * steps.row)
        if steps.channel == extent.inner {
          y.store(from, at: to, count: part.stride, streams: false)
        } else {
          for channel in 0..<part.channels { y.set(from[channel], at: to + channel * steps.channel) }
        }
      }
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
