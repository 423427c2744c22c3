import CKernels
import NormaTensor

/// Batch normalization of `[rows, channels]` floats on the kernels.
struct FastRows {
  let kernels: norma_kernels
  let plan: RowPlan
  /// Rows of the tensor, before any folding.
  let rows: Int

  private var channels: Int { plan.channels }

  /// Finds the statistics and normalizes.
  func forward(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ vectors: FastVectors, rectifies: Bool
  ) {
    switch plan.cut {
    case .columns: forwardByColumns(x, y, vectors, rectifies)
    case .rows:
      findMoments(x, vectors)
      apply(x, y, pivot: vectors.pivot, scale: vectors.scale, shift: vectors.shift, rectifies: rectifies)
    }
  }

  private func forwardByColumns(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ vectors: FastVectors, _ rectifies: Bool
  ) {
    let streams = streams(count: rows * channels, width: channels)
    Parallel.forEach(plan.ticketCount) { ticket in
      let range = plan.range(ticket)
      let (first, width) = (range.lowerBound, range.count)
      withScratch(2 * width, of: Double.self) { sums in
        withScratch(4 * width, of: Float.self) { floats in
          kernels.row_moments(x + first, channels, rows, width, floats, sums, sums + width, floats + width)
          vectors.finish(
            kernels, base: floats, sums: sums, squares: sums + width, first: first, width: width, count: rows)
        }
      }
      kernels.row_normalize(
        x + first, y + first, channels, rows, width, vectors.pivot + first, vectors.scale + first,
        vectors.shift + first, rectifies, streams)
    }
  }

  private func findMoments(_ x: UnsafePointer<Float>, _ vectors: FastVectors) {
    let tickets = plan.ticketCount
    let width = plan.width
    withScratch(2 * tickets * width, of: Double.self) { sums in
      withScratch(4 * tickets * width, of: Float.self) { floats in
        Parallel.forEach(tickets) { ticket in
          let range = plan.range(ticket)
          let part = sums + 2 * ticket * width
          let base = floats + 4 * ticket * width
          kernels.row_moments(
            x + range.lowerBound * width, width, range.count, width, base, part, part + width, base + width)
        }
        plan.forEachStretch { stretch in
          let (first, count) = (stretch.lowerBound, stretch.count)
          let (sums, squares, base) = (sums + first, sums + width + first, floats + first)
          for ticket in 1..<max(1, tickets) {
            let part = sums + 2 * ticket * width
            kernels.merge_moments(
              base + 4 * ticket * width, part, part + width, base, count, Double(plan.range(ticket).count), sums,
              squares)
          }
          for copy in 1..<max(1, plan.fold) {
            let start = copy * channels
            kernels.merge_moments(
              base + start, sums + start, squares + start, base, channels, Double(plan.rows), sums, squares)
          }
          addTail(x, base: base, sums: sums, squares: squares)
          vectors.finish(
            kernels, base: base, sums: sums, squares: squares, first: first, width: min(count, channels), count: rows)
        }
      }
    }
  }

  /// The rows that do not fill a folded one.
  private func addTail(
    _ x: UnsafePointer<Float>, base: UnsafePointer<Float>, sums: UnsafeMutablePointer<Double>,
    squares: UnsafeMutablePointer<Double>
  ) {
    for row in rows - plan.tailRows..<rows {
      for channel in 0..<channels {
        let distance = Double(x[row * channels + channel]) - Double(base[channel])
        sums[channel] += distance
        squares[channel] += distance * distance
      }
    }
  }

  /// `y = (x − pivot) · scale + shift`, and ReLU.
  func apply(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, pivot: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, rectifies: Bool
  ) {
    let streams = streams(count: rows * channels, width: channels)
    let width = plan.width
    withFolded(pivot, scale, shift) { pivot, scale, shift in
      plan.forEachChunk { chunk in
        let start = chunk.lowerBound * width
        kernels.row_normalize(
          x + start, y + start, width, chunk.count, width, pivot, scale, shift, rectifies, streams)
      }
    }
    for index in (rows - plan.tailRows) * channels..<rows * channels {
      let channel = index % channels
      let value = (x[index] - pivot[channel]) * scale[channel] + shift[channel]
      y[index] = rectifies && value <= 0 ? 0 : value
    }
  }

  /// Lends vectors `[C]` written side by side as often as rows are folded.
  private func withFolded(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafePointer<Float>,
    _ body: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>) -> Void
  ) {
    guard plan.fold > 1 else { return body(a, b, c) }
    let width = plan.width
    withScratch(3 * width, of: Float.self) { folded in
      for copy in 0..<plan.fold {
        let start = folded + copy * channels
        start.update(from: a, count: channels)
        (start + width).update(from: b, count: channels)
        (start + 2 * width).update(from: c, count: channels)
      }
      body(folded, folded + width, folded + 2 * width)
    }
  }
}

