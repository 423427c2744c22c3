import Foundation
import Norma
import Testing

/// The version stands in `Sources/NormaTraining/Version.swift`. What cannot read it from there is held to it.
struct VersionTests {
  @Test func itIsAVersionBySemanticVersioning() {
    #expect(normaVersion.wholeMatch(of: /(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z.-]+)?/) != nil)
  }

  /// Headings of what is released read `## 1.0.0 - 2026-11-30`, newest first.
  @Test func theChangelogEndsWithIt() throws {
    let (version, date) = try Self.newestRelease()
    #expect(version == normaVersion)
    #expect(date.wholeMatch(of: /\d{4}-\d{2}-\d{2}/) != nil)
  }

  @Test func aCitationNamesItAndItsDate() throws {
    let citation = try Self.text("CITATION.cff")
    #expect(citation.contains("\nversion: \(normaVersion)\n"))
    #expect(citation.contains("\ndate-released: \(try Self.newestRelease().date)\n"))
  }

  @Test(arguments: ["README.md", "docs/Versions.md"]) func documentsAskForIt(document: String) throws {
    let asked = try Self.text(document).matches(of: /from: "(\d[^"]*)"/).map { String($0.1) }
    #expect(!asked.isEmpty && asked.allSatisfy { $0 == normaVersion })
  }

  private static func newestRelease() throws -> (version: String, date: String) {
    let heading = try #require(try text("CHANGELOG.md").firstMatch(of: /\n## (\d\S*) - (\S+)\n/))
    return (String(heading.1), String(heading.2))
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: PublicNamesTests.package.appending(path: path), encoding: .utf8)
  }
}
