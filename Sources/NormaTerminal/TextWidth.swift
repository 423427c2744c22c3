extension Character {
  /// How many columns a terminal gives this character: 0, 1 or 2.
  ///
  /// Right for the scripts and emoji in common use, by Unicode's East Asian Width (UAX #11); terminals themselves
  /// differ over the rest.
  public var columns: Int {
    guard let scalar = unicodeScalars.first else { return 0 }
    if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F ? 0 : 1 }
    switch scalar.properties.generalCategory {
    case .control, .format, .nonspacingMark, .enclosingMark, .lineSeparator, .paragraphSeparator: return 0
    default: break
    }
    if scalar.properties.isEmojiPresentation || unicodeScalars.contains("\u{FE0F}") { return 2 }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
      0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      return 2
    default:
      return 1
    }
  }
}

extension StringProtocol {
  /// How many columns a terminal gives this text, without escape sequences or line breaks in it.
  public var columns: Int {
    reduce(0) { $0 + $1.columns }
  }

  /// The text on one line and harmless to a terminal: control characters, which could move the cursor or worse, become
  /// spaces.
  ///
  /// For words that come from outside, such as the labels in a file.
  public var singleLine: String {
    String(map { $0.isControl ? " " : $0 })
  }

  /// The text, or as much of its beginning as fits in a number of columns together with the ellipsis.
  public func truncated(toColumns limit: Int, ellipsis: String = Glyphs.unicode.ellipsis) -> String {
    if columns <= limit { return String(self) }
    let ellipsis = ellipsis.columns <= limit ? ellipsis : ""
    var used = ellipsis.columns
    let kept = prefix { character in
      used += character.columns
      return used <= limit
    }
    return kept + ellipsis
  }

  /// The words of the text on lines of at most so many columns, where no word is longer or those that are may be broken:
  /// behind one of `/ . _ - ,` where there is one late enough.
  public func wrapped(toColumns limit: Int, breakingWords: Bool = false) -> [String] {
    var lines: [String] = []
    // A number keeps its per cent sign.
    let words = split(separator: " ").reduce(into: [String]()) { words, word in
      if word.hasPrefix("%"), let last = words.last {
        words[words.count - 1] = "\(last) \(word)"
      } else {
        words.append(String(word))
      }
    }
    for word in words.flatMap({ breakingWords ? $0.pieces(ofColumns: limit) : [String($0)] }) {
      if let last = lines.last, last.columns + 1 + word.columns <= limit {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(word)
      }
    }
    return lines
  }

  /// A word in pieces of at most so many columns.
  private func pieces(ofColumns limit: Int) -> [String] {
    var pieces: [String] = []
    var rest = self[...]
    while rest.columns > limit {
      var used = 0
      let fitting = rest.prefix { character in
        used += character.columns
        return used <= limit
      }
      let end = fitting.lastIndex { "/._-,".contains($0) }.map { rest.index(after: $0) }
      let isLate = end.map { rest[..<$0].columns * 2 > limit } ?? false
      // A character that is wider than the line stands on one of its own.
      let cut = isLate ? end ?? fitting.endIndex : Swift.max(fitting.endIndex, rest.index(after: rest.startIndex))
      pieces.append(String(rest[..<cut]))
      rest = rest[cut...]
    }
    return pieces + (rest.isEmpty ? [] : [String(rest)])
  }

  /// The text with spaces after it (or before it, `alignedRight`) up to a number of columns.
  public func padded(toColumns width: Int, alignedRight: Bool = false) -> String {
    let spaces = String(repeating: " ", count: Swift.max(0, width - columns))
    return alignedRight ? spaces + self : self + spaces
  }
}

extension Character {
  fileprivate var isControl: Bool {
    isNewline || unicodeScalars.contains { $0.properties.generalCategory == .control }
  }
}
