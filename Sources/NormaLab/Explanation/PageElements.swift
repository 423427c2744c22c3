/// The elements that the parts of the explanation's page are made of.
///
/// What can be operated has the class `control` and is hidden where no script runs. What is shown of the batch says which value and
/// which row it is, and the script writes it anew.
enum PageElements {
  /// A part: its heading and what is in it.
  static func part(_ identifier: String, number: Int, _ title: String, _ content: [Markup]) -> Markup {
    .element(
      "section", ["id": identifier, "aria-labelledby": "\(identifier)-title", "class": "part"],
      [
        .element(
          "h2", ["id": "\(identifier)-title"],
          [.element("span", ["class": "part-number"], text: "\(number)"), .text(" "), .prose(title)])
      ] + content)
  }

  static func paragraph(_ text: String, _ cssClass: String? = nil) -> Markup {
    if let cssClass { return .element("p", ["class": cssClass], [.prose(text)]) }
    return .element("p", [:], [.prose(text)])
  }

  /// A drawing beside what belongs to it; below each other where there is no room.
  static func stage(_ drawing: [Markup], _ panel: [Markup]) -> Markup {
    .element(
      "div", ["class": "stage"],
      [.element("div", ["class": "drawn plate"], drawing), .element("div", ["class": "panel"], panel)])
  }

  /// A value of the batch: the script keeps it up to date.
  static func shown(_ name: String, row: Int? = nil, _ text: String) -> Markup {
    .element("span", ["class": "shown", "data-shows": name, "data-row": "\(row ?? 0)"], text: text)
  }

  /// A slider with its name and, beside it, what it stands at.
  static func slider(
    _ identifier: String, _ label: String, from lower: Double, to upper: Double, step: Double, at value: Double,
    text: String
  ) -> Markup {
    .element(
      "div", ["class": "control slider"],
      [
        .element("label", ["for": identifier], text: label),
        .element(
          "input",
          [
            "type": "range", "id": identifier, "min": plain(lower), "max": plain(upper), "step": plain(step),
            "value": plain(value), "aria-valuetext": text,
          ]),
        .element("span", ["class": "setting", "id": "\(identifier)-text", "aria-hidden": "true"], text: text),
      ])
  }

  static func button(_ identifier: String, _ label: String) -> Markup {
    .element("button", ["type": "button", "id": identifier], text: label)
  }

  static func buttons(_ label: String, _ content: [Markup]) -> Markup {
    .element("div", ["class": "control buttons", "role": "group", "aria-label": label], content)
  }

  static func choice(_ identifier: String, _ label: String, _ options: [(value: String, name: String)], chosen: String)
    -> Markup
  {
    .element(
      "div", ["class": "control choice"],
      [
        .element("label", ["for": identifier], text: label),
        .element(
          "select", ["id": identifier],
          options.map { option in
            option.value == chosen
              ? .element("option", ["value": option.value, "selected": "selected"], text: option.name)
              : .element("option", ["value": option.value], text: option.name)
          }),
      ])
  }

  /// What a part says when it was operated; screen readers read it out.
  static func outcome(_ identifier: String, _ text: String) -> Markup {
    .element("p", ["class": "outcome", "id": identifier, "role": "status"], [.prose(text)])
  }

  /// What stands where no script runs, and on paper, beside the still drawings; and a place for what the script says of those that move.
  static func texts(_ identifier: String, still: String) -> [Markup] {
    [
      .element("span", ["class": "still"], [.prose(still)]),
      .element("span", ["class": "moving", "id": identifier], [.prose(still)]),
    ]
  }

  /// The same of what a part says.
  static func outcomes(_ identifier: String, still: String) -> [Markup] {
    [
      .element("p", ["class": "outcome still"], [.prose(still)]),
      .element("p", ["class": "outcome moving", "id": identifier, "role": "status"]),
    ]
  }

  /// A list of names and numbers.
  static func figures(_ entries: [(name: String, identifier: String, text: String)]) -> Markup {
    .element(
      "dl", ["class": "figures"],
      entries.flatMap { entry in
        [Markup.element("dt", text: entry.name), .element("dd", ["id": entry.identifier], text: entry.text)]
      })
  }

  /// A drawing, 360 units wide, with its text alternative.
  static func drawing(
    _ identifier: String, height: Double, title: String, description: String, cssClass: String = "", _ content: [Markup]
  ) -> Markup {
    .element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 360 \(plain(height))", "id": identifier,
        "class": "chart \(cssClass)", "role": "img", "aria-labelledby": "\(identifier)-name \(identifier)-words",
      ],
      [
        .element("title", ["id": "\(identifier)-name"], text: title),
        .element("desc", ["id": "\(identifier)-words"], text: description),
      ] + content)
  }

  static func label(
    _ x: Double, _ y: Double, _ text: String, anchor: String = "start", _ cssClass: String = "", id: String? = nil
  ) -> Markup {
    if let id {
      return .element(
        "text", ["x": plain(x), "y": plain(y), "text-anchor": anchor, "class": cssClass, "id": id], text: text)
    }
    return .element("text", ["x": plain(x), "y": plain(y), "text-anchor": anchor, "class": cssClass], text: text)
  }

  static func path(_ d: String, _ cssClass: String, id: String? = nil) -> Markup {
    if let id { return .element("path", ["d": d, "class": cssClass, "id": id]) }
    return .element("path", ["d": d, "class": cssClass])
  }

  /// A line through points.
  static func line(_ points: [(Double, Double)]) -> String {
    points.enumerated().map { "\($0 == 0 ? "M" : "L")\(plain($1.0)),\(plain($1.1))" }.joined()
  }

  /// A number as attributes have it, to a hundredth.
  static func plain(_ value: Double) -> String {
    NumberFormat.trimmed(NumberFormat.fixed(value, decimals: 2)).replacing("−", with: "-")
  }
}
