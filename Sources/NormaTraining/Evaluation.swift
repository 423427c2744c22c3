import NormaData
import NormaGraph
import NormaLayers
import NormaTensor

/// How well a model does on data it is not learning from: what training asks after every epoch.
///
/// ``ClassificationMetrics`` and ``RegressionMetrics`` say more.
public struct Evaluation: Sendable, Equatable {
  /// The mean loss over the samples.
  public var loss: Double
  /// The accuracy (the share of samples whose highest score is that of their class) or, for numbers, R² (1 less the
  /// share of a target's variance that the predictions leave unexplained, the mean over the targets). NaN if an output is
  /// not finite: the highest of scores that are not numbers says nothing.
  public var metric: Double
  /// The root of the mean squared error, averaged over the targets; nil for classes.
  public var rootMeanSquaredError: Double?
}

extension Evaluation {
  /// Holds a model's outputs `[N, outputs]` against the targets of the data they were computed from.
  public init<Element: TensorElement>(
    outputs: Tensor<Element>, of dataset: Dataset<Element>, loss: any LossFunction
  ) throws {
    self.loss = Double(try loss(Variable(outputs), targets: dataset.targets).value.item)
    switch dataset.targets {
    case .classes:
      metric = outputs.isFinite ? dataset.accuracy(of: outputs) ?? .nan : .nan
      rootMeanSquaredError = nil
    case .values(let targets):
      guard outputs.isFinite, dataset.count > 0 else {
        (metric, rootMeanSquaredError) = (.nan, .nan)
        return
      }
      let metrics = try RegressionMetrics(predictions: outputs, targets: targets)
      (metric, rootMeanSquaredError) = (metrics.r2, metrics.rootMeanSquaredError)
    }
  }
}

extension Layer {
  /// The outputs for each sample in inference, in batches: `[N, …] → [N, outputs]`.
  ///
  /// - Throws: `LayerError` for samples that do not fit the model, ``TrainingError/wrongSettings(_:)`` for batches of less than one
  ///   sample, and what a layer throws.
  public func predict(_ features: Tensor<Element>, batchSize: Int = 256) throws -> Tensor<Element> {
    let outputShape = try checkedOutputShape(for: features.shape, batchSize: batchSize)
    guard features.shape[0] > 0 else { return .zeros(outputShape) }
    return try features.mapBatches(of: batchSize) { try self(Variable($0), in: .inference).value }
  }

  /// The outputs for each example of a data set in inference, in batches that are brought together one at a time:
  /// `[N, outputs]`.
  ///
  /// - Parameters:
  ///   - dataset: the examples.
  ///   - batchSize: how many go through at once.
  ///   - group: the processes that share the work, of which each gets all outputs; nil for this one alone.
  /// - Throws: as `predict`; `ProcessGroupError`.
  public func predict(
    _ dataset: Dataset<Element>, batchSize: Int = 256, in group: (any ProcessGroup)? = nil
  ) throws -> Tensor<Element> {
    let outputShape = try checkedOutputShape(for: dataset.shape, batchSize: batchSize)
    guard dataset.count > 0 else { return .zeros(outputShape) }
    // What is given for an example does not depend on the others of its batch.
    let own = group?.share(of: dataset.count) ?? 0..<dataset.count
    let outputs =
      own.isEmpty
      ? .zeros(Shape([0] + outputShape.dropFirst()))
      : Tensor.concatenating(
        rows: try dataset.mapBatches(of: batchSize, in: own) { try self(Variable($0), in: .inference).value })
    return try group?.concatenated(outputs) ?? outputs
  }

  /// The shape of what the model makes of samples of a shape `[N, …]`, which must fit it.
  func checkedOutputShape(for shape: Shape, batchSize: Int) throws -> Shape {
    guard batchSize > 0 else { throw TrainingError.wrongSettings("batches of \(batchSize) samples") }
    guard shape.rank > 0 else { throw LayerError(layer: summary, expected: "samples [N, …]", found: shape) }
    return try outputShape(for: shape)
  }

