/// How a line of a chart looks: a colour, a dash and a marker of its own, so that it can be told apart without colour.
public struct SeriesStyle: Sendable, Equatable {
  /// How many different styles there are; higher numbers begin again.
  public static let count = 16
  /// How many colours, dashes and markers there are; styles beyond have other pairs of them.
  package static let colourCount = 8

  /// Which style, from 0 to ``count`` − 1.
  public let index: Int

  /// The style of a number.
  public init(_ number: Int) {
    index = ((number % SeriesStyle.count) + SeriesStyle.count) % SeriesStyle.count
  }

  /// Which dash or marker a style has: those beyond the colours so many places further on.
  private func place(shift: Int) -> Int { (index + index / Self.colourCount * shift) % Self.colourCount }

  /// The class that sets the colour variable of the elements in it.
  var cssClass: String { "series-\(index % Self.colourCount)" }

  /// The lengths of dashes and gaps; empty for a solid line.
  var dashes: String { ["", "7 3", "2 3", "9 3 2 3", "4 2", "12 3", "6 2 2 2 2 2", "1 2"][place(shift: 3)] }

  /// The marker's outline around the origin, about 7 units wide.
  var marker: String {
    switch place(shift: 4) {
    case 0: "M-3.4,0a3.4,3.4 0 1,0 6.8,0a3.4,3.4 0 1,0 -6.8,0z"
    case 1: "M-3.1,-3.1h6.2v6.2h-6.2z"
    case 2: "M0,-4.1L4,3.1H-4z"
    case 3: "M0,-4.4L4.4,0L0,4.4L-4.4,0z"
    case 4: "M0,4.1L4,-3.1H-4z"
    case 5: "M-1.4,-4h2.8v2.6h2.6v2.8h-2.6v2.6h-2.8v-2.6h-2.6v-2.8h2.6z"
    case 6: "M-4.2,-2.2h8.4v4.4h-8.4z"
    default: "M-2.2,-4.2h4.4v8.4h-4.4z"
    }
  }

  /// A short stretch of the line with its marker, for a legend; 34 by 12 units.
  var sample: Markup {
    .element(
      "svg", ["class": "sample \(cssClass)", "viewBox": "0 0 34 12", "aria-hidden": "true"],
      [
        .element("path", ["class": "line", "d": "M1,6H33", "stroke-dasharray": dashes.isEmpty ? "none" : dashes]),
        .element("path", ["class": "marker", "d": marker, "transform": "translate(17 6)"]),
      ])
  }
}
