import NormaTensor

/// A convolution, or the gradient of one, as matrix products of shifted rows: how each result is found from a source.
///
/// Source `[N, Hs, Ws, Cs]`, result `[N, Hr, Wr, Cr]`, in one or more groups of channels. The result's pixels fall into
/// phases, each with taps of its own; a forward pass has one phase, a backward pass through a stride s has s².
///
/// Work is cut into tickets of some samples, or of a band of rows of one, by the shape alone.
struct ShiftedRowProduct: Sendable {
  let samples: Int
  let source: Extent2d
  let sourceChannels: Int
  let result: Extent2d
  let resultChannels: Int
  let groups: Int
  let rowPhases: [AxisPhase]
  let columnPhases: [AxisPhase]

  /// The samples of a ticket.
  let samplesPerTicket: Int
  /// The rows of a phase in a ticket; all of them where a ticket has several samples.
  let rowsPerTicket: Int
  /// The tickets of a sample; 1 where a ticket has several samples.
  let bands: Int
  /// The parts into which the blocks of a ticket's result channels are cut besides, where there are few tickets.
  let blockParts: Int

  /// Values before the first and after the last of the source's rows that windows take in.
  let padding: (left: Int, right: Int)
  /// Whether tickets read a padded copy of their part of the source.
  let copiesSource: Bool
  /// How far it is from one pixel to the next in what tickets read.
  let pixelLength: Int
  /// The rows of the source that a ticket reads, padding included, and how far it is from the first of one ticket to that of
  /// the next.
  let sourceRowsPerTicket: Int
  let sourceStep: Int

  init(
    samples: Int, source: Extent2d, sourceChannels: Int, result: Extent2d, resultChannels: Int, groups: Int,
    rowPhases: [AxisPhase], columnPhases: [AxisPhase]
  ) {
    self.samples = samples
    self.source = source
    self.sourceChannels = sourceChannels
    self.result = result
    self.resultChannels = resultChannels
    self.groups = groups
    self.rowPhases = rowPhases
    self.columnPhases = columnPhases

    let rowPlaces = rowPhases.flatMap { $0.taps.map(\.place) }
    let rowCount = rowPhases.map(\.count).max() ?? 0
    sourceStep = rowPhases.first?.sourceStep ?? 1
    let firstRow = rowPlaces.min() ?? 0
    let reach = (rowPlaces.max() ?? 0) - firstRow + 1
    let columnEnds = columnPhases.map { phase in
      (phase.count - 1) * phase.sourceStep + (phase.taps.map(\.place).max() ?? 0) + 1
    }
    let left = max(0, -(columnPhases.flatMap { $0.taps.map(\.place) }.min() ?? 0))
    let right = max(0, (columnEnds.max() ?? 0) - source.width)
    padding = (left, right)
    let lastRow = firstRow + (rowCount - 1) * sourceStep + reach
    // Pixels of a page's length, or several, share few lines of the first cache: apart a little, several are there at once.
    let sharesLines = sourceChannels % 1024 == 0 && resultChannels >= 64 * groups && result.height * result.width > 1
    pixelLength = sharesLines ? sourceChannels + columnsOfBlock : sourceChannels
    copiesSource = sharesLines || left > 0 || right > 0 || firstRow < 0 || lastRow > source.height

    // Enough work to be worth a claim, tickets enough for many threads, and a copy that stays in the second cache.
    let rowLength = (source.width + left + right) * pixelLength
    let taps = rowPhases.reduce(0) { $0 + $1.taps.count } * columnPhases.reduce(0) { $0 + $1.taps.count }
    let workOfSample = max(
      1,
      result.height * result.width * (resultChannels / groups) * sourceChannels * taps
        / max(1, rowPhases.count * columnPhases.count))
    // Depthwise convolutions read as much as they multiply, and take some four times as long; tickets that are larger copy fewer rows
    // twice.
    let isDepthwise = groups > 1 && sourceChannels == groups && resultChannels == groups
    let aim = min(max(workOfSample * samples / 16, isDepthwise ? 1 << 18 : 1 << 20), 1 << 23)
    let most = isDepthwise ? 3 << 15 : 3 << 14
    let lengthOfSample = max(1, ((rowCount - 1) * sourceStep + reach) * rowLength)
    let blocks = blockCount(resultChannels / groups)
    if result.height * result.width == 1 && !copiesSource {
      // A linear map: so many rows that the weights read for them are worth it, and blocks shared among threads.
      samplesPerTicket = max(1, min(samples, 64))
      bands = 1
      let tickets = (samples + samplesPerTicket - 1) / samplesPerTicket
      blockParts = max(1, min(blocks, 16 / max(1, tickets), (workOfSample * samplesPerTicket) >> 17))
    } else if workOfSample <= aim && lengthOfSample <= most {
      samplesPerTicket = max(1, min(aim / workOfSample, most / lengthOfSample, samples))
      (bands, blockParts) = (1, 1)
    } else {
      samplesPerTicket = 1
      let rowsBySize = max(1, (most / max(1, rowLength) - reach) / sourceStep)
      let bandsBySize = (max(1, rowCount) + rowsBySize - 1) / rowsBySize
      // A power of two, so that as many threads have as much to do.
      var parts = 1
      while parts * aim < workOfSample { parts *= 2 }
      // Weights that are many for an image so small are read by one ticket each rather than by all.
      blockParts = bandsBySize == 1 && samples * bandsBySize < 16 ? min(blocks, parts) : 1
      bands = max(bandsBySize, min(max(1, rowCount), (parts + blockParts - 1) / blockParts))
    }
    // Bands of one height, as near as may be.
    rowsPerTicket = max(1, (max(1, rowCount) + bands - 1) / bands)
    sourceRowsPerTicket = (rowsPerTicket - 1) * sourceStep + reach
  }

