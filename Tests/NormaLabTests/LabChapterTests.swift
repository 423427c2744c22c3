import Foundation
import Norma
import NormaLab
import TestSupport
import Testing

/// The lab's page as a chapter, of experiments that are soon done.
@Suite struct LabChapterTests {
  private static let names = ["activations", "gradient", "exact-statistics", "layer-norm", "overfit"]

  private static let report = Result {
    try withTemporaryDirectory { folder in
      let plan = LabPlan(isQuick: true)
      let experiments = try names.map { try #require(LabCatalogue.experiment(named: $0)) }
      let results = try Laboratory(experiments, plan: plan, data: LabData(), folder: folder.path).run(workers: 2)
      return LabReport(results, plan: plan, sources: [])
    }
  }

  private static let html = Result { try report.get().page().html() }

  private func page() throws -> PageReader { PageReader(try Self.html.get()) }

  @Test func itIsWellFormedAndHasOneOfEachIdentifier() throws {
    let page = try self.page()
    #expect(page.isWellFormed)
    let identifiers = page.elements.compactMap { $0.attributes["id"] }
    #expect(Set(identifiers).count == identifiers.count)
    #expect(page.elements(named: "h1").count == 1)
    #expect(page.elements(named: "script").count == 1)
    #expect(page.elements(named: "nav").count == 1)
  }

  @Test func whatIsToldStandsWhereItsQuestionComesUp() throws {
    let sections = try page().elements(named: "section").compactMap { $0.attributes["id"] }
    #expect(
      sections == [
        "overview", "activations", "definition", "closed-form", "gradient", "inference", "exact-statistics", "axes",
        "layer-norm", "overfit",
      ])
  }

  @Test func eachSectionSaysItsAnswerAndShowsOneFigureBeforeAnythingIsFolded() throws {
    let html = try Self.html.get()
    for result in Self.names.dropLast() {
      let start = try #require(html.range(of: "<section id=\"\(result)\"")).upperBound
      let fold = try #require(html.range(of: "<div class=\"folds\">", range: start..<html.endIndex)).lowerBound
      let opened = html[start..<fold]
      func count(_ words: String) -> Int { opened.components(separatedBy: words).count - 1 }
      #expect(count("<p class=\"answer\">") == 1, "\(result)")
      #expect(count("<figure ") == 1, "\(result)")
      #expect(count("<table") == 0 && count("<details") == 0, "\(result)")
    }
    // Homework that is not about batch normalization is closed.
    let start = try #require(html.range(of: "<section id=\"overfit\"")).upperBound
    #expect(html[start...].contains("<details class=\"whole\">"))
    #expect(html.components(separatedBy: "<details class=\"whole\">").count == 2)
  }

  @Test func everyClaimSettingFigureAndTableOfTheFindingsIsOnThePage() throws {
    let report = try Self.report.get()
    let page = try self.page()
    let texts = page.elements(named: "li").map(\.text)
    for claim in report.claims {
      #expect(texts.contains { $0.contains(PageReader.prose(claim.statement)) }, "\(claim.statement)")
    }
    let captions = page.elements.compactMap { $0.attributes["aria-label"] }
    for table in ["Standard deviation by layer", "How far the closed form is from the graph", "Settings"] {
      #expect(captions.contains { $0.contains(table) }, "\(table)")
    }
    // The names of links are those of the files.
    let figures = page.elements(named: "figure").compactMap { $0.attributes["id"] }
    for (path, _) in try report.files() where path.hasPrefix("figures/") {
      let name = path.dropFirst("figures/".count).dropLast(".svg".count)
      #expect(figures.contains { name.hasPrefix($0) }, "\(path)")
    }
  }

  @Test func linksLeadToPlacesOfThisPageOrOfTheOneBesideIt() throws {
    let files = try Self.report.get().files()
    let beside = try #require(files.first { $0.path == "explanation.html" })
    func identifiers(_ page: PageReader) -> Set<String> { Set(page.elements.compactMap { $0.attributes["id"] }) }
    let page = try self.page()
    let (here, there) = (identifiers(page), identifiers(PageReader(String(decoding: beside.bytes, as: UTF8.self))))
    let links = page.elements.compactMap { $0.attributes["href"] }
    #expect(links.count > 25)
    for link in links {
      let parts = link.split(separator: "#", omittingEmptySubsequences: false)
      #expect(parts.count == 2 && (parts[0] == "" ? here : there).contains(String(parts[1])), "\(link)")
      #expect(["", "explanation.html"].contains(parts[0]))
    }
    #expect(links.count { $0.hasPrefix("explanation.html#") } == 4)
  }

  @Test func aScriptFindsTheLinesOfEveryChartAndWhatTheirMarksSay() throws {
    let chart = PageReader(
      LineChart(
        title: "T", x: ChartAxis("epoch"), y: ChartAxis("accuracy", format: .percentage),
        series: [
          ChartSeries(name: "a: <b>", points: [.init(x: 1, y: 0.25), .init(x: 2, y: 0.5)], style: SeriesStyle(9)),
          ChartSeries(name: "other", points: [.init(x: 1, y: 1)], style: SeriesStyle(0)),
        ]
      ).markup(identifier: "chart").source)
    let lines = chart.elements.filter { $0.attributes["data-name"] != nil }
    #expect(lines.map { $0.attributes["data-name"] } == ["a: <b>", "other"])
    #expect(lines.map { $0.attributes["data-style"] } == ["9", "0"])
    #expect(chart.elements(named: "title").map(\.text).contains("a: <b>, epoch 2: 50.0 %"))
  }
}
