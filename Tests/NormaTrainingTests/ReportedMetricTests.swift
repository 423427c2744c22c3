import Norma
import TestSupport
import Testing

/// Labels and scores that people reported to scikit-learn and Keras because a measure of them was wrong, or undefined in a way
/// that surprised. Each is named by number in that project's public tracker and told in own words; what is right is computed
/// by hand.
@Suite struct ReportedMetricTests {
  /// Scores whose highest is that of the predicted class.
  private func metrics(labels: [Int], predicted: [Int], classCount: Int) throws -> ClassificationMetrics {
    var scores = Tensor<Float>.zeros([labels.count, classCount])
    for (row, number) in predicted.enumerated() { scores[row, number] = 1 }
    return try ClassificationMetrics(scores: scores, labels: labels, areLogits: false)
  }

  private func isClose(_ value: Double?, _ expected: Double) -> Bool {
    value.map { abs($0 - expected) <= 16 * Double.unitRoundoff * max(1, abs(expected)) } ?? false
  }

  // MARK: Classes that are missing

  // scikit-learn#28038: what balanced accuracy is where a class is predicted that no example is of: the mean over the
  // classes that there are, so that the class without examples does not pull it down.
  @Test func aClassThatIsOnlyPredictedIsNoPartOfBalancedAccuracy() throws {
    let metrics = try metrics(labels: [0, 0, 1, 1], predicted: [0, 2, 1, 1], classCount: 3)
    #expect(metrics.balancedAccuracy == 0.75 && metrics.classes[2].recall == nil)
  }

  // scikit-learn#34889: where one class is left, one way of putting balanced accuracy became minus infinity.
  @Test func balancedAccuracyOfOneClassIsItsRecall() throws {
    let metrics = try metrics(labels: [0, 0, 0], predicted: [0, 1, 0], classCount: 2)
    #expect(isClose(metrics.balancedAccuracy, 2.0 / 3))
  }

  // scikit-learn#4230, scikit-learn#30103: the area under the ROC curve where all examples are of one class: it is not
  // defined, and 0 or 1/2 would say that the model is bad.
  @Test(arguments: [0, 1]) func oneClassHasNoAreaUnderTheCurve(label: Int) throws {
    let scores = Tensor<Float>([0, 1, 0, 0.5, 0, 0.3], shape: [3, 2])
    let metrics = try ClassificationMetrics(scores: scores, labels: [label, label, label], areLogits: true)
    #expect(metrics.areaUnderROC == nil && metrics.classesWithoutROC.count == 2)
  }

  // scikit-learn#4033: log loss of a batch in which some of the classes do not occur was refused.
  @Test func logLossDoesNotNeedEveryClass() {
    let uniform = Tensor<Double>(repeating: 0.2, shape: [2, 5])
    #expect(isClose(ProbabilityMetrics(probabilities: uniform, labels: [0, 3]).logLoss, 1.6094379124341003))
  }

  // scikit-learn#6703, scikit-learn#18523: three certain mistakes about the only class that occurs counted as no loss.
  @Test func threeCertainMistakesAboutOneClassAreThreeMistakes() {
    let wrong = Tensor<Double>([1, 0, 1, 0, 1, 0], shape: [3, 2])
    // 52 · ln 2: what is certain counts as 2⁻⁵².
    #expect(isClose(ProbabilityMetrics(probabilities: wrong, labels: [1, 1, 1]).logLoss, 36.04365338911715))
    #expect(ProbabilityMetrics(probabilities: wrong, labels: [0, 0, 0]).logLoss < 1e-15)
  }

  // scikit-learn#6980: the Brier score of examples of one class is defined: (0.5 − 1)².
  @Test(arguments: [0, 1]) func theBrierScoreDoesNotNeedBothClasses(label: Int) {
    let half = Tensor<Double>([0.5, 0.5], shape: [1, 2])
    #expect(ProbabilityMetrics(probabilities: half, labels: [label]).brierScore == 0.25)
  }

  // scikit-learn#16055: of more than two classes the squares are added up over them: 0.5² + 0.3² + 0.2².
  @Test func theBrierScoreOfMoreClassesAddsThemUp() {
    let probabilities = Tensor<Double>([0.5, 0.3, 0.2], shape: [1, 3])
    #expect(isClose(ProbabilityMetrics(probabilities: probabilities, labels: [0]).brierScore, 0.38))
  }

  // MARK: Division by nothing

  // scikit-learn#27189: where nothing is predicted to be of a class there is no precision, but 2tp / (2tp + fp + fn) is 0.
  @Test func fOneIsDefinedWherePrecisionIsNot() throws {
    let result = try metrics(labels: [1, 0, 1], predicted: [0, 0, 0], classCount: 2).classes[1]
    #expect(result.precision == nil && result.recall == 0 && result.f1 == 0)
  }

  // scikit-learn#26864: no example found, one taken for it: one version gave 1.
  @Test func fOneOfNothingButMistakesIsZero() throws {
    let result = try metrics(labels: [1, 0, 0], predicted: [0, 1, 0], classCount: 2).classes[1]
    #expect(result.precision == 0 && result.recall == 0 && result.f1 == 0)
  }

  // scikit-learn#10812: a class that neither occurs nor is predicted has no F1; 0 would be held against a faultless model.
  @Test func aClassThatPlaysNoPartIsNoPartOfTheMean() throws {
    let metrics = try metrics(
      labels: [Int](repeating: 0, count: 10), predicted: [Int](repeating: 0, count: 10), classCount: 2)
    #expect(metrics.classes[1].f1 == nil && metrics.macroF1 == 1)
  }

