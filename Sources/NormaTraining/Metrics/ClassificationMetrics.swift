import NormaTensor

/// What a classifier's scores are worth on examples whose classes are known.
///
/// The definitions are scikit-learn's, whose functions of the same names give the same numbers.
public struct ClassificationMetrics: Sendable, Equatable {
  /// How one class fared.
  public struct ClassResult: Sendable, Equatable {
    /// How many examples are of the class.
    public let count: Int
    /// How many examples were taken for it.
    public let predictedCount: Int
    /// How many of its examples were taken for it.
    public let correctCount: Int

    /// The share of the class's examples that were found; nil if it has none.
    public var recall: Double? { count > 0 ? Double(correctCount) / Double(count) : nil }
    /// The share of what was taken for the class that is of it; nil if nothing was.
    public var precision: Double? { predictedCount > 0 ? Double(correctCount) / Double(predictedCount) : nil }
    /// The harmonic mean of both, `2·correct / (examples + predicted)`; nil if the class neither occurs nor was predicted.
    public var f1: Double? {
      count + predictedCount > 0 ? 2 * Double(correctCount) / Double(count + predictedCount) : nil
    }
  }

  /// Which class was taken for which.
  public let confusion: ConfusionTable
  /// How each class fared, in the order of their numbers.
  public let classes: [ClassResult]
  /// The area under the ROC curve: how likely an example of a class has a higher score for it than one that is not of it,
  /// equal scores counted half. Of two classes the second's, by the difference of the scores; of more the mean over the
  /// classes, each against the rest, by probability (by score where there are none). Nil if no class can be told from a rest.
  public let areaUnderROC: Double?
  /// The classes that are left out of that mean: no example is of them, or all are.
  public let classesWithoutROC: [Int]
  /// What needs probabilities; nil for scores that stand for none.
  public let probability: ProbabilityMetrics?

  /// How many examples there are.
  public var count: Int { confusion.labelCounts.reduce(0, +) }
  /// The share of the examples whose highest score is that of their class, the first of equal scores counted.
  public var accuracy: Double { Double(classes.reduce(0) { $0 + $1.correctCount }) / Double(count) }
  /// The mean recall of the classes that occur.
  public var balancedAccuracy: Double { ClassificationMetrics.mean(classes.compactMap(\.recall)) }
  /// The mean F1 of the classes that occur or were predicted.
  public var macroF1: Double { ClassificationMetrics.mean(classes.compactMap(\.f1)) }
  /// The mean F1 of the classes, weighted by how many examples they have.
  public var weightedF1: Double {
    classes.reduce(0) { $0 + Double($1.count) * ($1.f1 ?? 0) } / Double(count)
  }

  /// Holds scores against classes.
  ///
  /// - Parameters:
  ///   - scores: a score for each class, `[N, classes]`, for one example or more.
  ///   - labels: the examples' classes.
  ///   - areLogits: whether softmax makes probabilities of the scores, as for a model that learned by cross-entropy.
  /// - Throws: ``TrainingError/outputsNotFinite(_:)``: nothing can be said of scores that are no numbers.
  public init<Element: TensorElement>(
    scores: Tensor<Element>, labels: [Int], areLogits: Bool
  ) throws {
    require(
      scores.rank == 2 && scores.shape[0] == labels.count && !labels.isEmpty,
      "scores of shape \(scores.shape) for \(labels.count) labels")
    try scores.checkFinite()
    let classCount = scores.shape[1]
    let confusion = ConfusionTable(
      labels: labels, predicted: scores.indicesOfMaximaOverChannels(), classCount: classCount)
    self.confusion = confusion
    classes = (0..<classCount).map {
      ClassResult(
        count: confusion.labelCounts[$0], predictedCount: confusion.predictedCounts[$0], correctCount: confusion[$0, $0]
      )
    }
    let wide = scores.converted(to: Double.self)
    let probabilities = areLogits ? wide.softmax() : nil
    probability = probabilities.map { ProbabilityMetrics(probabilities: $0, labels: labels) }
    (areaUnderROC, classesWithoutROC) = Self.areaUnderROC(
      wide, probabilities: probabilities, labels: labels, counts: confusion.labelCounts)
  }

  /// The mean area, and the classes it leaves out.
  private static func areaUnderROC(
    _ scores: Tensor<Double>, probabilities: Tensor<Double>?, labels: [Int], counts: [Int]
  ) -> (Double?, [Int]) {
    if counts.count == 2 {
      let area = Ranking(ofSecondClass: scores, labels: labels).areaUnderROC
      return (area, area == nil ? counts.indices.filter { counts[$0] == 0 || counts[$0] == labels.count } : [])
    }
    let ranked = (probabilities ?? scores).elements
    var areas: [Double] = []
    var without: [Int] = []
    for (number, count) in counts.enumerated() {
      guard count > 0, count < labels.count else {
        without.append(number)
        continue
      }
      let column = labels.indices.map { ranked[$0 * counts.count + number] }
      areas += [Ranking(scores: column, isPositive: labels.map { $0 == number }).areaUnderROC].compactMap(\.self)
    }
    return (areas.isEmpty ? nil : mean(areas), without)
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}
