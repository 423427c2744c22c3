/// Comma-separated values as text (RFC 4180), with lines that end in line feeds alone.
package enum CSVText {
  /// A line of a file: fields that hold a comma, a quotation mark or the end of a line are quoted.
  package static func line(_ fields: some Sequence<String>) -> String {
    fields.map(field).joined(separator: ",") + "\n"
  }

  private static func field(_ text: String) -> String {
    // By scalars: a carriage return and a line feed are one character, which would equal neither.
    guard text.unicodeScalars.contains(where: { ",\"\n\r".unicodeScalars.contains($0) }) else { return text }
    return "\"\(text.replacing("\"", with: "\"\""))\""
  }
}
