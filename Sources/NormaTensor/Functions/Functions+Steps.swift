/// A sum of two numbers, the second no larger than the rounding error of the first: one number of twice the digits.
typealias Pair = (high: Double, low: Double)

/// `eˣ = 2^power · (1 + r + tail)`, |r| ≤ ln 2 / 2.
struct Exponential {
  let r: Double, tail: Double
  let power: Int

  /// Of `x + rest`, from −746 to 710.
  @inline(__always) init(of x: Double, and rest: Double = 0) {
    // A number plus 1.5 · 2⁵² is rounded to a whole one, which its last bits hold.
    let shifted = x * Coefficients.log2OfE + 0x1.8p52
    let whole = shifted - 0x1.8p52
    let high = x - whole * Coefficients.ln2High
    let low = whole * Coefficients.ln2Low - rest
    r = high - low
    let square = r * r
    tail = square * Coefficients.exponential(r, square: square) + ((high - r) - low)
    power = Int(Int64(bitPattern: shifted.bitPattern << 52) >> 52)
  }

  /// `1 + r + tail`; the second is up to 0.1.
  @inline(__always) var unscaled: (sum: Double, rest: Double) {
    let sum = 1 + r
    return (sum, (r - (sum - 1)) + tail)
  }

  /// A number times `2^power`.
  @inline(__always) func scaled(_ x: Double) -> Double { Functions.scaled(x, byPowerOfTwo: power) }
}

extension Functions {
  /// A power of two, from −1022 to 1023.
  @inline(__always) static func powerOfTwo(_ power: Int) -> Double {
    Double(bitPattern: UInt64(truncatingIfNeeded: power + 1023) << 52)
  }

  /// `x · 2^power`, the power from −2000 to 2000: in two steps, as 2^power itself may be too large or too small.
  @inline(__always) static func scaled(_ x: Double, byPowerOfTwo power: Int) -> Double {
    let half = power >> 1
    return x * powerOfTwo(half) * powerOfTwo(power - half)
  }

  /// The nearest whole number, the even one of two.
  @inline(__always) static func nearestInteger(_ x: Double) -> Double {
    x.magnitude < 0x1p51 ? (x + 0x1.8p52) - 0x1.8p52 : x.rounded(.toNearestOrEven)
  }

  /// A sum, and its rounding error; `y` must not be larger than `x`, unless x is 0.
  @inline(__always) static func sumAndError(_ x: Double, _ y: Double) -> Pair {
    let sum = x + y
    return (sum, y - (sum - x))
  }

  /// `n / d`, rounded once but for some 2⁻⁷⁵ of it: a first quotient of 26 bits, whose remainder is exact, and the remainder's.
  @inline(__always) static func quotient(_ n: Pair, _ d: Pair) -> Double {
    let reciprocal = 1 / d.high
    let first = (n.high * reciprocal).leading
    let leading = d.high.leading
    let remainder = ((n.high - first * leading) - first * ((d.high - leading) + d.low)) + n.low
    return first + remainder * reciprocal
  }

  /// `x · y`, up to some 2⁻¹⁰³ of it (Dekker 1971).
  static func product(_ x: Pair, _ y: Pair) -> Pair {
    let product = x.high * y.high
    let (xLeading, yLeading) = (x.high.leading, y.high.leading)
    let (xRest, yRest) = (x.high - xLeading, y.high - yLeading)
    let error = ((xLeading * yLeading - product) + xLeading * yRest + xRest * yLeading) + xRest * yRest
    return sumAndError(product, error + (x.high * y.low + x.low * y.high))
  }

  /// `erf x`, x from 0 to 3/4.
  @inline(__always) static func smallErrorFunction(_ x: Double) -> Double {
    let square = x * x
    return x + x * Coefficients.errorFunction(square, square: square * square)
  }

  /// `exp(x²) · erfc x`, x from 3/4 to 29.
  @inline(__always) static func scaledTail(_ x: Double) -> Double {
    let square = x * x
    return Coefficients.tailNumerator(x, square: square) / Coefficients.tailDenominator(x, square: square)
  }
}

extension Double {
  /// The first 26 bits: the product of two such numbers is exact.
  @inline(__always) var leading: Double { Double(bitPattern: bitPattern & ~0x7FF_FFFF) }
}

/// The functions of any element: those of the same number as a `Double`, rounded.
extension Functions {
  /// `eˣ`.
  public static func exponential<Element: TensorElement>(_ x: Element) -> Element { Element(exponential(Double(x))) }
  /// The natural logarithm; −∞ of 0, NaN of what is less.
  public static func logarithm<Element: TensorElement>(_ x: Element) -> Element { Element(logarithm(Double(x))) }
  /// The logistic function `1 / (1 + e⁻ˣ)`.
  public static func sigmoid<Element: TensorElement>(_ x: Element) -> Element { Element(sigmoid(Double(x))) }
  /// The hyperbolic tangent.
  public static func hyperbolicTangent<Element: TensorElement>(_ x: Element) -> Element {
    Element(hyperbolicTangent(Double(x)))
  }
  /// The error function.
  public static func errorFunction<Element: TensorElement>(_ x: Element) -> Element {
    Element(errorFunction(Double(x)))
  }
  /// The Gaussian error linear unit.
  public static func gaussianErrorLinearUnit<Element: TensorElement>(_ x: Element) -> Element {
    Element(gaussianErrorLinearUnit(Double(x)))
  }
  /// A number's power.
  public static func power<Element: TensorElement>(_ x: Element, _ exponent: Element) -> Element {
    Element(power(Double(x), Double(exponent)))
  }
}
