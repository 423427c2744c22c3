import Foundation
import NormaLab
import Testing

/// The names at the ends of lines, by estimated boxes. `DrawnTextTests` measures them in a browser.
@Suite struct LineLabelTests {
  private struct Text {
    var words: String, cssClass: String
    var left: Double, right: Double, top: Double, bottom: Double

    /// A letter is about 0.6 of its size wide, capitals and small ones taken together, and bold ones a little more; what is
    /// to be seen of a line of text reaches from 0.75 of its size above the base line to 0.25 below it.
    init?(_ element: PageReader.Element) {
      guard let x = Double(element.attributes["x"] ?? ""), let y = Double(element.attributes["y"] ?? "") else {
        return nil
      }
      words = element.text
      cssClass = element.attributes["class"] ?? ""
      let width = Double(words.count) * 12 * (cssClass == "name" ? 0.62 : 0.58)
      switch element.attributes["text-anchor"] {
      case "end": (left, right) = (x - width, x)
      case "middle": (left, right) = (x - width / 2, x + width / 2)
      default: (left, right) = (x, x + width)
      }
      (top, bottom) = (y - 9, y + 3)
    }

    func overlaps(_ other: Text) -> Bool {
      left < other.right && other.left < right && top < other.bottom && other.top < bottom
    }
  }

  /// The drawings of a picture: their size and texts.
  private func drawings(_ picture: some Picture) -> [(width: Double, height: Double, texts: [Text])] {
    picture.drawings.map { drawing in
      let reader = PageReader(drawing)
      let size = (reader.elements(named: "svg").first?.attributes["viewBox"] ?? "").split(separator: " ")
        .compactMap { Double($0) }
      return (size[2], size[3], reader.elements(named: "text").compactMap(Text.init))
    }
  }

  @Test(arguments: 0..<120) func noTextOfAChartOverlapsAnotherOrLeavesTheDrawing(seed: Int) throws {
    let chart = SampleCharts.chart(seed: UInt64(seed), isWide: seed.isMultiple(of: 3))
    let drawing = try #require(drawings(chart).first)
    for (index, text) in drawing.texts.enumerated() {
      #expect(text.left >= -1 && text.right <= drawing.width + 1, "\(text.words)")
      #expect(text.top >= -1 && text.bottom <= drawing.height + 1, "\(text.words)")
      for other in drawing.texts[(index + 1)...] {
        #expect(!text.overlaps(other), "'\(text.words)' and '\(other.words)'")
      }
    }
  }

  @Test(arguments: 0..<120) func everyLineIsNamedInFull(seed: Int) throws {
    let chart = SampleCharts.chart(seed: UInt64(seed))
    let drawing = try #require(drawings(chart).first)
    let names = drawing.texts.filter { $0.cssClass == "name" }.map { $0.words.replacing(" ", with: "") }
    for series in chart.series where series.points.contains(where: \.y.isFinite) {
      // A name may stand on several lines.
      #expect(names.joined().contains(series.name.replacing(" ", with: "")), "\(series.name)")
    }
  }

  private func line(_ name: String, _ values: [Double], style: Int, isJoined: Bool = true) -> ChartSeries {
    ChartSeries(
      name: name, points: values.enumerated().map { .init(x: Double($0.offset), y: $0.element) },
      style: SeriesStyle(style), isJoined: isJoined)
  }

  private func names(_ series: [ChartSeries], kind: AxisScale.Kind = .linear) throws -> [String] {
    let chart = LineChart(title: "", x: ChartAxis("step"), y: ChartAxis("value", kind: kind), series: series)
    let texts = try #require(drawings(chart).first).texts.filter { $0.cssClass == "name" }
    return texts.sorted { $0.top < $1.top }.map(\.words)
  }

  @Test func theOrderOfTheNamesIsThatOfTheEnds() throws {
    let found = try names([
      line("low", [5, 1], style: 0), line("high", [1, 1.02], style: 1), line("middle", [3, 1.01], style: 2),
      line("top", [0, 9], style: 3),
    ])
    #expect(found == ["top", "high", "middle", "low"])
  }

  @Test func linesThatEndTogetherAreNamedInTheOrderInWhichTheyCome() throws {
    let found = try names([
      line("from below", [1, 2, 4], style: 0), line("from above", [1, 9, 4], style: 1),
      line("from between", [1, 3, 4], style: 2),
    ])
    #expect(found == ["from above", "from between", "from below"])
  }

  /// On an axis that goes on to a round number no line ends at the edge of the plot.
  @Test func namesKeepTheirOrderWhereTheAxisGoesOnBehindTheLines() throws {
    let series = (0..<3).map { index in
      ChartSeries(
        name: "line \(index)",
        points: [1.0, 10, 100, 3000].map { .init(x: $0, y: Double(index) / 1000 + 1 / $0) }, style: SeriesStyle(index))
    }
    let chart = LineChart(
      title: "", x: ChartAxis("step", kind: .logarithmic), y: ChartAxis("value", covering: [0]), series: series)
    let texts = try #require(drawings(chart).first).texts.filter { $0.cssClass == "name" }
    #expect(texts.sorted { $0.top < $1.top }.map(\.words) == ["line 2", "line 1", "line 0"])
    #expect(Set(texts.map(\.left)).count == 1, "in one column")
  }

  @Test func aNameFarFromItsLinesEndIsLedToByALine() {
    func leaders(_ series: [ChartSeries]) -> Int {
      let chart = LineChart(title: "", x: ChartAxis("step"), y: ChartAxis("value"), series: series)
      return PageReader(chart.drawings[0]).elements(named: "path").count { $0.attributes["class"] == "leader" }
    }
    #expect(leaders([line("a", [0, 1], style: 0), line("b", [0, 9], style: 1)]) == 0)
    #expect(leaders((0..<4).map { line("line \($0)", [Double(3 * $0), 5], style: $0) }) == 4)
  }

  @Test func pointsThatLookLikeALineAreNotNamedTwice() throws {
    let found = try names([
      line("ours", [1, 2], style: 0), line("ours, reported", [1.1, 2.1], style: 0, isJoined: false),
      line("theirs", [3, 3], style: 1, isJoined: false),
    ])
    #expect(found == ["theirs", "ours"])
  }

  @Test func aNameOfSeveralWordsStandsOnSeveralLines() throws {
    let found = try names([
      line("batch normalization with exact statistics", [1, 2], style: 0), line("none", [1, 1], style: 1),
    ])
    #expect(found.count > 2 && found.joined(separator: " ") == "batch normalization with exact statistics none")
  }

  @Test func numbersOfAnAxisLeaveEachOtherRoom() throws {
    let chart = LineChart(
      title: "", x: ChartAxis("images", format: .integer, covering: [0, 9_000_000]), y: ChartAxis("value"),
      series: [line("a", [1, 2], style: 0)])
    let ticks = try #require(drawings(chart).first).texts.filter { $0.cssClass == "tick" }
    for (index, tick) in ticks.enumerated() {
      #expect(ticks[(index + 1)...].allSatisfy { !$0.overlaps(tick) })
    }
  }
}
