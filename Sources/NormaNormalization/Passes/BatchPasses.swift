import CKernels
import NormaTensor

/// Batch normalization by passes, shared among tickets as ``BatchCut`` says.
struct BatchPasses<Element: TensorElement> {
  typealias Source = UnsafePointer<Element>
  typealias Result = UnsafeMutablePointer<Element>
  typealias Passes = ChannelPasses<Element>

  let passes = Passes()
  let cut: BatchCut
  let rows: SelectedRows
  let rectifies: Bool
  /// Memory for a single run's sums, where somebody lends it.
  private let memory: PassMemory<Element>?

  private var extent: ChannelExtent { cut.extent }

  init(over rows: SelectedRows, rectifies: Bool, memory: PassMemory<Element>? = nil) {
    cut = BatchCut(rows.extent)
    self.rows = rows
    self.rectifies = rectifies
    self.memory = memory
  }

  private func normalize(
    _ x: Source, _ y: Result, _ part: ChannelExtent, _ start: Int, _ vectors: ChannelVectors<Element>, isOrdinary: Bool
  ) {
    rows.write(nil, x, y, part, start, streams: rows.streams) { _, x, y, part, streams in
      passes.normalize(x, y, part, vectors, isOrdinary: isOrdinary, rectifies: rectifies, streams: streams)
    }
  }

  /// Finds the statistics and normalizes; only finds them without a place for the result. False if some channels are left to the
  /// definition.
  func forward(_ x: Source, _ y: Result?, _ vectors: ChannelVectors<Element>, epsilon: Double) -> Bool {
    func finish(_ found: Passes.Sums, _ first: Int, _ width: Int) -> Bool {
      passes.finish(
        found, count: extent.valuesPerChannel, vectors.from(first), width: width, epsilon: epsilon
      ) {
        let (column, start) = extent.slice(channels: first + $0..<first + $0 + 1)
        return rows.read(x, column, start) { definedMoments($0, $1, 0..<1) }
      }
    }
    switch cut.order {
    case .channels:
      return cut.forEachTicketOfChannels { channels, part, start in
        let isOrdinary = Passes.Sums.lend(width: part.channels) { found, scratch in
          findMoments(x, part, start, found, scratch)
          return finish(found, channels.lowerBound, part.channels)
        }
        guard let y else { return isOrdinary }
        normalize(x, y, part, start, vectors.from(channels.lowerBound), isOrdinary: isOrdinary)
        return isOrdinary
      }
    case .rows(let perTicket):
      let isOrdinary = combineRuns(of: perTicket) { part, start, found, scratch in
        findMoments(x, part, start, found, scratch)
      } add: {
        passes.add($0, count: $1, to: $2, width: $3)
      } finish: {
        finish($0, $1, $2)
      }
      guard let y else { return isOrdinary }
      vectors.repeatTransform(extent)
      apply(x, y, vectors, isOrdinary: isOrdinary)
      return isOrdinary
    }
  }

  private func findMoments(
    _ x: Source, _ part: ChannelExtent, _ start: Int, _ found: Passes.Sums, _ scratch: Result
  ) {
    guard rows.areApart, passes.readsBlocks(part) else {
      return rows.read(x, part, start) { passes.findMoments($0, $1, found, scratch: scratch) }
    }
    withScratch(part.valuesPerBlock, of: Element.self) { memory in
      passes.findMoments(ofBlocks: part, found, scratch: scratch) { outers, piece in
        let (block, first) = part.slice(outers: outers)
        rows.readPieces(nil, x, block, start + first, memory) { piece($1, $2.unfolded) }
      } rest: { outers, body in
        var (rest, first) = part.slice(outers: outers)
        rest.fold = 1
        rows.read(x, rest, start + first, body)
      }
    }
  }

  /// Normalizes by moments that were found before. False if some channels are left to the definition.
  func forward(
    _ x: Source, _ y: Result, _ vectors: ChannelVectors<Element>, moments: BatchMoments, epsilon: Double
  ) -> Bool {
    let share = 1 / moments.weight
    var isOrdinary = true
    for channel in 0..<extent.channels {
      vectors.mean[channel] = moments.mean[channel]
      vectors.secondMoment[channel] = moments.centredSecondMoment[channel]
      vectors.setReciprocal(channel, share: share, epsilon: epsilon)
      let isChannelOrdinary = vectors.setTransform(
        channel..<channel + 1, mean: moments.mean[channel], reciprocalDeviation: vectors.reciprocalDeviation[channel],
        hasKernels: passes.kernels != nil)
      isOrdinary = isOrdinary && isChannelOrdinary
    }
    vectors.repeatTransform(extent)
    apply(x, y, vectors, isOrdinary: isOrdinary)
    return isOrdinary
  }

