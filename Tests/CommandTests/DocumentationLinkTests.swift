import Foundation
import TestSupport
import Testing

/// The links between symbols in the documentation, as `make docs` resolves them, without building it.
@Suite struct DocumentationLinkTests {
  static let sources = fixturesDirectory.deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Sources")

  static let modules: [String] = {
    let names = try? FileManager.default.contentsOfDirectory(atPath: sources.path)
    return (names ?? []).filter { $0.hasPrefix("Norma") && $0 != "NormaCommand" }.sorted()
  }()

  @Test(arguments: modules) func everyLinkLeadsToSomething(module: String) throws {
    let files = try Self.files(of: module)
    #expect(!files.isEmpty)
    var declared = Declarations()
    for file in files where file.url.pathExtension == "swift" { declared.add(file.text) }
    for file in files {
      for (line, text) in file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      where file.url.pathExtension == "md" || text.drop(while: \.isWhitespace).hasPrefix("///") {
        for link in Self.links(in: text) where !declared.has(link, in: module) {
          Issue.record("\(file.url.lastPathComponent):\(line + 1): nothing in \(module) is called ``\(link)``")
        }
      }
    }
  }

  private static func files(of module: String) throws -> [(url: URL, text: String)] {
    let folder = sources.appending(path: module)
    let paths = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    return try (paths?.allObjects ?? []).compactMap { $0 as? URL }
      .filter { $0.pathExtension == "swift" || $0.pathExtension == "md" }
      .map { ($0, try String(contentsOf: $0, encoding: .utf8)) }
  }

  /// What stands between double backticks in one line.
  private static func links(in line: Substring) -> [String] {
    line.matches(of: /``([^`]+)``/).map { String($0.1) }
  }
}

/// The names that a module declares.
private struct Declarations {
  private var names: Set<String> = []
  /// Names with the labels of their parameters: `subset(rows:)`.
  private var functions: Set<String> = []

  mutating func add(_ text: String) {
    for match in text.matches(of: /\b(?:class|struct|enum|protocol|typealias|associatedtype|var|let)\s+([A-Za-z_]\w*)/)
    {
      names.insert(String(match.1))
    }
    for match in text.matches(of: /\bcase\s+([^\n:{]+)/) {
      for part in match.1.split(separator: ",") {
        names.insert(String(part.drop(while: \.isWhitespace).prefix { $0.isLetter || $0.isNumber || $0 == "_" }))
      }
    }
    for match in text.matches(of: /\b(?:func\s+|case\s+)?([A-Za-z_]\w*|[-+*\/]=?|subscript|init)\??\s*(?:<[^>(]*>)?\(/)
    {
      let open = text.index(before: match.range.upperBound)
      guard let labels = Self.labels(text[text.index(after: open)...]) else { continue }
      functions.insert("\(match.1)(\(labels))")
    }
  }

  /// The labels of parameters after an opening parenthesis; nil for what is no list of parameters.
  private static func labels(_ text: Substring) -> String? {
    var (depth, parts, part) = (0, [String](), "")
    for character in text.prefix(2000) {
      switch character {
      case "(", "[", "{", "<": depth += 1
      case ")" where depth == 0:
        if !part.allSatisfy(\.isWhitespace) { parts.append(part) }
        let labels = parts.map { part -> String in
          // A case may have values without labels.
          guard part.contains(":") else { return "_" }
          let words = part.split(separator: ":", maxSplits: 1)[0].split(whereSeparator: \.isWhitespace)
          return (words.first { !$0.hasPrefix("@") }).map(String.init) ?? "_"
        }
        return labels.map { "\($0):" }.joined()
      case ">" where part.hasSuffix("-"): break
      case ")", "]", "}", ">": depth -= 1
      case "," where depth == 0:
        parts.append(part)
        part = ""
        continue
      default: break
      }
      if depth >= 0 { part.append(character) }
    }
    return nil
  }

  /// Whether a link's last name is declared, and those before it.
  func has(_ link: String, in module: String) -> Bool {
    var parts = Self.parts(link)
    if parts.first == module || parts.first == "Swift" {
      if parts.first == "Swift" { return true }
      parts.removeFirst()
    }
    return parts.enumerated().allSatisfy { index, part in
      // What tells symbols of one name apart: `Shortcut-swift.enum`.
      let name = String(part.split(separator: "-")[0]).replacing("`", with: "")
      return name.contains("(")
        ? functions.contains(name)
        // A type's name before a parenthesis is a call of another module's, as a rule.
        : names.contains(name) || (name.first?.isUppercase == false && functions.contains { $0.hasPrefix("\(name)(") })
          || index == 0 && Self.known.contains(name)
    }
  }

  /// Types that a module extends whose members it documents.
  private static let known: Set<String> = ["Tensor", "Float", "Double", "Layer", "Array"]

  /// The names between slashes that are no part of parentheses.
  private static func parts(_ link: String) -> [String] {
    var (depth, parts) = (0, [""])
    for character in link {
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      if character == "/" && depth == 0 && !(parts.last?.isEmpty ?? true) {
        parts.append("")
      } else {
        parts[parts.count - 1].append(character)
      }
    }
    return parts
  }
}
