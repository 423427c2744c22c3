import Foundation
import TestSupport
import Testing

/// The page of a quick lab of all experiments.
@Suite struct LabPageTests {
  /// A lab that all tests look at.
  private static let lab = Result {
    let folder = try Folder()
    let outcome = try Norma.run(["lab", "run", "--all", "--quick", "--quiet", "--out", folder.path("lab")])
    try #require(outcome.status == 0, "\(outcome.error)")
    return folder
  }

  private struct Results: Decodable {
    struct Experiment: Decodable { var name: String, claims: [Claim] }
    struct Claim: Decodable { var statement: String, verdict: String }
    var experiments: [Experiment]
  }

  /// `Tests/Fixtures/lab/claims.tsv` holds each claim of a quick lab on the built-in digits with its verdict; none for times, which
  /// differ. Who drops one, or turns a verdict round, says so in CHANGELOG.md.
  @Test func noClaimIsDroppedAndEveryVerdictIsTheOneThatIsKnown() throws {
    let folder = try Self.lab.get()
    var found: [String] = []
    for (file, isTimed) in [("results.json", false), ("times.json", true)] {
      let results = try JSONDecoder().decode(Results.self, from: Data(folder.bytes("lab/\(file)")))
      found += results.experiments.flatMap { experiment in
        experiment.claims.map { "\(experiment.name)\t\(isTimed ? "" : $0.verdict)\t\($0.statement)" }
      }
    }
    let known = try String(contentsOf: fixturesDirectory.appending(path: "lab/claims.tsv"), encoding: .utf8)
      .split(separator: "\n").map(String.init)
    #expect(known.count == 84)
    #expect(Set(found) == Set(known), "\(Set(found).symmetricDifference(known))")
    let page = String(decoding: try folder.bytes("lab/report.html"), as: UTF8.self)
    for experiment in Set(known.map { $0.prefix { $0 != "\t" } }) {
      let count = known.count { $0.hasPrefix("\(experiment)\t") }
      for number in 1...count { #expect(page.contains("id=\"\(experiment)-claim-\(number)\"")) }
    }
    #expect(page.utf8.count < 2_000_000)
  }

  /// What it promises a reader: half as tall as with everything open, links that open what they lead to, charts that tell the numbers of
  /// their tables, by the keyboard alone too, without a script and on paper, accessibility, light and dark; and the charts of other reports.
  @Test(
    .enabled(
      if: Chromium.canBeDriven && Python.has("selenium", "axe_selenium_python"),
      "NORMA_PYTHON names no Python with selenium and axe-selenium-python, or Chromium or its driver is not there"))
  func thePageDoesWhatItPromisesInABrowser() throws {
    let folder = try Self.lab.get()
    let comparison = try Norma.run([
      "compare", "--epochs", "3", "--out", folder.path("comparison"), "--norm", "none,batch", "--quiet",
    ])
    #expect(comparison.status == 0, "\(comparison.error)")
    let words = try Python.runScript(
      "../../Utils/check-lab", folder.path("lab"), folder.path("comparison/report.html"))
    #expect(String(decoding: words, as: UTF8.self) == "No fault.\n")
  }
}
