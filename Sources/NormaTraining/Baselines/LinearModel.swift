import NormaData
import NormaTensor

/// The best model without a hidden layer, which a network has to beat to be worth its layers: for classes multinomial logistic
/// regression, for numbers linear regression.
///
/// ```swift
/// let linear = try LinearModel(fittedOn: data.training)
/// let accuracy = try linear.evaluate(on: data.validation).metric
/// ```
///
/// Features are standardized by the training examples, and the weights carry a small penalty, ½‖W‖² beside the sum of the
/// examples' losses (for numbers, of half their squares); biases carry none. Those are the defaults of scikit-learn's
/// `LogisticRegression` (C = 1) and `Ridge` (alpha = 1) behind a `StandardScaler`. The optimum is unique, so nothing here depends on
/// a seed, and it is the same to the last bit for any number of threads.
///
/// The cost is bounded. Of data with more than 2²⁶ numbers, or 2³¹ products in a step, the first examples are taken that stay
/// below both, see ``exampleCount``; data split by chance are in random order.
public struct LinearModel: Sendable {
  /// What is done to features first.
  public let standardization: Standardization<Float>
  /// The weights of standardized features, `[features, outputs]`.
  public let weights: Tensor<Double>
  /// What is added, `[outputs]`.
  public let bias: Tensor<Double>
  /// How many of the training examples, from the first on, it was fitted on.
  public let exampleCount: Int
  /// Whether the optimum was reached; otherwise the steps ran out close to it.
  public let isConverged: Bool
  /// Whether its outputs are scores of classes.
  public let predictsClasses: Bool

  /// The best linear model of training data.
  ///
  /// - Throws: ``TrainingError`` if there are none, or some of their numbers are not finite.
  public init(fittedOn training: Dataset<Float>) throws(TrainingError) {
    guard training.count > 0 else { throw .emptyDataset(name: training.name) }
    let outputs: Int
    switch training.targets {
    case .classes(_, let count): (outputs, predictsClasses) = (count, true)
    case .values(let values):
      (outputs, predictsClasses) = (values.shape.channelCount, false)
      guard values.isFinite else { throw .dataDoNotFit("\(training.name) has targets that are not finite") }
    }
    let width = training.exampleShape.elementCount
    let rows = Self.examples(of: training.count, width: width, outputs: outputs)
    exampleCount = rows
    let features = training.batch(0..<rows).features.reshaped(to: [rows, width])
    let standardized: Tensor<Float>
    do {
      standardization = try Standardization(fittedOn: features, mode: .perFeature)
      standardized = try standardization.applied(to: features)
    } catch {
      throw .dataDoNotFit("no linear model can be fitted on \(training.name): \(error)")
    }
    let targets = training.targets.first(rows)
    // Products of Float are many times as fast, and needed where there is much to multiply.
    let fitted =
      rows * width <= 1 << 21
      ? LinearFit(standardized.converted(to: Double.self), targets, outputs: outputs)
      : LinearFit(standardized, targets, outputs: outputs)
    (weights, bias, isConverged) = (fitted.weights, fitted.bias, fitted.isConverged)
  }

  /// How many examples the bounds allow, and one at least.
  private static func examples(of count: Int, width: Int, outputs: Int) -> Int {
    max(1, min(count, (1 << 26) / max(1, width), (1 << 31) / max(1, width * outputs)))
  }

  /// The outputs for each example: `[N, …] → [N, outputs]`. For classes they are scores whose softmax are probabilities.
  ///
  /// - Throws: ``TrainingError/dataDoNotFit(_:)`` for examples of another width.
  public func predict(_ features: Tensor<Float>) throws(TrainingError) -> Tensor<Float> {
    let (count, width) = (features.shape[0], weights.shape[0])
    guard count > 0 else { return .zeros([0, bias.count]) }
    guard features.count == count * width else {
      throw .dataDoNotFit("the linear model takes \(width) numbers an example, not a shape \(features.shape)")
    }
    // Parts, because in Double the examples take twice their memory.
    let parts = try stride(from: 0, to: count, by: 1024).map { start throws(TrainingError) -> Tensor<Float> in
      let end = min(count, start + 1024)
      let rows = features[rows: start..<end].reshaped(to: [end - start, width])
      do {
        return try standardization.applied(to: rows).converted(to: Double.self).matrixProduct(weights)
          .applying(.add, bias, broadcast: .perChannel).converted(to: Float.self)
      } catch {
        throw .dataDoNotFit("\(error)")
      }
    }
    return .concatenating(rows: parts)
  }

  /// The outputs for each example of a data set, in parts that are brought together one at a time: `[N, outputs]`.
  ///
  /// - Throws: ``TrainingError/dataDoNotFit(_:)`` for examples of another width.
  public func predict(_ dataset: Dataset<Float>) throws(TrainingError) -> Tensor<Float> {
    guard dataset.count > 0 else { return .zeros([0, bias.count]) }
    return .concatenating(
      rows: try dataset.mapBatches(of: 1024) { batch throws(TrainingError) in try predict(batch) })
  }

  /// How well it does on data of the same kind.
  ///
  /// - Throws: ``TrainingError`` where the data are others.
  public func evaluate(on dataset: Dataset<Float>) throws(TrainingError) -> Evaluation {
    try dataset.check(outputCount: bias.count)
    return try Evaluation(
      outputs: predict(dataset), of: dataset, loss: predictsClasses ? .softmaxCrossEntropy : .meanSquaredError)
  }
}

extension Dataset.Targets {
  /// Those of the first examples.
  fileprivate func first(_ count: Int) -> Self {
    switch self {
    case .classes(let labels, let classes): .classes(Array(labels.prefix(count)), count: classes)
    case .values(let values): .values(values[rows: 0..<count])
    }
  }
}
