import Norma

/// The two curves that show how well one class is told from another.
struct RankingCharts {
  private let ranking: Ranking
  private let name: String
  private let cuts: [Ranking.Cut]

  init(_ ranking: Ranking, name: String) {
    self.ranking = ranking
    self.name = name
    cuts = ranking.cuts
  }

  /// The share of the class that is found over the share of the others that is taken for it.
  var roc: PointChart {
    let points = [ChartSeries.Point(x: 0, y: 0)] + cuts.map { .init(x: falseRate($0), y: trueRate($0)) }
    let percent = NumberFormat.percentage
    let rows = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5].map { limit in
      let best = cuts.last { falseRate($0) <= limit }.map(trueRate) ?? 0
      return (limit: percent.shortText(limit), found: percent.text(best))
    }
    return PointChart(
      title: "ROC curve", x: ChartAxis("others taken for \(name)", format: .percentage, covering: [0, 1]),
      y: ChartAxis("\(name) found", format: .percentage, covering: [0, 1]), points: Self.thinned(points), mark: .line,
      reference: .diagonal,
      summary: rows.map { "With at most \($0.limit) of the others taken for \(name), \($0.found) of it are found." }
        .joined(separator: " "),
      table: ReportTable(
        caption: "ROC curve",
        columns: [
          .init("others taken for \(name), at most", alignment: .trailing),
          .init("\(name) found", alignment: .trailing),
        ], rows: rows.map { [$0.limit, $0.found] }))
  }

  /// The share of what is taken for the class that is of it, over the share that is found.
  var precisionRecall: PointChart {
    let points = cuts.map { ChartSeries.Point(x: trueRate($0), y: precision($0)) }
    let percent = NumberFormat.percentage
    let rows = [0.1, 0.25, 0.5, 0.75, 0.9, 1].map { recall in
      let best = cuts.filter { trueRate($0) >= recall }.map(precision).max() ?? 0
      return (recall: percent.shortText(recall), precision: percent.text(best))
    }
    return PointChart(
      title: "Precision and recall", x: ChartAxis("\(name) found", format: .percentage, covering: [0, 1]),
      y: ChartAxis("share that is \(name)", format: .percentage, covering: [0, 1]), points: Self.thinned(points),
      mark: .line, reference: .horizontal(Double(ranking.positiveCount) / Double(ranking.scores.count)),
      summary: rows.map {
        "To find at least \($0.recall) of \(name), at best \($0.precision) of what is taken for it is."
      }
      .joined(separator: " "),
      table: ReportTable(
        caption: "Precision and recall",
        columns: [
          .init("\(name) found, at least", alignment: .trailing), .init("share that is \(name)", alignment: .trailing),
        ], rows: rows.map { [$0.recall, $0.precision] }))
  }

  private func trueRate(_ cut: Ranking.Cut) -> Double { Double(cut.truePositives) / Double(ranking.positiveCount) }

  private func falseRate(_ cut: Ranking.Cut) -> Double { Double(cut.falsePositives) / Double(ranking.negativeCount) }

  private func precision(_ cut: Ranking.Cut) -> Double {
    Double(cut.truePositives) / Double(cut.truePositives + cut.falsePositives)
  }

  /// The points without those that lie less than a screen's pixel from the one before, the last kept.
  private static func thinned(_ points: [ChartSeries.Point]) -> [ChartSeries.Point] {
    var kept: [ChartSeries.Point] = []
    for (index, point) in points.enumerated() {
      if let last = kept.last, index < points.count - 1, abs(last.x - point.x) < 0.002, abs(last.y - point.y) < 0.002 {
        continue
      }
      kept.append(point)
    }
    return kept
  }
}
