/// Breaks a text into lines of a width, at spaces where there are any.
///
/// - Parameter widthOf: the width of one character, in the unit of `width`.
func wrapped(_ text: String, width: Double, widthOf: (Character) -> Double) -> [String] {
  var lines: [String] = []
  var line = ""
  var lineWidth = 0.0
  func breakLine() {
    lines.append(line)
    line = ""
    lineWidth = 0
  }
  for word in text.split(separator: " ") {
    let wordWidth = word.reduce(0) { $0 + widthOf($1) }
    if !line.isEmpty {
      if lineWidth + widthOf(" ") + wordWidth <= width {
        line.append(" ")
        lineWidth += widthOf(" ")
      } else {
        breakLine()
      }
    }
    for character in word {
      let characterWidth = widthOf(character)
      if lineWidth + characterWidth > width && !line.isEmpty { breakLine() }
      line.append(character)
      lineWidth += characterWidth
    }
  }
  if !line.isEmpty { breakLine() }
  return lines
}

/// The text, or its beginning and an ellipsis where it is wider than `width`.
func shortened(_ text: String, width: Double, widthOf: (Character) -> Double) -> String {
  guard text.reduce(0, { $0 + widthOf($1) }) > width else { return text }
  var result = ""
  var resultWidth = widthOf("…")
  for character in text {
    resultWidth += widthOf(character)
    if resultWidth > width { break }
    result.append(character)
  }
  return result + "…"
}

/// The columns a character takes in a terminal: two for ideographs, syllables and pictures.
func terminalWidth(_ character: Character) -> Double { isWide(character) ? 2 : 1 }

/// Whether a character is as wide as it is high.
func isWide(_ character: Character) -> Bool {
  guard let scalar = character.unicodeScalars.first else { return false }
  switch scalar.value {
  case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
    0xFFE0...0xFFE6, 0x1F000...0x1FAFF, 0x20000...0x3FFFD:
    return true
  default:
    return scalar.properties.isEmojiPresentation
  }
}

/// A text as it stands in XML and in Graphviz labels, between tags or quotation marks.
func escapedForMarkup(_ text: String) -> String {
  guard text.utf8.contains(where: { "&<>\"'".utf8.contains($0) }) else { return text }
  return text.reduce(into: "") { result, character in
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    default: result.append(character)
    }
  }
}
