/// The characters that pictures made of text are drawn with.
public struct Glyphs: Sendable, Equatable {
  /// The done part of a bar.
  public var filled: Character
  /// The last, half done place of a bar; nil where a bar has whole places only.
  public var half: Character?
  /// The part of a bar that is still to do.
  public var empty: Character
  /// The line below a table's header.
  public var rule: Character
  /// Stands where text was cut off.
  public var ellipsis: String

  /// For terminals and files in UTF-8.
  public static let unicode = Glyphs(filled: "━", half: "╸", empty: "─", rule: "─", ellipsis: "…")
  /// For all others.
  public static let ascii = Glyphs(filled: "#", half: nil, empty: "-", rule: "-", ellipsis: "...")
}
