import CKernels

// The twins of CKernels/loops/rows.h: rows by channels, whose sums run down the rows, one for each channel.

/// Sums of the distances of some values from a pivot among them, and of their squares.
struct PivotedMoments {
  var pivot: Float
  var sum, square: Double
  var count: Double

  /// The sums over at most `NORMA_BLOCK` values that are `stride` apart: two chains in single precision.
  init(chain x: UnsafePointer<Float>, stride: Int, count: Int) {
    pivot = Self.pivot(of: x, stride: stride, count: count)
    var (sum, square): (Float, Float) = (0, 0)
    Self.add(chain: x, stride: stride, count: count, around: pivot, &sum, &square)
    (self.sum, self.square, self.count) = (Double(sum), Double(square), Double(count))
  }

  /// Goes on with two chains around a pivot.
  static func add(
    chain x: UnsafePointer<Float>, stride: Int, count: Int, around pivot: Float, _ sum: inout Float,
    _ square: inout Float
  ) {
    for index in 0..<count {
      let distance = x[index * stride] - pivot
      sum += distance
      square += distance * distance
    }
  }

  /// The sums over at most `NORMA_PLANE_BLOCK` values that stand side by side, over lanes.
  init(run x: UnsafePointer<Float>, count: Int) {
    let pivot = Self.pivot(of: x, stride: 1, count: count)
    self.pivot = pivot
    sum = sumOverLanes(count, groups: 4) { x[$0] - pivot }
    square = sumOverLanes(count, groups: 4) { (x[$0] - pivot) * (x[$0] - pivot) }
    self.count = Double(count)
  }

  /// What was found before.
  init(pivot: Float, sum: Double, square: Double, count: Double) {
    (self.pivot, self.sum, self.square, self.count) = (pivot, sum, square, count)
  }

  /// The mean of the first eight values, as a tree, so that equal values give that value exactly; the first of fewer.
  static func pivot(of x: UnsafePointer<Float>, stride: Int, count: Int) -> Float {
    guard count >= 8 else { return x[0] }
    func pair(_ index: Int) -> Float { x[index * stride] + x[(index + 1) * stride] }
    return ((pair(0) + pair(2)) + (pair(4) + pair(6))) * 0.125
  }

  /// Adds these sums to sums around `base`: with e the distance of the pivot from it, `S += s + n·e` and
  /// `Q += q + 2·e·s + n·e²`.
  func add(around base: Float, _ sums: inout Double, _ squares: inout Double) {
    let e = Double(pivot) - Double(base)
    sums += sum + count * e
    squares += (square + 2 * e * sum) + (count * e) * e
  }
}

/// Sums of `x − base` and of its square over `rows` rows, for each channel: blocks of `NORMA_BLOCK` rows, added up in
/// double precision. The base is the pivot of the first block. Writes `base`, `sums` and `squares`; needs no scratch.
func rowMomentsTwin(
  _ x: UnsafePointer<Float>!, _ stride: Int, _ rows: Int, _ width: Int, _ base: UnsafeMutablePointer<Float>!,
  _ sums: UnsafeMutablePointer<Double>!, _ squares: UnsafeMutablePointer<Double>!,
  _ scratch: UnsafeMutablePointer<Float>!
) {
  for channel in 0..<width {
    (sums[channel], squares[channel]) = (0, 0)
    for row in Swift.stride(from: 0, to: rows, by: Int(NORMA_BLOCK)) {
      let block = PivotedMoments(
        chain: x + (row * stride + channel), stride: stride, count: min(Int(NORMA_BLOCK), rows - row))
      if row == 0 { base[channel] = block.pivot }
      block.add(around: base[channel], &sums[channel], &squares[channel])
    }
  }
}

/// The pivots and pivoted sums of the first rows of a block, or what some more rows add to them.
func rowBlockMomentsTwin(
  _ x: UnsafePointer<Float>!, _ stride: Int, _ rows: Int, _ width: Int, _ begins: Bool,
  _ pivot: UnsafeMutablePointer<Float>!, _ sum: UnsafeMutablePointer<Float>!, _ square: UnsafeMutablePointer<Float>!
) {
  for channel in 0..<width {
    if begins {
      pivot[channel] = PivotedMoments.pivot(of: x + channel, stride: stride, count: rows)
      (sum[channel], square[channel]) = (0, 0)
    }
    PivotedMoments.add(
      chain: x + channel, stride: stride, count: rows, around: pivot[channel], &sum[channel], &square[channel])
  }
}

/// `y = (x − pivot) · scale + shift`, and ReLU.
func rowNormalizeTwin(
  _ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ stride: Int, _ rows: Int, _ width: Int,
  _ pivot: UnsafePointer<Float>!, _ scale: UnsafePointer<Float>!, _ shift: UnsafePointer<Float>!, _ rectifies: Bool,
  _ streams: Bool
) {
  for row in 0..<rows {
    for channel in 0..<width {
      let line = NormalizingLine(pivot[channel], scale[channel], shift[channel], rectifies)
      y[row * stride + channel] = line.output(x[row * stride + channel])
    }
  }
}

