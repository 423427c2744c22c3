import Foundation

/// Numbers, times and bars as words for a terminal.
///
/// What is unknown (nil, or not a finite number where only that makes sense) is shown as a dash, never as a wrong number.
public enum Formatting {
  /// A number in six columns where it can be, `0.1234`, `12.346`, and otherwise as `1.23e-05`.
  public static func number(_ value: Double) -> String {
    let magnitude = abs(value)
    if value.isNaN { return "nan" }
    if magnitude.isInfinite { return value < 0 ? "-inf" : "inf" }
    // The bounds are where rounding to the digits shown would carry into one more.
    switch magnitude {
    case 0: return "0.0000"
    case ..<0.000_995: return String(format: "%.2e", value)
    case ..<9.999_95: return String(format: "%.4f", value)
    case ..<99.999_5: return String(format: "%.3f", value)
    case ..<999.995: return String(format: "%.2f", value)
    case ..<9_999.95: return String(format: "%.1f", value)
    default: return String(format: "%.3e", value)
    }
  }

  /// A fraction as a percentage with one digit after the point, `93.1%`. Only 1 itself is shown as `100.0%`.
  public static func percentage(_ fraction: Double) -> String {
    guard fraction.isFinite else { return number(fraction) }
    let tenths = (fraction * 1000).rounded()
    return String(format: "%.1f%%", (fraction < 1 ? min(tenths, 999) : tenths) / 10)
  }

  /// How much of something is done, in whole percent, rounded down: `61%`.
  public static func progress(_ fraction: Double) -> String {
    "\(Int((clamped(fraction) * 100).rounded(.down)))%"
  }

  /// So many a second, in three significant digits: `8.21`, `950`, `12.3k`, `4.56M`; `-` if unknown.
  public static func rate(_ perSecond: Double?) -> String {
    guard let perSecond, perSecond.isFinite, perSecond >= 0 else { return "-" }
    for (limit, divisor, suffix) in [(999.5, 1.0, ""), (999.5e3, 1e3, "k"), (999.5e6, 1e6, "M")]
    where perSecond < limit {
      return threeDigits(perSecond / divisor) + suffix
    }
    return threeDigits(min(perSecond / 1e9, 1e6)) + "G"
  }

  /// So many bytes, in three significant digits or four: `512 B`, `1.50 KiB`, `33.6 MiB`.
  public static func bytes(_ count: Int) -> String {
    var (value, unit) = (Double(count), "B")
    for larger in ["KiB", "MiB", "GiB", "TiB"] where abs(value) >= 1023.5 { (value, unit) = (value / 1024, larger) }
    return "\(unit == "B" ? "\(count)" : threeDigits(value)) \(unit)"
  }

  /// A remaining time as a clock shows it, rounded up to whole seconds: `0:04`, `1:02:03`, `2d 05h`; `-:--` if unknown.
  public static func clock(_ seconds: Double?) -> String {
    guard let seconds, seconds >= 0, seconds < 1e9 else { return "-:--" }
    let whole = Int(seconds.rounded(.up))
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    if hours >= 48 { return String(format: "%dd %02dh", hours / 24, hours % 24) }
    if hours > 0 { return String(format: "%d:%02d:%02d", hours, minutes, whole % 60) }
    return String(format: "%d:%02d", minutes, whole % 60)
  }

  /// How long something took: `36 ms`, `1.2 s`, `3 min 20 s`, `5 h 02 min`; `-` if unknown.
  public static func duration(_ seconds: Double?) -> String {
    guard let seconds, seconds >= 0, seconds < 1e9 else { return "-" }
    if seconds < 0.0005 { return "< 1 ms" }
    if seconds < 0.9995 { return "\(Int((seconds * 1000).rounded())) ms" }
    if seconds < 59.95 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return String(format: "%d min %02d s", whole / 60, whole % 60) }
    return String(format: "%d h %02d min", whole / 3600, whole / 60 % 60)
  }

  /// The done and the remaining part of a bar, together `width` columns.
  ///
  /// They are two so that each can have its own colour. The bar is full only when all is done.
  public static func bar(
    _ fraction: Double, width: Int, glyphs: Glyphs = .unicode
  ) -> (done: String, remaining: String) {
    let width = max(0, width)
    let halves = Int((clamped(fraction) * Double(2 * width)).rounded(.down))
    var done = String(repeating: glyphs.filled, count: halves / 2)
    if halves % 2 == 1, let half = glyphs.half { done.append(half) }
    return (done, String(repeating: glyphs.empty, count: width - done.count))
  }

  private static func clamped(_ fraction: Double) -> Double {
    fraction.isNaN ? 0 : min(max(fraction, 0), 1)
  }

  private static func threeDigits(_ value: Double) -> String {
    String(format: value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f", value)
  }
}
