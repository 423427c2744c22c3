// The hot loops, generic over the element type and compiled once for each. They know nothing of tensors: pointers and
// counts in, values out. `@specialized` is what makes them fast when generic code in another module calls them.

/// A function of one element.
public enum UnaryOperation<Element: TensorElement>: Sendable {
  /// `−x`, `x²`, `√x`, `1/x`, `eˣ` and the natural logarithm.
  case negate, square, squareRoot, reciprocal, exponential, logarithm
  /// `1 / (1 + e⁻ˣ)` and the hyperbolic tangent.
  case sigmoid, hyperbolicTangent
  /// `x` where positive, `slope · x` elsewhere; slope 0 is ReLU. A NaN stays a NaN.
  case leakyReLU(slope: Element)
  /// Multiplied by a number.
  case scale(Element)
  /// With a number added.
  case offset(Element)
  /// A number less this.
  case subtracted(from: Element)
  /// Divided by a number.
  case divided(by: Element)
  /// A number divided by this.
  case dividing(Element)
  /// `|x|`.
  case absolute
  /// `xᵖ`, see ``Functions/power(_:_:)-(Double,Double)``.
  case power(Element)
  /// `x`, but the bound that it is beyond. A NaN stays a NaN.
  case clamp(ClosedRange<Element>)
  /// One of the functions between the parts of a network.
  case activation(ActivationFunction<Element>)

  /// Whether it is one of ``Functions``, which take some ten times as long as the others.
  var isElementary: Bool {
    switch self {
    case .exponential, .logarithm, .sigmoid, .hyperbolicTangent, .power: true
    case .activation(let function): function.isElementary
    default: false
    }
  }
}

/// A function of two elements.
public enum BinaryOperation<Element: TensorElement>: Sendable {
  /// `x + y`, `x − y`, `x · y` and `x / y`.
  case add, subtract, multiply, divide
  /// `gradient` where `x` is positive, `slope · gradient` elsewhere: (x, gradient).
  case leakyReLUGradient(slope: Element)
  /// `gradient · y · (1 − y)`: (y, gradient).
  case sigmoidGradient
  /// `gradient · (1 − y²)`: (y, gradient).
  case hyperbolicTangentGradient
  /// `gradient` with the sign of x, 0 where x is 0: (x, gradient).
  case absoluteGradient
  /// `gradient` where x is within the bounds, 0 elsewhere: (x, gradient).
  case clampGradient(ClosedRange<Element>)
  /// `f′(x) · gradient`: (x, gradient).
  case activationGradient(ActivationFunction<Element>)
  /// `x` where positive, `slope · x` elsewhere: (x, slope).
  case rectifyBySlope
  /// `gradient` where x is not positive, 0 elsewhere: (gradient, x).
  case exceptWherePositive

  /// Whether it takes one of ``Functions``.
  var isElementary: Bool { if case .activationGradient(let function) = self { function.isElementary } else { false } }
}

/// How the second operand of a binary operation is read, the first being rows by channels.
public enum Broadcast: Sendable {
  /// One value for each of the first's.
  case none
  /// One value per channel `[C]`, the same for each row.
  case perChannel
  /// One value per row `[R]`, the same for each channel.
  case perRow
  /// One value per sample and channel `[N, C]`, the same at each position between.
  case perSample
}

