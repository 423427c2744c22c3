import NormaData
import NormaGraph
import NormaTensor

/// What training makes small.
public enum LossFunction: String, Hashable, Sendable, Codable, CaseIterable {
  /// The first two are for classes, the last is for numbers; each is the mean over the batch.
  case softmaxCrossEntropy, multiclassSVM, meanSquaredError

  /// The loss of a batch, `[]`.
  ///
  /// - Parameters:
  ///   - outputs: what the model gave, `[N, outputs]`.
  ///   - targets: what it should have given.
  ///   - classWeights: how much an example of each class counts; nil if all count the same, and for numbers.
  /// - Throws: ``TrainingError/targetsDoNotFit(_:)`` if the loss is for another kind of target.
  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, classWeights: [Double]? = nil
  ) throws(TrainingError) -> Variable<Element> {
    switch (self, targets) {
    case (.softmaxCrossEntropy, .classes(let labels, _)):
      return outputs.softmaxCrossEntropy(labels: labels, classWeights: classWeights)
    case (.multiclassSVM, .classes(let labels, _)):
      return outputs.multiclassSVM(labels: labels, classWeights: classWeights)
    case (.meanSquaredError, .values(let values)): return outputs.meanSquaredError(targets: values)
    case (.meanSquaredError, .classes):
      throw .targetsDoNotFit("mean squared error needs numbers to predict, not classes")
    default: throw .targetsDoNotFit("\(rawValue) needs classes to predict, not numbers")
    }
  }
}