  /// How a convolution's output is found from its input `[N, H, W, C]`, which must hold the window.
  static func forward(input: Shape, outputs: Int, window: Window, groups: Int) -> ShiftedRowProduct {
    let source = Extent2d(height: input[1], width: input[2])
    let result = window.resultExtent(for: source) ?? Extent2d(height: 0, width: 0)
    return ShiftedRowProduct(
      samples: input[0], source: source, sourceChannels: input[3], result: result, resultChannels: outputs,
      groups: groups, rowPhases: [window.rows.forwardPhase(resultCount: result.height)],
      columnPhases: [window.columns.forwardPhase(resultCount: result.width)])
  }

  /// How the gradient of a convolution's input `[N, H, W, C]` is found from that of its output.
  static func backward(input: Shape, outputs: Int, window: Window, groups: Int) -> ShiftedRowProduct {
    let result = Extent2d(height: input[1], width: input[2])
    return ShiftedRowProduct(
      samples: input[0], source: window.resultExtent(for: result) ?? Extent2d(height: 0, width: 0),
      sourceChannels: outputs, result: result, resultChannels: input[3], groups: groups,
      rowPhases: window.rows.backwardPhases(length: input[1]),
      columnPhases: window.columns.backwardPhases(length: input[2]))
  }

  /// Whether each result channel sees one source channel alone, so that channels are computed side by side.
  var isDepthwise: Bool { groups > 1 && sourceChannels == groups && resultChannels == groups }

  /// The source's channels of one group, and the result's.
  var sourceChannelsOfGroup: Int { sourceChannels / groups }
  var resultChannelsOfGroup: Int { resultChannels / groups }

  var tickets: Int { bands > 1 ? samples * bands : (samples + samplesPerTicket - 1) / samplesPerTicket }

  /// The length of a row of what a ticket reads, in elements.
  var rowLength: Int {
    (copiesSource ? source.width + padding.left + padding.right : source.width) * pixelLength
  }

  /// How far it is from one sample of a ticket to the next in what it reads.
  var sampleLength: Int { copiesSource ? sourceRowsPerTicket * rowLength : source.height * rowLength }

  /// What a ticket has to do: which samples, and which rows of each phase.
  struct Ticket {
    let firstSample, sampleCount, firstRow: Int
  }

  func ticket(_ number: Int) -> Ticket {
    if bands > 1 {
      return Ticket(firstSample: number / bands, sampleCount: 1, firstRow: number % bands * rowsPerTicket)
    }
    let first = number * samplesPerTicket
    return Ticket(firstSample: first, sampleCount: min(samplesPerTicket, samples - first), firstRow: 0)
  }
}

