/// What a cell's text is taken for before anything is known of its column.
enum CellKind {
  /// A finite number.
  case number(Double)
  /// Nothing, or a text that stands for nothing.
  case missing
  /// One of the words for yes and no.
  case truth(Bool)
  /// A date of ISO 8601, with or without a time.
  case date(Double)
  /// What was meant as a number but is none: infinity, thousands set apart, a currency or per cent.
  case spoiltNumber
  case text

  /// What stands for a missing value, in lower case: what pandas takes for one, and a dash.
  private static let missingTexts: Set<String> = [
    "na", "nan", "-nan", "n/a", "#n/a", "#n/a n/a", "#na", "<na>", "null", "none", "nil", "?", "-", "1.#ind", "-1.#ind",
    "1.#qnan", "-1.#qnan",
  ]

  /// Whether a cell's bytes stand for a missing value.
  static func isMissing(_ cell: ArraySlice<UInt8>) -> Bool {
    if cell.isEmpty { return true }
    // Most cells begin with a digit, and none of these texts but two do.
    guard cell.count <= 9, let first = cell.first,
      first < UInt8(ascii: "0") || first > UInt8(ascii: "9") || cell.contains(35)
    else { return false }
    return missingTexts.contains(String(decoding: cell, as: UTF8.self).lowercased())
  }

  /// The truth value of a word; nil for other texts.
  static func truth(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "true", "yes": true
    case "false", "no": false
    default: nil
    }
  }

  /// Whether a text is one of the spellings of infinity, or a number with thousands set apart, a currency, per cent or the
  /// like.
  static func isSpoiltNumber(_ text: String) -> Bool {
    if isNotFinite(text) { return true }
    let marks: Set<Character> = ["$", "€", "£", "¥", "%", " ", "\u{A0}", "\u{202F}", "'", "’", "−", "+", "-"]
    let rest = text.filter { !marks.contains($0) }
    let isNumber = rest.contains(where: \.isASCIIDigit) && rest.allSatisfy { $0.isASCIIDigit || $0 == "." || $0 == "," }
    guard isNumber else { return false }
    // Dates, telephone numbers, intervals and addresses have signs or points between digits.
    let inside = text.dropFirst().contains { "-+−".contains($0) }
    return !inside && (rest.contains(",") || rest.count < text.count)
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