  /// Normalizes with the statistics known.
  func apply(_ x: Source, _ y: Result, _ vectors: ChannelVectors<Element>, isOrdinary: Bool) {
    cut.forEachChunk { part, start in normalize(x, y, part, start, vectors, isOrdinary: isOrdinary) }
  }

  /// The backward pass: writes the gradients of gamma and beta, and that of the input, for which the statistics are functions of
  /// the input in training and constants in inference.
  func backward(
    _ g: Source, _ x: Source, _ dx: Result, _ vectors: ChannelVectors<Element>, isOrdinary: Bool, isInference: Bool,
    gamma: Result, beta: Result
  ) {
    let weight = rows.weight
    func finish(_ found: Passes.Sums, _ first: Int, _ width: Int, _ line: Passes.Line) -> Bool {
      let isFinite = passes.finishGradients(
        found.sums, found.squares, weight: weight, vectors.from(first), width: width, line,
        isOrdinary: isOrdinary, gamma: gamma + first, beta: beta + first
      ) { channel in
        var sums = (0.0, 0.0)
        let (whole, start) = extent.slice(channels: first + channel..<first + channel + 1)
        rows.read(g, whole, start) { g, part in
          rows.read(x, whole, start) { x, _ in
            addGradientSumsByDefinition(
              g, x, part, 0..<1, vectors.from(first + channel), rectifies: rectifies, sums: &sums.0, products: &sums.1)
          }
        }
        return sums
      }
      if isInference { line.setToZero(width: width) }
      return isFinite
    }
    func findSums(
      _ part: ChannelExtent, _ start: Int, _ first: Int, _ found: Passes.Sums, _ scratch: Result
    ) {
      func readBoth(_ part: ChannelExtent, _ start: Int, _ body: (Source, Source, ChannelExtent) -> Void) {
        rows.read(g, part, start) { g, read in rows.read(x, part, start) { x, _ in body(g, x, read) } }
      }
      guard rows.areApart, isOrdinary, passes.readsBlocks(part) else {
        return readBoth(part, start) {
          passes.findGradientSums(
            $0, $1, $2, vectors.from(first), isOrdinary: isOrdinary, rectifies: rectifies, sums: found.sums,
            products: found.squares, scratch: scratch)
        }
      }
      withScratch(2 * part.valuesPerBlock, of: Element.self) { memory in
        passes.findGradientSums(
          ofBlocks: part, vectors.from(first), rectifies: rectifies, found, scratch: scratch
        ) { outers, piece in
          let (block, first) = part.slice(outers: outers)
          rows.readPieces(g, x, block, start + first, memory) { piece($0!, $1, $2.unfolded) }
        } rest: { outers, body in
          var (rest, first) = part.slice(outers: outers)
          rest.fold = 1
          readBoth(rest, start + first, body)
        }
      }
    }
    func findInputGradient(
      _ part: ChannelExtent, _ start: Int, _ first: Int, _ line: Passes.Line, isFinite: Bool
    ) {
      func find(_ part: ChannelExtent, _ start: Int, _ line: Passes.Line, streams: Bool) {
        rows.write(g, x, dx, part, start, streams: streams) { g, x, dx, part, streams in
          passes.findInputGradient(
            g!, x, dx, part, vectors.from(first), line, isOrdinary: isFinite, rectifies: rectifies, streams: streams)
        }
      }
      guard let weights = rows.weights else { return find(part, start, line, streams: rows.streams) }
      // What the moments bring to each row is as much as the row counts in them.
      Passes.Line.lend(width: part.width) { weighted in
        let firstRow = rows.firstRow(start)
        for outer in 0..<part.outers {
          var row = part
          row.outers = 1
          weighted.set(line, times: weights[firstRow + outer], width: part.width)
          find(row, start + outer * rows.extent.stride, weighted, streams: false)
        }
      }
    }
    switch cut.order {
    case .channels:
      _ = cut.forEachTicketOfChannels { channels, part, start in
        let first = channels.lowerBound
        return Passes.Line.lend(width: part.channels) { line in
          let isFinite = Passes.Sums.lend(width: part.channels) { found, scratch in
            findSums(part, start, first, found, scratch)
            return finish(found, first, part.channels, line)
          }
          findInputGradient(part, start, first, line, isFinite: isFinite)
          return isFinite
        }
      }
    case .rows(let perTicket):
      lendLine { line in
        let isFinite = combineRuns(of: perTicket) { part, start, found, scratch in
          findSums(part, start, 0, found, scratch)
        } add: { part, _, total, width in
          addVector(part.sums, to: total.sums, count: width)
          addVector(part.squares, to: total.squares, count: width)
        } finish: {
          finish($0, $1, $2, line.from($1))
        }
        repeatVector(line.slope, extent)
        repeatVector(line.offset, extent)
        cut.forEachChunk { part, start in findInputGradient(part, start, 0, line, isFinite: isFinite) }
      }
    }
  }

