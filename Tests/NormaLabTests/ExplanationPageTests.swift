import Foundation
import Norma
import NormaLab
import TestSupport
import Testing

/// The page of `norma explain --html` as a file; `CommandTests` operates it in a browser.
@Suite struct ExplanationPageTests {
  private static func page(rows: Int = 4, channels: Int = 1, command: String = "norma explain") throws
    -> ExplanationPage
  {
    let x = Tensor<Double>((0..<rows * channels).map { Double($0 * $0 % 7) }, shape: [rows, channels])
    return try ExplanationPage(
      x, gamma: .ones([channels]), beta: .zeros([channels]), epsilon: 1e-5, outputGradient: x, command: command)
  }

  private static let html = Result { try page().html() }

  @Test func thePageIsWellFormedAndSmall() throws {
    let html = try Self.html.get()
    #expect(html.utf8.count < 500_000)
    let reader = PageReader(html)
    #expect(reader.isWellFormed)
    let identifiers = reader.elements.compactMap { $0.attributes["id"] }
    #expect(Set(identifiers).count == identifiers.count)
    #expect(reader.elements(named: "h1").count == 1)
    #expect(reader.elements(named: "h2").count == 10)
  }

  @Test func nothingIsLoadedAndNothingSaysWhatToRunButTheScript() throws {
    let html = try Self.html.get()
    let reader = PageReader(html)
    #expect(reader.elements.allSatisfy { !["link", "img", "iframe", "object", "use", "image"].contains($0.name) })
    let attributes = reader.elements.flatMap(\.attributes)
    #expect(attributes.allSatisfy { !$0.key.hasPrefix("on") && $0.key != "src" && $0.key != "style" })
    #expect(attributes.filter { $0.key == "href" }.allSatisfy { $0.value.hasPrefix("#") })
    for words in ["url(", "@import", "fetch(", "XMLHttpRequest", "innerHTML", "eval(", "import("] {
      #expect(!html.contains(words), "\(words)")
    }
    #expect(reader.elements(named: "script").map { $0.attributes["type"] } == ["application/json", nil])
  }

  @Test func thePolicyAllowsThatScriptAndThatStyleByTheirHashes() throws {
    let html = try Self.html.get()
    func between(_ start: String, _ end: String) throws -> String {
      let lower = try #require(html.range(of: start)).upperBound
      return String(html[lower..<(try #require(html.range(of: end, range: lower..<html.endIndex))).lowerBound])
    }
    let policy = PageReader(html).elements(named: "meta").compactMap { element in
      element.attributes["http-equiv"] == "Content-Security-Policy" ? element.attributes["content"] : nil
    }
    let style = ContentHash.sha256(try between("<style>", "</style>"))
    let script = ContentHash.sha256(try between("<script>", "</script>"))
    #expect(policy == ["default-src 'none'; style-src '\(style)'; script-src '\(script)'"])
  }

  /// The examples of FIPS 180-2, appendix B, and the hash of nothing.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func hashesAreThoseOfTheStandard(text: String, expected: String) {
    let digits = ContentHash.digest(Array(text.utf8)).map { byte in
      let hexadecimal = String(byte, radix: 16)
      return hexadecimal.count == 1 ? "0" + hexadecimal : hexadecimal
    }
    #expect(digits.joined() == expected)
  }

  @Test func withoutAScriptEveryPartSaysAndDrawsWhatItIsAbout() throws {
    let reader = PageReader(try Self.html.get())
    let sections = reader.elements(named: "section")
    #expect(sections.count == 10)
    for (section, words) in zip(
      sections,
      [
        "what comes in", "deviation s = ", "x̂ = c·r", "slope in between", "∂xᵢ = γ/s · (gᵢ − (Σg)/N − x̂ᵢ·Σ(g·x̂)/N)",
        "running mean M", "1/√N", "With batch normalization", "gradient ∂W", "averaged over",
      ])
    {
      #expect(section.text.contains(words), "\(words)")
    }
    // A text alternative for each drawing.
    for drawing in reader.elements(named: "svg") {
      #expect(drawing.attributes["role"] == "img" && drawing.attributes["aria-labelledby"] != nil)
    }
    #expect(reader.elements(named: "svg").count == 15)
  }

  @Test func theStepsThatAreShownHaveTheBitsOfTheGraph() throws {
    var random = RandomGenerator(seed: 3)
    for rows in 2...12 {
      let x = Tensor<Double>.normal([rows, 1], standardDeviation: 3, using: &random) + Double(rows * rows * 100)
      let gradient = Tensor<Double>.normal([rows, 1], standardDeviation: 1, using: &random)
      let (gamma, beta) = (random.uniform(), random.uniform())
      let walk = try BatchNormalizationWalk(
        x, gamma: Tensor([gamma], shape: [1]), beta: Tensor([beta], shape: [1]), epsilon: 1e-3,
        outputGradient: gradient, form: .staged)
      let found = StagedSteps.values(
        x: x.elements, gamma: gamma, beta: beta, epsilon: 1e-3, dy: gradient.elements)
      let names = [
        "x": "x", "γ": "gamma", "β": "beta", "μ": "mu", "c": "c", "q": "q", "v": "v", "u": "u", "s": "s", "r": "r",
        "x̂": "xhat", "t": "t", "y": "y",
      ]
      #expect(walk.graph.nodes.count == names.count)
      for node in walk.graph.nodes {
        let name = try #require(names[String(node.name.prefix { $0 != " " })])
        #expect(found[name] == node.value?.elements, "\(name) of \(rows) rows")
        #expect(found["d\(name)"] == walk.gradients[node: node.index]?.elements, "d\(name) of \(rows) rows")
      }
    }
  }

  /// What `Utils/embed-scripts` put into the sources.
  @Test func theEmbeddedScriptAndLinesAreThoseOfTheFiles() throws {
    let folder = fixturesDirectory.appending(path: "../../Sources/NormaLab").standardized
    var parts: [String: String] = [:]
    for script in ["Explanation/Script", "Report/Script"] {
      for file in try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: script).path) {
        parts[String(file.dropLast(3))] = try String(
          contentsOf: folder.appending(path: "\(script)/\(file)"), encoding: .utf8)
      }
    }
    #expect(PageSources.parts == parts, "run Utils/embed-scripts")
    // Each is a part of a page's script.
    let scripts = [PageScript.report, PageScript.chapter, PageScript.explanation]
    for (name, text) in parts { #expect(scripts.contains { $0.contains(text) }, "\(name)") }
    let steps = try String(
      contentsOf: folder.appending(path: "Explanation/StagedSteps.swift"), encoding: .utf8)
    let lines = steps.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    let shown = lines.drop { !$0.contains("begin here") }.prefix { !$0.contains("And end here") }.dropFirst()
    #expect(PageSources.listing == Array(shown))
    #expect(shown.count == 22)
  }

  @Test func batchesThatHaveNoRoomAreRefused() {
    for (rows, channels) in [(13, 1), (4, 13)] {
      #expect(throws: ExplanationPage.Failure.self) { try Self.page(rows: rows, channels: channels) }
    }
  }

  @Test func hostileCommandsStayTexts() throws {
    let html = try Self.page(command: "norma explain '</script><script>alert(1)</script>' ]]> & \u{0}").html()
    let reader = PageReader(html)
    #expect(reader.isWellFormed)
    #expect(reader.elements(named: "script").count == 2)
  }
}
