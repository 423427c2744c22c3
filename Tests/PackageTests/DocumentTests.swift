import Foundation
import Testing

/// The documents beside the sources: that what they point to is there.
struct DocumentTests {
  /// Every document of the repository outside of what was built or brought, and its text.
  static let documents: [(path: String, text: String)] = {
    let files = FileManager.default.enumerator(atPath: PublicNamesTests.package.path)
    var documents: [(String, String)] = []
    while let path = files?.nextObject() as? String {
      let name = path.split(separator: "/").last ?? ""
      if [".build", ".venv", ".git", "build"].contains(name) { files?.skipDescendants() }
      guard path.hasSuffix(".md"), !path.contains(".docc/") else { continue }
      let text = try? String(contentsOf: PublicNamesTests.package.appending(path: path), encoding: .utf8)
      documents.append((path, text ?? ""))
    }
    return documents.sorted { $0.0 < $1.0 }
  }()

  @Test func everyLinkLeadsToAFileAndAHeadingOfIt() throws {
    #expect(Self.documents.count > 10)
    var count = 0
    for (path, text) in Self.documents {
      for link in Self.links(in: text) where !link.contains("://") && !link.hasPrefix("mailto:") {
        count += 1
        let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let folder = PublicNamesTests.package.appending(path: path).deletingLastPathComponent()
        let target = parts[0].isEmpty ? path : String(parts[0])
        let file =
          parts[0].isEmpty
          ? PublicNamesTests.package.appending(path: path) : folder.appending(path: target).standardizedFileURL
        guard FileManager.default.fileExists(atPath: file.path) else {
          Issue.record("\(path): there is no \(target)")
          continue
        }
        guard parts.count == 2 else { continue }
        let headings = Self.anchors(in: try String(contentsOf: file, encoding: .utf8))
        #expect(headings.contains(String(parts[1])), "\(path): \(target) has no heading #\(parts[1])")
      }
    }
    #expect(count > 50)
  }

  /// `.spi.yml` names the modules that a program can import from a product, except those of `NormaImages`, which has
  /// system libraries that are not installed where it is read.
  @Test func documentationIsBuiltOfEveryLibrary() throws {
    let settings = try String(
      contentsOf: PublicNamesTests.package.appending(path: ".spi.yml"), encoding: .utf8)
    let named = Set(settings.matches(of: /\n +- (Norma\w*)/).map { String($0.1) })
    let modules = try PublicNamesTests.products.flatMap { try PublicNamesTests.modules(of: $0) }
    #expect(named == Set(modules).union(["Norma"]).subtracting(["NormaImages"]))
  }

  /// What documents give `norma` on a command line, held against the help of that command.
  @Test func everyOptionThatIsShownIsOneOfItsCommand() throws {
    let snapshots = PublicNamesTests.package.appending(path: "Tests/CommandTests/Snapshots")
    var count = 0
    for (path, text) in Self.documents {
      for line in text.matches(of: /(?:^|`|\/|\s)norma ([a-z][^`\n#]*)/).map({ String($0.1) }) {
        let words = line.split(separator: " ").map(String.init)
        let names = [words.prefix(2).joined(separator: "-"), words[0], "\(words[0])-run"]
        let helps = names.compactMap {
          try? String(contentsOf: snapshots.appending(path: "\($0).txt"), encoding: .utf8)
        }
        guard !helps.isEmpty else { continue }
        let known = Set(helps.flatMap { $0.matches(of: /--[a-z][a-z-]*/).map { String($0.0) } })
        for option in line.matches(of: /(?:^|\s)(--[a-z][a-z-]*)/).map({ String($0.1) }) {
          count += 1
          #expect(known.contains(option), "\(path): norma \(words[0]) has no \(option)")
        }
      }
    }
    #expect(count > 100)
  }

  /// The targets of a document's links and pictures, outside of code.
  private static func links(in text: String) -> [String] {
    let prose = text.split(separator: "```", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset.isMultiple(of: 2) }.map(\.element).joined()
      .replacing(/`[^`\n]*`/, with: "")
    let inText = prose.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }
    return inText + prose.matches(of: /(?:src|srcset|href)="([^"]+)"/).map { String($0.1) }
  }

  /// The names by which headings are linked to, as GitHub makes them.
  private static func anchors(in text: String) -> Set<String> {
    Set(
      text.matches(of: /(?m)^#+ (.+)$/).map { match in
        String(match.1.lowercased().filter { $0.isLetter || $0.isNumber || "-_ ".contains($0) }).replacing(
          " ", with: "-")
      })
  }
}