  private func lendSums(
    runs: Int, _ body: (UnsafeMutablePointer<Double>, UnsafeMutablePointer<Element>) -> Bool
  ) -> Bool {
    if runs == 1, let memory { return body(memory.doubles, memory.elements) }
    return withScratch(2 * runs * extent.width, of: Double.self) { doubles in
      withScratch(4 * runs * extent.width, of: Element.self) { body(doubles, $0) }
    }
  }

  private func lendLine(_ body: (Passes.Line) -> Void) {
    let width = extent.width
    guard let memory else { return Passes.Line.lend(width: width, body) }
    let (slope, definedSlope) = (memory.elements + 4 * width, memory.doubles + 2 * width)
    body(
      Passes.Line(
        slope: slope, offset: slope + width, definedSlope: definedSlope, definedOffset: definedSlope + width))
  }

  /// Lets each run of rows find its sums, adds them to the first's in the order of the runs, and gives stretches of channels to
  /// `finish`; whether that returned true for all of them.
  private func combineRuns(
    of length: Int,
    find: (_ part: ChannelExtent, _ start: Int, _ found: Passes.Sums, _ scratch: Result) -> Void,
    add: (_ part: Passes.Sums, _ count: Int, _ total: Passes.Sums, _ width: Int) -> Void,
    finish: (_ total: Passes.Sums, _ first: Int, _ width: Int) -> Bool
  ) -> Bool {
    let width = extent.width
    let runs = (extent.outers + length - 1) / length
    return lendSums(runs: runs) { doubles, elements in
      func sums(_ run: Int) -> Passes.Sums {
        let sums = doubles + 2 * run * width
        return Passes.Sums(base: elements + 4 * run * width, sums: sums, squares: sums + width)
      }
      cut.forEachRun(of: length) { run, outers in
        let (part, start) = extent.slice(outers: outers)
        find(part, start, sums(run), sums(run).base + width)
      }
      let stretch = 1024
      return withEveryFlag((extent.channels + stretch - 1) / stretch) { index in
        let first = index * stretch
        let count = min(stretch, extent.channels - first)
        let total = sums(0).from(first)
        for run in 1..<max(1, runs) {
          add(sums(run).from(first), min(length, extent.outers - run * length), total, count)
        }
        return finish(total, first, count)
      }
    }
  }
}

/// Memory for the sums and the line of some channels: small sets that are worked on one after the other share it.
struct PassMemory<Element: TensorElement> {
  let doubles: UnsafeMutablePointer<Double>
  let elements: UnsafeMutablePointer<Element>

  static func lend(width: Int, _ body: (PassMemory) -> Void) {
    withScratch(4 * width, of: Double.self) { doubles in
      withScratch(6 * width, of: Element.self) { body(PassMemory(doubles: doubles, elements: $0)) }
    }
  }
}

/// Calls `body` for so many tickets; whether it returned true for all of them.
func withEveryFlag(_ tickets: Int, _ body: (Int) -> Bool) -> Bool {
  if tickets == 1 { return body(0) }
  return withScratch(tickets, of: Bool.self) { flags in
    Parallel.forEach(tickets) { flags[$0] = body($0) }
    return (0..<tickets).allSatisfy { flags[$0] }
  }
}
