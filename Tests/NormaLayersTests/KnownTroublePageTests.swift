import Foundation
import TestSupport
import Testing

/// The page on known trouble names tests, which are to be there.
@Suite struct KnownTroublePageTests {
  @Test func everyTestOfThePageIsThere() throws {
    let project = fixturesDirectory.deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(
      contentsOf: project.appending(path: "Sources/Norma/Norma.docc/Guides/KnownTroubleElsewhere.md"), encoding: .utf8)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| ") && $0.contains("https://") }
    #expect(rows.count > 10)
    let tests = try sources(in: project.appending(path: "Tests"))
    for row in rows {
      let names = try #require(row.split(separator: "|").last).matches(of: /`([A-Za-z]+)`/).map { String($0.1) }
      #expect(!names.isEmpty, "\(row)")
      for name in names { #expect(tests.contains("func \(name)("), "\(name)") }
    }
  }

  private func sources(in directory: URL) throws -> String {
    let files = try #require(FileManager.default.enumerator(at: directory, includingPropertiesForKeys: nil))
    return try files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
      .map { try String(contentsOf: $0, encoding: .utf8) }.joined()
  }
}
