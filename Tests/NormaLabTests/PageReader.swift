import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What a parser that knows nothing of this project finds in a page.
final class PageReader: NSObject, XMLParserDelegate {
  struct Element {
    var name: String
    var attributes: [String: String]
    var text: String
  }

  private(set) var elements: [Element] = []
  private(set) var isWellFormed = false
  private var open: [Int] = []

  init(_ text: String) {
    super.init()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = self
    isWellFormed = parser.parse()
  }

  /// A script as it stands in a page: for HTML as it is, and for XML as character data.
  static func embedded(_ script: String) -> String { "//<![CDATA[\n\(script)//]]>\n" }

  /// Running text as a page has it: no line ends between a number and its per cent sign.
  static func prose(_ text: String) -> String { text.replacing(" %", with: "\u{A0}%") }

  func elements(named name: String) -> [Element] { elements.filter { $0.name == name } }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    open.append(elements.count)
    elements.append(Element(name: name, attributes: attributes, text: ""))
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    open.removeLast()
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    for index in open { elements[index].text += text }
  }
}
