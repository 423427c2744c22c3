import Norma

/// How a saved model did on data, as a report tells of it.
public struct EvaluationResult: Sendable {
  /// The answers held against what is true.
  public enum Outcome: Sendable {
    /// Classes by their names; of two, how well scores put the second before the first.
    case classes(names: [String], ClassificationMetrics, Ranking?)
    /// Numbers by their names, with what was predicted and what is true, `[N, K]`.
    case values(names: [String], RegressionMetrics, predictions: Tensor<Double>, targets: Tensor<Double>)
  }

  /// A measure of how good the answers are.
  public struct Measure: Sendable, Equatable {
    /// What it is called.
    public let name: String
    /// Its value; nil where there is none.
    public let value: Double?
    /// Whether it is a share of examples or probability, which people read in per cent.
    public let isShare: Bool
    /// What it is.
    public let remark: String
    /// Why there is none, or what it leaves out.
    public let caveat: String?
  }

  /// What the model is called.
  public let model: String
  /// What the data are called.
  public let data: String
  /// Who made the data and under which licence, where that must be said.
  public let attribution: String?
  /// How many examples there are.
  public let count: Int
  /// The mean loss.
  public let loss: Double
  /// The answers held against what is true.
  public let outcome: Outcome

  /// A result by its parts.
  public init(
    model: String, data: String, attribution: String? = nil, count: Int, loss: Double, outcome: Outcome
  ) {
    self.model = model
    self.data = data
    self.attribution = attribution
    self.count = count
    self.loss = loss
    self.outcome = outcome
  }

  /// All measures but the loss, in the order in which they are told.
  public var measures: [Measure] {
    switch outcome {
    case .classes(let names, let metrics, _): measures(names, metrics)
    case .values(let names, let metrics, _, _): measures(names, metrics)
    }
  }

  private func measures(_ names: [String], _ metrics: ClassificationMetrics) -> [Measure] {
    let occurring = metrics.classes.count { $0.count > 0 }
    func share(_ name: String, _ value: Double?, _ remark: String) -> Measure {
      Measure(name: name, value: value, isShare: true, remark: remark, caveat: nil)
    }
    func number(_ name: String, _ value: Double?, _ remark: String, _ caveat: String? = nil) -> Measure {
      Measure(name: name, value: value, isShare: false, remark: remark, caveat: caveat)
    }
    var measures = [
      share("accuracy", metrics.accuracy, "the share of the examples whose class was found"),
      share(
        "balanced accuracy", metrics.balancedAccuracy,
        "the mean recall of the \(Words.count(occurring, "class", "classes")) that occur\(occurring == 1 ? "s" : "")"),
    ]
    if names.count == 2 {
      measures.append(number("F1 of \(names[1])", metrics.classes[1].f1, "of the second class"))
    }
    measures += [
      number("macro F1", metrics.macroF1, "the mean over the classes that occur or were predicted"),
      number("weighted F1", metrics.weightedF1, "the mean weighted by the classes' examples"),
      number(
        "ROC AUC", metrics.areaUnderROC,
        names.count == 2 ? "of \(names[1])" : "each class against the rest, the mean over the classes",
        rankingCaveat(names, metrics)),
    ]
    guard let probability = metrics.probability else {
      let reason = "the model learned by another loss than cross-entropy, and its scores are no probabilities"
      return measures + [number("log loss, Brier score, calibration error", nil, "of probabilities", reason)]
    }
    return measures + [
      number("log loss", probability.logLoss, "by natural logarithms"),
      number(
        "Brier score", probability.brierScore,
        names.count == 2 ? "of \(names[1])'s probability, from 0 to 1" : "the sum over the classes, from 0 to 2"),
      share(
        "calibration error", probability.calibration.expectedError,
        "the mean distance of \(names.count == 2 ? "\(names[1])'s probability" : "the probability of the answer") and how "
          + "often it comes true, over \(Calibration.binCount) bins"),
    ]
  }

  private func rankingCaveat(_ names: [String], _ metrics: ClassificationMetrics) -> String? {
    guard metrics.areaUnderROC != nil else { return "all examples are of one class" }
    let without = metrics.classesWithoutROC
    guard !without.isEmpty else { return nil }
    let shown = without.prefix(5).map { names[$0] } + (without.count > 5 ? ["\(without.count - 5) more"] : [])
    return "without \(Words.list(shown)), of which there are no examples"
  }

  private func measures(_ names: [String], _ metrics: RegressionMetrics) -> [Measure] {
    let mean = names.count > 1 ? "the mean over \(names.count) targets" : ""
    let constant = zip(names, metrics.targets).filter(\.1.isConstant).map(\.0)
    let caveat =
      constant.isEmpty
      ? nil
      : "\(Words.list(Array(constant.prefix(5)))) \(constant.count == 1 ? "is" : "are") the same for all examples, and R² "
        + "says nothing of such a target"
    func number(_ name: String, _ value: Double, _ caveat: String? = nil) -> Measure {
      Measure(name: name, value: value, isShare: false, remark: mean, caveat: caveat)
    }
    return [
      number("R²", metrics.r2, caveat), number("mean absolute error", metrics.meanAbsoluteError),
      number("root mean squared error", metrics.rootMeanSquaredError),
      number("median absolute error", metrics.medianAbsoluteError),
    ]
  }
}
