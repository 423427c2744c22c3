/// A report as one HTML file that needs nothing else: no network, no scripts, no fonts but the reader's own.
///
/// It reads on a phone, on paper, and on light and dark screens, and is well-formed XML.
public struct ReportPage: Sendable {
  /// What kind of report this is, above the title.
  public let kind: String
  /// The title.
  public let title: String
  /// The result in a sentence.
  public let headline: String
  /// What else to know first, in small type below the headline.
  public let introduction: [String]
  /// The parts.
  public let sections: [ReportSection]
  /// What stands at the end: where the data comes from, what made the page.
  public let footer: [String]

  /// A page with its parts.
  public init(
    kind: String, title: String, headline: String, introduction: [String] = [], sections: [ReportSection],
    footer: [String] = []
  ) {
    self.kind = kind
    self.title = title
    self.headline = headline
    self.introduction = introduction
    self.sections = sections
    self.footer = footer
  }

  /// The whole file's text.
  public func html() -> String {
    "<!DOCTYPE html>\n"
      + Markup.element(
        "html", ["xmlns": "http://www.w3.org/1999/xhtml", "lang": "en"],
        [.element("head", [:], head), .element("body", [:], [.element("main", [:], body)])]
      ).source + "\n"
  }

  private var head: [Markup] {
    [
      .element("meta", ["charset": "utf-8"]),
      // The page can neither load nor run anything, whatever a title or a file name says.
      .element(
        "meta",
        ["http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"]),
      .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
      .element("meta", ["name": "color-scheme", "content": "light dark"]),
      .element("meta", ["name": "description", "content": headline]),
      .element("title", text: title),
      .style(ReportStyle.sheet),
    ]
  }

  private var body: [Markup] {
    var figureCount = 0
    let parts = sections.enumerated().map { index, section in
      Markup.element(
        "section", ["id": identifier(index), "aria-labelledby": "\(identifier(index))-title"],
        [.element("h2", ["id": "\(identifier(index))-title"], [.prose(section.title)])]
          + section.blocks.map { markup(of: $0, figureCount: &figureCount) })
    }
    let end = footer.isEmpty ? [] : [Markup.element("footer", [:], footer.map(paragraph))]
    return [opening] + contents + parts + end
  }

  private var opening: Markup {
    .element(
      "header", [:],
      [
        .element("p", ["class": "kind"], text: kind),
        .element("h1", [:], [.prose(title)]),
        .element("p", ["class": "headline"], [.prose(headline)]),
      ] + introduction.map { .element("p", ["class": "introduction"], [.prose($0)]) })
  }

  private var contents: [Markup] {
    guard sections.count > 3 else { return [] }
    let entries = sections.enumerated().map { index, section in
      Markup.element("li", [:], [.element("a", ["href": "#\(identifier(index))"], [.prose(section.title)])])
    }
    return [.element("nav", ["aria-label": "Contents"], [.element("ol", [:], entries)])]
  }

  private func identifier(_ index: Int) -> String { sections[index].identifier ?? "section-\(index + 1)" }

  private func markup(of block: ReportBlock, figureCount: inout Int) -> Markup {
    switch block {
    case .paragraph(let text): return paragraph(text)
    case .table(let table): return table.markup(stacks: true)
    case .figure(let figure):
      figureCount += 1
      return figure.markup(number: figureCount)
    case .code(let text): return code(text)
    case .note(let text): return .element("p", ["class": "note"], [.prose(text)])
    case .question(let text): return .element("p", ["class": "question"], [.prose(text)])
    case .answer(let text): return .element("p", ["class": "answer"], [.prose(text)])
    case .claims(let claims): return .element("ul", ["class": "claims"], claims.map(markup))
    case .details(let summary, let blocks):
      let content = blocks.map { self.markup(of: $0, figureCount: &figureCount) }
      return .element("details", ["class": "more"], [.element("summary", [:], [.prose(summary)])] + content)
    }
  }

  /// The verdict is a word, so that it needs no colour.
  private func markup(of claim: Claim) -> Markup {
    let reason = claim.reason.map { [Markup.element("p", ["class": "reason"], [.prose(Words.capitalized($0) + ".")])] }
    return .element(
      "li", ["class": claim.verdict.cssClass],
      [
        .element("span", ["class": "verdict"], text: claim.verdict.rawValue),
        .element(
          "div", [:],
          [
            .element("p", ["class": "statement"], [.prose(claim.statement)]),
            .element("p", ["class": "evidence"], [.prose(claim.evidence)]),
          ] + (reason ?? [])),
      ])
  }

  /// Lines are broken between words only: browsers would also break `--seed` behind its hyphens.
  private func code(_ text: String) -> Markup {
    let words = text.split(separator: " ", omittingEmptySubsequences: false).map {
      Markup.element("span", text: String($0))
    }
    let spaced = words.enumerated().flatMap { $0.offset == 0 ? [$0.element] : [.text(" "), $0.element] }
    return .element("pre", ["tabindex": "0"], [.element("code", [:], spaced)])
  }

  private func paragraph(_ text: String) -> Markup { .element("p", [:], [.prose(text)]) }
}

extension Verdict {
  /// The class that sets its colour and sign.
  fileprivate var cssClass: String {
    switch self {
    case .held: "holds"
    case .notHeld: "fails"
    case .open: "open"
    }
  }
}
