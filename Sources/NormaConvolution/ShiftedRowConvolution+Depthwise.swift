import NormaTensor

/// Convolutions in which each channel is on its own: channels are computed side by side, sixteen at a time.
extension ShiftedRowConvolution {
  /// See ``multiply(_:_:into:then:)``.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func multiplyDepthwise<Element: TensorElement>(
    _ source: UnsafePointer<Element>, _ weights: PackedWeights<Element>, into result: UnsafeMutablePointer<Element>,
    then epilogue: Epilogue<Element>
  ) {
    let loops = ConvolutionLoops<Element>()
    let channels = product.resultChannels
    withExtendedLifetime(weights.elements) {
      Parallel.forEach(product.tickets) { number in
        let ticket = product.ticket(number)
        let start = product.resultStart(ticket)
        product.withSource(ticket, of: source) { values in
          for (phase, place) in zip(phases, weights.phases) {
            let rows = product.rowCount(of: ticket, phase.rowPhase, phase.columnPhase)
            phase.terms.withChunks { chunks in
              for chunk in chunks {
                loops.sumTaps(
                  values, phase.places, phase.results, rows: rows, chunk.places,
                  weights.elements.address + place.start + chunk.firstTerm * channels, into: result + start,
                  channels: channels, accumulates: !chunk.isFirst,
                  then: chunk.isLast ? epilogue.from(bias: 0, result: start) : .none)
              }
            }
          }
        }
        if let function = epilogue.function { finish(ticket, start, of: result, function) }
      }
    }
  }

  /// See ``weightGradient(_:input:into:)``.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  func depthwiseWeightGradient<Element: TensorElement>(
    _ gradient: UnsafePointer<Element>, input: UnsafePointer<Element>, into result: UnsafeMutablePointer<Element>
  ) {
    guard let phase = phases.first else { return }
    let loops = ConvolutionLoops<Element>()
    let (taps, channels) = (phase.terms.places, product.resultChannels)
    let length = taps.count * channels
    let parts = min(product.tickets, 16)
    withScratch(parts * length, of: Element.self) { sums in
      sums.update(repeating: 0, count: parts * length)
      Parallel.forEach(parts) { part in
        for number in part * product.tickets / parts..<(part + 1) * product.tickets / parts {
          let ticket = product.ticket(number)
          let count = product.rowCount(of: ticket, phase.rowPhase, phase.columnPhase)
          let gradient = gradient + product.resultStart(ticket)
          product.withSource(ticket, of: input) { values in
            for first in stride(from: 0, to: count, by: rowsOfChain) {
              loops.addTapProducts(
                values, phase.places, gradient, phase.results, first..<min(first + rowsOfChain, count), taps,
                to: sums + part * length, channels: channels)
            }
          }
        }
      }
      // From [tap, channel] to [channel, tap].
      for tap in 0..<taps.count {
        for channel in 0..<channels {
          var sum: Element = 0
          for part in 0..<parts { sum += sums[part * length + tap * channels + channel] }
          result[channel * taps.count + tap] = sum
        }
      }
    }
  }
}
