import CKernels
import NormaTensor

/// Batch normalization by passes, shared among tickets as ``BatchCut`` says.
struct BatchPasses<Element: TensorElement> {
  typealias Source = Reading<Element>
  typealias Result = Writing<Element>
  typealias Vector = UnsafeMutablePointer<Element>
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
    var (part, start) = (part, start)
    if let kernels = passes.kernels, isOrdinary, let (x, precision) = x.bits, let (y, written) = y.bits,
      precision == written, let (wide, count) = rows.wideRows(part)
    {
      let place = rows.start + start
      passes.normalize(
        x + place, y + place, precision, wide, vectors, rectifies: rectifies, streams: rows.streamsHalves(wide), kernels
      )
      start += count * part.stride
      part.outers -= count
      if part.outers == 0 { return }
    }
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
    _ x: Source, _ part: ChannelExtent, _ start: Int, _ found: Passes.Sums, _ scratch: Vector
  ) {
    if rows.areApart, case .full(let x) = x, passes.readsBlocks(part) {
      return withScratch(part.valuesPerBlock, of: Element.self) { memory in
        passes.findMoments(ofBlocks: part, found, scratch: scratch) { outers, piece in
          let (block, first) = part.slice(outers: outers)
          rows.readPieces(nil, x, block, start + first, memory) { piece($1, $2.unfolded) }
        } rest: { outers, body in
          var (rest, first) = part.slice(outers: outers)
          rest.fold = 1
          rows.read(.full(x), rest, start + first, body)
        }
      }
    }
    forEachBlock(part, start, found, inBlocks: x.isHalf) { block, start, _, found in
      rows.read(x, block.part, start) { passes.findMoments($0, block.isWide ? $1.wide : $1, found, scratch: scratch) }
    } add: {
      passes.add($0, count: $1, to: $2, width: $3)
    } rest: { rest, start in
      rows.read(x, rest, start) { addMoments($0, $1, base: found.base, sums: found.sums, squares: found.squares) }
    } direct: { kernels, wide, place in
      guard let (x, precision) = x.bits else { return false }
      passes.findMoments(x + place, precision, wide, found, scratch: scratch, kernels)
      return true
    }
  }

  /// Finds the sums of a part at once, or of rows that are apart or of half width block by block as the kernels do, with the same bits: then
  /// what is gathered or expanded is a block at a time, which stays in the nearest cache.
  ///
  /// - Parameters:
  ///   - find: finds the sums of a block that begins somewhere, whose first channel is the part's of that number.
  ///   - add: adds the sums of so many further values a channel.
  ///   - rest: adds those of the last rows, which do not fill a folded one.
  ///   - direct: finds those of all others at once, if kernels read them as they lie, from a place in the whole tensor.
  private func forEachBlock(
    _ part: ChannelExtent, _ start: Int, _ found: Passes.Sums, inBlocks: Bool,
    find: (_ block: Block, _ start: Int, _ channel: Int, _ found: Passes.Sums) -> Void,
    add: (_ block: Passes.Sums, _ count: Int, _ total: Passes.Sums, _ width: Int) -> Void,
    rest: (_ part: ChannelExtent, _ start: Int) -> Void,
    direct: (_ kernels: KernelSet<Element>, _ rows: ChannelExtent, _ place: Int) -> Bool
  ) {
    let fold = part.fold
    guard inBlocks, let kernels = passes.kernels else { return find(Block(part: part, isWide: false), start, 0, found) }
    let whole = part.outers / fold * fold
    if let (wide, _) = rows.wideRows(part), direct(kernels, wide, rows.start + start) {
    } else if part.inner == 1, part.width >= ChannelExtent.lanes, part.outers > Int(NORMA_BLOCK) * fold {
      forEachBlockOfWideRows(part, start, found, find: find, add: add)
    } else {
      return find(Block(part: part, isWide: false), start, 0, found)
    }
    for copy in 1..<max(1, fold) { add(found.from(copy * part.channels), whole / fold, found, part.channels) }
    if whole < part.outers {
      var last = part
      (last.outers, last.fold) = (part.outers - whole, 1)
      rest(last, start + whole * rows.extent.stride)
    }
  }

  private func forEachBlockOfWideRows(
    _ part: ChannelExtent, _ start: Int, _ found: Passes.Sums,
    find: (_ block: Block, _ start: Int, _ channel: Int, _ found: Passes.Sums) -> Void,
    add: (_ block: Passes.Sums, _ count: Int, _ total: Passes.Sums, _ width: Int) -> Void
  ) {
    let (fold, channels) = (part.fold, part.channels)
    let length = Int(NORMA_BLOCK) * fold
    let whole = part.outers / fold * fold
    let stripes = fold == 1 && channels >= 2 * Self.channelsPerStripe ? channels / Self.channelsPerStripe : 1
    Passes.Sums.lend(width: part.width) { sums, _ in
      for first in stride(from: 0, to: whole, by: length) {
        let count = min(length, whole - first)
        for stripe in 0..<stripes {
          // The last takes what is left, so that none has too few channels for a vector.
          let channel = stripe * Self.channelsPerStripe
          let width = stripe < stripes - 1 ? Self.channelsPerStripe : channels - channel
          var block = part
          (block.outers, block.channels) = (count, width)
          let place = start + first * rows.extent.stride + channel
          let target = (first == 0 ? found : sums).from(channel)
          find(Block(part: block, isWide: true), place, channel, target)
          if first > 0 { add(target, count / fold, found.from(channel), width * fold) }
        }
      }
    }
  }

  /// Rows of which sums are found.
  private struct Block {
    let part: ChannelExtent
    /// Whether rows that are folded into one have sums side by side.
    let isWide: Bool
  }

  /// Channels of a block of wide rows.
  private static var channelsPerStripe: Int { 128 }

  /// Normalizes by moments that were found before. False if some channels are left to the definition.
  func forward(
    _ x: Source, _ y: Result, _ vectors: ChannelVectors<Element>, moments: BatchMoments, epsilon: Double
  ) -> Bool {
    let share = 1 / moments.weight
    var isOrdinary = true
    withExtendedLifetime(moments) {
      vectors.mean.update(from: moments.mean.address, count: extent.channels)
      vectors.secondMoment.update(from: moments.centredSecondMoment.address, count: extent.channels)
    }
    for channel in 0..<extent.channels {
      vectors.setReciprocal(channel, share: share, epsilon: epsilon)
      let isChannelOrdinary = vectors.setTransform(
        channel..<channel + 1, mean: vectors.mean[channel], reciprocalDeviation: vectors.reciprocalDeviation[channel],
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
  ///
  /// - Parameter shards: where these rows are a shard of those that share moments, the weight of all, and what tells of the others. The
  ///   gradients of gamma and beta are those of this shard.
  func backward(
    _ g: Source, _ x: Source, _ dx: Result, _ vectors: ChannelVectors<Element>, isOrdinary: Bool, isInference: Bool,
    gamma: Vector, beta: Vector, shards: (weight: Double, exchange: any ShardExchange)? = nil
  ) {
    let weight = shards?.weight ?? rows.weight
    let isHalf = g.isHalf || x.isHalf
    func sumsByDefinition(_ channel: Int) -> (Double, Double) {
      var sums = (0.0, 0.0)
      guard extent.valuesPerChannel > 0 else { return sums }
      let (whole, start) = extent.slice(channels: channel..<channel + 1)
      rows.read(g, whole, start, packs: isHalf) { g, part in
        rows.read(x, whole, start, packs: isHalf) { x, _ in
          addGradientSumsByDefinition(
            g, x, part, 0..<1, vectors.from(channel), rectifies: rectifies, sums: &sums.0, products: &sums.1)
        }
      }
      return sums
    }
    func finish(_ found: Passes.Sums, _ first: Int, _ width: Int, _ line: Passes.Line) -> Bool {
      let isFinite = passes.finishGradients(
        found.sums, found.squares, weight: weight, vectors.from(first), width: width, line,
        isOrdinary: isOrdinary, gamma: gamma + first, beta: beta + first
      ) { sumsByDefinition(first + $0) }
      if isInference { line.setToZero(width: width) }
      return isFinite
    }
    func findSums(
      _ part: ChannelExtent, _ start: Int, _ first: Int, _ found: Passes.Sums, _ scratch: Vector
    ) {
      if rows.areApart, isOrdinary, passes.readsBlocks(part), case .full(let g) = g, case .full(let x) = x {
        return withScratch(2 * part.valuesPerBlock, of: Element.self) { memory in
          passes.findGradientSums(
            ofBlocks: part, vectors.from(first), rectifies: rectifies, found, scratch: scratch
          ) { outers, piece in
            let (block, first) = part.slice(outers: outers)
            rows.readPieces(g, x, block, start + first, memory) { piece($0!, $1, $2.unfolded) }
          } rest: { outers, body in
            var (rest, first) = part.slice(outers: outers)
            rest.fold = 1
            rows.read(.full(g), rest, start + first) { g, read in
              rows.read(.full(x), rest, start + first) { x, _ in body(g, x, read) }
            }
          }
        }
      }
      func find(_ part: ChannelExtent, _ start: Int, _ channel: Int, isWide: Bool, _ found: Passes.Sums) {
        rows.read(g, part, start, packs: isHalf) { g, lent in
          rows.read(x, part, start, packs: isHalf) { x, _ in
            passes.findGradientSums(
              g, x, isWide ? lent.wide : lent, vectors.from(channel), isOrdinary: isOrdinary, rectifies: rectifies,
              sums: found.sums, products: found.squares, scratch: scratch)
          }
        }
      }
      forEachBlock(part, start, found, inBlocks: isHalf && isOrdinary) {
        find($0.part, $1, first + $2, isWide: $0.isWide, $3)
      } add: { block, _, total, width in
        addVector(block.sums, to: total.sums, count: width)
        addVector(block.squares, to: total.squares, count: width)
      } rest: { rest, start in
        Passes.Sums.lend(width: part.channels) { more, _ in
          find(rest, start, first, isWide: false, more)
          addVector(more.sums, to: found.sums, count: part.channels)
          addVector(more.squares, to: found.squares, count: part.channels)
        }
      } direct: { kernels, wide, place in
        guard let (g, precision) = g.bits, let (x, other) = x.bits, precision == other else { return false }
        passes.findGradientSums(
          g + place, x + place, precision, wide, vectors.from(first), rectifies: rectifies, found, scratch: scratch,
          kernels)
        return true
      }
    }
    func findInputGradient(
      _ part: ChannelExtent, _ start: Int, _ first: Int, _ line: Passes.Line, isFinite: Bool
    ) {
      func find(_ part: ChannelExtent, _ start: Int, _ line: Passes.Line, streams: Bool) {
        var (part, start) = (part, start)
        if let kernels = passes.kernels, isFinite, let (g, precision) = g.bits, let (x, other) = x.bits,
          let (dx, written) = dx.bits, precision == other, precision == written, let (wide, count) = rows.wideRows(part)
        {
          let place = rows.start + start
          passes.findInputGradient(
            g + place, x + place, dx + place, precision, wide, vectors.from(first), line, rectifies: rectifies,
            streams: streams && rows.streamsHalves(wide), kernels)
          start += count * part.stride
          part.outers -= count
          if part.outers == 0 { return }
        }
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
    if let shards {
      lendLine { line in
        let isFinite = withScratch(2 * extent.channels, of: Double.self) { own in
          let products = own + extent.channels
          own.update(repeating: 0, count: 2 * extent.channels)
          findAllSums(findSums) { found, first, width in
            (own + first).update(from: found.sums, count: width)
            (products + first).update(from: found.squares, count: width)
          }
          return finishShard(
            own, products, vectors, line, isOrdinary: isOrdinary, gamma, beta, shards, byDefinition: sumsByDefinition)
        }
        guard extent.valuesPerChannel > 0 else { return }
        repeatVector(line.slope, extent)
        repeatVector(line.offset, extent)
        if case .channels = cut.order {
          _ = cut.forEachTicketOfChannels { channels, part, start in
            findInputGradient(part, start, channels.lowerBound, line.from(channels.lowerBound), isFinite: isFinite)
            return true
          }
        } else {
          cut.forEachChunk { part, start in findInputGradient(part, start, 0, line, isFinite: isFinite) }
        }
      }
      return
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

  /// Finds the sums of the gradient over all rows, and gives stretches of channels to `body`.
  private func findAllSums(
    _ find: (_ part: ChannelExtent, _ start: Int, _ first: Int, _ found: Passes.Sums, _ scratch: Vector) -> Void,
    _ body: (_ found: Passes.Sums, _ first: Int, _ width: Int) -> Void
  ) {
    guard extent.valuesPerChannel > 0 else { return }
    switch cut.order {
    case .channels:
      _ = cut.forEachTicketOfChannels { channels, part, start in
        Passes.Sums.lend(width: part.channels) { found, scratch in
          find(part, start, channels.lowerBound, found, scratch)
          body(found, channels.lowerBound, part.channels)
        }
        return true
      }
    case .rows(let perTicket):
      _ = combineRuns(of: perTicket) { part, start, found, scratch in
        find(part, start, 0, found, scratch)
      } add: { part, _, total, width in
        addVector(part.sums, to: total.sums, count: width)
        addVector(part.squares, to: total.squares, count: width)
      } finish: {
        body($0, $1, $2)
        return true
      }
    }
  }

  /// From a shard's sums of the gradient, its gradients of gamma and beta, and from those of all shards together what makes the gradient of
  /// the input. False if some channels are left to the definition, on which all shards agree.
  private func finishShard(
    _ sums: UnsafeMutablePointer<Double>, _ products: UnsafeMutablePointer<Double>, _ vectors: ChannelVectors<Element>,
    _ line: Passes.Line, isOrdinary: Bool, _ gamma: Vector, _ beta: Vector,
    _ shards: (weight: Double, exchange: any ShardExchange), byDefinition: (Int) -> (Double, Double)
  ) -> Bool {
    let channels = extent.channels
    var total = shards.exchange.summed(Array(UnsafeBufferPointer(start: sums, count: 2 * channels)))
    _ = passes.finishGradients(
      sums, products, weight: shards.weight, vectors, width: channels, line, isOrdinary: isOrdinary, gamma: gamma,
      beta: beta, definition: byDefinition)
    var defined: [Double]?
    return withScratch(2 * channels, of: Element.self) { unused in
      total.withUnsafeMutableBufferPointer { total in
        passes.finishGradients(
          total.baseAddress!, total.baseAddress! + channels, weight: shards.weight, vectors, width: channels, line,
          isOrdinary: isOrdinary, gamma: unused, beta: unused + channels
        ) { channel in
          // What overflowed in one shard is found again by all.
          let all =
            defined
            ?? {
              let own = (0..<channels).map(byDefinition)
              return shards.exchange.summed(own.map(\.0) + own.map(\.1))
            }()
          defined = all
          return (all[channel], all[channels + channel])
        }
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
    find: (_ part: ChannelExtent, _ start: Int, _ found: Passes.Sums, _ scratch: Vector) -> Void,
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
