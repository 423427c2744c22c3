/// Part 4: the graph of batch normalization, step by step.
extension ExplanationPage {
  var steps: Markup {
    let row = 0
    let edges = StagedNode.edges.map { edge in
      Markup.element(
        "path", ["d": edge.path, "class": "edge", "data-from": edge.from, "data-to": edge.to])
    }
    let parts = StagedNode.edges.compactMap { edge in
      edge.part.map { part in
        Markup.element(
          "text",
          [
            "x": PageElements.plain(edge.label.x), "y": PageElements.plain(edge.label.y),
            "text-anchor": edge.label.anchor, "class": "part-label", "data-part": part, "data-from": edge.from,
            "data-to": edge.to,
          ], text: values.texts(part)[row])
      }
    }
    let nodes = StagedNode.all.map { node in self.node(node, row: row) }
    return PageElements.part(
      "steps", number: 4, "Step by step",
      [
        PageElements.paragraph(
          "Batch normalization is ten small operations, each a box. Forward, from the top down, every box computes its value from those that lead into it: the upper number. Backward, from the bottom up, every box gets its gradient and hands it on by a rule of its own: the lower number. c is used twice, and so is x: what comes back along both ways is added."
        ),
        PageElements.stage(
          [
            PageElements.drawing(
              "steps-drawing", height: 714, title: "The graph of batch normalization",
              description:
                "From x to its mean μ and to c = x − μ; from c through q, v, u, s and r to x̂ = c·r; from x̂ to t and y.",
              edges + parts + nodes)
          ],
          [
            PageElements.slider("steps-scrub", "Step", from: 0, to: 23, step: 1, at: 23, text: "23 of 23"),
            PageElements.buttons(
              "Steps",
              [
                PageElements.button("steps-back", "Back"), PageElements.button("steps-play", "Play"),
                PageElements.button("steps-next", "Next"),
              ]),
            PageElements.choice(
              "steps-row", "Row that is shown", channel.x.indices.map { ("\($0)", "\($0 + 1)") }, chosen: "0"),
            PageElements.outcome("steps-outcome", "Row 1, forward and backward. Below, one of the boxes."),
            .element(
              "div", ["class": "node-details", "id": "steps-details"],
              [
                .element("h3", ["id": "steps-name"], text: StagedNode.named("c").name),
                PageElements.figures([
                  ("value", "steps-value", values.texts("c").joined(separator: ",  ")),
                  ("gradient", "steps-gradient", values.texts("dc").joined(separator: ",  ")),
                  ("hands on", "steps-rule", StagedNode.named("c").rule),
                ]),
                .element(
                  "ul", ["id": "steps-sums", "class": "sums", "aria-label": "The gradient as a sum, row by row"],
                  values.equations("dc", ["dcFromXhat", "dcFromQ"]).map { .element("li", text: $0) }),
              ]),
            listing,
          ]),
      ])
  }

  private func node(_ node: StagedNode, row: Int) -> Markup {
    let (x, y) = node.place
    let (width, height) = (StagedNode.boxWidth, StagedNode.boxHeight)
    func text(_ name: String) -> String {
      let texts = values.texts(name)
      return texts.count > 1 ? texts[row] : texts[0]
    }
    return .element(
      "g", ["class": "node", "data-node": node.identifier, "aria-label": node.name],
      [
        .element(
          "rect",
          [
            "x": PageElements.plain(x - width / 2), "y": PageElements.plain(y - height / 2),
            "width": PageElements.plain(width), "height": PageElements.plain(height), "rx": "6",
          ]),
        PageElements.label(x, y - 7, node.name, anchor: "middle", "node-name"),
        .element(
          "text", ["x": PageElements.plain(x), "y": PageElements.plain(y + 13), "text-anchor": "middle"],
          [
            .element("tspan", ["class": "node-value"], text: text(node.identifier)), .text("\u{A0} "),
            .element("tspan", ["class": "node-gradient"], text: text("d\(node.identifier)")),
          ]),
      ])
  }

  /// The Swift that computes it, a line a step.
  private var listing: Markup {
    .element(
      "figure", ["class": "listing"],
      [
        .element("figcaption", text: "The same in Swift, for one channel"),
        .element(
          "ol", ["id": "steps-code"],
          PageSources.listing.map { line in
            .element("li", [:], [.element("code", ["data-line": Self.name(ofLine: line)], text: line)])
          }),
      ])
  }

  /// What a line of the listing computes: `dc` of `let dc = …`.
  static func name(ofLine line: String) -> String {
    String(line.dropFirst("let ".count).prefix { $0 != " " })
  }
}
