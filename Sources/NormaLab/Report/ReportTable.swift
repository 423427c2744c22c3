/// A table of a report, for the page and for a terminal.
public struct ReportTable: Sendable, Equatable {
  /// To which side the texts of a column lean.
  public enum Alignment: Sendable {
    /// To the side where reading begins: words.
    case leading
    /// To the other side: numbers.
    case trailing
  }

  /// A column's heading and alignment.
  public struct Column: Sendable, Equatable {
    /// The heading.
    public let title: String
    /// To which side the texts lean.
    public let alignment: Alignment

    /// A column with a heading.
    public init(_ title: String, alignment: Alignment = .leading) {
      self.title = title
      self.alignment = alignment
    }
  }

  /// What the table shows, in a few words.
  public let caption: String
  /// The columns; the first one's texts name the rows.
  public let columns: [Column]
  /// The texts, row by row; a row that is too short is filled up with empty ones.
  public let rows: [[String]]

  /// A table with columns and rows.
  public init(caption: String, columns: [Column], rows: [[String]]) {
    self.caption = caption
    self.columns = columns
    self.rows = rows.map { row in columns.indices.map { $0 < row.count ? row[$0] : "" } }
  }

  /// The table without its last columns.
  func withoutLastColumns(_ count: Int) -> ReportTable {
    ReportTable(
      caption: caption, columns: columns.dropLast(count), rows: rows.map { Array($0.dropLast(count)) })
  }

  /// The table as part of a page; where it is wider than the page it scrolls in a box of its own.
  ///
  /// - Parameter stacks: Whether a table of many columns becomes a list on a narrow page instead.
  func markup(showsCaption: Bool = true, stacks: Bool = false) -> Markup {
    let heads = columns.map { column in
      Markup.element("th", ["scope": "col", "class": cssClass(column)], [.prose(column.title)])
    }
    let body = rows.map { row in
      Markup.element(
        "tr", [:],
        zip(columns, row).enumerated().map { index, entry in
          let (column, text) = entry
          return index == 0
            ? .element("th", ["scope": "row", "class": cssClass(column)], [.prose(text)])
            : .element("td", ["class": cssClass(column), "data-title": column.title], [.prose(text)])
        })
    }
    let caption = showsCaption ? [Markup.element("caption", [:], [.prose(self.caption)])] : []
    let classes = stacks && columns.count > 3 ? "scroll stacks" : "scroll"
    return .element(
      "div", ["class": classes, "role": "group", "aria-label": self.caption, "tabindex": "0"],
      [
        .element(
          "table", [:],
          caption + [.element("thead", [:], [.element("tr", [:], heads)]), .element("tbody", [:], body)])
      ])
  }

  private func cssClass(_ column: Column) -> String { column.alignment == .trailing ? "number" : "words" }
}
