import NormaData
import NormaGraph
import NormaTensor

/// What training makes small: a number for a batch, from what the model gave and what it should have given.
///
/// ```swift
/// struct MeanAbsoluteError: LossFunction {
///   static let name = "meanAbsoluteError"
///
///   func callAsFunction<Element: TensorElement>(
///     _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, classWeights: [Double]?
///   ) throws -> Variable<Element> {
///     let difference = outputs - Variable(try targets.values(for: self))
///     return (difference.relu() + difference.scaled(by: -1).relu()).mean()
///   }
/// }
///
/// try LossRegistry.shared.register(MeanAbsoluteError.self)  // so that checkpoints can name it
/// ```
public protocol LossFunction: NamedSettings, CustomStringConvertible {
  /// The loss of a batch, `[]`: as a rule the mean over its examples.
  ///
  /// - Parameters:
  ///   - outputs: what the model gave, `[N, outputs]`.
  ///   - targets: what it should have given.
  ///   - classWeights: how much an example of each class counts; nil if all count the same, and for numbers.
  /// - Throws: ``TrainingError/targetsDoNotFit(_:)`` if the loss is for another kind of target.
  func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, classWeights: [Double]?
  ) throws -> Variable<Element>

  /// Whether softmax makes probabilities of the scores that a model gives which learned by this loss; false unless said.
  var givesProbabilities: Bool { get }
}

extension LossFunction {
  public var givesProbabilities: Bool { false }

  /// The name in files.
  public var description: String { Self.name }

  /// The loss of a batch, `[]`, in which all classes count the same.
  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets
  ) throws -> Variable<Element> { try self(outputs, targets: targets, classWeights: nil) }
}

/// Where losses are registered, so that files can name them.
public enum LossRegistry {
  /// All losses of the program: Norma's, and what it adds.
  public static let shared = Registry<any LossFunction>(
    of: "loss", [SoftmaxCrossEntropy.self, MulticlassSVM.self, MeanSquaredError.self])
}

/// Softmax cross-entropy, for classes: the mean of `−log softmax(scores)[label]`.
public struct SoftmaxCrossEntropy: LossFunction {
  public static let name = "softmaxCrossEntropy"
  /// The loss; there is nothing to set.
  public init() {}

  public var givesProbabilities: Bool { true }
  public var description: String { "softmax cross-entropy" }

  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, classWeights: [Double]?
  ) throws -> Variable<Element> {
    outputs.softmaxCrossEntropy(labels: try targets.labels(for: self), classWeights: classWeights)
  }
}

/// The multiclass support vector machine's loss, for classes: the mean over the examples of
/// `Σⱼ max(0, scoreⱼ − score[label] + 1)` over the other classes.
public struct MulticlassSVM: LossFunction {
  public static let name = "multiclassSVM"
  /// The loss; there is nothing to set.
  public init() {}

  public var description: String { "multiclass SVM" }

  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, classWeights: [Double]?
  ) throws -> Variable<Element> {
    outputs.multiclassSVM(labels: try targets.labels(for: self), classWeights: classWeights)
  }
}

/// The mean squared error, for numbers.
public struct MeanSquaredError: LossFunction {
  public static let name = "meanSquaredError"
  /// The loss; there is nothing to set.
  public init() {}

  public var description: String { "mean squared error" }

  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, classWeights: [Double]?
  ) throws -> Variable<Element> {
    outputs.meanSquaredError(targets: try targets.values(for: self))
  }
}

extension LossFunction where Self == SoftmaxCrossEntropy {
  /// Softmax cross-entropy, for classes.
  public static var softmaxCrossEntropy: Self { Self() }
}

extension LossFunction where Self == MulticlassSVM {
  /// The multiclass support vector machine's loss, for classes.
  public static var multiclassSVM: Self { Self() }
}

extension LossFunction where Self == MeanSquaredError {
  /// The mean squared error, for numbers.
  public static var meanSquaredError: Self { Self() }
}

extension Dataset.Targets {
  /// The examples' classes, for a loss that needs classes.
  ///
  /// - Throws: ``TrainingError/targetsDoNotFit(_:)`` for numbers.
  public func labels(for loss: some LossFunction) throws -> [Int] {
    guard case .classes(let labels, _) = self else {
      throw TrainingError.targetsDoNotFit("\(loss) needs classes to predict, not numbers")
    }
    return labels
  }

  /// The numbers to predict, `[N, K]`, for a loss that needs numbers.
  ///
  /// - Throws: ``TrainingError/targetsDoNotFit(_:)`` for classes.
  public func values(for loss: some LossFunction) throws -> Tensor<Element> {
    guard case .values(let values) = self else {
      throw TrainingError.targetsDoNotFit("\(loss) needs numbers to predict, not classes")
    }
    return values
  }
}
