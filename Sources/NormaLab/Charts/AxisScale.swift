import Foundation

/// An axis: the range of values it covers, and the round values marked on it.
public struct AxisScale: Sendable, Equatable {
  /// How values are spread along an axis.
  public enum Kind: Sendable {
    /// Equal differences are equally far apart.
    case linear
    /// Equal ratios are equally far apart; zero and below have no place.
    case logarithmic
  }

  /// A marked value.
  public struct Tick: Sendable, Equatable {
    /// Where it is.
    public let value: Double
    /// What is written beside it.
    public let label: String
  }

  /// How values are spread.
  public let kind: Kind
  /// The value at the axis's beginning.
  public let lower: Double
  /// The value at the axis's end.
  public let upper: Double
  /// The marked values, in ascending order.
  public let ticks: [Tick]

  /// An axis that covers the given values, from a round number to a round number.
  ///
  /// Values that have no place on it are left out: NaN, infinities, and on a logarithmic axis zero and what is below.
  /// Without any others the axis goes from 0 to 1, or from 0.1 to 1.
  ///
  /// - Parameters:
  ///   - values: The values to cover.
  ///   - kind: How they are spread.
  ///   - format: How the marks are labelled.
  ///   - tickCount: About how many marks.
  ///   - integersOnly: Whether only whole numbers are marked, and the axis ends at the last value instead of a mark.
  public init(
    covering values: some Sequence<Double>, kind: Kind = .linear, format: NumberFormat = .plain, tickCount: Int = 5,
    integersOnly: Bool = false
  ) {
    let usable = values.filter { AxisScale.hasPlace($0, on: kind) }
    self.kind = kind
    let range: ClosedRange<Double>
    if let least = usable.min(), let greatest = usable.max() {
      range = least...greatest
    } else {
      range = kind == .linear ? 0...1 : 0.1...1
    }
    let marks: [Double]
    var step = 0.0
    var ends: ClosedRange<Double>
    switch kind {
    case .linear:
      (marks, step) = AxisScale.linearMarks(range, count: max(1, tickCount), integersOnly: integersOnly)
      ends = (marks.first ?? range.lowerBound)...(marks.last ?? range.upperBound)
      if integersOnly { ends = range.lowerBound...max(range.upperBound, range.lowerBound + 1) }
    case .logarithmic:
      ends = AxisScale.logarithmicEnds(range)
      marks = AxisScale.logarithmicMarks(ends, count: max(2, tickCount))
    }
    (lower, upper) = (ends.lowerBound, ends.upperBound)
    ticks = marks.filter(ends.contains).map { [step] mark in
      let label =
        kind == .linear
        ? format.tickText(mark, step: step) : AxisScale.logarithmicLabel(mark, format: format)
      return Tick(value: mark, label: label)
    }
  }

  /// Where a value lies: 0 at the axis's beginning, 1 at its end; `nil` if it has no place.
  public func position(of value: Double) -> Double? {
    guard AxisScale.hasPlace(value, on: kind) else { return nil }
    switch kind {
    case .linear: return (value - lower) / (upper - lower)
    case .logarithmic: return (log10(value) - log10(lower)) / (log10(upper) - log10(lower))
    }
  }

  private static func hasPlace(_ value: Double, on kind: Kind) -> Bool {
    // Beyond this the differences and powers below would overflow.
    guard value.isFinite, abs(value) < 1e290 else { return false }
    return kind == .linear || value > 1e-290
  }

  /// Multiples of 1, 2 or 5 times a power of ten, from at or below the range to at or above it.
  private static func linearMarks(
    _ range: ClosedRange<Double>, count: Int, integersOnly: Bool
  ) -> (marks: [Double], step: Double) {
    var (least, greatest) = (range.lowerBound, range.upperBound)
    let magnitude = max(abs(least), abs(greatest))
    if greatest - least <= magnitude * 1e-9 {
      let padding = integersOnly || magnitude == 0 ? 1 : magnitude * 0.1
      (least, greatest) = integersOnly ? (least, least + padding) : (least - padding, greatest + padding)
    }
    let rough = (greatest - least) / Double(count)
    let power = pow(10, log10(rough).rounded(.down))
    let factor = rough / power
    var step = (factor < 1.2 ? 1 : factor < 2.4 ? 2 : factor < 6 ? 5 : 10) * power
    if integersOnly { step = max(1, step.rounded()) }
    let first = (least / step + 1e-9).rounded(.down)
    let last = (greatest / step - 1e-9).rounded(.up)
    let marks = stride(from: first, through: max(last, first + 1), by: 1).map { rounded($0 * step, to: step) }
    return (marks, step)
  }

  /// Removes what multiplying by a step such as 0.1 leaves behind: 0.30000000000000004.
  private static func rounded(_ value: Double, to step: Double) -> Double {
    guard step < 1, step > 1e-12 else { return value }
    let scale = pow(10, (-log10(step)).rounded(.up) + 1)
    return (value * scale).rounded() / scale
  }

  /// From 1, 2 or 5 times a power of ten, at or below the range, to another at or above it.
  private static func logarithmicEnds(_ range: ClosedRange<Double>) -> ClosedRange<Double> {
    let candidates = oneTwoFive(range)
    let first = candidates.lastIndex { $0 <= range.lowerBound * (1 + 1e-9) } ?? 0
    let last = candidates.firstIndex { $0 >= range.upperBound * (1 - 1e-9) } ?? candidates.count - 1
    return candidates[first]...candidates[max(last, first + 1)]
  }

  /// The powers of ten in a range, every so many of them; over less than two decades also two and five times them.
  private static func logarithmicMarks(_ range: ClosedRange<Double>, count: Int) -> [Double] {
    let (least, greatest) = (log10(range.lowerBound), log10(range.upperBound))
    if greatest - least < 2 { return oneTwoFive(range) }
    let first = Int((least - 1e-9).rounded(.up))
    let last = Int((greatest + 1e-9).rounded(.down))
    let interval = max(1, Int((Double(last - first) / Double(count)).rounded(.up)))
    return stride(from: first, through: last, by: interval).map(power)
  }

  /// All numbers 1, 2 and 5 times a power of ten from below a range to above it.
  private static func oneTwoFive(_ range: ClosedRange<Double>) -> [Double] {
    let decades = Int(log10(range.lowerBound).rounded(.down))...Int(log10(range.upperBound).rounded(.up))
    return (decades.flatMap { decade in [1, 2, 5].map { $0 * power(decade) } }) + [power(decades.upperBound + 1)]
  }

  /// A power of ten as it is read from a literal; `pow` misses some by a rounding.
  private static func power(_ exponent: Int) -> Double {
    Double("1e\(exponent)") ?? pow(10, Double(exponent))
  }

  private static func logarithmicLabel(_ value: Double, format: NumberFormat) -> String {
    guard (1e-3...1e4).contains(value) else { return NumberFormat.scientific(value, digits: 1) }
    return format.shortText(value)
  }
}
