/// How much room a text needs in a drawing whose reader's fonts are unknown.
///
/// The widths are upper bounds for the common sans-serif fonts, of which DejaVu Sans and Verdana are among the widest.
enum TextWidth {
  /// The width of a digit in a font of fixed width, for size 1.
  static let fixed = 0.615

  /// The width of a character in a sans-serif font of size 1, or in its bold weight.
  static func ofCharacter(_ character: Character, isBold: Bool = false) -> Double {
    guard !isWide(character) else { return 1.25 }
    let width =
      switch character {
      case "i", "j", "l", "I", " ", ".", ",", ":", ";", "'", "|", "!", "·", "’": 0.4
      case "f", "t", "r", "(", ")", "[", "]", "/", "-", "\\", "\"", "¹", "²", "³": 0.5
      case "m", "w", "M", "W", "@", "%", "—", "…": 1.05
      case "+", "−", "=", "<", ">", "×", "±", "≤", "≥", "~", "_", "#": 0.85
      case "a"..."z", "0"..."9": 0.66
      // Capitals, Greek, mathematical signs and whatever else there is.
      default: 0.82
      }
    return isBold ? 1.12 * width : width
  }

  /// The width of a text in a sans-serif font.
  static func of(_ text: String, size: Double, isBold: Bool = false) -> Double {
    size * text.reduce(0) { $0 + ofCharacter($1, isBold: isBold) }
  }
}
