/// Writes blocks, and counts figures and claims, by which links find them.
struct BlockWriter {
  /// How many figures there were on the page.
  private var figureCount = 0
  /// The section that is written, if links have a name for it, and what it has had so far.
  private var section: String?
  private var figures = 0, claims = 0

  /// Begins a section.
  mutating func begin(_ section: String?) {
    self.section = section
    (figures, claims) = (0, 0)
  }

  mutating func markup(of block: ReportBlock) -> Markup {
    switch block {
    case .paragraph(let text): return Self.paragraph(text)
    case .table(let table): return table.markup(stacks: true)
    case .numbers(let tables): return .element("div", ["class": "numbers"], tables.map { $0.markup() })
    case .figure(let figure):
      figureCount += 1
      figures += 1
      // The names that the files of its drawing and its numbers have, too.
      return figure.markup(
        number: figureCount, identifier: section.map { "\($0)-\(figures)" } ?? "figure-\(figureCount)")
    case .code(let text): return code(text)
    case .note(let text): return .element("p", ["class": "note"], [.prose(text)])
    case .question(let text): return .element("p", ["class": "question"], [.prose(text)])
    case .thread(let text, let question):
      return .element("p", ["class": "thread"], [.prose(text + " "), .element("em", [:], [.prose(question)])])
    case .formula(let text): return .element("p", ["class": "formula"], text: text)
    case .link(let text, let address):
      return .element("p", ["class": "further"], [.element("a", ["href": address], [.prose(text)])])
    case .answer(let text): return .element("p", ["class": "answer"], [.prose(text)])
    case .claims(let claims): return .element("ul", ["class": "claims"], claims.map { markup(of: $0) })
    case .details(let title, let blocks): return fold(ReportFold(title, blocks))
    case .folds(let folds): return .element("div", ["class": "folds"], folds.map { fold($0) })
    }
  }

  private mutating func fold(_ fold: ReportFold) -> Markup {
    .element(
      "details", ["class": "more"],
      [.element("summary", [:], [.prose(fold.title)])] + fold.blocks.map { markup(of: $0) })
  }

  /// The verdict is a word, so that it needs no colour.
  private mutating func markup(of claim: Claim) -> Markup {
    claims += 1
    let reason = claim.reason.map { [Markup.element("p", ["class": "reason"], [.prose(Words.capitalized($0) + ".")])] }
    let content: [Markup] = [
      .element("span", ["class": "verdict"], text: claim.verdict.rawValue),
      .element(
        "div", [:],
        [
          .element("p", ["class": "statement"], [.prose(claim.statement)]),
          .element("p", ["class": "evidence"], [.prose(claim.evidence)]),
        ] + (reason ?? [])),
    ]
    guard let section else { return .element("li", ["class": claim.verdict.cssClass], content) }
    return .element("li", ["class": claim.verdict.cssClass, "id": "\(section)-claim-\(claims)"], content)
  }

  /// Lines are broken between words only: browsers would also break `--seed` behind its hyphens.
  private func code(_ text: String) -> Markup {
    let words = text.split(separator: " ", omittingEmptySubsequences: false).map {
      Markup.element("span", text: String($0))
    }
    let spaced = words.enumerated().flatMap { $0.offset == 0 ? [$0.element] : [.text(" "), $0.element] }
    return .element("pre", ["tabindex": "0"], [.element("code", [:], spaced)])
  }

  static func paragraph(_ text: String) -> Markup { .element("p", [:], [.prose(text)]) }
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
