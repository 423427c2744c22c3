import Norma
import NormaLab
import Testing

/// The page about an evaluation, and its pictures.
@Suite struct EvaluationReportTests {
  private func reader(_ result: EvaluationResult) -> PageReader {
    PageReader(EvaluationReport(result, command: "norma evaluate model").page.html())
  }

  @Test func thePageIsWellFormedAndEveryPictureHasWordsAndNumbers() throws {
    for result in [
      try SampleEvaluation.classes(["no", "yes"]), try SampleEvaluation.classes(["a", "b", "c"]),
      try SampleEvaluation.classes((0..<30).map { "<\($0)>" }),
      try SampleEvaluation.classes(["no", "yes"], areLogits: false), try SampleEvaluation.values(count: 40),
    ] {
      let page = reader(result)
      #expect(page.isWellFormed)
      let pictures = page.elements(named: "svg").filter { $0.attributes["role"] == "img" }
      #expect(page.elements(named: "desc").count == pictures.count)
      #expect(page.elements(named: "desc").allSatisfy { $0.text.count > 40 && !$0.text.contains("NaN") })
      let identifiers = page.elements.compactMap { $0.attributes["id"] }
      #expect(Set(identifiers).count == identifiers.count)
    }
  }

  @Test func whatIsDrawnDependsOnWhatIsAnswered() throws {
    func titles(_ result: EvaluationResult) -> [String] {
      reader(result).elements(named: "title").map(\.text).filter {
        [
          "Confusion matrix", "ROC curve", "Precision and recall", "Reliability", "Predicted and true",
          "Predicted less true",
        ]
        .contains($0)
      }
    }
    #expect(
      try titles(SampleEvaluation.classes(["no", "yes"])) == [
        "Confusion matrix", "ROC curve", "Precision and recall", "Reliability",
      ])
    #expect(try titles(SampleEvaluation.classes(["a", "b", "c"])) == ["Confusion matrix", "Reliability"])
    #expect(try titles(SampleEvaluation.classes((0..<30).map(String.init))) == ["Reliability"])
    #expect(
      try titles(SampleEvaluation.classes(["no", "yes"], areLogits: false))
        == ["Confusion matrix", "ROC curve", "Precision and recall"])
    #expect(try titles(SampleEvaluation.values(count: 40)) == ["Predicted and true", "Predicted less true"])
  }

  @Test func scoresWithoutProbabilitiesSaySo() throws {
    let result = try SampleEvaluation.classes(["no", "yes"], areLogits: false)
    let missing = result.measures.filter { $0.value == nil }
    #expect(missing.map(\.name) == ["log loss, Brier score, calibration error"])
    #expect(missing[0].caveat?.contains("no probabilities") == true)
  }

  @Test func theConfusionMapCountsWhatIsInItsCells() throws {
    // Of class a two are found and one is taken for b; the one of b is found.
    let map = ConfusionMap(
      title: "Confusion", names: ["a", "b"],
      confusion: ConfusionTable(labels: [0, 0, 0, 1], predicted: [0, 0, 1, 1], classCount: 2))
    let drawn = PageReader("<div>\(map.markup(identifier: "map").source)</div>")
    let counts = drawn.elements(named: "text").filter { $0.attributes["class"]?.hasPrefix("count") == true }
    #expect(counts.map(\.text) == ["2", "1", "1"])
    let shades = drawn.elements(named: "rect").map { $0.attributes["class"] }
    // Two thirds, one third, none and all of a row, in nine shades.
    #expect(shades == ["heat-6", "heat-3", "heat-0", "heat-8"])
    #expect(map.table.rows == [["a", "2", "1"], ["b", "0", "1"]])
    #expect(map.summary == "a: 2 of 3 found; b: 1 of 1 found. Most frequent mistakes: a taken for b 1 time.")
  }

  @Test func noMoreThanSoManyDotsAreDrawnAndTheReaderIsTold() throws {
    for (count, dots) in [(40, 40), (1500, 1500), (4000, 1334)] {
      let page = reader(try SampleEvaluation.values(count: count))
      let drawn = page.elements(named: "circle").count { $0.attributes["class"] == "dot" }
      #expect(drawn == 2 * dots)
      let isTold = page.elements(named: "p").contains {
        $0.text.contains("4,000 examples, of which every so many is drawn")
      }
      #expect(isTold == (count > 1500))
    }
  }

  @Test func theAxesOfADiagonalCoverTheSameValues() {
    let chart = PointChart(
      title: "Both", x: ChartAxis("x"), y: ChartAxis("y"), points: [.init(x: 0, y: 10), .init(x: 1, y: 20)],
      mark: .dots,
      reference: .diagonal, summary: "", table: ReportTable(caption: "", columns: [.init("x")], rows: []))
    let drawn = PageReader("<div>\(chart.markup(identifier: "chart").source)</div>")
    let ticks = drawn.elements(named: "text").filter { $0.attributes["class"] == "tick" }.map(\.text)
    #expect(ticks == ["0", "5", "10", "15", "20", "0", "5", "10", "15", "20"])
  }
}
