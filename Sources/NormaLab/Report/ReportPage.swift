/// A report as one HTML file that needs nothing else: no network, no fonts but the reader's own, and no scripts but the project's.
///
/// It reads on a phone, on paper, and on light and dark screens, and is well-formed XML. Where its script runs, charts tell the
/// values under the pointer; everything is drawn and can be read without it.
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
  /// What makes a chapter of it; nil for a report.
  var chapter: Chapter?

  /// A page with an opening of its own in place of title and headline, and contents that stay in view.
  struct Chapter {
    var opening: Markup
    /// What its look adds to that of reports.
    var style: String
    var script: String
  }

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
        [
          .element("head", [:], head),
          .element(
            "body", [:],
            [.element("main", ["class": chapter == nil ? "report" : "chapter"], body), .script(script)]),
        ]
      ).source + "\n"
  }

  private var script: String { chapter?.script ?? PageScript.report }

  private var head: [Markup] {
    [
      .element("meta", ["charset": "utf-8"]),
      // The page can neither load nor run anything but this script, whatever a title or a file name says.
      .element(
        "meta",
        [
          "http-equiv": "Content-Security-Policy",
          "content": "default-src 'none'; style-src 'unsafe-inline'; "
            + "script-src '\(ContentHash.sha256(Markup.scriptText(script)))'",
        ]),
      .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
      .element("meta", ["name": "color-scheme", "content": "light dark"]),
      .element("meta", ["name": "description", "content": headline]),
      .element("title", text: title),
      .style(ReportStyle.sheet + (chapter?.style ?? "")),
    ]
  }

  private var body: [Markup] {
    var writer = BlockWriter()
    let parts = sections.indices.map { markup(ofSection: $0, &writer) }
    let end = footer.isEmpty ? [] : [Markup.element("footer", [:], footer.map(BlockWriter.paragraph))]
    guard let chapter else { return [opening] + contents + parts + end }
    return [chapter.opening, followingContents, .element("div", ["class": "text"], parts + end)]
  }

  private func markup(ofSection index: Int, _ writer: inout BlockWriter) -> Markup {
    let section = sections[index]
    let identifier = identifier(index)
    let isNamed = section.identifier != nil
    let anchor = isNamed && chapter != nil ? [Markup.text(" "), .anchor(identifier, "Link to “\(section.title)”")] : []
    let heading = Markup.element("h2", ["id": "\(identifier)-title"], [.prose(section.title)] + anchor)
    writer.begin(isNamed ? identifier : nil)
    let part = section.part.map { [Markup.element("p", ["class": "part-title"], [.prose($0)])] } ?? []
    let content = section.blocks.map { writer.markup(of: $0) }
    return .element(
      "section", ["id": identifier, "aria-labelledby": "\(identifier)-title"],
      section.isFolded
        ? part + [.element("details", ["class": "whole"], [.element("summary", [:], [heading])] + content)]
        : part + [heading] + content)
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

  /// Contents that stay beside the text, or above it where there is no room; by parts.
  private var followingContents: Markup {
    var parts: [(title: String?, entries: [Markup])] = []
    for (index, section) in sections.enumerated() {
      if section.part != nil || parts.isEmpty { parts.append((section.part, [])) }
      parts[parts.count - 1].entries.append(
        // The first half of a title is enough to find it by.
        .element(
          "li", [:],
          [
            .element(
              "a", ["href": "#\(identifier(index))"], [.prose(String(section.title.prefix { $0 != ":" }))])
          ]))
    }
    return .element(
      "nav", ["aria-label": "Contents"],
      [
        .element(
          "details", ["class": "contents"],
          [.element("summary", text: "Contents")]
            + parts.map { part in
              .element(
                "div", [:],
                (part.title.map { [.element("p", [:], [.prose($0)])] } ?? []) + [.element("ol", [:], part.entries)])
            })
      ])
  }

  private func identifier(_ index: Int) -> String { sections[index].identifier ?? "section-\(index + 1)" }
}
