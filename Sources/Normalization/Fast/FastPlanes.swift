import CKernels
import NormaTensor

/// Batch normalization of `[N, C, inner]` floats on the kernels: each ticket does a group of neighbouring channels, first
/// their sums and then what needs them, while they are in the cache.
struct FastPlanes {
  let kernels: norma_kernels
  let extent: ChannelExtent

  /// Values in one group: about as many as a core's own cache holds, and enough to be worth a ticket. Neighbouring
  /// channels of one outer slice stand side by side, so a group touches fewer pages than its channels one by one.
  private static let valuesPerGroup = 1 << 16

  private func forEachGroup(_ body: (Range<Int>) -> Void) {
    let perGroup = max(1, min(extent.channels, Self.valuesPerGroup / max(1, extent.valuesPerChannel)))
    Parallel.forEach((extent.channels + perGroup - 1) / perGroup) { group in
      body(group * perGroup..<min(extent.channels, (group + 1) * perGroup))
    }
  }

  private func forEachPlane(
    _ outers: Range<Int>?, _ channels: Range<Int>, _ body: (_ start: Int, _ channel: Int) -> Void
  ) {
    for outer in outers ?? 0..<extent.outer {
      for channel in channels { body((outer * extent.channels + channel) * extent.inner, channel) }
    }
  }

  /// Finds the statistics and normalizes.
  func forward(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ vectors: FastVectors, rectifies: Bool
  ) {
    forEachGroup { group in
      let (first, width) = (group.lowerBound, group.count)
      withScratch(width, of: Float.self) { base in
        withScratch(2 * width, of: Double.self) { sums in
          sums.update(repeating: 0, count: 2 * width)
          forEachPlane(nil, group) { start, channel in
            let place = channel - first
            kernels.plane_moments(
              x + start, extent.inner, start < extent.channels * extent.inner, base + place, sums + place,
              sums + width + place)
          }
          vectors.finish(
            kernels, base: base, sums: sums, squares: sums + width, first: first, width: width,
            count: extent.valuesPerChannel)
        }
      }
      apply(x, y, nil, group, vectors.pivot, vectors.scale, vectors.shift, rectifies)
    }
  }

  /// `y = (x − pivot) · scale + shift`, and ReLU, with the statistics known.
  func apply(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, pivot: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, rectifies: Bool
  ) {
    // Nothing is used twice: each ticket does whole slices, from the first value to the last.
    let perTicket = max(1, Self.valuesPerGroup / max(1, extent.channels * extent.inner))
    Parallel.forEach((extent.outer + perTicket - 1) / perTicket) { ticket in
      let outers = ticket * perTicket..<min(extent.outer, (ticket + 1) * perTicket)
      apply(x, y, outers, 0..<extent.channels, pivot, scale, shift, rectifies)
    }
  }

  private func apply(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ outers: Range<Int>?, _ channels: Range<Int>,
    _ pivot: UnsafePointer<Float>, _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>, _ rectifies: Bool
  ) {
    let streams = streams(y)
    forEachPlane(outers, channels) { start, channel in
      kernels.plane_normalize(
        x + start, y + start, extent.inner, pivot[channel], scale[channel], shift[channel], rectifies, streams)
    }
  }

  private func streams(_ y: UnsafeMutablePointer<Float>) -> Bool {
    Normalization.streams(y, count: extent.outer * extent.channels * extent.inner, width: extent.inner)
  }

  /// The backward pass: the gradients of gamma and beta, and that of the input.
  func backward(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ vectors: FastVectors,
    _ gradients: FastRows.Gradients, rectifies: Bool
  ) {
    let (pivot, scale, shift) = (vectors.pivot, vectors.scale, vectors.shift)
    let streams = streams(dx)
    forEachGroup { group in
      let (first, width) = (group.lowerBound, group.count)
      withScratch(2 * width, of: Double.self) { sums in
        withScratch(2 * width, of: Float.self) { factors in
          sums.update(repeating: 0, count: 2 * width)
          forEachPlane(nil, group) { start, channel in
            let place = channel - first
            kernels.plane_gradient_sums(
              g + start, x + start, extent.inner, pivot[channel], scale[channel], shift[channel], rectifies,
              sums + place, sums + width + place)
          }
          kernels.finish_gradients(
            sums, sums + width, width, Double(extent.valuesPerChannel), vectors.mean + first,
            vectors.reciprocal + first, pivot + first, vectors.gamma.map { $0 + first }, gradients.gamma + first,
            gradients.beta + first, factors, factors + width)
          forEachPlane(nil, group) { start, channel in
            let place = channel - first
            kernels.plane_input_gradient(
              g + start, x + start, dx + start, extent.inner, pivot[channel], scale[channel], shift[channel],
              factors[place], factors[width + place], rectifies, streams)
          }
        }
      }
    }
  }
}
