/// The figure of a network: what it answers, drawn by Swift and, where the script runs, painted as it learns.
extension PageElements {
  /// - Parameters:
  ///   - noun: what it tells apart.
  ///   - more: what stands below.
  static func learner(
    _ identifier: String, _ title: String, _ network: SampleNetwork, noun: String, more: [Markup] = []
  ) -> Markup {
    .element(
      "figure", ["class": "learner"],
      [
        .element("figcaption", [:], [.group(PageElements.texts("\(identifier)-title", still: title))]),
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
            .element("canvas", ["id": "\(identifier)-dots", "class": "moving", "aria-hidden": "true"]),
          ]),
        .element(
          "p", ["class": "score"],
          PageElements.texts("\(identifier)-score", still: percent(network.accuracy)) + [.text(" of new \(noun) right")]
        ),
      ] + more)
  }

  static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded()))\u{A0}%" }

  /// What a network says of the square, in five shades, and the points that it learned from.
  private static func surface(_ identifier: String, _ network: SampleNetwork, title: String) -> Markup {
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
