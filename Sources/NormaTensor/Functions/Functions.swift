/// Elementary functions that give the same bits on every processor.
///
/// Those of a C library differ in the last bit from version to version and from processor to processor. These are made of
/// additions, multiplications, divisions and bits alone, each rounded as IEEE 754 has it, with no fused multiply-add in `Double`, so that a
/// training that asks for them does not depend on where it runs.
///
/// Each is defined once, in `Double`; that of a `Float` is the one of the same number as a `Double`, rounded, but for
/// ``sigmoidLinearUnit(_:)``. The C kernels compute the same steps in vectors. No result is off by a unit in the last place; the largest error that was found, over
/// millions of arguments, in units in the last place:
///
/// | | exp | ln | sigmoid | tanh | erf | sin, cos |
/// |---|--:|--:|--:|--:|--:|--:|
/// | `Double` | 0.77 | 0.84 | 0.78 | 0.87 | 0.90 | 0.78 |
/// | `Float` | 0.50 | 0.50 | 0.50 | 0.50 | 0.50 | |
///
/// On `Float`, eˣ, tanh and erf were the nearest number for all 2³² arguments; the logarithm for all but five, the sigmoid for all but 72
/// and GELU for all but one, which were off by no more than 0.500000001.
///
/// An argument that is no number gives the one `Double.nan`, whatever its sign and payload.
///
/// The coefficients are made by `Utils/fit-functions`.
public enum Functions {
  /// `eˣ`.
  public static func exponential(_ x: Double) -> Double {
    guard x == x else { return .nan }
    // Beyond, the result is 0 or infinite.
    let parts = Exponential(of: min(max(x, -746), 710))
    let (sum, rest) = parts.unscaled
    return parts.scaled(sum + rest)
  }

  /// The natural logarithm; −∞ of 0, NaN of what is less.
  ///
  /// With x = 2ᵏ·m, m from √½ to √2, and f = m − 1, s = f / (2 + f): ln m = 2·artanh s = f − f²/2 + s·(f²/2 + s²·P(s²)), a series
  /// in s whose first term is taken apart, as the difference f is exact.
  public static func logarithm(_ x: Double) -> Double {
    guard x > 0 else { return x == 0 ? -.infinity : .nan }
    guard x < .infinity else { return x }
    let isSubnormal = x < .leastNormalMagnitude
    let half = Coefficients.squareRootOfHalf.bitPattern
    let bits = (isSubnormal ? x * 0x1p54 : x).bitPattern + ((1.0).bitPattern - half)
    let power = Double(Int(bits >> 52) - (isSubnormal ? 1023 + 54 : 1023))
    let f = Double(bitPattern: (bits & 0xF_FFFF_FFFF_FFFF) + half) - 1
    let s = f / (2 + f)
    let square = s * s
    let halved = 0.5 * (f * f)
    let tail = square * Coefficients.logarithm(square, square: square * square)
    let (sum, error) = sumAndError(power * Coefficients.ln2High, f)
    return sum - (halved - ((s * (halved + tail) + power * Coefficients.ln2Low) + error))
  }

  /// The logistic function `1 / (1 + e⁻ˣ)`.
  public static func sigmoid(_ x: Double) -> Double {
    guard x == x else { return .nan }
    // Of the two equal forms, the one whose exponential cannot overflow.
    let parts = Exponential(of: -min(x.magnitude, 746))
    let (sum, rest) = parts.unscaled
    let (high, low) = sumAndError(sum, rest)
    let power = (high: parts.scaled(high), low: parts.scaled(low))
    let (whole, error) = sumAndError(1, power.high)
    return quotient(x < 0 ? power : (1, 0), (whole, error + power.low))
  }

  /// The hyperbolic tangent, `(1 − e⁻²ˣ) / (1 + e⁻²ˣ)`.
  public static func hyperbolicTangent(_ x: Double) -> Double {
    guard x == x else { return .nan }
    // Beyond 20 it is 1.
    let parts = Exponential(of: -2 * min(x.magnitude, 20))
    let (high, low) = sumAndError(parts.r, parts.tail)
    // e⁻²ˣ − 1: the power of two less 1 comes first, so that nothing is lost where it is small.
    let scale = parts.scaled(1)
    let start = scale - 1
    let lost = scale - (start + 1)
    let (less, error) = sumAndError(start, scale * high)
    let lessLow = (error + lost) + scale * low
    let (sum, sumError) = sumAndError(2, less)
    return Double(signOf: x, magnitudeOf: quotient((-less, -lessLow), (sum, sumError + lessLow)))
  }

