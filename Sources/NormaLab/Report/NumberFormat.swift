import Foundation

/// How a number is shown: to how many digits, and with which sign after it.
public enum NumberFormat: Sendable, Equatable {
  /// Three significant digits: 0.0123, 1.23, 123, 12,300, 1.23×10⁻⁵.
  case plain
  /// A share in per cent with one decimal, 0.9534 as 95.3 %. Rounded down, so that no number claims a target that it
  /// missed.
  case percentage
  /// The difference of two shares in percentage points with one decimal: what 0.95 has ahead of 0.91 is 0.04, 4.0 points.
  case points
  /// A whole number with its thousands apart: 52,610.
  case integer

  /// How the difference of two numbers of this format is shown.
  public var ofDifference: NumberFormat { self == .percentage ? .points : self }

  /// The number as it stands in a table or in a sentence; "NaN", "∞" or "−∞" if it is not finite.
  public func text(_ value: Double) -> String {
    guard value.isFinite else { return nonFiniteText(value) }
    switch self {
    case .plain: return NumberFormat.significant(value, digits: 3)
    case .percentage:
      // Shares such as 0.57 lie a hair below their decimal value; the addend keeps them from losing a digit.
      return NumberFormat.fixed((value * 1000 + 1e-6).rounded(.down) / 10, decimals: 1) + " %"
    case .points: return NumberFormat.fixed(value * 100, decimals: 1) + " points"
    case .integer: return NumberFormat.grouped(value)
    }
  }

  /// The number with no more digits than it needs, as for a target: 0.95 as 95 %.
  public func shortText(_ value: Double) -> String {
    guard value.isFinite else { return nonFiniteText(value) }
    switch self {
    case .percentage: return NumberFormat.trimmed(NumberFormat.fixed(value * 100, decimals: 2)) + " %"
    case .points: return NumberFormat.trimmed(NumberFormat.fixed(value * 100, decimals: 2)) + " points"
    case .plain, .integer: return NumberFormat.trimmed(NumberFormat.significant(value, digits: 6))
    }
  }

  /// The number beside an axis whose marks are `step` apart.
  func tickText(_ value: Double, step: Double) -> String {
    let isShare = self == .percentage || self == .points
    let (value, step) = isShare ? (value * 100, step * 100) : (value, step)
    // Points are named by the axis's label: beside every mark the word would be too long.
    let unit = self == .percentage ? " %" : ""
    let largest = max(abs(value), step)
    if value == 0 { return "0" + unit }
    if largest >= 1e6 || step < 1e-4 { return NumberFormat.scientific(value, digits: 3) + unit }
    let decimals = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
    return (decimals == 0 ? NumberFormat.grouped(value) : NumberFormat.fixed(value, decimals: decimals)) + unit
  }

  /// A time in seconds as people say it: 0.42 s, 12.3 s, 2 min 05 s, 1 h 02 min.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, abs(seconds) < 1e15 else { return NumberFormat.plain.text(seconds) }
    if seconds < 9.995 { return fixed(seconds, decimals: 2) + " s" }
    if seconds < 59.95 { return fixed(seconds, decimals: 1) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min " + String(format: "%02d s", whole % 60) }
    let minutes = Int((seconds / 60).rounded())
    return "\(minutes / 60) h " + String(format: "%02d min", minutes % 60)
  }

  private func nonFiniteText(_ value: Double) -> String {
    value.isNaN ? "NaN" : value > 0 ? "∞" : "−∞"
  }

  private static func significant(_ value: Double, digits: Int) -> String {
    if value == 0 { return "0" }
    guard abs(value) >= 9.995e-4, abs(value) < 1e9 else { return scientific(value, digits: digits) }
    let exponent = Int(log10(abs(value)).rounded(.down))
    if exponent < digits { return fixed(value, decimals: max(0, digits - 1 - exponent)) }
    let unit = pow(10, Double(exponent + 1 - digits))
    return grouped((value / unit).rounded() * unit)
  }

  /// A number as a power of ten with a factor in front, which is left out where it is 1.
  static func scientific(_ value: Double, digits: Int) -> String {
    let parts = String(format: "%.*e", digits - 1, value).split(separator: "e")
    guard parts.count == 2, let exponent = Int(parts[1]) else { return fixed(value, decimals: 0) }
    let factor = trimmed(String(parts[0])).replacing("-", with: "−")
    let power = "10" + superscript(exponent)
    return factor == "1" ? power : factor == "−1" ? "−" + power : "\(factor)×\(power)"
  }

  static func superscript(_ exponent: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    return (exponent < 0 ? "⁻" : "") + String(String(abs(exponent)).compactMap(\.wholeNumberValue).map { digits[$0] })
  }

  static func fixed(_ value: Double, decimals: Int) -> String {
    let text = String(format: "%.*f", decimals, value)
    if text.allSatisfy({ "-0.".contains($0) }) { return text.replacing("-", with: "") }
    return text.replacing("-", with: "−")
  }

  private static func grouped(_ value: Double) -> String {
    guard abs(value) < 1e15 else { return scientific(value, digits: 3) }
    let digits = String(Int(abs(value).rounded()))
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index).isMultiple(of: 3) { result += "," }
      result.append(digit)
    }
    return (value <= -0.5 ? "−" : "") + result
  }

  /// A decimal number without the zeros at its end.
  static func trimmed(_ text: String) -> String {
    guard text.contains("."), !text.contains("×") else { return text }
    var text = Substring(text)
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return String(text)
  }
}