extension ShiftedRowProduct {
  /// Where the first tap of any phase stands for the first row.
  var firstRowPlace: Int { rowPhases.flatMap { $0.taps.map(\.place) }.min() ?? 0 }

  /// The rows of a product that a whole ticket computes for one pair of phases, and where each begins, counted in elements:
  /// in what the ticket reads, and in what it writes. A ticket that has fewer has the first of these.
  func rows(_ rowPhase: AxisPhase, _ columnPhase: AxisPhase) -> (places: [Int32], results: [Int32]) {
    let rowCount = min(rowPhase.count, rowsPerTicket)
    var (places, results) = ([Int32](), [Int32]())
    places.reserveCapacity(samplesPerTicket * rowCount * columnPhase.count)
    results.reserveCapacity(places.capacity)
    for sample in 0..<samplesPerTicket {
      for row in 0..<rowCount {
        let place = sample * sampleLength + row * sourceStep * rowLength
        let resultRow = sample * result.height + rowPhase.start + row * rowPhase.step
        let resultPlace = (resultRow * result.width + columnPhase.start) * resultChannels
        for column in 0..<columnPhase.count {
          places.append(Int32(place + column * columnPhase.sourceStep * pixelLength))
          results.append(Int32(resultPlace + column * columnPhase.step * resultChannels))
        }
      }
    }
    return (places, results)
  }

  /// How many of ``rows(_:_:)`` a ticket has.
  func rowCount(of ticket: Ticket, _ rowPhase: AxisPhase, _ columnPhase: AxisPhase) -> Int {
    ticket.sampleCount * max(0, min(rowPhase.count - ticket.firstRow, rowsPerTicket)) * columnPhase.count
  }

  /// The terms of the rows of one pair of phases, in the order of their taps: those of one tap, and of taps that stand side by side,
  /// are one segment.
  func terms(_ rowPhase: AxisPhase, _ columnPhase: AxisPhase) -> TermChunks {
    let length = sourceChannelsOfGroup
    var segments: [(place: Int, length: Int)] = []
    for row in rowPhase.taps {
      for column in columnPhase.taps {
        let place = (row.place - firstRowPlace) * rowLength + (column.place + padding.left) * pixelLength
        if let last = segments.last, last.place + last.length == place {
          segments[segments.count - 1].length += length
        } else {
          segments.append((place, length))
        }
      }
    }
    return TermChunks(of: segments)
  }

  /// Lends what a ticket reads: a copy with zeros where a window reaches over the image, or the source itself.
  func withSource<Element: TensorElement>(
    _ ticket: Ticket, of source: UnsafePointer<Element>, _ body: (UnsafePointer<Element>) -> Void
  ) {
    let width = self.source.width * sourceChannels
    let first = ticket.firstRow * sourceStep + firstRowPlace
    let image = source + ticket.firstSample * self.source.height * width
    guard copiesSource else { return body(image + first * width) }
    let (left, right) = (padding.left * pixelLength, padding.right * pixelLength)
    let widthOfCopy = self.source.width * pixelLength
    withScratch(samplesPerTicket * sampleLength, of: Element.self) { copy in
      for sample in 0..<ticket.sampleCount {
        for row in 0..<sourceRowsPerTicket {
          let target = copy + sample * sampleLength + row * rowLength
          if (0..<self.source.height).contains(first + row) {
            target.update(repeating: 0, count: left)
            let values = image + (sample * self.source.height + first + row) * width
            if pixelLength == sourceChannels {
              (target + left).update(from: values, count: width)
            } else {
              for pixel in 0..<self.source.width {
                (target + left + pixel * pixelLength)
                  .update(from: values + pixel * sourceChannels, count: sourceChannels)
              }
            }
            (target + left + widthOfCopy).update(repeating: 0, count: right)
          } else {
            target.update(repeating: 0, count: rowLength)
          }
        }
      }
      body(copy)
    }
  }

  /// Where a ticket's results begin, in elements.
  func resultStart(_ ticket: Ticket) -> Int {
    let row = ticket.firstSample * result.height + ticket.firstRow * (rowPhases.first?.step ?? 1)
    return row * result.width * resultChannels
  }
}
