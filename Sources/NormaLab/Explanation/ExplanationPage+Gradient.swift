/// Parts 5 and 6: whether the gradient is right, and what it is in one formula.
extension ExplanationPage {
  var nudge: Markup {
    let (row, step) = (0, 0.1)
    let view = NudgeView(channel: channel, epsilon: epsilon, row: row)
    let (below, above) = (view.loss(-step), view.loss(step))
    let slope = (above - below) / (2 * step)
    return PageElements.part(
      "nudge", number: 5, "Do you believe it?",
      [
        PageElements.paragraph(
          "A gradient is a claim that can be tested. Let the loss L, how wrong the answer is, be Σ ∂y·y, every output times the gradient that it was given. Make one x a little larger and a little smaller, compute all of it anew, and see how steeply L rises in between. The smaller the nudge, the closer that slope must come to the gradient."
        ),
        PageElements.stage(
          [
            PageElements.drawing(
              "nudge-drawing", height: 236, title: "The loss as one value is nudged",
              description:
                "The loss as a curve over the nudge; a straight line touches it at 0 with the gradient as its slope.",
              [
                PageElements.path("M20,206H340", "axis"), PageElements.path("M180,20V206", "grid"),
                PageElements.path(view.curve, "line series-0", id: "nudge-curve"),
                PageElements.path(view.tangent(values["dx"][row]), "line series-1 dashed", id: "nudge-tangent"),
                marker("nudge-below", view.place(-step)), marker("nudge-above", view.place(step)),
                PageElements.label(20, 14, "loss L"), PageElements.label(340, 226, "nudge of x", anchor: "end"),
                PageElements.label(180, 226, "0", anchor: "middle"),
              ])
          ],
          [
            PageElements.choice(
              "nudge-row", "Value that is nudged", channel.x.indices.map { ("\($0)", "x in row \($0 + 1)") },
              chosen: "0"),
            PageElements.slider("nudge-size", "Size of the nudge", from: -6, to: 0, step: 0.5, at: -1, text: "0.1"),
            PageElements.figures([
              ("L with x made smaller", "nudge-lower", ExplainedValues.text(below)),
              ("L with x made larger", "nudge-upper", ExplainedValues.text(above)),
              ("slope in between", "nudge-slope", ExplainedValues.text(slope)),
              ("gradient ∂x", "nudge-gradient", ExplainedValues.text(values["dx"][row])),
            ]),
            PageElements.outcome(
              "nudge-outcome",
              "Slope and gradient differ by \(ExplainedValues.text(abs(slope - values["dx"][row])))."),
          ]),
      ])
  }

  private func marker(_ identifier: String, _ place: (Double, Double)) -> Markup {
    .element(
      "circle",
      [
        "id": identifier, "class": "marker series-0", "r": "5", "cx": PageElements.plain(place.0),
        "cy": PageElements.plain(place.1),
      ])
  }

  var closedForm: Markup {
    let form = values.closedForm
    let panels = [
      ("1. the gradient that arrives", values["dy"]), ("2. less its mean", form.centred),
      ("3. less its part along x̂", form.rest), ("4. times γ/s: the result", form.dx),
    ]
    return PageElements.part(
      "closed-form", number: 6, "The closed form",
      [
        PageElements.paragraph(
          "Ten boxes backward are many passes over the batch. Most of what they compute cancels. Four steps show it. Write g for ∂y, N for the number of rows, Σ for a sum over the rows."
        ),
        .element(
          "ol", ["class": "derivation"],
          [
            derivation(
              "Straight through.",
              "y = γ·x̂ + β, and x̂ = c/s. If nothing else depended on x, each row would get γ/s · g and no more. But the mean μ and the deviation s depend on every row, so two corrections are due.",
              "first part = γ/s · gᵢ"),
            derivation(
              "Through the mean.",
              "Raise one x by a little, and μ rises by 1/N of that. All N rows of c fall by as much, and the loss by γ/s · g for each of them. (That the variance is measured from μ, too, adds nothing: distances from a mean add up to 0.)",
              "second part = − γ/s · (Σg)/N"),
            derivation(
              "Through the deviation.",
              "v is the mean of c², so a little more of xᵢ raises v by 2cᵢ/N, and s = √(v + ε) by cᵢ/(N·s) = x̂ᵢ/N. A larger s shrinks every x̂, by x̂/s for each unit. The loss changes by − γ/s · Σ(g·x̂) for each unit of s.",
              "third part = − γ/s · x̂ᵢ·Σ(g·x̂)/N"),
            derivation(
              "Together.",
              "All three have γ/s in front. What is in the brackets takes two things away from the gradient: its mean, and its part along x̂. These are the two directions in which a change of the batch has no effect, since shifting all rows, or stretching them from their mean, is undone. (But for ε, which leaves a trace of the stretch.)",
              "∂xᵢ = γ/s · (gᵢ − (Σg)/N − x̂ᵢ·Σ(g·x̂)/N)"),
          ]),
        PageElements.stage(
          [
            PageElements.drawing(
              "closed-drawing", height: 300, title: "The gradient, as two parts of it are taken away",
              description:
                "Four bar charts, a bar a row: the gradient that arrives, less its mean, less its part along x̂, and times gamma over s.",
              panels.enumerated().flatMap { bars($0, $1.0, $1.1) })
          ],
          [
            PageElements.figures([
              ("mean, (Σg)/N", "closed-mean", ExplainedValues.text(form.mean)),
              ("along x̂, Σ(g·x̂)/N", "closed-along", ExplainedValues.text(form.along)),
              ("γ/s", "closed-factor", ExplainedValues.text(channel.gamma / values["s"][0])),
              ("∂x", "closed-result", ExplainedValues.texts(form.dx).joined(separator: ",  ")),
            ]),
            PageElements.buttons(
              "Gradients to try",
              [
                PageElements.button("closed-same", "g the same in all rows"),
                PageElements.button("closed-along-button", "g along x̂"),
                PageElements.button("closed-one", "g in row 1 alone"),
                PageElements.button("closed-mixed", "g of all kinds"),
              ]),
            PageElements.outcome(
              "closed-outcome",
              "The outline in 1 and 2 is what is taken away next. What is left has mean 0 and no part along x̂."),
          ]),
      ])
  }

