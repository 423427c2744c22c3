import Foundation
import Norma
import TestSupport
import Testing

/// Scores held against classes, beside scikit-learn and by hand.
@Suite struct ClassificationMetricsTests {
  struct Case: Decodable, CustomTestStringConvertible {
    struct Reliability: Decodable {
      var counts: [Int]
      var shares: [Double]
      var means: [Double]
      var error: Double
    }
    var name: String
    var labels: [Int]
    var scores: [[Double]]
    var accuracy: Double
    var balancedAccuracy: Double
    var precision: [Double]
    var recall: [Double]
    var f1: [Double]
    var support: [Int]
    var macroF1: Double
    var weightedF1: Double
    var confusion: [[Int]]
    var areaUnderROC: Double?
    var averagePrecision: Double?
    var logLoss: Double
    var brierScore: Double
    var calibration: Reliability
    var testDescription: String { name }
  }

  static let cases = Result {
    let file = fixturesDirectory.appending(path: "metrics/classification.json")
    return try JSONDecoder().decode([Case].self, from: Data(contentsOf: file))
  }

  private static func tensor<Element: TensorElement>(_ rows: [[Double]], _ type: Element.Type) -> Tensor<Element> {
    Tensor(rows.joined().map { Element($0) }, shape: [rows.count, rows[0].count])
  }

  /// Sums of at most 80 terms, with a rounding each on either side, and some ten more in the exponentials and quotients: 2 · 90 ·
  /// 2⁻⁵³ of the largest sum of magnitudes, which is that of the result, or 1 for shares.
  private func isClose(_ value: Double?, _ expected: Double?) -> Bool {
    guard let value, let expected else { return value == nil && expected == nil }
    return abs(value - expected) <= 90 * .ulpOfOne * max(1, abs(expected))
  }

  @Test(arguments: try cases.get()) func measuresAreThoseOfScikitLearn(item: Case) throws {
    func check(_ metrics: ClassificationMetrics) throws {
      #expect(isClose(metrics.accuracy, item.accuracy))
      #expect(isClose(metrics.balancedAccuracy, item.balancedAccuracy))
      #expect(isClose(metrics.macroF1, item.macroF1))
      #expect(isClose(metrics.weightedF1, item.weightedF1))
      #expect(metrics.confusion.rows == item.confusion)
      #expect(metrics.classes.map(\.count) == item.support)
      for (index, entry) in metrics.classes.enumerated() {
        // Where there is nothing to divide by, scikit-learn is told to say 0.
        #expect(isClose(entry.precision ?? 0, item.precision[index]))
        #expect(isClose(entry.recall ?? 0, item.recall[index]))
        #expect(isClose(entry.f1 ?? 0, item.f1[index]))
      }
      #expect(isClose(metrics.areaUnderROC, item.areaUnderROC))
      let probability = try #require(metrics.probability)
      #expect(isClose(probability.logLoss, item.logLoss))
      #expect(isClose(probability.brierScore, item.brierScore))
      let calibration = probability.calibration
      #expect(calibration.bins.map(\.count) == item.calibration.counts)
      #expect(isClose(calibration.expectedError, item.calibration.error))
      for (bin, expected) in zip(calibration.bins, zip(item.calibration.means, item.calibration.shares)) {
        #expect(isClose(bin.meanProbability, expected.0) && isClose(bin.share, expected.1))
      }
    }
    // The scores are the same numbers in both types.
    try check(
      ClassificationMetrics(scores: Self.tensor(item.scores, Double.self), labels: item.labels, areLogits: true))
    try check(ClassificationMetrics(scores: Self.tensor(item.scores, Float.self), labels: item.labels, areLogits: true))
    if item.scores[0].count == 2 {
      let ranking = Ranking(ofSecondClass: Self.tensor(item.scores, Double.self), labels: item.labels)
      #expect(isClose(ranking.averagePrecision, item.averagePrecision))
      // The trapezoids under the curve, which have nothing to do with how the area is counted.
      var (area, last) = (0.0, (x: 0.0, y: 0.0))
      for cut in ranking.cuts {
        let x = Double(cut.falsePositives) / Double(ranking.negativeCount)
        let y = Double(cut.truePositives) / Double(ranking.positiveCount)
        area += (x - last.x) * (y + last.y) / 2
        last = (x, y)
      }
      #expect(isClose(area, item.areaUnderROC))
    }
  }

  /// Examples of classes 0, 0, 1, 1, 1, 2 taken for 0, 1, 1, 1, 2, 1.
  private static let scores = Tensor<Float>(
    [3, 1, 0, 1, 2, 0, 0, 5, 1, 1, 4, 1, 0, 1, 2, 0, 3, 1], shape: [6, 3])
  private static let labels = [0, 0, 1, 1, 1, 2]

