import Foundation
import NormaLab
import TestSupport
import Testing

/// Text in drawings as a browser lays it out, 1280 and 390 pixels wide: none over another, none cut off.
@Suite(.enabled(if: Chromium.isThere, Comment(rawValue: Chromium.absence)))
struct DrawnTextTests {
  private func expectGood(_ pages: [ReportPage]) throws {
    try withTemporaryDirectory { folder in
      let files = try pages.enumerated().map { index, page in
        let file = folder.appending(path: "page-\(index).html")
        try Data(page.html().utf8).write(to: file)
        return file
      }
      let found = try Chromium.check(files)
      #expect(found.isGood, "\(found.words)")
    }
  }

  private func page(_ figures: [ReportFigure], tables: [ReportTable] = []) -> ReportPage {
    ReportPage(
      kind: "test", title: "Drawings", headline: "Drawings",
      sections: [ReportSection("Drawings", blocks: figures.map { .figure($0) } + tables.map { .table($0) })])
  }

  @Test func chartsWhoseLinesEndTogether() throws {
    let layouts: [ReportFigure.Layout] = [.pairs, .triples, .stacked]
    try expectGood([
      page(
        layouts.enumerated().map { index, layout in
          ReportFigure(
            caption: "Lines that are hard to name", reading: "Nothing.",
            pictures: (0..<20).map {
              SampleCharts.chart(seed: UInt64(100 * index + $0), isWide: layout == .stacked)
            }, layout: layout)
        })
    ])
  }

  @Test func comparisons() throws {
    let five = SampleComparison.of(
      ["none", "batch", "layer", "group:2", "instance"].enumerated().map { index, norm in
        SampleComparison.run(norm, [0.1, 0.5, 0.9 + Double(index) / 1000])
      })
    try expectGood([ComparisonReport(SampleComparison.typical).page, ComparisonReport(five).page])
  }

  @Test func longNamesAndManyRows() throws {
    let layers = (1...40).map { "stage \($0 / 10), block \($0), convolution" }
    let map = HeatMap(
      title: "Gradients", columnTitle: "epoch", columns: (0...30).map(String.init),
      rows: layers.enumerated().map { index, name in
        .init(name: name, values: (0...30).map { Double($0 * index) })
      }, scale: HeatScale(covering: [0, 1200]))
    let histogram = Histogram(lower: -12_345.678, upper: 12_345.678, counts: [1, 2, 4, 2, 1])
    let grid = HistogramGrid(
      title: "Activations",
      columns: ["batch", "a-normalization-of-a-long-name"].enumerated().map { index, name in
        .init(name: name, style: SeriesStyle(index))
      },
      rows: layers.prefix(3).map { name in
        .init(
          name: name,
          cells: (0..<2).map { _ in
            .init(outline: histogram, filled: nil, captions: ["σ 12,345.678 → 0.000123"], description: "")
          })
      }, table: ReportTable(caption: "", columns: [], rows: []))
    let table = ReportTable(
      caption: "Many columns", columns: (0..<9).map { .init("column \($0)", alignment: .trailing) },
      rows: [(0..<9).map { "\($0).2345 / 0.98765" }])
    try expectGood([
      page(
        [
          ReportFigure(caption: "Shades", reading: "", pictures: [map, map, map], layout: .triples),
          ReportFigure(
            caption: "Distributions", reading: "", pictures: [grid],
            legend: [
              LegendEntry("without", symbol: .outline), LegendEntry("reported", symbol: .hollow),
              LegendEntry("target", symbol: .reference), LegendEntry("batch", symbol: .series(.init(0))),
            ]),
        ], tables: [table])
    ])
  }

  @Test func evaluations() throws {
    let long = (0..<ConfusionMap.maximumClassCount).map { "class \($0) with a name that has no room beside a map" }
    let results = [
      try SampleEvaluation.classes(["no", "yes"]), try SampleEvaluation.classes((0..<10).map(String.init)),
      try SampleEvaluation.classes(long), try SampleEvaluation.classes((0..<30).map(String.init)),
      try SampleEvaluation.values(count: 40), try SampleEvaluation.values(count: 3, scale: 1e7),
      try SampleEvaluation.values(count: 40, scale: -1e-6),
    ]
    try expectGood(results.map { EvaluationReport($0, command: "norma evaluate model").page })
  }

  @Test func theLabsOwnDrawings() throws {
    let experiments = ["gradient", "activations"].compactMap(LabCatalogue.experiment(named:))
    #expect(experiments.count == 2)
    try withTemporaryDirectory { folder in
      let plan = LabPlan(isQuick: true, seeds: [0])
      let results = try Laboratory(experiments, plan: plan, data: LabData(), folder: folder.path)
        .run(workers: 2) { _ in }
      try expectGood([try LabReport(results, plan: plan, sources: []).page()])
    }
  }
}
