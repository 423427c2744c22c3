import CKernels
import NormaTensor

/// Batch normalization of `[N, C, inner]` floats on the kernels: each ticket does some channels, first their sums and
/// then what needs them, while they are in the cache.
struct FastPlanes {
  let kernels: norma_kernels
  let extent: ChannelExtent

  /// Values in one ticket; fewer are not worth sharing.
  private static let valuesPerTicket = 1 << 15

  private func forEachChannel(_ body: (Int) -> Void) {
    let perTicket = max(1, Self.valuesPerTicket / max(1, extent.valuesPerChannel))
    Parallel.forEach((extent.channels + perTicket - 1) / perTicket) { ticket in
      for channel in ticket * perTicket..<min(extent.channels, (ticket + 1) * perTicket) { body(channel) }
    }
  }

  /// The place of a channel's values in one outer slice.
  private func start(_ outer: Int, _ channel: Int) -> Int { (outer * extent.channels + channel) * extent.inner }

  /// Finds the statistics and normalizes.
  func forward(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ vectors: FastVectors, rectifies: Bool
  ) {
    forEachChannel { channel in
      var base: Float = 0
      var sum = 0.0
      var square = 0.0
      for outer in 0..<extent.outer {
        kernels.plane_moments(x + start(outer, channel), extent.inner, outer == 0, &base, &sum, &square)
      }
      vectors.finish(
        kernels, base: &base, sums: &sum, squares: &square, first: channel, width: 1, count: extent.valuesPerChannel)
      apply(
        x, y, channel, pivot: vectors.pivot[channel], scale: vectors.scale[channel], shift: vectors.shift[channel],
        rectifies: rectifies)
    }
  }

  /// `y = (x − pivot) · scale + shift`, and ReLU, with the statistics known.
  func apply(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, pivot: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, rectifies: Bool
  ) {
    forEachChannel {
      apply(x, y, $0, pivot: pivot[$0], scale: scale[$0], shift: shift[$0], rectifies: rectifies)
    }
  }

  private func apply(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ channel: Int, pivot: Float, scale: Float,
    shift: Float, rectifies: Bool
  ) {
    for outer in 0..<extent.outer {
      let start = start(outer, channel)
      kernels.plane_normalize(
        x + start, y + start, extent.inner, pivot, scale, shift, rectifies, streams(y))
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
    forEachChannel { channel in
      let (pivot, scale, shift) = (vectors.pivot[channel], vectors.scale[channel], vectors.shift[channel])
      var sum = 0.0
      var product = 0.0
      for outer in 0..<extent.outer {
        let start = start(outer, channel)
        kernels.plane_gradient_sums(
          g + start, x + start, extent.inner, pivot, scale, shift, rectifies, &sum, &product)
      }
      var slope: Float = 0
      var offset: Float = 0
      kernels.finish_gradients(
        &sum, &product, 1, Double(extent.valuesPerChannel), vectors.mean + channel, vectors.reciprocal + channel,
        vectors.pivot + channel, vectors.gamma.map { $0 + channel }, gradients.gamma + channel,
        gradients.beta + channel, &slope, &offset)
      for outer in 0..<extent.outer {
        let start = start(outer, channel)
        kernels.plane_input_gradient(
          g + start, x + start, dx + start, extent.inner, pivot, scale, shift, slope, offset, rectifies,
          streams(dx))
      }
    }
  }
}