  @Test func countsAreThoseOfAHandCalculation() throws {
    let metrics = try ClassificationMetrics(scores: Self.scores, labels: Self.labels, areLogits: true)
    #expect(metrics.confusion.rows == [[1, 1, 0], [0, 2, 1], [0, 1, 0]])
    #expect(metrics.accuracy == 0.5)
    let recalls: [Double] = [1.0 / 2, 2.0 / 3, 0]
    #expect(metrics.balancedAccuracy == recalls.reduce(0, +) / 3)
    #expect(metrics.classes.map(\.precision) == [1, 0.5, 0])
    #expect(metrics.classes[1].f1 == 2 * 2 / 7.0)
    #expect(
      metrics.confusion.mistakes.map(\.pair) == [
        .init(label: 0, predicted: 1), .init(label: 1, predicted: 2), .init(label: 2, predicted: 1),
      ])
    #expect(metrics.confusion.counts.count == 5)
  }

  @Test func scoresThatAreNoProbabilitiesHaveNoMeasuresOfThem() throws {
    let metrics = try ClassificationMetrics(scores: Self.scores, labels: Self.labels, areLogits: false)
    #expect(metrics.probability == nil)
    // Of class 0 the first scores lie above two of the four others' and equal to one, the second above three: (4 + (3 + ½)) / 8,
    // for the scores 3 and 1 against 0, 1, 0, 0. Of class 1, 5, 4 and 1 against 1, 2 and 3: (3 + 3 + ½) / 9. Of class 2, 1
    // against 0, 0, 1, 1, 2: (2 + 2 · ½) / 5.
    let areas: [Double] = [7.5 / 8, 6.5 / 9, 3.0 / 5]
    #expect(metrics.areaUnderROC == areas.reduce(0, +) / 3)
  }

  @Test func aClassWithoutExamplesCountsInNoMean() throws {
    let metrics = try ClassificationMetrics(
      scores: Tensor<Float>([2, 1, 0, 0, 1, 0], shape: [2, 3]), labels: [0, 1], areLogits: true)
    #expect(metrics.balancedAccuracy == 1 && metrics.macroF1 == 1 && metrics.areaUnderROC == 1)
    #expect(metrics.classesWithoutROC == [2])
    #expect(metrics.classes[2].recall == nil && metrics.classes[2].precision == nil && metrics.classes[2].f1 == nil)
    let one = try ClassificationMetrics(
      scores: Tensor<Float>([2, 1, 1, 2], shape: [2, 2]), labels: [1, 1], areLogits: true)
    #expect(one.areaUnderROC == nil && one.classesWithoutROC == [0, 1] && one.accuracy == 0.5)
  }

  @Test func aCertainMistakeCostsNoMoreThanTheSmallestProbabilityThatCounts() throws {
    let metrics = try ClassificationMetrics(
      scores: Tensor<Float>([500, 0], shape: [1, 2]), labels: [1], areLogits: true)
    #expect(try #require(metrics.probability).logLoss == 52 * log(2.0))
    #expect(metrics.probability?.brierScore == 1)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func scoresThatAreNoNumbersAreNamed(value: Float) {
    let scores = Tensor<Float>([1, 0, 0, value, value, 0], shape: [3, 2])
    let expected = TrainingError.outputsNotFinite(
      .init(firstExample: 1, output: 1, value: "\(value)", exampleCount: 2, totalCount: 3))
    #expect(throws: expected) { try ClassificationMetrics(scores: scores, labels: [0, 1, 1], areLogits: true) }
    #expect(expected.description.contains("2 of 3 examples") && expected.description.contains("example 1"))
  }

  /// A square of these classes would take 320 GB.
  @Test func whatIsKeptGrowsWithTheExamplesAndNotWithTheClasses() {
    let count = 200_000
    let table = ConfusionTable(labels: [0, 1, count - 1], predicted: [0, count - 1, 5], classCount: count)
    #expect(table.counts.count == 3 && table[1, count - 1] == 1 && table[2, 2] == 0)
    #expect(table.mistakes.map(\.count) == [1, 1])
  }

  @Test func theMetricOfAnEpochIsNoNumberWhereAnOutputIsNone() throws {
    let dataset = Dataset(
      features: Tensor<Float>([0, 0], shape: [2, 1]), targets: .classes([0, 1], count: 2), name: "two")
    let outputs = Tensor<Float>([1, 0, .nan, 0], shape: [2, 2])
    #expect(try Evaluation(outputs: outputs, of: dataset, loss: .softmaxCrossEntropy).metric.isNaN)
    let numbers = Dataset(
      features: Tensor<Float>([0, 0], shape: [2, 1]), targets: .values(Tensor([1, 2], shape: [2, 1])), name: "numbers")
    let evaluation = try Evaluation(
      outputs: Tensor([1, .infinity], shape: [2, 1]), of: numbers, loss: .meanSquaredError)
    #expect(evaluation.metric.isNaN && evaluation.rootMeanSquaredError?.isNaN == true)
  }
}
