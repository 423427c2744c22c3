/// Parts 2 and 3: a batch of one channel, as dots on a line and as numbers.
extension ExplanationPage {
  var dots: Markup {
    let (x, y) = (channel.x, values["y"])
    let view = DotsView(x: x, beta: channel.beta, gamma: channel.gamma)
    let (first, second) = (view.lifts(x.map(view.x)), view.lifts(y.map(view.y)))
    var content: [Markup] = [
      PageElements.label(4, 14, "what comes in"), PageElements.label(4, 296, "what goes out"),
      PageElements.path("M12,92H348", "axis"), PageElements.path("M12,252H348", "axis"),
      PageElements.path(view.spread(values["mu"][0], values["s"][0], at: 100), "spread", id: "dots-spread"),
      PageElements.path(
        view.spread(channel.beta, channel.gamma, at: 260, isOut: true), "spread", id: "dots-target"),
      PageElements.label(
        view.x(values["mu"][0]), 124, "average \(values.texts("mu")[0])", anchor: "middle", id: "dots-mean"),
      PageElements.label(
        view.y(channel.beta), 280, "average \(ExplainedValues.text(channel.beta))", anchor: "middle", id: "dots-beta"),
    ]
    content += x.indices.map { row in
      PageElements.path(
        PageElements.line([(view.x(x[row]), 92), (view.y(y[row]), 252)]), "strand")
    }
    content += x.indices.map { dot(at: view.x(x[$0]), 92 - first[$0], row: $0, "handle") }
    content += x.indices.map { dot(at: view.y(y[$0]), 252 - second[$0], row: $0, "result") }
    return PageElements.part(
      "dots", number: 2, "Every example sees its batch",
      [
        PageElements.paragraph(
          "Here is that one step, for one of the numbers in the chain, a channel, and a batch of \(x.count) examples: \(x.count) values on the upper line. Their average is taken away, and what is left is divided by their standard deviation, which says how far from the average they typically are. So on the lower line they have the average and the spread that the network chooses."
        ),
        PageElements.stage(
          [
            PageElements.drawing(
              "dots-drawing", height: 304, title: "A batch on a line",
              description:
                "Above, the values that come in; below, what batch normalization makes of them, joined by lines.",
              content)
          ],
          [
            PageElements.paragraph(
              "Drag a dot of the upper line, or choose it and use the arrow keys. All dots below move.", "control hint"),
            PageElements.outcome(
              "dots-outcome",
              "Move one value, and the average and the deviation change, by which all are shifted and divided. So each output depends on every example in the batch."
            ),
            PageElements.buttons("The batch", [PageElements.button("dots-reset", "As it was")]),
          ]),
      ])
  }

  private func dot(at x: Double, _ y: Double, row: Int, _ cssClass: String) -> Markup {
    .element(
      "g",
      [
        "class": cssClass, "data-row": "\(row)",
        "transform": "translate(\(PageElements.plain(x)) \(PageElements.plain(y)))",
      ],
      [
        .element("circle", ["r": "9"]),
        PageElements.label(0, 4, "\(row + 1)", anchor: "middle"),
      ])
  }

