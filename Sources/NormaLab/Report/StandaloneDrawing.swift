import Foundation
import Norma

extension Picture {
  /// The picture as drawings that stand alone: SVG files with all their styles, in the order of the page. A picture that the
  /// page shows at two widths gives the wide one.
  public var drawings: [String] {
    let source = markup(identifier: "picture").source
    var drawings: [String] = []
    var rest = source[...]
    while let start = rest.range(of: "<svg "),
      let end = rest.range(of: "</svg>", range: start.lowerBound..<rest.endIndex)
    {
      let drawing = String(rest[start.lowerBound..<end.upperBound])
      rest = rest[end.upperBound...]
      if !drawing.prefix(300).contains("narrow-only") { drawings.append(Self.withStyles(drawing)) }
    }
    return drawings
  }

  /// A drawing that brings styles of its own, as that of a graph does, needs no others.
  private static func withStyles(_ drawing: String) -> String {
    guard !drawing.contains("<style>"), let head = drawing.firstIndex(of: ">") else { return drawing + "\n" }
    return drawing[...head] + "<style>\n\(ReportStyle.drawingSheet)</style>" + drawing[drawing.index(after: head)...]
      + "\n"
  }
}

extension ReportTable {
  /// The table as comma-separated values (RFC 4180), a header first, lines ended by line feeds alone.
  public var csv: String {
    ([columns.map(\.title)] + rows).map(CSVText.line).joined()
  }
}
