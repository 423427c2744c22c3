/// Something drawn from data that can stand in a ``ReportFigure``.
///
/// A picture says in words what it shows, and holds its data as a table, for those who cannot see it and for those who
/// want the numbers.
public protocol Picture: Sendable {
  /// What the picture shows, in a few words; stands above it.
  var title: String { get }

  /// The numbers the picture is drawn from.
  var table: ReportTable { get }

  /// The picture as part of a page. Every identifier in it begins with `identifier`, which is its own on the page.
  func markup(identifier: String) -> Markup
}

/// The parts that drawings share.
enum Drawing {
  /// An `svg` element with its text alternative.
  static func svg(
    width: Double, height: Double, cssClass: String, identifier: String, title: String, description: String,
    _ content: [Markup]
  ) -> Markup {
    .element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 \(number(width)) \(number(height))",
        "class": cssClass, "role": "img", "aria-labelledby": "\(identifier)-title \(identifier)-description",
      ],
      [
        .element("title", ["id": "\(identifier)-title"], text: title),
        .element("desc", ["id": "\(identifier)-description"], text: description),
      ] + content)
  }

  /// A coordinate to a tenth of a unit, which is finer than a screen shows.
  static func number(_ value: Double) -> String {
    NumberFormat.trimmed(NumberFormat.fixed(value, decimals: 1)).replacing("−", with: "-")
  }

  /// About how wide a text is, on the generous side: fonts differ from system to system.
  static func textWidth(_ text: String, size: Double = 12, isBold: Bool = false) -> Double {
    (isBold ? 1.08 : 1)
      * text.unicodeScalars.reduce(0) { width, scalar in
        switch scalar {
        case "i", "l", "j", ".", ",", ":", ";", "'", "|", " ", "\u{A0}": width + 0.36 * size
        case "m", "w", "M", "W", "%": width + 0.98 * size
        case "\u{1100}"...: scalar.value < 0x2100 || scalar.value > 0x2BFF ? width + size : width + 0.7 * size
        default: width + 0.64 * size
        }
      }
  }

  /// A text cut to a width, with "…" for what is left out.
  static func fitted(_ text: String, width: Double, size: Double = 12, isBold: Bool = false) -> String {
    guard textWidth(text, size: size, isBold: isBold) > width else { return text }
    var kept = Substring(text)
    while !kept.isEmpty && textWidth(String(kept) + "…", size: size, isBold: isBold) > width { kept.removeLast() }
    return kept + "…"
  }
}