  var numbers: Markup {
    func field(_ name: String, _ row: Int?, _ value: Double, _ label: String) -> Markup {
      .element(
        "input",
        [
          "type": "text", "inputmode": "decimal", "class": "field", "data-field": name, "data-row": "\(row ?? 0)",
          "value": Self.shortest(value), "aria-label": label, "autocomplete": "off", "readonly": "readonly",
        ])
    }
    let rows = channel.x.indices.map { row in
      Markup.element(
        "tr", [:],
        [
          .element("th", ["scope": "row"], text: "\(row + 1)"),
          .element("td", [:], [field("x", row, channel.x[row], "x, row \(row + 1)")]),
          .element("td", [:], [PageElements.shown("xhat", row: row, values.texts("xhat")[row])]),
          .element("td", [:], [PageElements.shown("y", row: row, values.texts("y")[row])]),
          .element("td", [:], [field("gradient", row, channel.gradient[row], "gradient of y, row \(row + 1)")]),
          .element("td", [:], [PageElements.shown("dx", row: row, values.texts("dx")[row])]),
        ])
    }
    func column(_ symbol: String, _ words: String) -> Markup {
      .element("th", ["scope": "col"], [.text(symbol), .element("small", text: words)])
    }
    func setting(_ symbol: String, _ words: String, _ name: String, _ value: Double) -> Markup {
      .element(
        "label", ["class": "setting-field"],
        [.element("span", text: "\(symbol), \(words)"), field(name, nil, value, "\(symbol), \(words)")])
    }
    let presets = channels.indices.map { index in
      PageElements.button("preset-channel-\(index)", channels.count == 1 ? "The batch" : "Channel \(index + 1)")
    }
    return PageElements.part(
      "numbers", number: 3, "Your numbers",
      [
        PageElements.paragraph(
          "The same batch as numbers. x̂ is x less the average, divided by the deviation. Then y = γ·x̂ + β: two numbers that the network learns, so that it can have any spread and any average it likes. ε, which is tiny, is added to the variance, the square of the deviation, so that nothing is ever divided by 0."
        ),
        PageElements.paragraph(
          "To learn, the network needs to know for each number: if this were a little larger, by how much more wrong would the answer be? That is its gradient. Later links, which are called layers, hand back one for each y, and batch normalization must turn them into one for each x."
        ),
        .element(
          "div", ["class": "scroll numbers", "tabindex": "0", "role": "region", "aria-label": "The batch as numbers"],
          [
            .element(
              "table", ["id": "numbers-table"],
              [
                .element(
                  "thead", [:],
                  [
                    .element(
                      "tr", [:],
                      [
                        .element("th", ["scope": "col"], text: "row"), column("x", "comes in"), column("x̂", "rescaled"),
                        column("y", "goes out"), column("∂y", "its gradient"), column("∂x", "its gradient"),
                      ])
                  ]), .element("tbody", [:], rows),
              ])
          ]),
        .element(
          "div", ["class": "settings"],
          [
            setting("γ", "stretches", "gamma", channel.gamma), setting("β", "shifts", "beta", channel.beta),
            setting("ε", "against 0", "epsilon", epsilon),
          ]),
        .element(
          "p", ["class": "statistics"],
          [
            .text("Average μ = "), PageElements.shown("mu", values.texts("mu")[0]), .text(", variance v = "),
            PageElements.shown("v", values.texts("v")[0]), .text(", deviation s = √(v + ε) = "),
            PageElements.shown("s", values.texts("s")[0]), .text("; gradients of γ "),
            PageElements.shown("dgamma", values.texts("dgamma")[0]), .text(" and of β "),
            PageElements.shown("dbeta", values.texts("dbeta")[0]), .text("."),
          ]),
        PageElements.buttons(
          "Batches to try",
          presets + [
            PageElements.button("preset-outlier", "An outlier"), PageElements.button("preset-constant", "All the same"),
            PageElements.button("preset-two", "Two rows"), PageElements.button("preset-large", "A large mean"),
            PageElements.button("add-row", "One row more"), PageElements.button("remove-row", "One row less"),
          ]),
        PageElements.outcome(
          "numbers-outcome",
          "Only row 1 has a gradient from above, and yet every row gets one: each takes part in the average and the deviation that row 1 is rescaled by."
        ),
        PageElements.paragraph(
          "The address of the page holds these numbers, and how all sliders and lists stand: a link to it shows what you see.",
          "control hint"),
      ])
  }

  /// A number with as many digits as tell it apart, without ".0".
  static func shortest(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

/// Where values stand on the two lines. The script has the same.
struct DotsView {
  let lower: Double, upper: Double, outLower: Double, outUpper: Double

  init(x: [Double], beta: Double, gamma: Double) {
    let (least, most) = (x.min() ?? 0, x.max() ?? 0)
    let room = most > least ? (most - least) * 0.4 : 1
    (lower, upper) = (least - room, most + room)
    let reach = max(abs(gamma), 1e-9) * (Double(x.count - 1).squareRoot() + 0.2)
    (outLower, outUpper) = (beta - reach, beta + reach)
  }

  func x(_ value: Double) -> Double { 20 + 320 * (value - lower) / (upper - lower) }
  func y(_ value: Double) -> Double { 20 + 320 * (value - outLower) / (outUpper - outLower) }

  /// How far dots are raised so that they do not hide each other.
  func lifts(_ places: [Double]) -> [Double] {
    places.indices.map { index in 19 * Double(places[..<index].count { abs($0 - places[index]) < 18 }) }
  }

  /// A bar from one deviation below a middle to one above.
  func spread(_ middle: Double, _ deviation: Double, at height: Double, isOut: Bool = false) -> String {
    let place = isOut ? y : x
    let ends = [place(middle - abs(deviation)), place(middle + abs(deviation))]
    return PageElements.line([(ends[0], height), (ends[1], height)])
      + "M\(PageElements.plain(place(middle))),\(PageElements.plain(height - 5))v10"
  }
}
