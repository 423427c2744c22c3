import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What the tests read out of a drawing of a graph, through Foundation's XML parser.
final class SVGDocument: NSObject, XMLParserDelegate {
  struct Point {
    var x: Double
    var y: Double
  }

  struct Frame {
    var left = 0.0
    var top = 0.0
    var right = 0.0
    var bottom = 0.0

    func overlaps(_ other: Frame) -> Bool {
      left < other.right && other.left < right && top < other.bottom && other.top < bottom
    }

    func contains(_ other: Frame) -> Bool {
      left <= other.left && top <= other.top && right >= other.right && bottom >= other.bottom
    }

    /// Whether a point is in the frame, and not just at its edge.
    func hasInside(_ point: Point) -> Bool {
      point.x > left + 0.6 && point.x < right - 0.6 && point.y > top + 0.6 && point.y < bottom - 0.6
    }
  }

  struct Text {
    var content = ""
    var x: Double
    var y: Double
    var isNumber: Bool
  }

  struct Box {
    var frame = Frame()
    var tip = ""
    var texts: [Text] = []
  }

  private(set) var isWellFormed = false
  private(set) var title = ""
  private(set) var viewBox = Frame()
  private(set) var boxes: [Box] = []
  /// Points along each edge, close together.
  private(set) var edges: [[Point]] = []
  /// The tips of the arrowheads.
  private(set) var arrows: [Point] = []
  private var words = ""
  private var content = ""

  /// The description of the whole.
  override var description: String { words }

  init(_ svg: String) {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    isWellFormed = parser.parse()
  }

  func parser(
    _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    content = ""
    func value(_ name: String) -> Double { attributes[name].flatMap(Double.init) ?? .nan }
    let kind = attributes["class"] ?? ""
    switch (element, kind) {
    case ("svg", _):
      let numbers = (attributes["viewBox"] ?? "").split(separator: " ").compactMap { Double($0) }
      viewBox = Frame(
        left: numbers[0], top: numbers[1], right: numbers[0] + numbers[2], bottom: numbers[1] + numbers[3])
    case ("g", _) where kind.hasPrefix("node"): boxes.append(Box())
    case ("rect", "") where !boxes.isEmpty:
      let (x, y) = (value("x"), value("y"))
      boxes[boxes.count - 1].frame = Frame(left: x, top: y, right: x + value("width"), bottom: y + value("height"))
    case ("text", _):
      boxes[boxes.count - 1].texts.append(Text(x: value("x"), y: value("y"), isNumber: kind == "number"))
    case ("path", "edge"): edges.append(points(of: attributes["d"] ?? ""))
    case ("path", "arrow"): arrows.append(points(of: attributes["d"] ?? "")[0])
    default: break
    }
  }

  func parser(_ parser: XMLParser, foundCharacters characters: String) { content += characters }

  func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
    switch element {
    case "title" where boxes.isEmpty: title = content
    case "title": boxes[boxes.count - 1].tip = content
    case "desc": words = content
    case "text": boxes[boxes.count - 1].texts[boxes[boxes.count - 1].texts.count - 1].content = content
    default: break
    }
    content = ""
  }

  /// Points along a path of moves, vertical lines and cubic curves, all with absolute coordinates.
  private func points(of path: String) -> [Point] {
    var points: [Point] = []
    for command in path.split(whereSeparator: { "hlz".contains($0) })[0].matches(of: /([MVC])([^MVC]*)/) {
      let numbers = command.2.split(separator: " ").compactMap { Double($0) }
      let start = points.last ?? Point(x: 0, y: 0)
      switch command.1 {
      case "M": points.append(Point(x: numbers[0], y: numbers[1]))
      case "V":
        for step in 1...40 {
          points.append(Point(x: start.x, y: start.y + (numbers[0] - start.y) * Double(step) / 40))
        }
      default:
        for step in 1...40 {
          let t = Double(step) / 40
          func blend(_ a: Double, _ b: Double, _ c: Double, _ d: Double) -> Double {
            let s = 1 - t
            return s * s * s * a + 3 * s * s * t * b + 3 * s * t * t * c + t * t * t * d
          }
          let x = blend(start.x, numbers[0], numbers[2], numbers[4])
          points.append(Point(x: x, y: blend(start.y, numbers[1], numbers[3], numbers[5])))
        }
      }
    }
    return points
  }
}
