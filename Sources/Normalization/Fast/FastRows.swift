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
    let streams = streams(y, count: rows * channels, width: channels)
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
        vectors.shift + first, rectifies, streams && first % RowPlan.lanes == 0)
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
        let squares = sums + width
        for ticket in 1..<max(1, tickets) {
          let part = sums + 2 * ticket * width
          kernels.merge_moments(
            floats + 4 * ticket * width, part, part + width, floats, width, Double(plan.range(ticket).count), sums,
            squares)
        }
        for copy in 1..<max(1, plan.fold) {
          let first = copy * channels
          kernels.merge_moments(
            floats + first, sums + first, squares + first, floats, channels, Double(plan.rows), sums, squares)
        }
        addTail(x, base: floats, sums: sums, squares: squares)
        vectors.finish(kernels, base: floats, sums: sums, squares: squares, first: 0, width: channels, count: rows)
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
    let streams = streams(y, count: rows * channels, width: channels)
    if case .columns = plan.cut {
      Parallel.forEach(plan.ticketCount) { ticket in
        let range = plan.range(ticket)
        let first = range.lowerBound
        kernels.row_normalize(
          x + first, y + first, channels, rows, range.count, pivot + first, scale + first, shift + first, rectifies,
          streams && first % RowPlan.lanes == 0)
      }
      return
    }
    withFolded([pivot, scale, shift]) { folded in
      let width = plan.width
      Parallel.forEach(plan.ticketCount) { ticket in
        let range = plan.range(ticket)
        let start = range.lowerBound * width
        kernels.row_normalize(
          x + start, y + start, width, range.count, width, folded, folded + width, folded + 2 * width, rectifies,
          streams)
      }
    }
    for index in (rows - plan.tailRows) * channels..<rows * channels {
      let channel = index % channels
      let value = (x[index] - pivot[channel]) * scale[channel] + shift[channel]
      y[index] = rectifies && value <= 0 ? 0 : value
    }
  }

  /// Lends vectors `[C]` written side by side as often as rows are folded, one vector after the other.
  private func withFolded<Result>(
    _ vectors: [UnsafePointer<Float>], _ body: (UnsafeMutablePointer<Float>) -> Result
  ) -> Result {
    withScratch(vectors.count * plan.width, of: Float.self) { folded in
      var position = folded
      for vector in vectors {
        for _ in 0..<plan.fold {
          position.update(from: vector, count: channels)
          position += channels
        }
      }
      return body(folded)
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
    let streams = streams(dx, count: rows * channels, width: channels)
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
            vectors.shift + first, slope + first, offset + first, rectifies, streams && first % RowPlan.lanes == 0)
        }
      } else {
        findGradientSums(g, x, vectors, rectifies) { sums, products in
          finish(sums, products, first: 0, width: channels)
        }
        applyGradient(g, x, dx, vectors, slope, offset, rectifies: rectifies, streams: streams)
      }
    }
  }

  private func findGradientSums(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ vectors: FastVectors, _ rectifies: Bool,
    _ body: (UnsafePointer<Double>, UnsafePointer<Double>) -> Void
  ) {
    let tickets = plan.ticketCount
    let width = plan.width
    withFolded([UnsafePointer(vectors.pivot), UnsafePointer(vectors.scale), UnsafePointer(vectors.shift)]) { folded in
      withScratch(2 * tickets * width, of: Double.self) { sums in
        withScratch(2 * tickets * width, of: Float.self) { floats in
          Parallel.forEach(tickets) { ticket in
            let range = plan.range(ticket)
            let start = range.lowerBound * width
            let part = sums + 2 * ticket * width
            kernels.row_gradient_sums(
              g + start, x + start, width, range.count, width, folded, folded + width, folded + 2 * width, rectifies,
              part, part + width, floats + 2 * ticket * width)
          }
        }
        let products = sums + width
        for ticket in 1..<max(1, tickets) {
          let part = sums + 2 * ticket * width
          for index in 0..<2 * width { sums[index] += part[index] }
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
        body(sums, products)
      }
    }
  }

  private func applyGradient(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ vectors: FastVectors,
    _ slope: UnsafePointer<Float>, _ offset: UnsafePointer<Float>, rectifies: Bool, streams: Bool
  ) {
    let width = plan.width
    withFolded(
      [UnsafePointer(vectors.pivot), UnsafePointer(vectors.scale), UnsafePointer(vectors.shift), slope, offset]
    ) { folded in
      Parallel.forEach(plan.ticketCount) { ticket in
        let range = plan.range(ticket)
        let start = range.lowerBound * width
        kernels.row_input_gradient(
          g + start, x + start, dx + start, width, range.count, width, folded, folded + width, folded + 2 * width,
          folded + 3 * width, folded + 4 * width, rectifies, streams)
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
