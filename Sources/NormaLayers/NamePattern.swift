/// Which parameters or layers are meant, by their full names in files: `head`, `stages.*.bias`.
///
/// A `*` stands for any number of any characters. A pattern means what it matches and all that lies within: `blocks.0` means
/// `blocks.0.conv.weight` too. An empty pattern means everything.
public struct NamePattern: Hashable, Sendable, Codable, CustomStringConvertible, ExpressibleByStringLiteral {
  /// The pattern as it is written.
  public let text: String

  /// A pattern as it is written.
  public init(_ text: String) { self.text = text }
  public init(stringLiteral text: String) { self.text = text }

  public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    try value.encode(text)
  }

  public var description: String { text }

  /// Whether a name is meant.
  public func matches(_ name: String) -> Bool {
    if text.isEmpty { return true }
    let (pattern, name) = (Array(text.utf8), Array(name.utf8))
    // The places of the name up to which the pattern so far may reach.
    var places: Set<Int> = [0]
    for character in pattern {
      if character == UInt8(ascii: "*") {
        places = Set(places.min().map { $0...name.count } ?? 0...0)
      } else {
        places = Set(places.filter { $0 < name.count && name[$0] == character }.map { $0 + 1 })
      }
      if places.isEmpty { return false }
    }
    return places.contains { $0 == name.count || name[$0] == UInt8(ascii: ".") }
  }
}