/// Sums of h and of `h · (x − pivot)` over `rows` rows, for each channel, h being the gradient where a ReLU that
/// followed was active: blocks of `NORMA_BLOCK` rows in single precision, added up in double precision. Needs no
/// scratch.
func rowGradientSumsTwin(
  _ g: UnsafePointer<Float>!, _ x: UnsafePointer<Float>!, _ stride: Int, _ rows: Int, _ width: Int,
  _ pivot: UnsafePointer<Float>!, _ scale: UnsafePointer<Float>!, _ shift: UnsafePointer<Float>!, _ rectifies: Bool,
  _ sums: UnsafeMutablePointer<Double>!, _ products: UnsafeMutablePointer<Double>!,
  _ scratch: UnsafeMutablePointer<Float>!
) {
  for channel in 0..<width {
    let line = NormalizingLine(pivot[channel], scale[channel], shift[channel], rectifies)
    (sums[channel], products[channel]) = (0, 0)
    for first in Swift.stride(from: 0, to: rows, by: Int(NORMA_BLOCK)) {
      var (sum, product): (Float, Float) = (0, 0)
      let place = first * stride + channel
      line.addGradientSums(
        g + place, x + place, stride: stride, count: min(Int(NORMA_BLOCK), rows - first), &sum, &product)
      sums[channel] += Double(sum)
      products[channel] += Double(product)
    }
  }
}

/// The sums of the first rows of a block, or what some more rows add to them.
func rowBlockGradientSumsTwin(
  _ g: UnsafePointer<Float>!, _ x: UnsafePointer<Float>!, _ stride: Int, _ rows: Int, _ width: Int,
  _ pivot: UnsafePointer<Float>!, _ scale: UnsafePointer<Float>!, _ shift: UnsafePointer<Float>!, _ rectifies: Bool,
  _ begins: Bool, _ sum: UnsafeMutablePointer<Float>!, _ product: UnsafeMutablePointer<Float>!
) {
  for channel in 0..<width {
    let line = NormalizingLine(pivot[channel], scale[channel], shift[channel], rectifies)
    if begins { (sum[channel], product[channel]) = (0, 0) }
    line.addGradientSums(g + channel, x + channel, stride: stride, count: rows, &sum[channel], &product[channel])
  }
}

/// `dx = h · scale − (x − pivot) · slope − offset`.
func rowInputGradientTwin(
  _ g: UnsafePointer<Float>!, _ x: UnsafePointer<Float>!, _ dx: UnsafeMutablePointer<Float>!, _ stride: Int,
  _ rows: Int, _ width: Int, _ pivot: UnsafePointer<Float>!, _ scale: UnsafePointer<Float>!,
  _ shift: UnsafePointer<Float>!, _ slope: UnsafePointer<Float>!, _ offset: UnsafePointer<Float>!, _ rectifies: Bool,
  _ streams: Bool
) {
  for row in 0..<rows {
    for channel in 0..<width {
      let line = NormalizingLine(pivot[channel], scale[channel], shift[channel], rectifies)
      let index = row * stride + channel
      dx[index] = line.inputGradient(g[index], x[index], slope[channel], offset[channel])
    }
  }
}

/// What normalizes a channel.
struct NormalizingLine {
  private let pivot, scale, shift: Float
  private let rectifies: Bool

  @inline(__always) init(_ pivot: Float, _ scale: Float, _ shift: Float, _ rectifies: Bool) {
    (self.pivot, self.scale, self.shift, self.rectifies) = (pivot, scale, shift, rectifies)
  }

  @inline(__always) func distance(_ x: Float) -> Float { x - pivot }

  /// Goes on with the chains of h and of `h · (x − pivot)`.
  @inline(__always) func addGradientSums(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, stride: Int, count: Int, _ sum: inout Float,
    _ product: inout Float
  ) {
    for index in 0..<count {
      let value = x[index * stride]
      let h = active(g[index * stride], value)
      sum += h
      product += h * distance(value)
    }
  }

  @inline(__always) func output(_ x: Float) -> Float { rectified(distance(x) * scale + shift, rectifies) }

  /// The gradient where the ReLU that followed was active, 0 elsewhere.
  @inline(__always) func active(_ gradient: Float, _ x: Float) -> Float {
    rectifies && distance(x) * scale + shift <= 0 ? 0 : gradient
  }

  @inline(__always) func inputGradient(_ gradient: Float, _ x: Float, _ slope: Float, _ offset: Float) -> Float {
    (active(gradient, x) * scale - distance(x) * slope) - offset
  }
}

/// Adds one part's sums around its own base to those around another.
func mergeMomentsTwin(
  _ partBase: UnsafePointer<Float>!, _ partSums: UnsafePointer<Double>!, _ partSquares: UnsafePointer<Double>!,
  _ base: UnsafePointer<Float>!, _ width: Int, _ count: Double, _ sums: UnsafeMutablePointer<Double>!,
  _ squares: UnsafeMutablePointer<Double>!
) {
  for channel in 0..<width {
    PivotedMoments(pivot: partBase[channel], sum: partSums[channel], square: partSquares[channel], count: count)
      .add(around: base[channel], &sums[channel], &squares[channel])
  }
}