  /// Evaluates the model in inference.
  ///
  /// - Parameters:
  ///   - dataset: what it is held against.
  ///   - loss: of what the mean is given.
  ///   - batchSize: how many examples go through at once.
  ///   - group: the processes that share the work, of which each gets the result; nil for this one alone.
  /// - Throws: ``TrainingError`` where the data do not fit; `ProcessGroupError`.
  public func evaluate(
    on dataset: Dataset<Element>, loss: any LossFunction, batchSize: Int = 256, in group: (any ProcessGroup)? = nil
  ) throws -> Evaluation {
    try check(dataset)
    return try Evaluation(outputs: try predict(dataset, batchSize: batchSize, in: group), of: dataset, loss: loss)
  }

  /// Makes sure that the model can take the data's samples and gives an output for each of their targets.
  package func check(_ dataset: Dataset<Element>) throws {
    guard dataset.count > 0 else { throw TrainingError.emptyDataset(name: dataset.name) }
    let outputs: Shape
    do {
      outputs = try outputShape(for: dataset.shape)
    } catch {
      throw TrainingError.dataDoNotFit("the samples of \(dataset.name) do not fit the model: \(error)")
    }
    let wanted =
      switch dataset.targets {
      case .classes(_, let count): count
      case .values(let values): values.shape.channelCount
      }
    guard outputs == [dataset.count, wanted] else {
      throw TrainingError.targetsDoNotFit(
        "\(dataset.name) has \(wanted) targets a sample, and the model's outputs have shape \(outputs)")
    }
  }
}

extension InferenceModel {
  /// The outputs for each sample, in batches: `[N, …] → [N, outputs]`, for one sample or more.
  ///
  /// - Throws: `LayerError` for samples that do not fit the model, ``TrainingError/wrongSettings(_:)`` for batches of less than one
  ///   sample; what an operation throws.
  public func predict(_ features: Tensor<Element>, batchSize: Int = 256) throws -> Tensor<Element> {
    guard batchSize > 0 else { throw TrainingError.wrongSettings("batches of \(batchSize) samples") }
    return try features.mapBatches(of: batchSize) { try self($0) }
  }

  /// The outputs for each example of a data set, in batches that are brought together one at a time: `[N, outputs]`.
  ///
  /// - Throws: `LayerError` for examples that do not fit the model.
  public func predict(_ dataset: Dataset<Element>, batchSize: Int = 256) throws -> Tensor<Element> {
    guard batchSize > 0 else { throw TrainingError.wrongSettings("batches of \(batchSize) samples") }
    return .concatenating(rows: try dataset.mapBatches(of: batchSize) { try self($0) })
  }
}

extension Dataset {
  /// What a function makes of the features of one batch after the other; the last is smaller where the number asks so.
  ///
  /// - Parameter range: the examples that are asked for; nil for all.
  package func mapBatches<Result>(
    of size: Int, in range: Range<Int>? = nil, _ transform: (Tensor<Element>) throws -> Result
  ) throws -> [Result] {
    let range = range ?? 0..<count
    return try stride(from: range.lowerBound, to: range.upperBound, by: size).map { start in
      try transform(batch(start..<Swift.min(range.upperBound, start + size)).features)
    }
  }
}

extension Tensor {
  /// What a function makes of the rows, so many at a time.
  fileprivate func mapBatches(of size: Int, _ transform: (Tensor) throws -> Tensor) throws -> Tensor {
    guard rank > 0, shape[0] > size else { return try transform(self) }
    let parts = try stride(from: 0, to: shape[0], by: size).map { start in
      try transform(self[rows: start..<Swift.min(shape[0], start + size)])
    }
    return .concatenating(rows: parts)
  }
}

extension Dataset {
  /// The share of examples whose highest score is that of their class; nil if the targets are numbers.
  package func accuracy(of outputs: Tensor<Element>) -> Double? {
    correctCount(of: outputs).flatMap { count == 0 ? nil : Double($0) / Double(count) }
  }

  /// The number of examples whose highest score is that of their class; nil if the targets are numbers.
  func correctCount(of outputs: Tensor<Element>) -> Int? {
    guard case .classes(let labels, _) = targets else { return nil }
    return zip(outputs.indicesOfMaximaOverChannels(), labels).count { $0 == $1 }
  }
}
