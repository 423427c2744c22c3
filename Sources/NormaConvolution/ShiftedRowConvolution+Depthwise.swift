import CKernels
import NormaTensor

/// Convolutions in which each channel is on its own: channels are computed side by side, sixteen at a time.
extension ShiftedRowConvolution {
  /// See ``multiply(_:_:_:into:bias:residual:rectifies:)``.
  func multiplyDepthwise(
    _ kernels: norma_kernels, _ source: UnsafePointer<Float>, _ weights: PackedWeights,
    into result: UnsafeMutablePointer<Float>,
    bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?, rectifies: Bool
  ) {
    let taps = phases.map(\.taps)
    weights.elements.withUnsafeElements { packed in
      Parallel.forEach(product.tickets) { number in
        let ticket = product.ticket(number)
        let start = product.resultStart(ticket)
        product.withSource(ticket, of: source) { values in
          for (index, phase) in phases.enumerated() {
            kernels.depthwise(
              values, phase.places, phase.results, product.rowCount(of: ticket, phase.rowPhase, phase.columnPhase),
              taps[index], taps[index].count, packed.baseAddress.map { $0 + weights.phases[index].start },
              result + start, product.resultChannels, bias, residual.map { $0 + start }, rectifies)
          }
        }
      }
    }
  }

  /// See ``weightGradient(_:_:input:into:)``.
  func depthwiseWeightGradient(
    _ kernels: norma_kernels, _ gradient: UnsafePointer<Float>, input: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) {
    guard let phase = phases.first else { return }
    let (taps, channels) = (phase.taps, product.resultChannels)
    let length = taps.count * channels
    let parts = min(product.tickets, 16)
    withScratch(parts * length, of: Float.self) { sums in
      sums.update(repeating: 0, count: parts * length)
      Parallel.forEach(parts) { part in
        for number in part * product.tickets / parts..<(part + 1) * product.tickets / parts {
          let ticket = product.ticket(number)
          let start = product.resultStart(ticket)
          product.withSource(ticket, of: input) { values in
            kernels.depthwise_gradient(
              values, phase.places, gradient + start, phase.results,
              product.rowCount(of: ticket, phase.rowPhase, phase.columnPhase), taps, taps.count, sums + part * length,
              channels)
          }
        }
      }
      // From [tap, channel] to [channel, tap].
      for tap in 0..<taps.count {
        for channel in 0..<channels {
          var sum: Float = 0
          for part in 0..<parts { sum += sums[part * length + tap * channels + channel] }
          result[channel * taps.count + tap] = sum
        }
      }
    }
  }
}
