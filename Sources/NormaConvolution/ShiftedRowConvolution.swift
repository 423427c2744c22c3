import NormaTensor

/// Any convolution, as products of shifted rows.
final class ShiftedRowConvolution: ConvolutionAlgorithm {
  let product: ShiftedRowProduct
  let isBackward: Bool
  let phases: [Phase]

  /// What is done alike in each ticket for one pair of phases.
  struct Phase: Sendable {
    let rowPhase, columnPhase: AxisPhase
    let places, results: [Int32]
    let terms: TermChunks
  }

  /// - Parameter isBackward: whether the product is that of the gradient of the input.
  init(_ product: ShiftedRowProduct, isBackward: Bool) {
    self.product = product
    self.isBackward = isBackward
    phases = product.rowPhases.flatMap { rowPhase in
      product.columnPhases.map { columnPhase in
        let (places, results) = product.rows(rowPhase, columnPhase)
        return Phase(
          rowPhase: rowPhase, columnPhase: columnPhase, places: places, results: results,
          terms: product.terms(rowPhase, columnPhase))
      }
    }
  }

  var isDepthwise: Bool { product.isDepthwise }
  /// Bounds as results are written. Images so small that several tickets write the channels of a result are in the caches all the same.
  func applies<Element: TensorElement>(_ function: UnaryOperation<Element>) -> Bool {
    if case .clamp = function { return true }
    return product.blockParts == 1
  }

  func packed<Element: TensorElement>(_ weight: Tensor<Element>) -> PackedWeights<Element> {
    PackedWeights(weight, for: product, isBackward: isBackward)
  }

  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func multiply<Element: TensorElement>(
    _ source: UnsafePointer<Element>, _ weights: PackedWeights<Element>, into result: UnsafeMutablePointer<Element>,
    then epilogue: Epilogue<Element>
  ) {
    epilogue.withBounds { epilogue in
      if product.isDepthwise {
        multiplyDepthwise(source, weights, into: result, then: epilogue)
      } else {
        multiplyRows(source, weights, into: result, then: epilogue)
      }
    }
  }

  @specialized(where Element == Float)
  @specialized(where Element == Double)
  private func multiplyRows<Element: TensorElement>(
    _ source: UnsafePointer<Element>, _ weights: PackedWeights<Element>, into result: UnsafeMutablePointer<Element>,
    then epilogue: Epilogue<Element>
  ) {
    let loops = ConvolutionLoops<Element>()
    let channels = product.resultChannelsOfGroup
    let blocks = blockCount(channels)
    let parts = product.blockParts
    withExtendedLifetime(weights.elements) {
      Parallel.forEach(product.tickets * parts) { number in
        let ticket = product.ticket(number / parts)
        let part = number % parts
        let start = product.resultStart(ticket)
        product.withSource(ticket, of: source) { values in
          for (phase, place) in zip(phases, weights.phases) {
            let rows = product.rowCount(of: ticket, phase.rowPhase, phase.columnPhase)
            for group in 0..<product.groups {
              for block in part * blocks / parts..<(part + 1) * blocks / parts {
                let number = group * blocks + block
                let first = start + group * channels + block * columnsOfBlock
                let last = epilogue.from(bias: number * columnsOfBlock, result: first)
                let packed = weights.elements.address + place.start + number * place.rows * columnsOfBlock
                phase.terms.withChunks { chunks in
                  for chunk in chunks {
                    loops.sumShiftedRows(
                      values + group * product.sourceChannelsOfGroup, phase.places, phase.results, rows: rows, chunk,
                      packed + chunk.firstTerm * columnsOfBlock, into: result + first,
                      columns: min(columnsOfBlock, channels - block * columnsOfBlock), accumulates: !chunk.isFirst,
                      then: chunk.isLast ? last : .none)
                  }
                }
              }
            }
          }
        }
        if let function = epilogue.function { finish(ticket, start, of: result, function) }
      }
    }
  }

