import NormaLab
import Testing

@Suite struct ReportPageTests {
  private let page = ComparisonReport(SampleComparison.typical).page.html()

  @Test func thePageIsWellFormedAndHasOneOfEachIdentifier() {
    let reader = PageReader(page)
    #expect(reader.isWellFormed)
    let identifiers = reader.elements.compactMap { $0.attributes["id"] }
    #expect(Set(identifiers).count == identifiers.count)
    #expect(reader.elements(named: "h1").map(\.text) == ["A comparison"])
    #expect(reader.elements(named: "html").first?.attributes["lang"] == "en")
    #expect(reader.elements(named: "figure").count == 6)
  }

  @Test func everyPictureHasATextAlternative() {
    let reader = PageReader(page)
    let identified = Dictionary(
      reader.elements.compactMap { element in element.attributes["id"].map { ($0, element.text) } },
      uniquingKeysWith: { first, _ in first })
    let pictures = reader.elements(named: "svg").filter { $0.attributes["aria-hidden"] == nil }
    #expect(pictures.count > 15)
    for picture in pictures {
      #expect(picture.attributes["role"] == "img")
      let labels = (picture.attributes["aria-labelledby"] ?? "").split(separator: " ").map {
        identified[String($0)] ?? ""
      }
      #expect(labels.count == 2 && labels.allSatisfy { !$0.isEmpty })
    }
    #expect(reader.elements(named: "details").count == reader.elements(named: "figure").count)
  }

  @Test func thePageLoadsNothingAndRunsItsOwnScriptAlone() {
    let reader = PageReader(page)
    #expect(page.contains("<script>\(PageReader.embedded(PageScript.report))</script>"))
    #expect(reader.elements(named: "script").count == 1)
    let policy = reader.elements(named: "meta").compactMap { element in
      element.attributes["http-equiv"] == "Content-Security-Policy" ? element.attributes["content"] : nil
    }
    let hash = ContentHash.sha256(PageReader.embedded(PageScript.report))
    #expect(policy == ["default-src 'none'; style-src 'unsafe-inline'; script-src '\(hash)'"])
    let forbidden: Set = ["link", "img", "iframe", "object", "use", "image"]
    #expect(reader.elements.allSatisfy { !forbidden.contains($0.name) })
    #expect(reader.elements.allSatisfy { element in element.attributes.keys.allSatisfy { !$0.hasPrefix("on") } })
    #expect(reader.elements.compactMap { $0.attributes["href"] }.allSatisfy { $0.hasPrefix("#") })
    #expect(!page.contains("url("))
    #expect(!page.contains("@import"))
  }

  @Test func hostileTextsStayTexts() {
    let hostile = "<script>alert('1')</script> & \"quoted\" ]]> \u{0}\u{1B}[31m \u{FFFE}"
    var run = SampleComparison.run(hostile, [0.1, 0.9], stoppedBecause: hostile)
    run.layerNames = [hostile, hostile]
    run.activationsBefore[0].layer = hostile
    var result = SampleComparison.of([run], title: hostile)
    result.attribution = hostile
    result.command = hostile
    result.dataDescription = hostile
    result.metric.name = hostile
    result.settings = [.init(name: hostile, value: hostile)]
    result.version = hostile
    let html = ComparisonReport(result).page.html()
    let reader = PageReader(html)
    #expect(reader.elements(named: "script").count == 1)
    #expect(reader.isWellFormed)
    #expect(reader.elements(named: "h1").first?.text.contains("<script>alert('1')</script> & \"quoted\"") == true)
    #expect(reader.elements(named: "code").first?.text.contains("alert('1')") == true)
  }

  @Test func theCommandCanBeCopiedAsItIs() {
    #expect(PageReader(page).elements(named: "code").map(\.text) == ["norma compare --seed 1"])
  }

  @Test func thePageIsTheSameEveryTime() {
    #expect(ComparisonReport(SampleComparison.typical).page.html() == page)
  }

  @Test func resultsWithHolesInThemMakeAPageToo() {
    var odd = SampleComparison.run("none", [.nan, .infinity])
    odd.stepInterval = 0
    odd.layerNames = []
    odd.epochs[0].weightNorms = [.nan, 0, -1, 1e300]
    odd.activationsBefore = [
      .init(
        layer: "a", mean: .nan, standardDeviation: .nan, shareOfZeros: .nan,
        histogram: .init(lower: .nan, upper: 1, counts: [1])),
      .init(
        layer: "b", mean: 0, standardDeviation: 0, shareOfZeros: 1, histogram: .init(lower: 0, upper: 0, counts: [5])),
      .init(
        layer: "c", mean: 0, standardDeviation: 0, shareOfZeros: 1,
        histogram: .init(lower: -1e308, upper: 1e308, counts: [-4, 5])),
      .init(
        layer: "d", mean: 0, standardDeviation: 0, shareOfZeros: 1,
        histogram: .init(lower: 1e200, upper: 1e201, counts: [5, .max / 4])),
    ]
    odd.activationsAfter = [
      .init(
        layer: "e", mean: 0, standardDeviation: 0, shareOfZeros: 1, histogram: .init(lower: 2, upper: 1, counts: []))
    ]
    let empty = SampleComparison.run("batch", [])
    for runs in [[], [odd], [empty], [odd, empty, SampleComparison.run("layer", [0.2, 0.9])]] {
      let report = ComparisonReport(SampleComparison.of(runs, targets: [.nan, 0.5]))
      #expect(PageReader(report.page.html()).isWellFormed)
      #expect(!report.terminalTable(width: 80).isEmpty)
    }
  }

  @Test func sectionsAndBlocksStandInTheirOrder() {
    let page = ReportPage(
      kind: "Kind", title: "Title", headline: "Headline.",
      sections: [
        ReportSection(
          "One",
          blocks: [
            .paragraph("First at 5 %."), .code("a  --b"), .note("Beware."),
            .table(
              ReportTable(
                caption: "Numbers", columns: [.init("name"), .init("value", alignment: .trailing)],
                rows: [["x", "1"]])),
          ])
      ], footer: ["End."])
    let reader = PageReader(page.html())
    #expect(reader.isWellFormed)
    let text = reader.elements(named: "body").first?.text ?? ""
    let parts = [
      "Kind", "Title", "Headline.", "One", "First at 5\u{A0}%.", "a  --b", "Beware.", "Numbers", "x1", "End.",
    ]
    var rest = Substring(text)
    for part in parts {
      let found = rest.range(of: part)
      #expect(found != nil, "\(part) is missing or out of order")
      if let found { rest = rest[found.upperBound...] }
    }
    #expect(reader.elements(named: "nav").isEmpty)
  }
}
