import NormaLab
import Testing

@Suite struct ChartTests {
  private func chart(_ values: [Double], kind: AxisScale.Kind = .linear, isWide: Bool = false) -> LineChart {
    LineChart(
      title: "Loss", x: ChartAxis("epoch", integersOnly: true), y: ChartAxis("loss", kind: kind),
      series: [
        ChartSeries(
          name: "batch", points: values.enumerated().map { .init(x: Double($0), y: $1) }, style: SeriesStyle(0)),
        ChartSeries(name: "none", points: [.init(x: 0, y: 1), .init(x: 4, y: 2)], style: SeriesStyle(1)),
      ], isWide: isWide)
  }

  private func reader(_ picture: some Picture) -> PageReader {
    PageReader("<div>\(picture.markup(identifier: "picture").source)</div>")
  }

  @Test func aLineHasAGapWhereAValueIsNotFinite() {
    let lines = reader(chart([1, 2, .nan, 3, 4])).elements(named: "path").filter { $0.attributes["class"] == "line" }
    let path = lines.first?.attributes["d"] ?? ""
    #expect(path.count { $0 == "M" } == 2)
    #expect(path.count { $0 == "L" } == 2)
    #expect(!path.contains("nan") && !path.contains("inf"))
  }

  @Test func aLogarithmicChartLeavesOutZerosAndBelow() {
    let drawn = reader(chart([1, 0, -2, 3, 4], kind: .logarithmic))
    #expect(
      drawn.elements(named: "path").first { $0.attributes["class"] == "line" }?.attributes["d"]?.count { $0 == "M" }
        == 2)
  }

  @Test func onlyALineThatEndsInValuesThatAreNotFiniteEndsInACross() {
    func crosses(_ values: [Double]) -> Int {
      reader(chart(values)).elements(named: "path").count { $0.attributes["class"] == "end" }
    }
    #expect(crosses([1, 2, 3, .infinity, .nan]) == 1)
    #expect(crosses([1, .nan, 3, 4, 5]) == 0)
    #expect(crosses([1, 2]) == 0)
    #expect(crosses([.nan, .nan]) == 0)
  }

  @Test func theTextAlternativeSaysWhatTheLinesDo() {
    #expect(
      chart([1, 0.25, .nan, 3, 2]).summary
        == "loss over epoch. batch: from 1.00 at epoch 0 to 2.00 at epoch 4, lowest 0.250 "
        + "at epoch 1, highest 3.00 at epoch 3; 1 of 5 values are not finite. none: from 1.00 at epoch 0 to 2.00 at "
        + "epoch 4, lowest 1.00 at epoch 0, highest 2.00 at epoch 4.")
    #expect(chart([.nan]).summary.contains("batch: no finite value."))
  }

  @Test func theTableHoldsEveryValueOfEveryLine() {
    let table = chart([1, .nan]).table
    #expect(table.columns.map(\.title) == ["epoch", "batch", "none"])
    #expect(table.rows == [["0", "1.00", "1.00"], ["1", "NaN", ""], ["4", "", "2.00"]])
  }

  @Test func linesDifferByColourDashAndMarker() {
    let drawn = reader(chart([1, 2])).elements
    let dashes = drawn.filter { $0.attributes["class"] == "line" }.compactMap { $0.attributes["stroke-dasharray"] }
    #expect(Set(dashes).count == 2)
    #expect(Set(drawn.filter { $0.attributes["class"] == "marker" }.compactMap { $0.attributes["d"] }).count == 2)
    #expect(drawn.contains { $0.attributes["class"] == "series-0" })
    #expect(drawn.contains { $0.attributes["class"] == "series-1" })
    #expect(SeriesStyle(SeriesStyle.count + 1) == SeriesStyle(1))
    #expect(SeriesStyle(-1) == SeriesStyle(SeriesStyle.count - 1))
  }

  @Test(arguments: [false, true]) func everythingDrawnLiesInsideThePicture(isWide: Bool) throws {
    let drawn = reader(chart([1, 2e5, .nan, -3, 40], isWide: isWide))
    // A wide chart comes with a narrow one, which is drawn second.
    let box = try #require(drawn.elements(named: "svg").first?.attributes["viewBox"]).split(separator: " ")
      .compactMap { Double($0) }
    #expect(box.count == 4)
    let texts = drawn.elements(named: "text")
    #expect(texts.count > 8)
    for text in texts {
      let x = try #require(Double(text.attributes["x"] ?? ""))
      let y = try #require(Double(text.attributes["y"] ?? ""))
      #expect((0...box[2]).contains(x) && (0...box[3]).contains(y))
    }
  }

  @Test func namesAtTheLinesEndsDoNotOverlap() {
    let series = (0..<6).map { index in
      ChartSeries(name: "run \(index)", points: [.init(x: 0, y: 0), .init(x: 1, y: 1)], style: SeriesStyle(index))
    }
    let picture = LineChart(title: "", x: ChartAxis("x"), y: ChartAxis("y"), series: series)
    let heights = reader(picture).elements(named: "text").filter { $0.attributes["class"] == "name" }
      .compactMap { Double($0.attributes["y"] ?? "") }.sorted()
    #expect(heights.count == 6)
    #expect(zip(heights, heights.dropFirst()).allSatisfy { $1 - $0 > 12 })
  }

  @Test func quantilesOfAHistogramAreInterpolated() {
    let histogram = Histogram(lower: 0, upper: 4, counts: [1, 0, 2, 1])
    #expect(histogram.quantile(0) == 0)
    #expect(histogram.quantile(0.25) == 1)
    #expect(histogram.quantile(0.5) == 2.5)
    #expect(histogram.quantile(1) == 4)
    #expect(Histogram(lower: 0, upper: 1, counts: []).quantile(0.5) == nil)
    #expect(Histogram(lower: 0, upper: .infinity, counts: [1]).quantile(0.5) == nil)
    #expect(Histogram(lower: 3, upper: 3, counts: [7]).quantile(0.5) == 3)
  }

  @Test func theBoxesOfARowOfHistogramsShareTheirScale() {
    func cell(_ histogram: Histogram?) -> HistogramGrid.Cell {
      .init(outline: histogram, filled: nil, captions: ["c"], description: "d")
    }
    let narrow = Histogram(lower: -0.001, upper: 0.001, counts: [1, 1])
    let wide = Histogram(lower: -2, upper: 2, counts: [1, 2, 2, 1])
    let grid = HistogramGrid(
      title: "", columns: [.init(name: "a", style: SeriesStyle(0)), .init(name: "b", style: SeriesStyle(1))],
      rows: [
        .init(name: "row", cells: [cell(narrow), cell(wide)]), .init(name: "other", cells: [cell(narrow), nil]),
      ],
      table: ReportTable(caption: "", columns: [], rows: []))
    let drawn = reader(grid)
    let scales = drawn.elements(named: "p").filter { $0.attributes["class"] == "scale" }.map(\.text)
    #expect(scales == ["−2 to 2", "−0.001 to 0.001"])
    #expect(drawn.elements(named: "svg").count == 3)
    #expect(drawn.elements(named: "path").filter { $0.attributes["class"] == "outline" }.count == 3)
  }

  @Test func aHeatMapMarksWhatHasNoShade() {
    let map = HeatMap(
      title: "Gradients", columnTitle: "epoch", columns: ["0", "1", "2", "3"],
      rows: [.init(name: "linear 1", values: [1, .nan, 0, nil])],
      scale: HeatScale(covering: [1, 100], kind: .logarithmic))
    let drawn = reader(map)
    #expect(drawn.elements(named: "rect").map { $0.attributes["class"] } == ["heat-0"])
    #expect(drawn.elements(named: "path").filter { $0.attributes["class"] == "no-shade" }.count == 2)
    #expect(map.table.rows == [["linear 1", "1.00", "NaN", "0", ""]])
    #expect(map.summary == "linear 1: 1.00 at epoch 0, 0 at epoch 2.")
  }

  @Test func textHasEnoughContrastInBothSchemes() {
    for palette in [Palette.light, .dark] {
      for colour in palette.series + [palette.ink, palette.mutedInk] {
        #expect(colour.contrast(to: palette.background) >= 4.5)
        #expect(colour.contrast(to: palette.surface) >= 4.5)
      }
      #expect(palette.series.count == SeriesStyle.colourCount)
      #expect(palette.heat.count == Palette.heatStepCount)
      // Each shade stands out more than the one before, so that the order shows without colour.
      let contrasts = palette.heat.map { $0.contrast(to: palette.background) }
      #expect(zip(contrasts, contrasts.dropFirst()).allSatisfy { $1 > $0 * 1.1 })
    }
    #expect(abs(Palette.Colour(0).contrast(to: Palette.Colour(0xFFFFFF)) - 21) < 1e-12)
  }
}