  /// The error function, `2/√π · ∫ e^(−t²) dt` from 0 to x.
  public static func errorFunction(_ x: Double) -> Double {
    guard x == x else { return .nan }
    // Beyond 6 it is 1.
    let size = min(x.magnitude, 6)
    let result: Double
    if size < 0.75 {
      result = smallErrorFunction(size)
    } else if size < 1.3125 {
      let near = size - 1
      result = Coefficients.errorFunctionOfOne + Coefficients.errorFunctionNearOne(near, square: near * near)
    } else {
      let parts = Exponential(of: -(size * size))
      let (sum, rest) = parts.unscaled
      result = 1 - parts.scaled(sum + rest) * scaledTail(size)
    }
    return Double(signOf: x, magnitudeOf: result)
  }

  /// The Gaussian error linear unit, x times the share of the normal distribution below x: `x · (1 + erf(x / √2)) / 2`; −0 of −∞.
  ///
  /// In `Double` up to 6 units in the last place off, and 20 beyond x = −37; as a `Float` the nearest number but for one argument.
  public static func gaussianErrorLinearUnit(_ x: Double) -> Double {
    guard x == x else { return .nan }
    let size = min(x.magnitude, 40)
    let t = size * Coefficients.squareRootOfHalf
    // The share beyond |x|.
    let share: Double
    if t < 0.75 {
      share = 0.5 - 0.5 * smallErrorFunction(t)
    } else {
      let leading = size.leading
      let parts = Exponential(of: -0.5 * (leading * leading), and: -0.5 * ((size - leading) * (size + leading)))
      let (sum, rest) = parts.unscaled
      share = 0.5 * parts.scaled(sum + rest) * scaledTail(t)
    }
    return x < 0 ? max(x, -40) * share : x * (1 - share)
  }

  /// The sigmoid linear unit, `x · σ(x) = x / (1 + e⁻ˣ)`, of a `Float`: within 0.77 units in the last place, over every seventh of all arguments.
  ///
  /// Defined in floats, as networks are full of it: with products and sums fused, which makes it twice as fast as a sigmoid that is
  /// rounded before it is multiplied, and more exact. The sum `1 + e⁻ˣ` is a pair, and the quotient is mended by its remainder. Beyond
  /// x = −87, where e⁻ˣ is no float, it is the product in `Double`, rounded; NaN of −∞.
  public static func sigmoidLinearUnit(_ x: Float) -> Float {
    guard x > -87, x < .infinity else {
      let product = Double(x) * sigmoid(Double(x))
      return product.isNaN ? .nan : Float(product)
    }
    // e⁻ˣ = scale · (1 + change + changeLow)
    let near = min(x, 87)
    let shifted = Float(0x1.8p23).addingTerm(near, -Coefficients.singleLog2OfE)
    let power = shifted - 0x1.8p23
    let high = (-near).addingTerm(power, -Coefficients.singleLn2High)
    let r = high.addingTerm(power, -Coefficients.singleLn2Low)
    let error = (high - r).addingTerm(power, -Coefficients.singleLn2Low)
    let square = r * r
    let tail = error.addingTerm(square, Coefficients.singleExponential(r, square: square))
    let change = r + tail
    let changeLow = tail - (change - r)
    let scale = Float(bitPattern: (shifted.bitPattern &+ 127) << 23)
    // 1 + e⁻ˣ = below + belowLow
    let start = scale + 1
    let lost = min(scale, 1) - (start - max(scale, 1))
    let below = start.addingTerm(scale, change)
    let belowLow = ((start - below).addingTerm(scale, change) + lost).addingTerm(scale, changeLow)
    let reciprocal = 1 / below
    let quotient = x * reciprocal
    let remainder = x.addingTerm(-quotient, below).addingTerm(-quotient, belowLow)
    return quotient.addingTerm(remainder, reciprocal)
  }