  private func derivation(_ title: String, _ words: String, _ formula: String) -> Markup {
    .element(
      "li", [:],
      [
        .element("p", [:], [.element("strong", text: title), .text(" "), .prose(words)]),
        .element("p", ["class": "formula"], text: formula),
      ])
  }

  /// One of the four bar charts, two in a line; the outline is what the next step takes away.
  private func bars(_ index: Int, _ title: String, _ numbers: [Double]) -> [Markup] {
    let form = values.closedForm
    let away = [numbers.map { _ in form.mean }, values["xhat"].map { $0 * form.along }, [], []][index]
    let chart = BarsView(index: index, numbers: numbers, others: away)
    return [
      PageElements.label(chart.left, chart.top + 12, title, "small"),
      PageElements.path("M\(PageElements.plain(chart.left)),\(PageElements.plain(chart.middle))h164", "axis"),
      PageElements.path(chart.path(numbers), "bars series-\(index == 3 ? 1 : 0)", id: "closed-bars-\(index)"),
      PageElements.path(chart.path(away), "away", id: "closed-away-\(index)"),
    ]
  }
}

/// The loss as one value is nudged, and where it stands in the drawing. The script has the same.
struct NudgeView {
  private let channel: ExplainedChannel
  private let epsilon: Double
  private let row: Int
  /// The losses of nudges from −2 to 2, a twentieth apart.
  private var losses: [Double] = []
  private var range = (lower: 0.0, upper: 0.0)

  init(channel: ExplainedChannel, epsilon: Double, row: Int) {
    (self.channel, self.epsilon, self.row) = (channel, epsilon, row)
    losses = (-40...40).map { loss(Double($0) / 20) }
    let (least, most) = (losses.min() ?? 0, losses.max() ?? 0)
    let room = most > least ? (most - least) * 0.1 : 1
    range = (least - room, most + room)
  }

  /// The loss with that value larger by a nudge.
  func loss(_ nudge: Double) -> Double {
    var moved = channel
    moved.x[row] += nudge
    return zip(channel.gradient, moved.values(epsilon: epsilon)["y"]).map { $0 * $1 }.reduce(0, +)
  }

  func point(_ nudge: Double, _ loss: Double) -> (Double, Double) {
    (180 + 80 * nudge, 206 - 186 * (loss - range.lower) / (range.upper - range.lower))
  }

  func place(_ nudge: Double) -> (Double, Double) { point(nudge, loss(nudge)) }

  var curve: String { PageElements.line((-40...40).map { point(Double($0) / 20, losses[$0 + 40]) }) }

  func tangent(_ slope: Double) -> String {
    PageElements.line([-1.2, 1.2].map { point($0, loss(0) + slope * $0) })
  }
}

/// Where bars stand in one of the four charts. The script has the same.
struct BarsView {
  let left: Double, top: Double, middle: Double
  private let largest: Double

  init(index: Int, numbers: [Double], others: [Double]) {
    self.init(left: index.isMultiple(of: 2) ? 4 : 192, top: index < 2 ? 0 : 150, numbers: numbers, others: others)
  }

  init(left: Double, top: Double, numbers: [Double], others: [Double]) {
    (self.left, self.top) = (left, top)
    middle = top + 82
    largest = max(1e-300, (numbers + others).map(abs).max() ?? 0)
  }

  func path(_ numbers: [Double]) -> String { numbers.indices.map { bar($0, of: numbers) }.joined() }

  func bar(_ index: Int, of numbers: [Double]) -> String {
    let room = 164 / Double(numbers.count)
    let (x, height) = (left + room * (Double(index) + 0.15), 56 * numbers[index] / largest)
    return "M\(PageElements.plain(x)),\(PageElements.plain(middle))v\(PageElements.plain(-height))"
      + "h\(PageElements.plain(0.7 * room))v\(PageElements.plain(height))z"
  }
}
