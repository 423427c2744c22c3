import Norma

/// A learning-rate range test as a page to read.
public struct RangeTestReport: Sendable {
  /// What is reported.
  public let test: LearningRateRangeTest
  /// What was trained on what, in words.
  public let subject: String
  /// The command that does it again.
  public let command: String

  /// The report of a test.
  public init(_ test: LearningRateRangeTest, subject: String, command: String) {
    self.test = test
    self.subject = subject
    self.command = command
  }

  /// The result in a sentence.
  public var headline: String {
    let end =
      test.points.last.map {
        test.diverged
          ? " From \(NumberFormat.plain.text($0.learningRate)) on the training diverges."
          : " It does not diverge up to \(NumberFormat.plain.text($0.learningRate))."
      } ?? ""
    guard let rate = test.suggestion else { return "The loss falls at none of the rates that were tried." + end }
    return "The loss falls fastest at a learning rate of \(NumberFormat.plain.text(rate))." + end
  }

  /// The report as a page; ``ReportPage/html()`` is the file's text.
  public var page: ReportPage {
    ReportPage(
      kind: "Norma · learning rates", title: subject, headline: headline,
      sections: [
        ReportSection("What becomes of the loss", blocks: [.figure(figure)]),
        ReportSection(
          "Doing it again",
          blocks: [.paragraph("The same command on the same data gives this page again:"), .code(command)]),
      ], footer: ["Made by Norma \(normaVersion)."])
  }

  private var figure: ReportFigure {
    func points(_ value: (LearningRateRangeTest.Point) -> Double) -> [ChartSeries.Point] {
      test.points.map { .init(x: $0.learningRate, y: value($0)) }
    }
    // What the loss shoots up to at the end would press all that is to be seen together.
    let highest = (test.points.first?.smoothedLoss ?? 1) * 2
    func below(_ loss: Double) -> Double { loss <= highest ? loss : .nan }
    var series = [
      ChartSeries(name: "smoothed", points: points { below($0.smoothedLoss) }, style: SeriesStyle(0)),
      ChartSeries(name: "each step", points: points { below($0.loss) }, style: SeriesStyle(1), isJoined: false),
    ]
    if let rate = test.suggestion, let point = test.points.first(where: { $0.learningRate == rate }) {
      series.append(
        ChartSeries(
          name: "steepest", points: [.init(x: rate, y: point.smoothedLoss)], style: SeriesStyle(2), isJoined: false))
    }
    return ReportFigure(
      caption: "The loss of each step over its learning rate, which grows from step to step.",
      reading:
        "On the left nothing is learned yet, on the right the steps are too large. A good rate lies where the loss falls fastest; where it is "
        + "lowest the rate is too high already. Losses of more than twice the first are not drawn.",
      finding: headline,
      pictures: [
        LineChart(
          title: "Loss over learning rate", x: ChartAxis("learning rate", kind: .logarithmic), y: ChartAxis("loss"),
          series: series, isWide: true)
      ])
  }
}
