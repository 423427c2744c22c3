/// A sign that pictures use, and what it stands for.
public struct LegendEntry: Sendable {
  /// What is drawn.
  public enum Symbol: Sendable {
    /// A line in its colour, with its dash and marker.
    case series(SeriesStyle)
    /// A marker alone, in its colour.
    case marker(SeriesStyle)
    /// A hollow mark: figures from elsewhere.
    case hollow
    /// The dotted line of a value to compare with.
    case reference
    /// The outline of a histogram.
    case outline
    /// A filled histogram.
    case filled
    /// The shades of a heat map, which begin at the value given as text.
    case shades(from: String)
  }

  /// What it stands for.
  public let name: String
  /// What is drawn.
  public let symbol: Symbol

  /// A sign and its meaning.
  public init(_ name: String, symbol: Symbol) {
    self.name = name
    self.symbol = symbol
  }

  var markup: Markup {
    var parts: [Markup]
    switch symbol {
    case .series(let style): parts = [style.sample]
    case .marker(let style):
      parts = [
        .element(
          "svg",
          ["class": "sample \(style.cssClass)", "viewBox": "0 0 12 12", "width": "12", "aria-hidden": "true"],
          [.element("path", ["class": "marker", "d": style.marker, "transform": "translate(6 6)"])])
      ]
    case .hollow:
      parts = [
        sample([
          .element("path", ["class": "marker hollow", "d": SeriesStyle(0).marker, "transform": "translate(14 6)"])
        ])
      ]
    case .reference: parts = [sample([.element("path", ["class": "reference", "d": "M1,6H27"])])]
    case .outline: parts = [sample([.element("path", ["class": "outline", "d": "M2,11V5H10V2H18V7H26V11"])])]
    case .filled: parts = [sample([.element("path", ["class": "filled", "d": "M2,11V5H10V2H18V7H26V11z"])])]
    case .shades(let start):
      parts = [
        .element("span", text: start),
        sample(
          width: Palette.heatStepCount * 12,
          (0..<Palette.heatStepCount).map {
            .element("rect", ["class": "heat-\($0)", "x": "\($0 * 12)", "y": "0", "width": "12", "height": "12"])
          }),
      ]
    }
    parts.append(.element("span", text: name))
    // By its style the page's script finds the lines that it stands for.
    if case .series(let style) = symbol { return .element("li", ["data-style": "\(style.index)"], parts) }
    return .element("li", [:], parts)
  }

  private func sample(width: Int = 28, _ content: [Markup]) -> Markup {
    .element(
      "svg", ["class": "sample", "viewBox": "0 0 \(width) 12", "width": "\(width)", "aria-hidden": "true"], content)
  }
}
