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
                learner("plain", "As it is", networks.plain, noun: "dots"),
                learner("rescaled", "Rescales at every link", networks.normalized, noun: "dots"),
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
      .group(
        PageElements.outcomes(
          "opening-outcome",
          still:
            "After 400 rounds of practice: as it is, \(plain) of new dots are right; rescaled, \(normalized).")),
    ]
  }
}
