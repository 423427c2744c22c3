import CKernels
import NormaTensor

/// Batch normalization of `[N, C, inner]` floats on the kernels: each ticket does a group of neighbouring channels, first
/// their sums and then what needs them, while they are in the cache.
struct FastPlanes {
  let kernels: norma_kernels
  let extent: ChannelExtent

  /// Values in one group: about as many as a core's own cache holds, and enough to be worth a ticket.
  private static let valuesPerGroup = 1 << 16
  /// Values of a group that stand side by side in one outer slice, even where they are too many for that cache:
  /// memory is read faster in longer runs.
  private static let valuesPerRun = 1 << 12

  private func forEachGroup(_ body: (Range<Int>) -> Void) {
    let fitting = Self.valuesPerGroup / max(1, extent.valuesPerChannel)
    let neighbours = min(Self.valuesPerRun / max(1, extent.inner), extent.channels / 4)
    let perGroup = max(1, min(extent.channels, max(fitting, neighbours)))
    Parallel.forEach((extent.channels + perGroup - 1) / perGroup) { group in
      body(group * perGroup..<min(extent.channels, (group + 1) * perGroup))
    }
  }

  /// Finds the statistics and normalizes.
  func forward(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ vectors: FastVectors, rectifies: Bool
  ) {
    forEachGroup { group in
      let (first, width) = (group.lowerBound, group.count)
      let start = first * extent.inner
      withScratch(width, of: Float.self) { base in
        withScratch(2 * width, of: Double.self) { sums in
          kernels.plane_moments(x + start, extent.outer, stride, width, extent.inner, base, sums, sums + width)
          vectors.finish(
            kernels, base: base, sums: sums, squares: sums + width, first: first, width: width,
            count: extent.valuesPerChannel)
        }
      }
      kernels.plane_normalize(
        x + start, y + start, extent.outer, stride, width, extent.inner, vectors.pivot + first, vectors.scale + first,
        vectors.shift + first, rectifies, streams)
    }
  }

  /// `y = (x − pivot) · scale + shift`, and ReLU, with the statistics known.
  func apply(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, pivot: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, rectifies: Bool
  ) {
    // Nothing is used twice: each ticket does whole slices, from the first value to the last.
    let perTicket = max(1, Self.valuesPerGroup / max(1, stride))
    Parallel.forEach((extent.outer + perTicket - 1) / perTicket) { ticket in
      let outers = ticket * perTicket..<min(extent.outer, (ticket + 1) * perTicket)
      let start = outers.lowerBound * stride
      kernels.plane_normalize(
        x + start, y + start, outers.count, stride, extent.channels, extent.inner, pivot, scale, shift, rectifies,
        streams)
    }
  }

  /// The distance between outer slices.
  private var stride: Int { extent.channels * extent.inner }

  private var streams: Bool { NormaNormalization.streams(count: extent.outer * stride, width: extent.inner) }

  /// The backward pass: the gradients of gamma and beta, and that of the input.
  func backward(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ vectors: FastVectors,
    _ gradients: FastRows.Gradients, rectifies: Bool
  ) {
    forEachGroup { group in
      let (first, width) = (group.lowerBound, group.count)
      let start = first * extent.inner
      let (pivot, scale, shift) = (vectors.pivot + first, vectors.scale + first, vectors.shift + first)
      withScratch(2 * width, of: Double.self) { sums in
        withScratch(2 * width, of: Float.self) { factors in
          kernels.plane_gradient_sums(
            g + start, x + start, extent.outer, stride, width, extent.inner, pivot, scale, shift, rectifies, sums,
            sums + width)
          kernels.finish_gradients(
            sums, sums + width, width, Double(extent.valuesPerChannel), vectors.mean + first,
            vectors.reciprocal + first, pivot, vectors.gamma.map { $0 + first }, gradients.gamma + first,
            gradients.beta + first, factors, factors + width)
          kernels.plane_input_gradient(
            g + start, x + start, dx + start, extent.outer, stride, width, extent.inner, pivot, scale, shift, factors,
            factors + width, rectifies, streams)
        }
      }
    }
  }
}