  // scikit-learn#31052: four classes, of which one does not occur and one is never predicted: 2/3, 1, 0 and 0.
  @Test func classesThatAreMissedOrMadeUpCountAsZero() throws {
    let metrics = try metrics(labels: [0, 1, 0, 3], predicted: [0, 1, 2, 2], classCount: 4)
    let expected = [2.0 / 3, 1, 0, 0]
    #expect(zip(metrics.classes, expected).allSatisfy { isClose($0.f1, $1) })
    #expect(isClose(metrics.macroF1, 5.0 / 12))
  }

  // keras#5400, keras#4564: accuracy, F1, precision and recall were all the same number, being counted over both classes.
  @Test func fOneIsNotAccuracy() throws {
    let labels = [Int](repeating: 0, count: 9) + [1]
    let metrics = try metrics(labels: labels, predicted: [Int](repeating: 0, count: 10), classCount: 2)
    #expect(metrics.accuracy == 0.9 && isClose(metrics.macroF1, 9.0 / 19) && metrics.balancedAccuracy == 0.5)
  }

  // MARK: Scores that are close, equal or certain

  // scikit-learn#3864: differences of 1e-10 between scores were rounded away, and a perfect order was worth 0.5.
  @Test(arguments: [1, 1e-10, 1e-100, .leastNonzeroMagnitude]) func theSmallestDifferenceIsAnOrder(score: Double) {
    #expect(Ranking(scores: [score, 0, 0], isPositive: [true, false, false]).areaUnderROC == 1)
    #expect(Ranking(scores: [score, 0, 0], isPositive: [false, true, true]).areaUnderROC == 0)
  }

  // scikit-learn#29252: what the curve is between points that no threshold reaches: equal scores count half.
  @Test func equalScoresCountHalf() {
    #expect(Ranking(scores: [1, 1], isPositive: [true, false]).areaUnderROC == 0.5)
    // Of six pairs three are right and two are equal.
    #expect(Ranking(scores: [3, 1, 2, 2, 1], isPositive: [true, true, false, true, false]).areaUnderROC == 4.0 / 6)
  }

  // scikit-learn#24315: a probability that is 1 in single precision made log loss NaN.
  @Test(arguments: [20, 200, 3e38] as [Float]) func certaintyInSinglePrecisionIsNoNaN(score: Float) throws {
    let metrics = try ClassificationMetrics(
      scores: Tensor<Float>([0, score], shape: [1, 2]), labels: [1], areLogits: true)
    let loss = try #require(metrics.probability?.logLoss)
    #expect(loss >= 0 && loss < 1e-8)
  }

  // scikit-learn#17399: one certain mistake among four answers, the others right: a quarter of what it costs.
  @Test func oneCertainMistakeAmongFourCostsAQuarter() {
    let probabilities = Tensor<Double>([0, 1, 0, 1, 1, 0, 1, 0], shape: [4, 2])
    let loss = ProbabilityMetrics(probabilities: probabilities, labels: [1, 0, 0, 0]).logLoss
    #expect(isClose(loss, 9.010913347279288))
  }

  // scikit-learn#12926: bins of a calibration curve that hold nothing are left out, and what is certain has a bin.
  @Test func binsWithoutPredictionsAreLeftOut() {
    func calibration(_ second: [Double], _ labels: [Int]) -> Calibration {
      let pairs = second.flatMap { [1 - $0, $0] }
      return ProbabilityMetrics(probabilities: Tensor(pairs, shape: [labels.count, 2]), labels: labels).calibration
    }
    let sparse = calibration([0.9, 0.8, 0.2], [1, 1, 0])
    #expect(sparse.bins.map(\.count) == [1, 1, 1] && sparse.bins.map(\.share) == [0, 1, 1])
    #expect(isClose(sparse.expectedError, 0.5 / 3))
    let certain = calibration([0, 1], [0, 1])
    #expect(certain.bins.map(\.lower) == [0, 0.9] && certain.expectedError == 0)
  }

  // MARK: Numbers

  // scikit-learn#16857: R² of a target that never changes is 0/0, or −∞ for a prediction that is off by a rounding.
  @Test func aConstantTargetHasAnRSquaredThatIsFiniteAndMarked() throws {
    let targets = Tensor<Float>(repeating: -1, shape: [4, 1])
    var predictions = targets
    let exact = try RegressionMetrics(predictions: predictions, targets: targets)
    predictions[3, 0] = (-1 as Float).nextUp
    let close = try RegressionMetrics(predictions: predictions, targets: targets)
    for metrics in [exact, close] { #expect(metrics.targets[0].isConstant && metrics.r2.isFinite) }
    #expect(close.rootMeanSquaredError > 0 && close.rootMeanSquaredError < 1e-7)
  }

  // scikit-learn#11435, scikit-learn#5097: one example has no variance to explain: its R² is marked as saying nothing.
  @Test func oneExampleHasNoRSquared() throws {
    let metrics = try RegressionMetrics(
      predictions: Tensor<Float>([2], shape: [1, 1]), targets: Tensor([1], shape: [1, 1]))
    #expect(metrics.targets[0].isConstant && metrics.meanAbsoluteError == 1)
  }

  // scikit-learn#29504: a network that ran off to infinity was told to have bad input, by the measure that came next.
  @Test func predictionsThatAreNoNumbersAreToldOf() {
    #expect(throws: TrainingError.self) {
      try RegressionMetrics(
        predictions: Tensor<Float>([1, .nan], shape: [2, 1]), targets: Tensor([1, 2], shape: [2, 1]))
    }
  }
}