  /// Applies a function to the results of a ticket, which stand side by side in a forward pass.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func finish<Element: TensorElement>(
    _ ticket: ShiftedRowProduct.Ticket, _ start: Int, of result: UnsafeMutablePointer<Element>,
    _ function: UnaryOperation<Element>
  ) {
    guard let phase = phases.first else { return }
    let rows = product.rowCount(of: ticket, phase.rowPhase, phase.columnPhase)
    apply(function, result + start, result + start, rows * product.resultChannels)
  }

  /// The rows of a ticket whose products are added up in one chain: so few that their values, and gradients, stay in the first cache
  /// while they are multiplied.
  var rowsOfChain: Int { max(32, min(128, (1 << 11) / max(1, max(product.sourceChannels, product.resultChannels)))) }

  /// The sum over pixels: a chain of at most ``rowsOfChain`` of them begins at zero, and is added to the sums of its part. Tickets are
  /// cut into parts, and pixels into chains, by the shape alone, and parts are added up in their order.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func weightGradient<Element: TensorElement>(
    _ gradient: UnsafePointer<Element>, input: UnsafePointer<Element>, into result: UnsafeMutablePointer<Element>
  ) {
    guard let phase = phases.first else { return }
    guard !product.isDepthwise else { return depthwiseWeightGradient(gradient, input: input, into: result) }
    let loops = ConvolutionLoops<Element>()
    let (sources, channels) = (product.sourceChannelsOfGroup, product.resultChannelsOfGroup)
    let blocks = blockCount(channels)
    let taps = phase.rowPhase.taps.count * phase.columnPhase.taps.count
    let (rows, stride) = (taps * sources, blocks * columnsOfBlock)
    let length = product.groups * rows * stride
    let parts = max(1, min(product.tickets, length <= 1 << 14 ? 16 : (length <= 1 << 19 ? 8 : 4)))

    withScratch(parts * length, of: Element.self) { sums in
      Parallel.forEach(parts) { part in
        let sums = sums + part * length
        sums.update(repeating: 0, count: length)
        for number in part * product.tickets / parts..<(part + 1) * product.tickets / parts {
          let ticket = product.ticket(number)
          let count = product.rowCount(of: ticket, phase.rowPhase, phase.columnPhase)
          let start = product.resultStart(ticket)
          product.withSource(ticket, of: input) { values in
            withWholeBlocks(gradient + start, phase, count, blocks: blocks) { gradients, places, rowPlaces in
              phase.terms.withChunks { chunks in
                for first in Swift.stride(from: 0, to: count, by: rowsOfChain) {
                  for group in 0..<product.groups {
                    for block in 0..<blocks {
                      let column = block * columnsOfBlock
                      for chunk in chunks {
                        loops.addShiftedRowProducts(
                          values + group * sources, rowPlaces + first,
                          gradients + (channels % columnsOfBlock == 0 ? group * channels : group * stride) + column,
                          places + first, rows: min(rowsOfChain, count - first), chunk,
                          to: sums + (group * rows + chunk.firstTerm) * stride + column, stride: stride)
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
      // From [group, tap, input, output] to [output, input, tap].
      Parallel.forEach(product.groups * sources) { number in
        let (group, source) = (number / sources, number % sources)
        for tap in 0..<taps {
          let first = sums + ((group * taps + tap) * sources + source) * stride
          for part in 1..<max(1, parts) {
            let other = first + part * length
            for channel in 0..<channels { first[channel] += other[channel] }
          }
          for channel in 0..<channels {
            result[((group * channels + channel) * sources + source) * taps + tap] = first[channel]
          }
        }
      }
    }
  }

  /// Lends gradients whose channels fill whole blocks in each group: as they are if they do, otherwise a copy with
  /// zeros between groups. With them their places, and those of the rows of the input.
  private func withWholeBlocks<Element: TensorElement>(
    _ gradient: UnsafePointer<Element>, _ phase: Phase, _ count: Int, blocks: Int,
    _ body: (UnsafePointer<Element>, _ places: UnsafePointer<Int32>, _ rows: UnsafePointer<Int32>) -> Void
  ) {
    let channels = product.resultChannelsOfGroup
    phase.places.withUnsafeBufferPointer { rows in
      phase.results.withUnsafeBufferPointer { results in
        guard let rows = rows.baseAddress, let results = results.baseAddress else { return }
        guard channels % columnsOfBlock != 0 else { return body(gradient, results, rows) }
        let stride = blocks * columnsOfBlock
        withScratch(count * product.groups * stride, of: Element.self) { copy in
          withScratch(count, of: Int32.self) { places in
            for row in 0..<count {
              places[row] = Int32(row * product.groups * stride)
              for group in 0..<product.groups {
                let target = copy + (row * product.groups + group) * stride
                target.update(from: gradient + Int(results[row]) + group * channels, count: channels)
                (target + channels).update(repeating: 0, count: stride - channels)
              }
            }
            body(copy, places, rows)
          }
        }
      }
    }
  }
}
