import NormaData
import NormaGraph
import NormaLayers
import NormaTensor

/// How well a model does on data it is not learning from.
public struct Evaluation: Sendable, Equatable {
  /// The mean loss over the samples.
  public var loss: Double
  /// The accuracy (the share of samples whose highest score is that of their class) or, for numbers, R² (1 less the
  /// share of the targets' variance that the predictions leave unexplained).
  public var metric: Double
  /// How often samples of class i (row) were taken for class j (column), `[classes][classes]`; empty for numbers.
  public var confusion: [[Int]]
  /// The root of the mean squared error; nil for classes.
  public var rootMeanSquaredError: Double?
}

extension Evaluation {
  /// Holds a model's outputs `[N, outputs]` against the targets of the data they were computed from.
  public init<Element: TensorElement>(
    outputs: Tensor<Element>, of dataset: Dataset<Element>, loss: LossFunction
  ) throws(TrainingError) {
    self.loss = Double(try loss(Variable(outputs), targets: dataset.targets).value.item)
    switch dataset.targets {
    case .classes(let labels, let count):
      confusion = [[Int]](repeating: [Int](repeating: 0, count: count), count: count)
      var correct = 0
      for (predicted, label) in zip(outputs.indicesOfMaximaOverChannels(), labels) {
        confusion[label][predicted] += 1
        if predicted == label { correct += 1 }
      }
      metric = Double(correct) / Double(labels.count)
      rootMeanSquaredError = nil
    case .values(let targets):
      let squares = Double((outputs - targets).sumOfSquares())
      let means = targets.sumOverRows().applying(.scale(1 / Element(targets.shape[0])))
      let spread = Double(targets.applying(.subtract, means, broadcast: .perChannel).sumOfSquares())
      confusion = []
      metric = spread > 0 ? 1 - squares / spread : (squares == 0 ? 1 : -.infinity)
      rootMeanSquaredError = (squares / Double(targets.count)).squareRoot()
    }
  }
}

extension Layer {
  /// The outputs for each sample in inference, in batches: `[N, …] → [N, outputs]`.
  public func predict(_ features: Tensor<Element>, batchSize: Int = 256) throws -> Tensor<Element> {
    guard features.shape[0] > 0 else {
      return .zeros(try outputShape(for: features.shape))
    }
    return try features.mapBatches(of: batchSize) { try self(Variable($0), in: .inference).value }
  }

  /// Evaluates the model in inference.
  ///
  /// - Throws: ``TrainingError`` where the data do not fit.
  public func evaluate(
    on dataset: Dataset<Element>, loss: LossFunction, batchSize: Int = 256
  ) throws -> Evaluation {
    try check(dataset)
    return try Evaluation(outputs: try predict(dataset.features, batchSize: batchSize), of: dataset, loss: loss)
  }

  /// Makes sure that the model can take the data's samples and gives an output for each of their targets.
  package func check(_ dataset: Dataset<Element>) throws(TrainingError) {
    guard dataset.count > 0 else { throw .emptyDataset(name: dataset.name) }
    let outputs: Shape
    do {
      outputs = try outputShape(for: dataset.features.shape)
    } catch {
      throw .dataDoNotFit("the samples of \(dataset.name) do not fit the model: \(error)")
    }
    let wanted =
      switch dataset.targets {
      case .classes(_, let count): count
      case .values(let values): values.shape.channelCount
      }
    guard outputs == [dataset.count, wanted] else {
      throw .targetsDoNotFit(
        "\(dataset.name) has \(wanted) targets a sample, and the model's outputs have shape \(outputs)")
    }
  }
}

extension InferenceModel {
  /// The outputs for each sample, in batches: `[N, …] → [N, outputs]`, for one sample or more.
  ///
  /// - Throws: `LayerError` for samples that do not fit the model.
  public func predict(_ features: Tensor<Element>, batchSize: Int = 256) throws(LayerError) -> Tensor<Element> {
    try features.mapBatches(of: batchSize) { batch throws(LayerError) in try self(batch) }
  }
}

extension Tensor {
  /// What a function makes of the rows, so many at a time.
  fileprivate func mapBatches<Failure: Error>(
    of size: Int, _ transform: (Tensor) throws(Failure) -> Tensor
  ) throws(Failure) -> Tensor {
    guard shape[0] > size else { return try transform(self) }
    let parts = try stride(from: 0, to: shape[0], by: size).map { start throws(Failure) in
      try transform(self[rows: start..<Swift.min(shape[0], start + size)])
    }
    return .concatenating(rows: parts)
  }
}

extension Dataset {
  /// The share of examples whose highest score is that of their class; nil if the targets are numbers.
  package func accuracy(of outputs: Tensor<Element>) -> Double? {
    guard case .classes(let labels, _) = targets, !labels.isEmpty else { return nil }
    return Double(zip(outputs.indicesOfMaximaOverChannels(), labels).count { $0 == $1 }) / Double(labels.count)
  }
}
