import Norma
import NormaLab

/// What `norma evaluate --json` prints. What does not apply is left out.
struct EvaluationListing: Encodable {
  /// How one class fared.
  struct ClassListing: Encodable {
    var name: String
    var count: Int
    var predictedCount: Int
    var recall: Double?
    var precision: Double?
    var f1: Double?
  }

  /// Examples of one class that were taken for another.
  struct Mistake: Encodable {
    var label: String
    var predicted: String
    var count: Int
  }

  /// Predictions of about the same probability.
  struct CalibrationBin: Encodable {
    var lower: Double
    var upper: Double
    var count: Int
    var meanProbability: Double
    var share: Double
  }

  /// How one of several numbers fared.
  struct Target: Encodable {
    var name: String
    var r2: Double
    var meanAbsoluteError: Double
    var rootMeanSquaredError: Double
    var medianAbsoluteError: Double
    var isConstant: Bool
  }

  /// The most classes whose confusion matrix is printed as rows; of more, the mistakes alone.
  static let maximumMatrixClassCount = 256

  var data: String
  var count: Int
  var loss: Double
  /// The measure that training went by, and its value.
  var metric: String
  var value: Double

  // Classes.
  var classNames: [String]?
  var accuracy: Double?
  var balancedAccuracy: Double?
  var macroF1: Double?
  var weightedF1: Double?
  var areaUnderROC: Double?
  var classesWithoutROC: [String]?
  var averagePrecision: Double?
  var logLoss: Double?
  var brierScore: Double?
  var calibrationError: Double?
  var calibration: [CalibrationBin]?
  var classes: [ClassListing]?
  var confusion: [[Int]]?
  var mistakes: [Mistake]?

  // Numbers.
  var r2: Double?
  var meanAbsoluteError: Double?
  var rootMeanSquaredError: Double?
  var medianAbsoluteError: Double?
  var targets: [Target]?

  /// The listing of a result.
  init(_ result: EvaluationResult) {
    (data, count, loss) = (result.data, result.count, result.loss)
    switch result.outcome {
    case .classes(let names, let metrics, let ranking):
      (metric, value) = ("accuracy", metrics.accuracy)
      add(metrics, names, ranking)
    case .values(let names, let metrics, _, _):
      (metric, value) = ("R²", metrics.r2)
      (r2, meanAbsoluteError) = (metrics.r2, metrics.meanAbsoluteError)
      (rootMeanSquaredError, medianAbsoluteError) = (metrics.rootMeanSquaredError, metrics.medianAbsoluteError)
      targets = zip(names, metrics.targets).map { name, target in
        Target(
          name: name, r2: target.r2, meanAbsoluteError: target.meanAbsoluteError,
          rootMeanSquaredError: target.rootMeanSquaredError, medianAbsoluteError: target.medianAbsoluteError,
          isConstant: target.isConstant)
      }
    }
  }

  private mutating func add(_ metrics: ClassificationMetrics, _ names: [String], _ ranking: Ranking?) {
    classNames = names
    (accuracy, balancedAccuracy) = (metrics.accuracy, metrics.balancedAccuracy)
    (macroF1, weightedF1) = (metrics.macroF1, metrics.weightedF1)
    areaUnderROC = metrics.areaUnderROC
    classesWithoutROC = metrics.classesWithoutROC.map { names[$0] }
    averagePrecision = ranking?.averagePrecision
    if let probability = metrics.probability {
      (logLoss, brierScore) = (probability.logLoss, probability.brierScore)
      calibrationError = probability.calibration.expectedError
      calibration = probability.calibration.bins.map {
        CalibrationBin(
          lower: $0.lower, upper: $0.upper, count: $0.count, meanProbability: $0.meanProbability, share: $0.share)
      }
    }
    classes = zip(names, metrics.classes).map { name, entry in
      ClassListing(
        name: name, count: entry.count, predictedCount: entry.predictedCount, recall: entry.recall,
        precision: entry.precision, f1: entry.f1)
    }
    if names.count <= Self.maximumMatrixClassCount { confusion = metrics.confusion.rows }
    mistakes = metrics.confusion.mistakes.map {
      Mistake(label: names[$0.pair.label], predicted: names[$0.pair.predicted], count: $0.count)
    }
  }
}
