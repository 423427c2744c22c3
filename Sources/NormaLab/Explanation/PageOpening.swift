/// What a page begins with: two networks that learn, and one slider. It needs the part `opening` of the scripts.
struct PageOpening {
  static let headline = "Two networks, one task. Only one keeps its numbers in range."

  /// With small numbers to start with, one as it is and one that rescales.
  let plain: SampleNetwork, normalized: SampleNetwork

  init() throws {
    plain = try SampleNetwork(.spirals, normalizes: false, scale: 0.3, steps: 400)
    normalized = try SampleNetwork(.spirals, normalizes: true, scale: 0.3, steps: 400)
  }

  /// - Parameters:
  ///   - kind: what kind of page it is, above the headline.
  ///   - next: what the rest of the page does.
  func markup(kind: String, next: String) -> Markup {
    .element(
      "header", ["id": "opening", "class": "part"],
      [
        .element("p", ["class": "kind"], text: kind),
        .element("h1", [:], [.prose(Self.headline)]),
        PageElements.paragraph(
          "Each learns to tell blue dots from orange ones. The shades are its guesses.", "headline"),
        .element(
          "div", ["class": "stage opening"],
          [
            .element(
              "div", ["class": "pair"],
              [
                PageElements.learner("plain", "As it is", plain, noun: "dots"),
                PageElements.learner("rescaled", "Rescales at every link", normalized, noun: "dots"),
              ]),
            .element("div", ["class": "panel"], controls),
          ]),
        PageElements.paragraph(
          "A network is a chain of simple sums. Each link multiplies the numbers it is given by numbers of its own, adds up, and hands the results on. The chain starts with random numbers of its own, and learns by changing all of them a little, again and again, so that its guesses get better."
        ),
        PageElements.paragraph(
          "Start with numbers that are too small, and after five links nothing is left of what came in. Start with numbers that are too large, and every link is stuck at its limit. The network on the right does one more thing after every link: it looks at a handful of examples together, the batch, and shifts and stretches their numbers so that they have the average 0 and the spread 1. That is batch normalization. Now it hardly matters how it starts. \(next)"
        ),
      ])
  }

  private var controls: [Markup] {
    [
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
            "After 400 rounds of practice: as it is, \(PageElements.percent(plain.accuracy)) of new dots are right; rescaled, \(PageElements.percent(normalized.accuracy))."
        )),
    ]
  }
}
