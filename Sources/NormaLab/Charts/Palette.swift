import Foundation

/// The colours of a page, for a light or a dark screen; paper gets the light ones.
///
/// All text reaches the contrast of WCAG AA, 4.5 to 1, on the background and on surfaces; so do the series' colours,
/// since lines are labelled in them.
public struct Palette: Sendable {
  /// A colour of the sRGB space.
  public struct Colour: Sendable, Equatable {
    /// Red, green and blue as `0xRRGGBB`.
    public let code: Int

    /// A colour from its code `0xRRGGBB`.
    public init(_ code: Int) { self.code = code }

    /// The colour as CSS writes it.
    public var css: String { String(format: "#%06x", code) }

    /// The relative luminance, from 0 for black to 1 for white (WCAG 2.2, "relative luminance").
    public var luminance: Double {
      func linear(_ shift: Int) -> Double {
        let part = Double((code >> shift) & 0xFF) / 255
        return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
      }
      return 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0)
    }

    /// The contrast ratio to another colour, from 1 to 21 (WCAG 2.2, "contrast ratio").
    public func contrast(to other: Colour) -> Double {
      let (one, two) = (luminance, other.luminance)
      return (max(one, two) + 0.05) / (min(one, two) + 0.05)
    }
  }

  /// What everything stands on.
  public let background: Colour
  /// What tables' heads, code and notes stand on.
  public let surface: Colour
  /// Text.
  public let ink: Colour
  /// Text of less weight: axes, captions.
  public let mutedInk: Colour
  /// Lines that only separate or guide; not for text.
  public let rule: Colour
  /// The lines of charts, by ``SeriesStyle/index``.
  public let series: [Colour]
  /// The steps of a heat map from least to most. The first stands out least from the background.
  public let heat: [Colour]

  /// For a light screen and for paper.
  public static let light = Palette(
    background: 0xFDFDFB, surface: 0xF3F4F1, ink: 0x1C2127, mutedInk: 0x565F69, rule: 0xD8DBD7,
    series: [0x0B5CAD, 0xB4420B, 0x0F7556, 0x7A3E9E, 0x7E5C00, 0xA82C6B, 0x0E6B80, 0x4F5B66],
    heat: [0xE6EEF6, 0xCFDFEE, 0xB0CBE3, 0x8CB3D6, 0x679AC9, 0x467FB5, 0x2D649D, 0x1A4A80, 0x0B305E])

  /// For a dark screen.
  public static let dark = Palette(
    background: 0x14171B, surface: 0x1E2329, ink: 0xE7E9EB, mutedInk: 0xA5AEB8, rule: 0x363D45,
    series: [0x74B5F7, 0xF59E6C, 0x5FCBA3, 0xCBA2F0, 0xDDB655, 0xF092BC, 0x62C8DA, 0xB1BBC6],
    heat: [0x1D2935, 0x21374B, 0x274966, 0x2F5D85, 0x3C73A4, 0x558CBF, 0x79A8D5, 0xA4C6E7, 0xD4E6F7])

  private init(background: Int, surface: Int, ink: Int, mutedInk: Int, rule: Int, series: [Int], heat: [Int]) {
    self.background = Colour(background)
    self.surface = Colour(surface)
    self.ink = Colour(ink)
    self.mutedInk = Colour(mutedInk)
    self.rule = Colour(rule)
    self.series = series.map(Colour.init)
    self.heat = heat.map(Colour.init)
  }

  /// How many steps a heat map has.
  public static let heatStepCount = 9

  /// The colours as declarations of CSS variables.
  var variables: String {
    var lines = [
      "--background: \(background.css)", "--surface: \(surface.css)", "--ink: \(ink.css)", "--muted: \(mutedInk.css)",
      "--rule: \(rule.css)",
    ]
    for (index, colour) in series.enumerated() { lines.append("--series-\(index): \(colour.css)") }
    for (index, colour) in heat.enumerated() { lines.append("--heat-\(index): \(colour.css)") }
    return lines.map { "  \($0);\n" }.joined()
  }
}
