extension ReportTable {
  /// The table as lines of text with aligned columns, or `nil` if they would be wider than `width` characters.
  ///
  /// Headings are broken between words to make columns narrow. The line below them is made of `rule`.
  public func plainText(width: Int, rule: Character = "─") -> String? {
    let texts = [columns.map(\.title)] + rows
    let widths = columns.indices.map { column in
      let longestWord = ReportTable.words(columns[column].title).map(\.count).max() ?? 0
      return max(longestWord, texts.dropFirst().map { $0[column].count }.max() ?? 0)
    }
    guard widths.reduce(0, +) + 2 * max(0, widths.count - 1) <= width else { return nil }
    let heads = columns.indices.map { ReportTable.wrapped(columns[$0].title, width: widths[$0]) }
    let headHeight = heads.map(\.count).max() ?? 0
    // Headings stand on the line below them.
    let headLines = (0..<headHeight).map { line in
      heads.map { head in
        let index = line - (headHeight - head.count)
        return index >= 0 ? head[index] : ""
      }
    }
    let rules = widths.map { String(repeating: rule, count: $0) }
    return (headLines + [rules] + rows).map { line(of: $0, widths: widths) }.joined(separator: "\n")
  }

  /// The table as a list: for each row its name, and below it the other columns' headings and texts, those left out that are
  /// empty.
  public var plainList: String {
    rows.map { row in
      let entries = zip(columns, row).dropFirst().filter { !$0.1.isEmpty }.map { "  \($0.title): \($1)" }
      return ([row.first ?? ""] + entries).joined(separator: "\n")
    }.joined(separator: "\n")
  }

  private func line(of texts: [String], widths: [Int]) -> String {
    var line = ""
    for (index, text) in texts.enumerated() {
      if index > 0 { line += "  " }
      let padding = String(repeating: " ", count: widths[index] - text.count)
      line += columns[index].alignment == .trailing ? padding + text : text + padding
    }
    while line.hasSuffix(" ") { line.removeLast() }
    return line
  }

  private static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in words(text) {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(word)
      }
    }
    return lines
  }

  /// The words of a text, a number and its per cent sign as one.
  private static func words(_ text: String) -> [String] {
    text.replacing(" %", with: "\u{A0}%").split(separator: " ").map { String($0).replacing("\u{A0}", with: " ") }
  }
}
