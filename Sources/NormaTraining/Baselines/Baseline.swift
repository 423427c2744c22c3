import NormaData
import NormaTensor

/// What can be said of an example without looking at it: the most frequent class of the training data, or the mean of their
/// targets. A model that does no better has learned nothing.
public struct Baseline: Sendable, Equatable {
  /// The same outputs for every example: `[K]` logarithms of the classes' shares, or `[K]` means.
  private let outputs: [Float]
  /// The most frequent class of the training data, the first of equals; nil for numbers.
  public let mostFrequentClass: Int?

  /// The base line of training data.
  ///
  /// - Throws: ``TrainingError/emptyDataset(name:)`` if there are none.
  public init(of training: Dataset<Float>) throws {
    guard training.count > 0 else { throw TrainingError.emptyDataset(name: training.name) }
    switch training.targets {
    case .classes(let labels, let count):
      var counts = [Int](repeating: 0, count: count)
      for label in labels { counts[label] += 1 }
      // One that does not occur is nearly impossible rather than impossible, whose loss is no number.
      outputs = counts.map { Functions.logarithm(max(Float($0), 1e-3) / Float(labels.count)) }
      mostFrequentClass = counts.indices.max { counts[$0] < counts[$1] || (counts[$0] == counts[$1] && $0 > $1) }
    case .values(let values):
      let columns = values.shape[1]
      var sums = [Double](repeating: 0, count: columns)
      for (index, value) in values.elements.enumerated() { sums[index % columns] += Double(value) }
      outputs = sums.map { Float($0 / Double(training.count)) }
      mostFrequentClass = nil
    }
  }

  /// The outputs for so many examples, `[N, K]`: the same in every row.
  public func predict(count: Int) -> Tensor<Float> {
    Tensor((0..<count).flatMap { _ in outputs }, shape: [count, outputs.count])
  }

  /// How well it does on data of the same kind.
  ///
  /// - Throws: ``TrainingError`` where the targets are others.
  public func evaluate(on dataset: Dataset<Float>) throws -> Evaluation {
    try dataset.check(outputCount: outputs.count)
    return try Evaluation(
      outputs: predict(count: dataset.count), of: dataset,
      loss: mostFrequentClass == nil ? .meanSquaredError : .softmaxCrossEntropy)
  }
}

extension Dataset {
  /// Makes sure that there is something, with so many targets.
  func check(outputCount: Int) throws {
    guard count > 0 else { throw TrainingError.emptyDataset(name: name) }
    let wanted =
      switch targets {
      case .classes(_, let count): count
      case .values(let values): values.shape.channelCount
      }
    guard wanted == outputCount else {
      throw TrainingError.targetsDoNotFit(
        "\(name) has \(wanted) targets a sample, and the model has \(outputCount) outputs")
    }
  }
}