  /// The sine and the cosine of so many full turns: of 2π times a number.
  ///
  /// Turns can be cut down to an eighth without an error, however many they are; radians cannot.
  public static func sineAndCosine(turns: Double) -> (sine: Double, cosine: Double) {
    guard turns.isFinite else { return (.nan, .nan) }
    let turn = turns - nearestInteger(turns)
    let quarters = nearestInteger(4 * turn)
    let rest = turn - 0.25 * quarters
    // The angle, and what its rounding left over.
    let leading = rest.leading
    let (angle, error) = sumAndError(
      leading * Coefficients.twoPiHigh, (rest - leading) * Coefficients.twoPi + leading * Coefficients.twoPiLow)
    let square = angle * angle
    let sine =
      angle
      + (error * (1 - 0.5 * square) + angle * (square * Coefficients.sine(square, square: square * square)))
    let angleLeading = angle.leading
    let halved = 0.5 * (angleLeading * angleLeading)
    let start = 1 - halved
    let cosine =
      start
      + (((1 - start) - halved)
        + (square * (square * Coefficients.cosine(square, square: square * square))
          - 0.5 * (((angle - angleLeading) + error) * (angleLeading + angle))))
    // The signs by their bits: which quarter it is, nobody can predict.
    let quarter = UInt64(bitPattern: Int64(quarters))
    let isOdd = quarter & 1 == 1
    return (
      Double(bitPattern: (isOdd ? cosine : sine).bitPattern ^ (quarter & 2) << 62),
      Double(bitPattern: (isOdd ? sine : cosine).bitPattern ^ ((quarter &+ 1) & 2) << 62)
    )
  }

  /// `10ˣ`.
  public static func powerOfTen(_ x: Double) -> Double {
    guard x == x else { return .nan }
    // Beyond, the result is 0 or infinite.
    let exponent = product((Coefficients.ln10, Coefficients.ln10Low), (min(max(x, -324), 308.5), 0))
    let parts = Exponential(of: exponent.high, and: exponent.low)
    let (sum, rest) = parts.unscaled
    return parts.scaled(sum + rest)
  }

  /// A number's power with a whole exponent; 1 with exponent 0.
  ///
  /// By repeated squaring with twice the digits, so that it is off by 0.51 units in the last place or less where the exponent is
  /// below 2⁴⁰; 1 where that is subnormal.
  public static func power(_ x: Double, _ exponent: Int) -> Double {
    if exponent == 0 { return 1 }
    guard x == x else { return .nan }
    let isNegative = x < 0 && exponent & 1 == 1
    guard x != 0, x.isFinite else {
      // As repeated multiplication and division give them.
      let size = (x == 0) == (exponent > 0) ? 0 : Double.infinity
      return x.sign == .minus && exponent & 1 == 1 ? -size : size
    }
    // x = m · 2ᵏ. The power of m is a pair, its first number from 1 to 2, times a power of two whose exponent may be beyond those of
    // a Double.
    let base = x.magnitude.significand
    let times = exponent.magnitude
    var pair: Pair = (1, 0)
    var places = 0.0
    for bit in (0..<UInt.bitWidth - times.leadingZeroBitCount).reversed() {
      pair = product(pair, pair)
      if times >> bit & 1 == 1 { pair = product(pair, (base, 0)) }
      let moved = pair.high.exponent
      let scale = powerOfTwo(-Int(moved))
      pair = (pair.high * scale, pair.low * scale)
      places = 2 * places + Double(moved)
    }
    places += Double(x.exponent) * Double(times)
    let size = exponent > 0 ? pair.high + pair.low : quotient((1, 0), pair)
    let power = Int(min(max(exponent > 0 ? places : -places, -1100), 1100))
    let result = scaled(size, byPowerOfTwo: power)
    return isNegative ? -result : result
  }

  /// A number's power with any exponent, as IEEE 754's `pow` has it: NaN of a negative number unless the exponent is whole.
  ///
  /// With a whole exponent as ``power(_:_:)-(Double,Int)`` has it; otherwise `e^(p · ln x)`, off by some `2 + 2 · |p · ln x|` units in
  /// the last place, which as a `Float` is no more than its own rounding.
  public static func power(_ x: Double, _ exponent: Double) -> Double {
    if let whole = Int(exactly: exponent) { return power(x, whole) }
    if x == 1 { return 1 }
    guard x == x, exponent == exponent else { return .nan }
    // Numbers as large as these are even.
    let size = exponent.magnitude >= 0x1p63 ? x.magnitude : x
    if size == 0 || size.isInfinite { return (size == 0) == (exponent > 0) ? 0 : .infinity }
    guard size > 0 else { return .nan }
    if exponent == 0.5 { return size.squareRoot() }
    return size == 1 ? 1 : exponential(exponent * logarithm(size))
  }
}
