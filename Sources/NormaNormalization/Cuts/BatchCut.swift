import CKernels
import NormaTensor

/// How a batch is cut into tickets: by its extent alone, never by the number of threads.
struct BatchCut {
  /// Each ticket does all values of some channels, first their sums and then what needs them, while they are in the cache; or
  /// some rows of all channels, and everybody waits for everybody's sums.
  enum Order {
    case channels(perTicket: Int, tickets: Int)
    case rows(perTicket: Int)
  }

  let extent: ChannelExtent
  let order: Order
  /// Outers that are worked on together where nothing is used twice.
  private let outersPerChunk: Int

  /// Values in one ticket of rows; fewer are not worth sharing.
  private static let valuesPerTicket = 1 << 15
  /// At most so many tickets of rows, each of which has sums of its own.
  private static let mostRowTickets = 64
  /// More rows, in pieces of 128 columns, would not stay in a core's own cache until they are read again; and rows are read
  /// faster as they lie.
  private static let mostColumnRows = 512
  /// Values of some channels' planes: about as many as a core's own cache holds.
  private static let valuesOfPlanes = 1 << 16
  /// Values that stand side by side in one outer, even where they are too many for that cache: memory is read faster in
  /// longer runs. Four times as many are faster still, as long as a ticket is small enough for the cache that cores share.
  private static let valuesPerRun = 1 << 12
  private static let valuesOfSharedCache = 1 << 19

  init(_ whole: ChannelExtent) {
    let (channels, rows) = (max(1, whole.channels), whole.outers)
    extent = Self.folded(whole)
    guard whole.inner == 1 else {
      let fitting = Self.valuesOfPlanes / max(1, whole.valuesPerChannel)
      let shorter = Self.valuesPerRun / max(1, whole.inner)
      let longer = min(
        4 * Self.valuesPerRun / max(1, whole.inner), Self.valuesOfSharedCache / max(1, whole.valuesPerChannel))
      let neighbours = min(max(shorter, longer), channels / 4)
      let perTicket = max(1, min(channels, max(fitting, neighbours)))
      order = .channels(perTicket: perTicket, tickets: (channels + perTicket - 1) / perTicket)
      outersPerChunk = max(1, Self.valuesOfPlanes / max(1, whole.stride))
      return
    }
    outersPerChunk = max(1, Self.valuesPerTicket / max(1, extent.width)) * extent.fold
    if channels >= 256 && rows <= Self.mostColumnRows {
      let lanes = ChannelExtent.lanes
      let perTicket = max(128, Self.valuesPerTicket / max(1, rows) / lanes * lanes)
      // The last ticket takes what is left, so that none has too few columns for a vector.
      order = .channels(perTicket: perTicket, tickets: max(1, channels / perTicket))
    } else {
      let block = extent.fold * Int(NORMA_BLOCK)
      let blocks = (rows + block - 1) / block
      let wanted = max(1, min(Self.mostRowTickets, blocks, rows * channels / Self.valuesPerTicket))
      order = .rows(perTicket: max(1, (blocks + wanted - 1) / wanted) * block)
    }
  }

  /// An extent with as many rows side by side as fill the vectors.
  static func folded(_ whole: ChannelExtent) -> ChannelExtent {
    var extent = whole
    if whole.inner == 1 { extent.fold = max(1, 64 / max(1, whole.channels)) }
    return extent
  }

  /// Calls `body` for the channels of each ticket of an order by channels; whether it returned true for all of them.
  func forEachTicketOfChannels(_ body: (Range<Int>, _ part: ChannelExtent, _ start: Int) -> Bool) -> Bool {
    guard case .channels(let perTicket, let tickets) = order else { return true }
    return withEveryFlag(tickets) { ticket in
      let end = ticket == tickets - 1 ? extent.channels : (ticket + 1) * perTicket
      let (part, start) = extent.slice(channels: ticket * perTicket..<end)
      return body(ticket * perTicket..<end, part, start)
    }
  }

  /// Calls `body` for each run of so many outers; the first argument is the run's number.
  func forEachRun(of length: Int, _ body: (Int, Range<Int>) -> Void) {
    Parallel.forEach((extent.outers + length - 1) / length) { run in
      body(run, run * length..<min(extent.outers, (run + 1) * length))
    }
  }

  /// Calls `body` for runs of outers, to be worked on value by value.
  func forEachChunk(_ body: (_ part: ChannelExtent, _ start: Int) -> Void) {
    forEachRun(of: outersPerChunk) { _, outers in
      let (part, start) = extent.slice(outers: outers)
      body(part, start)
    }
  }
}

extension ChannelExtent {
  /// The values of a whole tensor's outer that are treated alike or lie in one row.
  var runLength: Int { inner > 1 ? inner : channels }
  /// Whether results of a whole tensor are written past the caches.
  var streams: Bool { writesPastCaches(count: outers * channels * inner, run: runLength) }
}

/// Whether a result of `count` floats, of which runs of so many stand side by side, is written past the caches: from a size
/// on from which it would not stay there anyway, its lines need not be read first, and what is in the caches stays.
func writesPastCaches(count: Int, run: Int) -> Bool {
  count * MemoryLayout<Float>.size >= 12 << 20 && run >= 4 * ChannelExtent.lanes
}
