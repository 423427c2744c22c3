import Foundation

/// A piece of HTML or SVG that is well-formed XML too: every element closed, every text escaped.
///
/// There is no way to put a string in it that is not escaped, so no title or file name can become markup.
public struct Markup: Sendable, Equatable {
  /// The piece as it stands in the file.
  public let source: String

  private init(source: String) { self.source = source }

  /// Nothing.
  public static let empty = Markup(source: "")

  /// Text, with the characters escaped that mean something in markup. Control characters, which XML cannot hold,
  /// become U+FFFD.
  public static func text(_ text: String) -> Markup { Markup(source: escaped(text)) }

  /// Running text: as ``text(_:)``, and no line may end between a number and its per cent sign.
  public static func prose(_ text: String) -> Markup {
    Markup(source: escaped(text.replacing(" %", with: "\u{A0}%")))
  }

  /// An element with its attributes, in their order, and what is in it.
  public static func element(
    _ name: StaticString, _ attributes: KeyValuePairs<String, String> = [:], _ content: [Markup] = []
  ) -> Markup {
    var source = "<\(name)"
    for (key, value) in attributes { source += " \(key)=\"\(escaped(value))\"" }
    if content.isEmpty && voidElements.contains("\(name)") { return Markup(source: source + "/>") }
    source += ">"
    for piece in content { source += piece.source }
    return Markup(source: source + "</\(name)>")
  }

  /// An element that holds one text.
  public static func element(
    _ name: StaticString, _ attributes: KeyValuePairs<String, String> = [:], text: String
  ) -> Markup {
    element(name, attributes, [.text(text)])
  }

  /// A permanent link to a place of the page, which stands beside it.
  static func anchor(_ identifier: String, _ words: String) -> Markup {
    element("a", ["class": "anchor", "href": "#\(identifier)", "aria-label": words], text: "#")
  }

  /// Pieces one after another.
  public static func group(_ pieces: [Markup]) -> Markup { Markup(source: pieces.map(\.source).joined()) }

  /// A drawing that is well-formed XML already, as `Graph.svg(gradients:digits:)` gives.
  static func drawing(_ svg: String) -> Markup { Markup(source: svg) }

  /// A style sheet, which HTML reads unescaped: it may hold neither `<` nor `&`.
  static func style(_ sheet: String) -> Markup {
    precondition(!sheet.contains("<") && !sheet.contains("&"), "a style sheet with < or & would not be XML")
    return Markup(source: "<style>\(styleText(sheet))</style>")
  }

  /// What a policy hashes of a style sheet.
  static func styleText(_ sheet: String) -> String { "\n\(sheet)" }

  /// A script, which HTML reads as it is and XML as character data.
  static func script(_ source: String) -> Markup {
    precondition(!source.contains("</script") && !source.contains("]]>"), "a script that ends before its end")
    return Markup(source: "<script>\(scriptText(source))</script>")
  }

  /// What a policy hashes of a script.
  static func scriptText(_ source: String) -> String { "//<![CDATA[\n\(source)//]]>\n" }

  /// Data for a script, as JSON, which is not run.
  static func data(_ value: some Encodable) throws -> Markup {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(value), as: UTF8.self)
      .replacing("<", with: "\\u003c").replacing("&", with: "\\u0026")
    return Markup(source: "<script type=\"application/json\" id=\"data\">\(text)</script>")
  }

  /// HTML knows only these as elements without content; all others need their closing tag.
  private static let voidElements: Set<String> = ["meta", "br", "hr", "input"]

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\t", "\n": result.unicodeScalars.append(scalar)
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
