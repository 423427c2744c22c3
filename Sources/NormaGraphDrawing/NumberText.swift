import Foundation

/// Writes numbers that stand together in a table: with as many decimals as the largest of them needs, so that the
/// points line up.
///
/// The largest gets `digits` significant digits; zeros at the end that all have in common are left out. Numbers from a
/// million on, or all below a thousandth, are written with exponents, and so is a single number that would otherwise
/// read as zero without being it.
package func numberTexts(_ numbers: [Double], digits: Int) -> [String] {
  let magnitudes = numbers.lazy.filter(\.isFinite).map(abs)
  let largest = magnitudes.max() ?? 0
  guard largest == 0 || (largest >= 1e-3 && largest < 1e6) else {
    return numbers.map { scientificText($0, digits: digits) }
  }
  let leading = largest == 0 ? 0 : Int(log10(largest).rounded(.down))
  let decimals = max(0, digits - 1 - leading)
  var texts = numbers.map { number in
    number.isFinite ? withoutSignOfZero(String(format: "%.*f", decimals, number)) : ""
  }
  let vanishes = zip(numbers, texts).map { $0 != 0 && isZero($1) }
  let zeros = zip(texts, vanishes).filter { !$0.isEmpty && !$1 }.map { trailingZeros($0.0) }.min() ?? 0
  for index in texts.indices {
    texts[index] =
      numbers[index].isFinite && !vanishes[index]
      ? withoutDecimals(zeros, of: texts[index]) : scientificText(numbers[index], digits: min(2, digits))
  }
  return texts
}

/// One number with an exponent of no more digits than it needs: `1.25e-7`.
private func scientificText(_ number: Double, digits: Int) -> String {
  if number.isNaN { return "NaN" }
  if number.isInfinite { return number < 0 ? "-inf" : "inf" }
  if number == 0 { return "0" }
  let parts = String(format: "%.*e", digits - 1, number).split(separator: "e")
  guard parts.count == 2, let exponent = Int(parts[1]) else { return "\(number)" }
  let zeros = trailingZeros(String(parts[0]))
  return "\(withoutDecimals(zeros, of: String(parts[0])))e\(exponent)"
}

private func isZero(_ text: String) -> Bool { !text.isEmpty && text.allSatisfy { "-0.".contains($0) } }

private func withoutSignOfZero(_ text: String) -> String {
  text.hasPrefix("-") && isZero(text) ? String(text.dropFirst()) : text
}

/// The zeros at the end of a number's decimals.
private func trailingZeros(_ text: String) -> Int {
  guard let point = text.firstIndex(of: ".") else { return 0 }
  return text[text.index(after: point)...].reversed().prefix { $0 == "0" }.count
}

/// A number without its last decimals, nor the point if none are left.
private func withoutDecimals(_ count: Int, of text: String) -> String {
  let shorter = text.dropLast(count)
  return String(shorter.last == "." ? shorter.dropLast() : shorter)
}