extension FastRows {
  /// What the backward pass writes, beside the gradient of the input.
  struct Gradients {
    let gamma: UnsafeMutablePointer<Float>
    let beta: UnsafeMutablePointer<Float>
  }

  /// The backward pass: the gradients of gamma and beta, and that of the input.
  func backward(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ vectors: FastVectors,
    _ gradients: Gradients, rectifies: Bool
  ) {
    let streams = streams(count: rows * channels, width: channels)
    withScratch(2 * channels, of: Float.self) { factors in
      let (slope, offset) = (factors, factors + channels)
      func finish(_ sums: UnsafePointer<Double>, _ products: UnsafePointer<Double>, first: Int, width: Int) {
        kernels.finish_gradients(
          sums, products, width, Double(rows), vectors.mean + first, vectors.reciprocal + first,
          vectors.pivot + first, vectors.gamma.map { $0 + first }, gradients.gamma + first, gradients.beta + first,
          slope + first, offset + first)
      }
      if case .columns = plan.cut {
        Parallel.forEach(plan.ticketCount) { ticket in
          let range = plan.range(ticket)
          let (first, width) = (range.lowerBound, range.count)
          withScratch(2 * width, of: Double.self) { sums in
            withScratch(2 * width, of: Float.self) { floats in
              kernels.row_gradient_sums(
                g + first, x + first, channels, rows, width, vectors.pivot + first, vectors.scale + first,
                vectors.shift + first, rectifies, sums, sums + width, floats)
              finish(sums, sums + width, first: first, width: width)
            }
          }
          kernels.row_input_gradient(
            g + first, x + first, dx + first, channels, rows, width, vectors.pivot + first, vectors.scale + first,
            vectors.shift + first, slope + first, offset + first, rectifies, streams)
        }
      } else {
        findGradientSums(g, x, vectors, rectifies) { finish($0, $1, first: $2, width: $3) }
        applyGradient(g, x, dx, vectors, slope, offset, rectifies: rectifies, streams: streams)
      }
    }
  }

  private func findGradientSums(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ vectors: FastVectors, _ rectifies: Bool,
    finish: (_ sums: UnsafePointer<Double>, _ products: UnsafePointer<Double>, _ first: Int, _ count: Int) -> Void
  ) {
    let tickets = plan.ticketCount
    let width = plan.width
    withScratch(2 * tickets * width, of: Double.self) { sums in
      withFolded(vectors.pivot, vectors.scale, vectors.shift) { pivot, scale, shift in
        withScratch(2 * tickets * width, of: Float.self) { floats in
          Parallel.forEach(tickets) { ticket in
            let range = plan.range(ticket)
            let start = range.lowerBound * width
            let part = sums + 2 * ticket * width
            kernels.row_gradient_sums(
              g + start, x + start, width, range.count, width, pivot, scale, shift, rectifies, part, part + width,
              floats + 2 * ticket * width)
          }
        }
      }
      plan.forEachStretch { stretch in
        let (first, count) = (stretch.lowerBound, stretch.count)
        let (sums, products) = (sums + first, sums + width + first)
        for ticket in 1..<max(1, tickets) {
          let part = sums + 2 * ticket * width
          for index in 0..<count {
            sums[index] += part[index]
            products[index] += part[width + index]
          }
        }
        for copy in 1..<max(1, plan.fold) {
          for channel in 0..<channels {
            sums[channel] += sums[copy * channels + channel]
            products[channel] += products[copy * channels + channel]
          }
        }
        for index in (rows - plan.tailRows) * channels..<rows * channels {
          let channel = index % channels
          let distance = x[index] - vectors.pivot[channel]
          let isOff = rectifies && distance * vectors.scale[channel] + vectors.shift[channel] <= 0
          let gradient = isOff ? 0 : Double(g[index])
          sums[channel] += gradient
          products[channel] += gradient * Double(distance)
        }
        finish(sums, products, first, min(count, channels))
      }
    }
  }

  private func applyGradient(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ vectors: FastVectors,
    _ slope: UnsafePointer<Float>, _ offset: UnsafePointer<Float>, rectifies: Bool, streams: Bool
  ) {
    let width = plan.width
    withFolded(vectors.pivot, vectors.scale, vectors.shift) { pivot, scale, shift in
      withFolded(slope, offset, offset) { slope, offset, _ in
        plan.forEachChunk { chunk in
          let start = chunk.lowerBound * width
          kernels.row_input_gradient(
            g + start, x + start, dx + start, width, chunk.count, width, pivot, scale, shift, slope, offset, rectifies,
            streams)
        }
      }
    }
    for index in (rows - plan.tailRows) * channels..<rows * channels {
      let channel = index % channels
      let distance = x[index] - vectors.pivot[channel]
      let isOff = rectifies && distance * vectors.scale[channel] + vectors.shift[channel] <= 0
      dx[index] = ((isOff ? 0 : g[index]) * vectors.scale[channel] - distance * slope[channel]) - offset[channel]
    }
  }
}