@specialized(where Element == Float)
@specialized(where Element == Double)
func applyUnary<Element: TensorElement>(
  _ operation: UnaryOperation<Element>, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int
) {
  switch operation {
  case .negate: for i in 0..<count { y[i] = -x[i] }
  case .square: for i in 0..<count { y[i] = x[i] * x[i] }
  case .squareRoot: for i in 0..<count { y[i] = x[i].squareRoot() }
  case .reciprocal: for i in 0..<count { y[i] = 1 / x[i] }
  case .exponential: for i in 0..<count { y[i] = Functions.exponential(x[i]) }
  case .logarithm: for i in 0..<count { y[i] = Functions.logarithm(x[i]) }
  case .sigmoid: for i in 0..<count { y[i] = Functions.sigmoid(x[i]) }
  case .hyperbolicTangent: for i in 0..<count { y[i] = Functions.hyperbolicTangent(x[i]) }
  case .leakyReLU(let slope):
    if slope == 0 {
      // Written so that a NaN, for which every comparison is false, is passed on.
      for i in 0..<count { y[i] = x[i] <= 0 ? 0 : x[i] }
    } else {
      for i in 0..<count { y[i] = x[i] <= 0 ? slope * x[i] : x[i] }
    }
  case .scale(let factor): for i in 0..<count { y[i] = factor * x[i] }
  case .offset(let term): for i in 0..<count { y[i] = term + x[i] }
  case .subtracted(let number): for i in 0..<count { y[i] = number - x[i] }
  case .divided(let divisor): for i in 0..<count { y[i] = x[i] / divisor }
  case .dividing(let number): for i in 0..<count { y[i] = number / x[i] }
  case .absolute: for i in 0..<count { y[i] = x[i].magnitude }
  case .power(let exponent): for i in 0..<count { y[i] = Functions.power(x[i], exponent) }
  case .clamp(let bounds):
    let (lower, upper) = (bounds.lowerBound, bounds.upperBound)
    for i in 0..<count { y[i] = x[i] < lower ? lower : x[i] > upper ? upper : x[i] }
  case .activation(let function): applyActivation(function, x, y, count)
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
func applyBinary<Element: TensorElement>(
  _ operation: BinaryOperation<Element>, _ a: UnsafePointer<Element>, _ b: UnsafePointer<Element>,
  _ y: UnsafeMutablePointer<Element>, _ count: Int
) {
  switch operation {
  case .add: for i in 0..<count { y[i] = a[i] + b[i] }
  case .subtract: for i in 0..<count { y[i] = a[i] - b[i] }
  case .multiply: for i in 0..<count { y[i] = a[i] * b[i] }
  case .divide: for i in 0..<count { y[i] = a[i] / b[i] }
  case .leakyReLUGradient(let slope):
    if slope == 0 {
      // No product: 0 times an infinite gradient would be NaN.
      for i in 0..<count { y[i] = a[i] <= 0 ? 0 : b[i] }
    } else {
      for i in 0..<count { y[i] = a[i] <= 0 ? slope * b[i] : b[i] }
    }
  case .sigmoidGradient: for i in 0..<count { y[i] = b[i] * a[i] * (1 - a[i]) }
  case .hyperbolicTangentGradient: for i in 0..<count { y[i] = b[i] * (1 - a[i] * a[i]) }
  case .absoluteGradient: for i in 0..<count { y[i] = a[i] > 0 ? b[i] : a[i] < 0 ? -b[i] : 0 }
  case .clampGradient(let bounds):
    let (lower, upper) = (bounds.lowerBound, bounds.upperBound)
    for i in 0..<count { y[i] = a[i] < lower || a[i] > upper ? 0 : b[i] }
  case .activationGradient(let function): applyActivationGradient(function, a, b, y, count)
  case .rectifyBySlope: for i in 0..<count { y[i] = a[i] <= 0 ? b[i] * a[i] : a[i] }
  case .exceptWherePositive: for i in 0..<count { y[i] = b[i] <= 0 ? a[i] : 0 }
  }
}

/// A binary operation whose second operand is one number: a row of a per-row broadcast.
@specialized(where Element == Float)
@specialized(where Element == Double)
func applyBinary<Element: TensorElement>(
  _ operation: BinaryOperation<Element>, _ a: UnsafePointer<Element>, scalar b: Element,
  _ y: UnsafeMutablePointer<Element>, _ count: Int
) {
  switch operation {
  case .add: for i in 0..<count { y[i] = a[i] + b }
  case .subtract: for i in 0..<count { y[i] = a[i] - b }
  case .multiply: for i in 0..<count { y[i] = a[i] * b }
  case .divide: for i in 0..<count { y[i] = a[i] / b }
  case .rectifyBySlope: for i in 0..<count { y[i] = a[i] <= 0 ? b * a[i] : a[i] }
  case .exceptWherePositive: for i in 0..<count { y[i] = b <= 0 ? a[i] : 0 }
  case .leakyReLUGradient, .sigmoidGradient, .hyperbolicTangentGradient, .absoluteGradient, .clampGradient,
    .activationGradient:
    fatalError("a local gradient has one value for each element")
  }
}

/// Adds each row's elements to the sums of their channels.
@specialized(where Element == Float)
@specialized(where Element == Double)
func addRowsLoop<Element: TensorElement>(
  _ x: UnsafePointer<Element>, rows: Int, channels: Int, stride: Int, into sums: UnsafeMutablePointer<Double>
) {
  for row in 0..<rows {
    let values = x + row * stride
    for channel in 0..<channels { sums[channel] += Double(values[channel]) }
  }
}

/// The sum of contiguous elements, in eight interleaved partial sums.
@specialized(where Element == Float)
@specialized(where Element == Double)
func sum<Element: TensorElement>(_ x: UnsafePointer<Element>, _ count: Int) -> Double {
  var partial = SIMD8<Double>.zero
  var index = 0
  while index + 8 <= count {
    for lane in 0..<8 { partial[lane] += Double(x[index + lane]) }
    index += 8
  }
  var total = partial.sum()
  while index < count {
    total += Double(x[index])
    index += 1
  }
  return total
}

/// `mean += weight · (x − mean)` for contiguous elements.
@specialized(where Element == Double)
func approachLoop<Element: TensorElement>(
  _ mean: UnsafeMutablePointer<Element>, _ x: UnsafePointer<Element>, _ count: Int, weight: Element
) {
  for i in 0..<count { mean[i] += weight * (x[i] - mean[i]) }
}

/// The sum of the squares of contiguous elements: 32 partial sums in double precision, number by number, then halves upon halves.
/// Squares of floats are exact.
@specialized(where Element == Float)
@specialized(where Element == Double)
func sumOfSquaresLoop<Element: TensorElement>(_ x: UnsafePointer<Element>, _ count: Int) -> Double {
  var partial = (SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero)
  for index in 0..<count {
    let square = Double(x[index]) * Double(x[index])
    switch index % 32 / 8 {
    case 0: partial.0[index % 8] += square
    case 1: partial.1[index % 8] += square
    case 2: partial.2[index % 8] += square
    default: partial.3[index % 8] += square
    }
  }
  let eight = (partial.0 + partial.1) + (partial.2 + partial.3)
  let four = eight.lowHalf + eight.highHalf
  return (four[0] + four[2]) + (four[1] + four[3])
}

/// The smallest and the largest of contiguous elements, NaNs passed over; nil if nothing else is there.
@specialized(where Element == Float)
@specialized(where Element == Double)
func extremes<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ count: Int
) -> (minimum: Element, maximum: Element)? {
  var (minimum, maximum) = (Element.infinity, -Element.infinity)
  for i in 0..<count {
    // Written so that a NaN, for which every comparison is false, is passed over.
    minimum = x[i] < minimum ? x[i] : minimum
    maximum = x[i] > maximum ? x[i] : maximum
  }
  return minimum <= maximum ? (minimum, maximum) : nil
}

@specialized(where Element == Float, Other == Double)
@specialized(where Element == Double, Other == Float)
func convertElements<Element: TensorElement, Other: TensorElement>(
  _ x: UnsafePointer<Element>, to y: UnsafeMutablePointer<Other>, count: Int
) {
  for i in 0..<count { y[i] = Other(x[i]) }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
func copyStrided<Element: TensorElement>(
  _ x: UnsafePointer<Element>, step: Int, to y: UnsafeMutablePointer<Element>, count: Int
) {
  if step == 1 { return y.update(from: x, count: count) }
  for i in 0..<count { y[i] = x[i * step] }
}

/// Copies rows of `width` elements that begin so far apart.
@specialized(where Element == Float)
@specialized(where Element == Double)
func copyRows<Element: TensorElement>(
  _ x: UnsafePointer<Element>, step: Int, to y: UnsafeMutablePointer<Element>, step targetStep: Int, width: Int,
  rows: Int
) {
  for row in 0..<rows { (y + row * targetStep).update(from: x + row * step, count: width) }
}
