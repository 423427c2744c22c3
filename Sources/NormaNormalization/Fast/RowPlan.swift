import CKernels
import NormaTensor

/// How the rows and channels of a tensor are cut into tickets: by their numbers alone, never by that of the threads.
struct RowPlan {
  /// Each ticket does all rows of some columns, first their sums and then what needs them, while they are in the cache;
  /// or some rows of all columns, and everybody waits for everybody's sums.
  enum Cut {
    case columns(perTicket: Int)
    case rows(perTicket: Int)
  }

  /// How many rows are read as one, so that few channels fill the vectors.
  let fold: Int
  /// Rows of `width` values.
  let rows: Int
  let width: Int
  /// Rows of the tensor that do not fill a folded row.
  let tailRows: Int
  let channels: Int
  let cut: Cut

  /// Values in one ticket; fewer are not worth sharing.
  private static let valuesPerTicket = 1 << 15
  /// At most so many tickets of rows, each of which has sums of its own.
  private static let mostRowTickets = 64
  /// More rows, in pieces of 128 columns, would not stay in a core's own cache until they are read again; and rows are read
  /// faster as they lie.
  private static let mostColumnRows = 512
  /// Values of a row that the kernels read at a time.
  static let lanes = 16

  /// Nil for so few values that the kernels have nothing to do.
  init?(rows: Int, channels: Int) {
    guard rows > 0, channels > 0 else { return nil }
    fold = channels < 64 ? max(1, 64 / channels) : 1
    width = fold * channels
    self.rows = rows / fold
    tailRows = rows % fold
    self.channels = channels
    guard self.rows > 0, width >= Self.lanes else { return nil }
    if channels >= 256 && rows <= Self.mostColumnRows {
      cut = .columns(perTicket: max(128, Self.valuesPerTicket / rows / Self.lanes * Self.lanes))
    } else {
      let blocks = (self.rows + Int(NORMA_BLOCK) - 1) / Int(NORMA_BLOCK)
      let wanted = max(1, min(Self.mostRowTickets, blocks, self.rows * width / Self.valuesPerTicket))
      cut = .rows(perTicket: (blocks + wanted - 1) / wanted * Int(NORMA_BLOCK))
    }
  }

  /// The number of tickets.
  var ticketCount: Int {
    switch cut {
    // The last ticket takes what is left, so that none has too few columns for a vector.
    case .columns(let perTicket): max(1, channels / perTicket)
    case .rows(let perTicket): (rows + perTicket - 1) / perTicket
    }
  }

  /// Calls `body` for stretches of the sums' places, in each of which the tickets' sums are added up. Folded rows are one.
  func forEachStretch(_ body: (Range<Int>) -> Void) {
    let length = 1024
    Parallel.forEach((width + length - 1) / length) { body($0 * length..<min(width, ($0 + 1) * length)) }
  }

  /// Calls `body` for chunks of rows, to be worked on element by element.
  func forEachChunk(_ body: (Range<Int>) -> Void) {
    let length = max(1, Self.valuesPerTicket / width)
    Parallel.forEach((rows + length - 1) / length) { body($0 * length..<min(rows, ($0 + 1) * length)) }
  }

  /// The columns or the folded rows of a ticket.
  func range(_ ticket: Int) -> Range<Int> {
    switch cut {
    case .columns(let perTicket):
      ticket * perTicket..<(ticket == ticketCount - 1 ? channels : (ticket + 1) * perTicket)
    case .rows(let perTicket): ticket * perTicket..<min(rows, (ticket + 1) * perTicket)
    }
  }
}

/// Bytes from which on results are written past the caches: they would not stay there anyway, their lines need not be read
/// first, and what is in the caches stays.
private let streamingThreshold = 12 << 20

/// Whether a result of `count` floats, of which runs of `width` stand side by side, is written past the caches.
func streams(count: Int, width: Int) -> Bool {
  count * MemoryLayout<Float>.size >= streamingThreshold && width >= 4 * RowPlan.lanes
}
