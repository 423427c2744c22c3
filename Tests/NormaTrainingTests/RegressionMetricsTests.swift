import Foundation
import Norma
import TestSupport
import Testing

/// Predicted numbers held against true ones, beside scikit-learn and by hand.
@Suite struct RegressionMetricsTests {
  struct Case: Decodable, CustomTestStringConvertible {
    struct Measure: Decodable {
      var each: [Double]
      var mean: Double
    }
    var name: String
    var targets: [[Double]]
    var predictions: [[Double]]
    var r2: Measure
    var meanAbsoluteError: Measure
    var rootMeanSquaredError: Measure
    var medianAbsoluteError: Measure
    var testDescription: String { name }
  }

  static let cases = Result {
    let file = fixturesDirectory.appending(path: "metrics/regression.json")
    return try JSONDecoder().decode([Case].self, from: Data(contentsOf: file))
  }

  private static func tensor(_ rows: [[Double]]) -> Tensor<Double> {
    Tensor(Array(rows.joined()), shape: [rows.count, rows[0].count])
  }

  @Test(arguments: try cases.get()) func measuresAreThoseOfScikitLearn(item: Case) throws {
    let metrics = try RegressionMetrics(
      predictions: Self.tensor(item.predictions), targets: Self.tensor(item.targets))
    func check(
      _ each: KeyPath<RegressionMetrics.Target, Double>, _ mean: Double, _ expected: Case.Measure
    ) {
      // Differences and squares of the targets' eighths are exact; sums of 31 terms and quotients round some 40 times on
      // either side, and a mean's rounding cancels in the squares around it but for its square.
      for (value, expected) in zip(metrics.targets.map { $0[keyPath: each] } + [mean], expected.each + [expected.mean])
      {
        #expect(abs(value - expected) <= 40 * .ulpOfOne * max(1, abs(expected)))
      }
    }
    check(\.r2, metrics.r2, item.r2)
    check(\.meanAbsoluteError, metrics.meanAbsoluteError, item.meanAbsoluteError)
    check(\.rootMeanSquaredError, metrics.rootMeanSquaredError, item.rootMeanSquaredError)
    check(\.medianAbsoluteError, metrics.medianAbsoluteError, item.medianAbsoluteError)
  }

  @Test func errorsAreThoseOfAHandCalculation() throws {
    // Targets 1, 2, 3 and 6 have the mean 3 and squares of 14 around it; the predictions miss by 0, 1, −2 and 1.
    let metrics = try RegressionMetrics(
      predictions: Tensor<Float>([1, 3, 1, 7], shape: [4, 1]), targets: Tensor([1, 2, 3, 6], shape: [4, 1]))
    #expect(metrics.r2 == 1 - 6 / 14.0)
    #expect(metrics.meanAbsoluteError == 1 && metrics.medianAbsoluteError == 1)
    #expect(metrics.rootMeanSquaredError == 1.5.squareRoot())
  }

  @Test func aTargetOfLargeUnitsDoesNotOutweighTheOthers() throws {
    // The first target is met, the second predicted by its mean; pooled squares would give 1 − 2/2,000,002.
    let targets = Tensor<Double>([1000, 1, 2000, 2, 3000, 3], shape: [3, 2])
    let predictions = Tensor<Double>([1000, 2, 2000, 2, 3000, 2], shape: [3, 2])
    let metrics = try RegressionMetrics(predictions: predictions, targets: targets)
    #expect(metrics.targets.map(\.r2) == [1, 0] && metrics.r2 == 0.5)
  }

  @Test func aTargetThatNeverChangesIsSaidToBeOne() throws {
    // 0.1 summed three times and divided by three is not 0.1.
    let targets = Tensor<Double>([0.1, 0.1, 0.1], shape: [3, 1])
    let missed = try RegressionMetrics(predictions: Tensor([0.1, 0.1, 0.2], shape: [3, 1]), targets: targets)
    #expect(missed.targets[0].isConstant && missed.r2 == 0)
    #expect(try RegressionMetrics(predictions: targets, targets: targets).r2 == 1)
  }

  @Test func predictionsThatAreNoNumbersAreNamed() {
    let expected = TrainingError.outputsNotFinite(
      .init(firstExample: 0, output: 1, value: "inf", exampleCount: 1, totalCount: 1))
    #expect(throws: expected) {
      try RegressionMetrics(
        predictions: Tensor<Float>([1, .infinity], shape: [1, 2]), targets: Tensor([1, 2], shape: [1, 2]))
    }
  }
}
