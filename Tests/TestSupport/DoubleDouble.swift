/// A number as the unevaluated sum of two doubles, some 31 digits: the reference for sums of many numbers.
///
/// Dekker 1971, *A floating-point technique for extending the available precision*, with Knuth's sum of two numbers.
public struct DoubleDouble: Sendable {
  /// The number rounded to a double.
  public private(set) var high: Double
  /// What the rounding left.
  public private(set) var low: Double

  public init(_ value: Double) { (high, low) = (value, 0) }

  private init(high: Double, low: Double) { (self.high, self.low) = (high, low) }

  private static func exactSum(_ a: Double, _ b: Double) -> DoubleDouble {
    let sum = a + b
    let part = sum - a
    return DoubleDouble(high: sum, low: (a - (sum - part)) + (b - part))
  }

  public static func + (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let sum = exactSum(a.high, b.high)
    return exactSum(sum.high, sum.low + a.low + b.low)
  }

  public static prefix func - (a: DoubleDouble) -> DoubleDouble { DoubleDouble(high: -a.high, low: -a.low) }
  public static func - (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble { a + -b }

  public static func * (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let product = a.high * b.high
    let rest = (-product).addingProduct(a.high, b.high)
    return exactSum(product, rest + (a.high * b.low + a.low * b.high))
  }

  public static func / (a: DoubleDouble, b: Double) -> DoubleDouble {
    let quotient = a.high / b
    let rest = a - DoubleDouble(quotient) * DoubleDouble(b)
    return exactSum(quotient, rest.high / b)
  }
}
