import CKernels

// The twins of CKernels/loops/layer.h: rows, each normalized by its own statistics.

/// The sums over one row: of at most `NORMA_BLOCK` values a chain, of more over lanes. Around the pivot of its first
/// block.
private func rowMoments(_ x: UnsafePointer<Float>, _ channels: Int) -> PivotedMoments {
  if channels <= Int(NORMA_BLOCK) { return PivotedMoments(chain: x, stride: 1, count: channels) }
  var row = PivotedMoments(pivot: 0, sum: 0, square: 0, count: Double(channels))
  addRunMoments(x, channels, isFirst: true, &row.pivot, &row.sum, &row.square)
  return row
}

/// The sum of the squares of one row's values: blocks of `NORMA_PLANE_BLOCK` over lanes, and what is left of one after
/// the last whole vector one by one.
private func sumOfSquares(_ x: UnsafePointer<Float>, _ count: Int) -> Double {
  var total = 0.0
  for start in stride(from: 0, to: count, by: Int(NORMA_PLANE_BLOCK)) {
    let (x, length) = (x + start, min(Int(NORMA_PLANE_BLOCK), count - start))
    let whole = length / lanesOfGroup * lanesOfGroup
    var sum = sumOverLanes(whole, groups: 4) { x[$0] * x[$0] }
    for index in whole..<length { sum += Double(x[index] * x[index]) }
    total += sum
  }
  return total
}

/// What normalizes one row.
private struct NormalizingRow {
  let pivot, scale, shift: Float

  /// By the mean, if one is subtracted, and 1 / s.
  init(mean: Double?, reciprocal: Double) {
    pivot = Float(mean ?? 0)
    scale = Float(reciprocal)
    shift = mean.map { Float(0 - ($0 - Double(Float($0))) * reciprocal) } ?? 0
  }

  @inline(__always) func callAsFunction(_ x: Float) -> Float { (x - pivot) * scale + shift }
}

/// `y = x̂ · gamma + beta`, x̂ being a row of x brought to mean 0 and variance 1. Writes each row's mean and 1 / s.
/// Whether every row is ordinary. Without `mean` no mean is subtracted, and s is the root of the mean square: RMS
/// normalization.
func layerNormalizeTwin(
  _ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ rows: Int, _ channels: Int,
  _ gamma: UnsafePointer<Float>!, _ beta: UnsafePointer<Float>!, _ epsilon: Double,
  _ mean: UnsafeMutablePointer<Double>?, _ reciprocal: UnsafeMutablePointer<Double>!, _ streams: Bool
) -> Bool {
  var areOrdinary = true
  for row in 0..<rows {
    let (x, y) = (x + row * channels, y + row * channels)
    if let mean {
      let (found, share) = (rowMoments(x, channels), 1 / Double(channels))
      mean[row] = Double(found.pivot) + found.sum * share
      let second = found.square - found.sum * share * found.sum
      reciprocal[row] = 1 / (second * share + epsilon).squareRoot()
    } else {
      reciprocal[row] = 1 / (sumOfSquares(x, channels) / Double(channels) + epsilon).squareRoot()
    }
    areOrdinary = areOrdinary && isOrdinary(reciprocal[row])
    let normalized = NormalizingRow(mean: mean?[row], reciprocal: reciprocal[row])
    for channel in 0..<channels { y[channel] = normalized(x[channel]) * gamma[channel] + beta[channel] }
  }
  return areOrdinary
}

/// The gradients of up to `NORMA_BLOCK` rows' layer normalization, or without `mean` of their RMS normalization: with
/// `h = g · gamma`, `dx = (h − mean(h) − x̂ · mean(h · x̂)) / s`. Adds `Σ g · x̂` and `Σ g` over the rows, chains in
/// single precision that `scratch` has room for, to the sums for gamma and beta. Rows may come in several
/// calls, of which the first begins and the last ends the sums.
func layerGradientTwin(
  _ g: UnsafePointer<Float>!, _ x: UnsafePointer<Float>!, _ dx: UnsafeMutablePointer<Float>!, _ rows: Int,
  _ channels: Int, _ gamma: UnsafePointer<Float>!, _ mean: UnsafePointer<Double>?,
  _ reciprocal: UnsafePointer<Double>!, _ gammaSums: UnsafeMutablePointer<Double>!,
  _ betaSums: UnsafeMutablePointer<Double>!, _ scratch: UnsafeMutablePointer<Float>!, _ begins: Bool,
  _ ends: Bool, _ streams: Bool
) {
  let (gammaPart, betaPart, share) = (scratch!, scratch! + channels, 1 / Double(channels))
  if begins { scratch.update(repeating: 0, count: 2 * channels) }
  for row in 0..<rows {
    let (g, x, dx) = (g + row * channels, x + row * channels, dx + row * channels)
    let normalized = NormalizingRow(mean: mean?[row], reciprocal: reciprocal[row])
    for channel in 0..<channels {
      gammaPart[channel] += g[channel] * normalized(x[channel])
      betaPart[channel] += g[channel]
    }
    let sum = sumOverLanes(channels, groups: 2) { g[$0] * gamma[$0] }
    let product = sumOverLanes(channels, groups: 2) { g[$0] * gamma[$0] * normalized(x[$0]) }
    let (meanSum, meanProduct) = (mean == nil ? 0 : Float(sum * share), Float(product * share))
    for channel in 0..<channels {
      dx[channel] =
        ((g[channel] * gamma[channel] - meanSum) - normalized(x[channel]) * meanProduct) * normalized.scale
    }
  }
  for channel in 0..<channels where ends {
    gammaSums[channel] += Double(gammaPart[channel])
    betaSums[channel] += Double(betaPart[channel])
  }
}