/// Whether the kernels can normalize with such a 1 / s in single precision.
func isOrdinary(_ reciprocal: Double) -> Bool { reciprocal >= 1 / NORMA_STEEPEST && reciprocal <= NORMA_STEEPEST }

/// Whether no value is farther from 0 than `most`; one that is not a number is.
private func areWithin(_ values: UnsafePointer<Float>, _ count: Int, _ most: Float) -> Bool {
  (0..<count).allSatisfy { abs(values[$0]) <= most }
}

/// From the sums around `base` of `count` values a channel: the means, the centred second moments, and what normalizes
/// them. With `mean = pivot + rest`, the pivot being a float, `y = (x − pivot) · scale + shift`, where
/// `scale = gamma / s` and `shift = beta − rest · gamma / s`. Whether every channel is ordinary.
func finishMomentsTwin(
  _ base: UnsafePointer<Float>!, _ sums: UnsafePointer<Double>!, _ squares: UnsafePointer<Double>!, _ width: Int,
  _ count: Double, _ epsilon: Double, _ gamma: UnsafePointer<Float>?, _ beta: UnsafePointer<Float>?,
  _ mean: UnsafeMutablePointer<Double>!, _ second: UnsafeMutablePointer<Double>!,
  _ reciprocal: UnsafeMutablePointer<Double>!, _ pivot: UnsafeMutablePointer<Float>!,
  _ scale: UnsafeMutablePointer<Float>!, _ shift: UnsafeMutablePointer<Float>!
) -> Bool {
  let share = 1 / count
  for channel in 0..<width {
    let sum = sums[channel]
    mean[channel] = Double(base[channel]) + sum * share
    second[channel] = squares[channel] - sum * share * sum
    reciprocal[channel] = 1 / (second[channel] * share + epsilon).squareRoot()
    let factor = (gamma.map { Double($0[channel]) } ?? 1) * reciprocal[channel]
    pivot[channel] = Float(mean[channel])
    scale[channel] = Float(factor)
    shift[channel] = Float(
      (beta.map { Double($0[channel]) } ?? 0) - (mean[channel] - Double(pivot[channel])) * factor)
  }
  return (0..<width).allSatisfy { isOrdinary(reciprocal[$0]) } && areWithin(scale, width, NORMA_LARGEST_SCALE)
}

/// `scale = gamma / √(variance + epsilon)`. Whether every channel is ordinary: there, `x − mean` is a float for every
/// float x.
func channelScalesTwin(
  _ mean: UnsafePointer<Float>!, _ variance: UnsafePointer<Float>!, _ gamma: UnsafePointer<Float>?, _ width: Int,
  _ epsilon: Double, _ scale: UnsafeMutablePointer<Float>!
) -> Bool {
  var areOrdinary = true
  for channel in 0..<width {
    let reciprocal = 1 / (Double(variance[channel]) + epsilon).squareRoot()
    scale[channel] = Float((gamma.map { Double($0[channel]) } ?? 1) * reciprocal)
    areOrdinary = areOrdinary && isOrdinary(reciprocal)
  }
  return areOrdinary && areWithin(scale, width, NORMA_LARGEST_SCALE) && areWithin(mean, width, NORMA_NEAR)
}

/// From the sums of g and of `g · (x − pivot)` over `count` values a channel: the gradients of gamma and beta, and what
/// makes that of x: `dx = g · scale − (x − pivot) · slope − offset`. Whether slopes and offsets are floats in every
/// channel.
func finishGradientsTwin(
  _ sums: UnsafePointer<Double>!, _ products: UnsafePointer<Double>!, _ width: Int, _ count: Double,
  _ mean: UnsafePointer<Double>!, _ reciprocal: UnsafePointer<Double>!, _ pivot: UnsafePointer<Float>!,
  _ gamma: UnsafePointer<Float>?, _ gammaGradient: UnsafeMutablePointer<Float>!,
  _ betaGradient: UnsafeMutablePointer<Float>!, _ slope: UnsafeMutablePointer<Float>!,
  _ offset: UnsafeMutablePointer<Float>!
) -> Bool {
  let share = 1 / count
  for channel in 0..<width {
    let rest = mean[channel] - Double(pivot[channel])
    let factor = (gamma.map { Double($0[channel]) } ?? 1) * reciprocal[channel]
    let ofGamma = (products[channel] - rest * sums[channel]) * reciprocal[channel]
    let line = factor * reciprocal[channel] * ofGamma * share
    gammaGradient[channel] = Float(ofGamma)
    betaGradient[channel] = Float(sums[channel])
    slope[channel] = Float(line)
    offset[channel] = Float(factor * sums[channel] * share - rest * line)
  }
  return areWithin(slope, width, .greatestFiniteMagnitude) && areWithin(offset, width, .greatestFiniteMagnitude)
}
