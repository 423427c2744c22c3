/// The gradient of one channel of a batch, as the closed form takes two parts of it away: a bar a row, in four charts.
struct ClosedFormPicture: Picture {
  let title = "The gradient, as two parts of it are taken away"
  let channel: ExplainedChannel
  let epsilon: Double

  private var form: (mean: Double, along: Double, centred: [Double], rest: [Double], dx: [Double]) {
    channel.values(epsilon: epsilon).closedForm
  }

  private var panels: [(title: String, numbers: [Double], away: [Double])] {
    let form = form
    return [
      ("1. the gradient that arrives", channel.gradient, channel.gradient.map { _ in form.mean }),
      (
        "2. less its mean", form.centred,
        channel.values(epsilon: epsilon)["xhat"].map { $0 * form.along }
      ),
      ("3. less its part along x̂", form.rest, []), ("4. times γ/s: the result", form.dx, []),
    ]
  }

  var table: ReportTable {
    ReportTable(
      caption: title, columns: [.init("row")] + panels.map { .init($0.title, alignment: .trailing) },
      rows: channel.x.indices.map { row in
        ["\(row + 1)"] + panels.map { ExplainedValues.text($0.numbers[row]) }
      })
  }

  private var summary: String {
    panels.map { "\($0.title): \(ExplainedValues.texts($0.numbers).joined(separator: ", "))." }.joined(separator: " ")
  }

  func markup(identifier: String) -> Markup {
    func drawing(_ identifier: String, _ cssClass: String, columns: Int) -> Markup {
      let rows = panels.count / columns
      return Drawing.svg(
        width: Double(columns) * 188 - 16, height: Double(rows) * 150, cssClass: "chart \(cssClass)",
        identifier: identifier, title: title, description: summary,
        panels.enumerated().flatMap { index, panel in
          bars(
            panel,
            BarsView(
              left: Double(index % columns) * 188 + 4, top: Double(index / columns) * 150, numbers: panel.numbers,
              others: panel.away))
        })
    }
    return .group([
      drawing(identifier, "wide-only", columns: 4), drawing("\(identifier)-narrow", "narrow-only", columns: 2),
    ])
  }

  private func bars(_ panel: (title: String, numbers: [Double], away: [Double]), _ view: BarsView) -> [Markup] {
    let bars = panel.numbers.indices.map { row in
      Markup.element(
        "path", ["class": "bars", "d": view.bar(row, of: panel.numbers)],
        [
          .element(
            "title", text: "row \(row + 1), \(panel.title.dropFirst(3)): \(ExplainedValues.text(panel.numbers[row]))")
        ])
    }
    return [
      PageElements.label(view.left, view.top + 12, panel.title, "small"),
      PageElements.path("M\(PageElements.plain(view.left)),\(PageElements.plain(view.middle))h164", "axis"),
      .element("g", ["class": panel.title.hasPrefix("4") ? "series-1" : "series-0"], bars),
      PageElements.path(view.path(panel.away), "away"),
    ]
  }
}
