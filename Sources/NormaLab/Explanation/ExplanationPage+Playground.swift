/// Part 9: a network of one's own, with and without normalization.
extension ExplanationPage {
  var playground: Markup {
    PageElements.part(
      "playground", number: 9, "Playground",
      [
        PageElements.paragraph(
          "Now train your own. Both networks get the same points, the same start and the same batches; only the second one normalizes. Try a start that is too small, a high learning rate, more layers, batches of two, and sorted batches, in which all examples are of one group: batch normalization then takes away the very difference that is to be learned, and in use, by its running statistics, it fails. The other kinds look at one example at a time and do not mind: layer normalization takes the mean and the deviation of all of an example's channels, group normalization of a few at a time, and RMS normalization divides by the root of the mean square and takes nothing away."
        ),
        .element(
          "div", ["class": "control-grid"],
          [
            PageElements.choice(
              "play-data", "Points",
              [("circles", "ring"), ("moons", "moons"), ("corners", "corners"), ("spirals", "spirals")],
              chosen: "circles"),
            PageElements.choice(
              "play-norm", "Normalization",
              [("batch", "batch"), ("layer", "layer"), ("group", "group, 2"), ("rms", "RMS")], chosen: "batch"),
            PageElements.slider("play-rate", "Learning rate", from: -3, to: 1, step: 0.25, at: -1, text: "0.1"),
            PageElements.slider("play-depth", "Layers", from: 1, to: 10, step: 1, at: 5, text: "5"),
            PageElements.slider("play-scale", "Scale of the start", from: -1, to: 1, step: 0.1, at: -0.3, text: "0.5"),
            PageElements.slider("play-batch", "Batch size", from: 1, to: 7, step: 1, at: 5, text: "32"),
            .element(
              "div", ["class": "control check"],
              [
                .element("input", ["type": "checkbox", "id": "play-sorted"]),
                .element("label", ["for": "play-sorted"], text: "sorted batches"),
              ]),
            PageElements.buttons(
              "Training",
              [
                PageElements.button("play-run", "Train"), PageElements.button("play-step", "One step"),
                PageElements.button("play-again", "Start again"),
              ]),
          ]),
        .element(
          "div", ["class": "pair"],
          [
            player("without", "Without", plainCircles),
            player("with", "With batch normalization", normalizedCircles),
          ]),
        .element(
          "figure", ["class": "losses"],
          [
            .element("figcaption", text: "The loss on points that were not trained on"),
            losses,
            .element(
              "canvas",
              [
                "id": "play-losses", "class": "moving", "role": "img",
                "aria-label": "Both losses over the steps; the numbers are told below.",
              ]),
            .element(
              "p", ["class": "key"],
              [
                .element("span", ["class": "swatch series-1"], text: "without"), .text(" "),
                .element("span", ["class": "swatch series-0"], text: "with normalization"),
              ]),
          ]),
        .group(
          PageElements.outcomes(
            "play-outcome",
            still:
              "After 600 steps: without, \(PageElements.percent(plainCircles.accuracy)) of new points are right, with batch normalization \(PageElements.percent(normalizedCircles.accuracy))."
          )),
      ])
  }

  private func player(_ identifier: String, _ title: String, _ network: SampleNetwork) -> Markup {
    PageElements.learner(
      identifier, title, network, noun: "points",
      more: [
        PageElements.paragraph("What each layer gives, from −1 to 1", "small-title"),
        activations("\(identifier)-layers-still", network),
        .element(
          "canvas",
          [
            "id": "\(identifier)-layers", "class": "moving layers", "role": "img",
            "aria-label": "A histogram of what each layer gives, first layer on top.",
          ]),
      ])
  }

  /// A histogram a layer, the first one on top.
  private func activations(_ identifier: String, _ network: SampleNetwork) -> Markup {
    let bins = 40
    let height = 240 / Double(network.activations.count)
    let paths = network.activations.enumerated().map { layer, values in
      var counts = [Int](repeating: 0, count: bins)
      for value in values { counts[min(bins - 1, max(0, Int((value + 1) / 2 * Double(bins))))] += 1 }
      let most = Double(counts.max() ?? 1)
      let bottom = height * Double(layer + 1) - 2
      return counts.enumerated().filter { $1 > 0 }.map { bin, count in
        let tall = (height - 8) * Double(count) / most
        return
          "M\(PageElements.plain(9 * Double(bin))),\(PageElements.plain(bottom))v\(PageElements.plain(-tall))h8v\(PageElements.plain(tall))z"
      }.joined()
    }
    return PageElements.drawing(
      identifier, height: 240, title: "What each layer gives",
      description: "A histogram for each of \(network.activations.count) layers, from −1 to 1.", cssClass: "still",
      paths.map { PageElements.path($0, "bars series-0") })
  }

  private var losses: Markup {
    let all = plainCircles.losses + normalizedCircles.losses
    let most = all.max() ?? 1
    func path(_ losses: [Double]) -> String {
      PageElements.line(
        losses.enumerated().map { (8 + 344 * Double($0) / Double(max(1, losses.count - 1)), 132 - 120 * $1 / most) })
    }
    return PageElements.drawing(
      "losses-still", height: 140, title: "Both losses", description: "The losses of both networks over 600 steps.",
      cssClass: "still",
      [
        PageElements.path("M8,132H352", "axis"), PageElements.path(path(plainCircles.losses), "line series-1"),
        PageElements.path(path(normalizedCircles.losses), "line series-0"),
      ])
  }
}
