/// The networks of the drawings.
struct SampleNetworks {
  /// The opening's: with small numbers to start with, one as it is and one that rescales.
  let plain: SampleNetwork, normalized: SampleNetwork
  /// The playground's.
  let plainCircles: SampleNetwork, normalizedCircles: SampleNetwork

  init() throws {
    plain = try SampleNetwork(.spirals, normalizes: false, scale: 0.3, steps: 400)
    normalized = try SampleNetwork(.spirals, normalizes: true, scale: 0.3, steps: 400)
    plainCircles = try SampleNetwork(.circles, normalizes: false, scale: 0.5, steps: 600)
    normalizedCircles = try SampleNetwork(.circles, normalizes: true, scale: 0.5, steps: 600)
  }
}

/// Part 1: two networks that learn, and one slider.
extension ExplanationPage {
  static let headline = "Two networks, one task. Only one keeps its numbers in range."

  var opening: Markup {
    .element(
      "header", ["id": "opening", "class": "part"],
      [
        .element("p", ["class": "kind"], text: "An explanation to play with"),
        .element("h1", [:], [.prose(Self.headline)]),
        PageElements.paragraph(
          "Each learns to tell blue dots from orange ones. The shades are its guesses.", "headline"),
        .element(
          "div", ["class": "stage opening"],
          [
            .element(
              "div", ["class": "pair"],
              [
                learner("plain", "As it is", networks.plain),
                learner("rescaled", "Rescales at every link", networks.normalized),
              ]),
            .element("div", ["class": "panel"], openingControls),
          ]),
        PageElements.paragraph(
          "A network is a chain of simple sums. Each link multiplies the numbers it is given by numbers of its own, adds up, and hands the results on. The chain starts with random numbers of its own, and learns by changing all of them a little, again and again, so that its guesses get better."
        ),
        PageElements.paragraph(
          "Start with numbers that are too small, and after five links nothing is left of what came in. Start with numbers that are too large, and every link is stuck at its limit. The network on the right does one more thing after every link: it looks at a handful of examples together, the batch, and shifts and stretches their numbers so that they have the average 0 and the spread 1. That is batch normalization. Now it hardly matters how it starts. The rest of this page takes that one step apart."
        ),
      ])
  }

  private var openingControls: [Markup] {
    let (plain, normalized) = (percent(networks.plain.accuracy), percent(networks.normalized.accuracy))
    return [
      PageElements.slider(
        "opening-scale", "How large are the numbers that both start with?", from: -1, to: 1, step: 0.1, at: -0.5,
        text: "0.3 times the usual"),
      PageElements.buttons(
        "Both networks",
        [PageElements.button("opening-play", "Pause"), PageElements.button("opening-again", "Start again")]),
      PageElements.outcome(
        "opening-outcome",
        "After 400 rounds of practice: as it is, \(plain) of new dots are right; rescaled, \(normalized)."),
    ]
  }

  private func learner(_ identifier: String, _ title: String, _ network: SampleNetwork) -> Markup {
    .element(
      "figure", ["class": "learner"],
      [
        .element("figcaption", ["id": "\(identifier)-title"], text: title),
        .element(
          "div", ["class": "square"],
          [
            surface("\(identifier)-still", network, title: title),
            .element(
              "canvas",
              [
                "id": "\(identifier)-surface", "class": "moving", "width": "32", "height": "32", "role": "img",
                "aria-labelledby": "\(identifier)-title",
              ]),
            .element(
              "canvas",
              ["id": "\(identifier)-dots", "class": "moving", "width": "480", "height": "480", "aria-hidden": "true"]),
          ]),
        .element(
          "p", ["class": "score"],
          [
            .element("span", ["id": "\(identifier)-score"], text: percent(network.accuracy)),
            .text(" of new dots right"),
          ]),
      ])
  }

  func percent(_ share: Double) -> String { "\(Int((share * 100).rounded()))\u{A0}%" }

  /// What a network says of the square, in five shades, and the points that it learned from.
  func surface(_ identifier: String, _ network: SampleNetwork, title: String) -> Markup {
    let side = SampleNetwork.side
    let unit = 360 / Double(side)
    let shades = network.surface.map { min(4, Int($0 * 5)) }
    var paths = [String](repeating: "", count: 5)
    for row in 0..<side {
      var column = 0
      while column < side {
        let shade = shades[row * side + column]
        var end = column + 1
        while end < side, shades[row * side + end] == shade { end += 1 }
        let (left, top, right) = (Double(column) * unit, Double(row) * unit, Double(end) * unit)
        let corners = [(left, top), (right, top), (right, top + unit + 0.2), (left, top + unit + 0.2)]
        paths[shade] += PageElements.line(corners) + "z"
        column = end
      }
    }
    let dots = (0..<network.labels.count).map { index in
      let (x, y) = (network.points.elements[2 * index], network.points.elements[2 * index + 1])
      return Markup.element(
        "circle",
        [
          "cx": PageElements.plain(180 + 180 * x), "cy": PageElements.plain(180 - 180 * y), "r": "4",
          "class": network.labels[index] == 0 ? "point first" : "point second",
        ])
    }
    return PageElements.drawing(
      identifier, height: 360, title: title,
      description:
        "What the network answers at every place of the square: \(percent(network.accuracy)) of new dots right.",
      cssClass: "still", paths.enumerated().map { PageElements.path($1, "shade-\($0)") } + dots)
  }
}
