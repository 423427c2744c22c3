import Norma
import NormaLab

/// Evaluations made up for tests of their page.
enum SampleEvaluation {
  static func classes(_ names: [String], areLogits: Bool = true) throws -> EvaluationResult {
    var random = RandomGenerator(seed: 4)
    let labels = (0..<60).map { $0 % names.count }
    let scores = Tensor<Float>(
      labels.flatMap { label in names.indices.map { Float(random.normalPair().0) + ($0 == label ? 1.5 : 0) } },
      shape: [60, names.count])
    return EvaluationResult(
      model: "model", data: "flowers", count: 60, loss: 0.5,
      outcome: .classes(
        names: names, try ClassificationMetrics(scores: scores, labels: labels, areLogits: areLogits),
        names.count == 2 ? Ranking(ofSecondClass: scores.converted(), labels: labels) : nil))
  }

  static func values(count: Int, scale: Double = 1) throws -> EvaluationResult {
    var random = RandomGenerator(seed: 5)
    let targets = Tensor<Double>((0..<count).map { scale * Double($0) }, shape: [count, 1])
    let predictions = Tensor<Double>(
      (0..<count).map { scale * (Double($0) + random.normalPair().0) }, shape: [count, 1])
    return EvaluationResult(
      model: "model", data: "houses", count: count, loss: 1,
      outcome: .values(
        names: ["price"], try RegressionMetrics(predictions: predictions, targets: targets), predictions: predictions,
        targets: targets))
  }
}
