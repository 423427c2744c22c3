// The twins of CKernels/loops/elements.h: element by element.

/// Adds a vector to each row, in place, and applies ReLU.
func rowBiasTwin(
  _ y: UnsafeMutablePointer<Float>!, _ rows: Int, _ width: Int, _ bias: UnsafePointer<Float>?, _ rectifies: Bool
) {
  for row in 0..<rows {
    for channel in 0..<width {
      let value = y[row * width + channel]
      y[row * width + channel] = rectified(bias.map { value + $0[channel] } ?? value, rectifies)
    }
  }
}

/// `y = a + b`, and ReLU; y may be a or b.
func addTwin(
  _ a: UnsafePointer<Float>!, _ b: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int,
  _ rectifies: Bool
) {
  for index in 0..<count { y[index] = rectified(a[index] + b[index], rectifies) }
}

/// `dx = g` where y, or what it is the ReLU of, is positive or NaN, 0 elsewhere.
func rectifyGradientTwin(
  _ y: UnsafePointer<Float>!, _ g: UnsafePointer<Float>!, _ dx: UnsafeMutablePointer<Float>!, _ count: Int
) {
  for index in 0..<count { dx[index] = y[index] <= 0 ? 0 : g[index] }
}

/// `y = 0`.
func streamZerosTwin(_ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  for index in 0..<count { y[index] = 0 }
}

/// `y = factor · x`; y may be x.
func scaleTwin(
  _ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int, _ factor: Float
) {
  for index in 0..<count { y[index] = factor * x[index] }
}

/// `y = x`, or the bound that it is beyond; y may be x.
func clampTwin(
  _ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int, _ lower: Float, _ upper: Float
) {
  for index in 0..<count { y[index] = x[index] < lower ? lower : x[index] > upper ? upper : x[index] }
}

/// `y = min(max(x + 3, 0), 6) / 6`; y may be x.
func hardSigmoidTwin(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  for index in 0..<count { y[index] = hardStep(x[index]) / 6 }
}

/// `y = x · min(max(x + 3, 0), 6) / 6`; y may be x.
func hardSwishTwin(_ x: UnsafePointer<Float>!, _ y: UnsafeMutablePointer<Float>!, _ count: Int) {
  for index in 0..<count { y[index] = x[index] * (hardStep(x[index]) / 6) }
}

/// `mean += weight · (x − mean)`.
func approachTwin(
  _ mean: UnsafeMutablePointer<Float>!, _ x: UnsafePointer<Float>!, _ count: Int, _ weight: Float
) {
  for index in 0..<count { mean[index] += weight * (x[index] - mean[index]) }
}

/// The sum of the squares in double precision: 32 partial sums, number by number, then halves upon halves.
func sumOfSquaresTwin(_ x: UnsafePointer<Float>!, _ count: Int) -> Double { sumOfSquaresLoop(x, count) }

/// `sums +=` each row of x, in double precision, one row after the other.
func sumRowsTwin(
  _ x: UnsafePointer<Float>!, _ stride: Int, _ rows: Int, _ width: Int, _ sums: UnsafeMutablePointer<Double>!
) {
  addRowsLoop(x, rows: rows, channels: width, stride: stride, into: sums)
}

/// One step of SGD with momentum, see `OptimizerRule`.
func momentumTwin(
  _ w: UnsafeMutablePointer<Float>!, _ g: UnsafePointer<Float>!, _ velocity: UnsafeMutablePointer<Float>!,
  _ count: Int, _ rate: Float, _ momentum: Float, _ nesterov: Bool
) {
  for index in 0..<count {
    velocity[index] = momentum * velocity[index] + g[index]
    w[index] -= rate * (nesterov ? g[index] + momentum * velocity[index] : velocity[index])
  }
}

/// Calls `body` for as many numbers as come before the first 64 of which one's square does not fit: the magnitudes of
/// gradients must be below a bound, and means of squares not below 0. Returns how many that are.
private func forEachFitting(
  _ g: UnsafePointer<Float>, _ mean: UnsafePointer<Float>, _ count: Int, _ bound: Float, _ body: (Int) -> Void
) -> Int {
  let looked = 4 * lanesOfGroup
  for first in stride(from: 0, to: count, by: looked) {
    let range = first..<min(count, first + looked)
    guard range.allSatisfy({ abs(g[$0]) < bound && mean[$0] >= 0 }) else { return first }
    range.forEach(body)
  }
  return count
}

/// One step of Adam, see `OptimizerRule`, of gradients times a factor, and with the weights taken into a mean. Returns how many numbers it was made for: all, or those before the first 64
/// of which one's square does not fit.
func adamTwin(
  _ w: UnsafeMutablePointer<Float>!, _ g: UnsafePointer<Float>!, _ first: UnsafeMutablePointer<Float>!,
  _ second: UnsafeMutablePointer<Float>!, _ count: Int, _ beta1: Float, _ rest1: Float, _ beta2: Float,
  _ rest2: Float, _ rate: Float, _ rootScale: Float, _ epsilon: Float, _ shrink: Float, _ bound: Float,
  _ factor: Float, _ mean: UnsafeMutablePointer<Float>?, _ weight: Float
) -> Int {
  forEachFitting(g, second, count, bound) { index in
    let gradient = factor * g[index]
    first[index] = beta1 * first[index] + rest1 * gradient
    second[index] = beta2 * second[index] + rest2 * gradient * gradient
    w[index] = shrink * w[index] - rate * first[index] / (second[index].squareRoot() * rootScale + epsilon)
    if let mean { mean[index] += weight * (w[index] - mean[index]) }
  }
}

/// One step of RMSProp, see `OptimizerRule`. Returns as Adam does.
func rmspropTwin(
  _ w: UnsafeMutablePointer<Float>!, _ g: UnsafePointer<Float>!, _ square: UnsafeMutablePointer<Float>!,
  _ count: Int, _ rate: Float, _ decay: Float, _ rest: Float, _ epsilon: Float, _ bound: Float
) -> Int {
  forEachFitting(g, square, count, bound) { index in
    square[index] = decay * square[index] + rest * g[index] * g[index]
    w[index] -= rate * g[index] / (square[index].squareRoot() + epsilon)
  }
}
