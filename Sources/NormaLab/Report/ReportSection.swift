/// A part of a report with a heading.
public struct ReportSection: Sendable {
  /// The heading.
  public let title: String
  /// What is in it, in order.
  public let blocks: [ReportBlock]
  /// What links to it end in; nil for its number.
  public let identifier: String?
  /// The part of a chapter that it begins; nil if it goes on with the one before.
  public let part: String?
  /// Whether it is closed until it is opened, but for its heading.
  public let isFolded: Bool

  /// A section with a heading.
  public init(
    _ title: String, identifier: String? = nil, part: String? = nil, isFolded: Bool = false, blocks: [ReportBlock]
  ) {
    self.title = title
    self.identifier = identifier
    self.part = part
    self.isFolded = isFolded
    self.blocks = blocks
  }
}

/// Something that is closed until it is opened.
public struct ReportFold: Sendable {
  /// What it is called.
  public let title: String
  /// What is in it.
  public let blocks: [ReportBlock]

  /// A fold with what is in it.
  public init(_ title: String, _ blocks: [ReportBlock]) {
    self.title = title
    self.blocks = blocks
  }
}

/// A piece of a section.
public enum ReportBlock: Sendable {
  /// Running text.
  case paragraph(String)
  /// A table with its caption.
  case table(ReportTable)
  /// Tables of numbers, beside each other where there is room.
  case numbers([ReportTable])
  /// Pictures with a caption, a legend and what to see in them.
  case figure(ReportFigure)
  /// Text to type or to copy, shown as it is.
  case code(String)
  /// Something to be aware of, set apart from the running text.
  case note(String)
  /// A question that what follows answers.
  case question(String)
  /// What leads to a question, and the question.
  case thread(String, question: String)
  /// A formula on a line of its own.
  case formula(String)
  /// A sentence that leads to another page, or to a place of this one.
  case link(String, to: String)
  /// The answer to it, in larger type.
  case answer(String)
  /// Statements, each with its verdict.
  case claims([Claim])
  /// Something that few readers need, closed until it is opened.
  case details(String, [ReportBlock])
  /// The same beside each other.
  case folds([ReportFold])
}

/// One or more pictures under one caption.
public struct ReportFigure: Sendable {
  /// How the pictures are arranged.
  public enum Layout: Sendable {
    /// One below the other, over the whole width.
    case stacked
    /// Two in a row where there is room for it.
    case pairs
    /// Three in a row where there is room for it.
    case triples
  }

  /// What the figure is about.
  public let caption: String
  /// How to read it; stands beside the pictures, or above them on a narrow page.
  public let reading: String
  /// What the data show, below the pictures.
  public let finding: String?
  /// The pictures.
  public let pictures: [any Picture]
  /// How the pictures are arranged.
  public let layout: Layout
  /// The signs that the pictures use.
  public let legend: [LegendEntry]
  /// Whether its numbers can be unfolded below it.
  public var showsNumbers = true

  /// A figure with its pictures and words.
  public init(
    caption: String, reading: String, finding: String? = nil, pictures: [any Picture], layout: Layout = .stacked,
    legend: [LegendEntry] = []
  ) {
    self.caption = caption
    self.reading = reading
    self.finding = finding
    self.pictures = pictures
    self.layout = layout
    self.legend = legend
  }

  /// - Parameter identifier: what links to it end in.
  func markup(number: Int, identifier: String) -> Markup {
    let drawn = pictures.enumerated().map { index, picture -> Markup in
      let title = pictures.count > 1 ? [Markup.element("p", ["class": "picture-title"], [.prose(picture.title)])] : []
      return .element(
        "div", ["class": "picture"], title + [picture.markup(identifier: "\(identifier)-\(index + 1)")])
    }
    var parts: [Markup] = [
      .element(
        "figcaption", [:],
        [
          .element("span", ["class": "figure-number"], text: "Figure \(number)"), .prose(" \(caption) "),
          .anchor(identifier, "Link to figure \(number)"),
        ]),
      .element("div", ["class": "side"], [.element("p", ["class": "reading"], [.prose(reading)])]),
    ]
    var plate: [Markup] = []
    if !legend.isEmpty { plate.append(.element("ul", ["class": "legend"], legend.map(\.markup))) }
    plate.append(.element("div", ["class": "pictures \(layout)"], drawn))
    parts.append(.element("div", ["class": "plate"], plate))
    if let finding { parts.append(.element("p", ["class": "finding"], [.prose(finding)])) }
    if showsNumbers {
      parts.append(
        .element(
          "details", [:],
          [
            .element("summary", text: "The numbers of figure \(number)"),
            .element(
              "div", ["class": "numbers"], pictures.map { $0.table.markup(showsCaption: pictures.count > 1) }),
          ]))
    }
    return .element("figure", ["id": identifier], parts)
  }
}
