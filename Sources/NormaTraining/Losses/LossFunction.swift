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
///     _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
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
  ///   - weights: how much each example counts, `[N]` numbers of at least 0, by which the mean is weighted; nil if all count the
  ///     same.
  /// - Throws: ``TrainingError/targetsDoNotFit(_:)`` if the loss is for another kind of target.
  func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
  ) throws -> Variable<Element>

  /// Whether softmax makes probabilities of the scores that a model gives which learned by this loss; false unless said.
  var givesProbabilities: Bool { get }

  /// What is wrong with its settings, in words that follow "nothing can be trained with"; nil if nothing is, as unless said.
  var problem: String? { get }
}

extension LossFunction {
  public var givesProbabilities: Bool { false }
  public var problem: String? { nil }

  /// The name in files.
  public var description: String { Self.name }

  /// The loss of a batch, `[]`, in which all examples count the same.
  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets
  ) throws -> Variable<Element> { try self(outputs, targets: targets, weights: nil) }
}

/// Where losses are registered, so that files can name them.
public enum LossRegistry {
  /// All losses of the program: Norma's, and what it adds.
  public static let shared = Registry<any LossFunction>(
    of: "loss",
    [
      SoftmaxCrossEntropy.self, FocalLoss.self, MulticlassSVM.self, MeanSquaredError.self, HuberLoss.self,
      BinaryCrossEntropy.self,
    ])
}

/// Softmax cross-entropy, for classes: the mean of `−log softmax(scores)[label]`.
public struct SoftmaxCrossEntropy: LossFunction {
  public static let name = "softmaxCrossEntropy"
  /// The part of each target that is spread evenly over all classes, from 0 to 1.
  public var labelSmoothing: Double
  /// The loss; without smoothing unless given.
  public init(labelSmoothing: Double = 0) { self.labelSmoothing = labelSmoothing }

  public var givesProbabilities: Bool { true }
  public var description: String {
    "softmax cross-entropy" + (labelSmoothing == 0 ? "" : ", labels smoothed by \(labelSmoothing)")
  }
  public var problem: String? {
    (0...1).contains(labelSmoothing) ? nil : "labels smoothed by \(labelSmoothing), which is not from 0 to 1"
  }

  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
  ) throws -> Variable<Element> {
    outputs.softmaxCrossEntropy(
      labels: try targets.labels(for: self), weights: weights, labelSmoothing: labelSmoothing)
  }

  private enum CodingKeys: String, CodingKey { case labelSmoothing }

  /// Settings from a file; earlier versions wrote none, or the name alone.
  public init(from decoder: any Decoder) throws {
    let values = try? decoder.container(keyedBy: CodingKeys.self)
    labelSmoothing = try values?.decodeIfPresent(Double.self, forKey: .labelSmoothing) ?? 0
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    if labelSmoothing != 0 { try values.encode(labelSmoothing, forKey: .labelSmoothing) }
  }
}

/// The focal loss, for classes: the mean of `−(1 − p)^focus · log p` with p the probability of the label, which makes little of
/// examples that are classified rightly (Lin et al. 2017).
public struct FocalLoss: LossFunction {
  public static let name = "focal"
  /// How little is made of them, at least 0: γ in the paper, where 2 was best.
  public var focus: Double
  /// The loss by its focus.
  public init(focus: Double = 2) { self.focus = focus }

  public var givesProbabilities: Bool { true }
  public var description: String { "focal loss, focus \(focus)" }
  public var problem: String? { focus >= 0 && focus.isFinite ? nil : "a focal loss with a focus of \(focus)" }

  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
  ) throws -> Variable<Element> {
    outputs.focalLoss(labels: try targets.labels(for: self), focus: focus, weights: weights)
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
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
  ) throws -> Variable<Element> {
    outputs.multiclassSVM(labels: try targets.labels(for: self), weights: weights)
  }
}

/// The mean squared error, for numbers.
public struct MeanSquaredError: LossFunction {
  public static let name = "meanSquaredError"
  /// The loss; there is nothing to set.
  public init() {}

  public var description: String { "mean squared error" }

  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
  ) throws -> Variable<Element> {
    outputs.meanSquaredError(targets: try targets.values(for: self), weights: weights)
  }
}

/// Huber's loss, for numbers: the mean of `½·d²` where the difference d is at most the threshold, and of
/// `threshold · (|d| − ½·threshold)` beyond, so that single numbers far off do not decide everything.
public struct HuberLoss: LossFunction {
  public static let name = "huber"
  /// Where squares end, above 0.
  public var threshold: Double
  /// The loss by its threshold.
  public init(threshold: Double = 1) { self.threshold = threshold }

  public var description: String { "Huber loss, threshold \(threshold)" }
  public var problem: String? {
    threshold > 0 && threshold.isFinite ? nil : "a Huber loss with a threshold of \(threshold)"
  }

  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
  ) throws -> Variable<Element> {
    outputs.huberLoss(targets: try targets.values(for: self), threshold: threshold, weights: weights)
  }
}

/// Sigmoid and binary cross-entropy, for numbers from 0 to 1, each a question of its own; and for classes, each asked for by itself.
public struct BinaryCrossEntropy: LossFunction {
  public static let name = "binaryCrossEntropy"
  /// The loss; there is nothing to set.
  public init() {}

  public var description: String { "binary cross-entropy" }

  public func callAsFunction<Element: TensorElement>(
    _ outputs: Variable<Element>, targets: Dataset<Element>.Targets, weights: [Double]?
  ) throws -> Variable<Element> {
    switch targets {
    case .values(let values):
      guard values.elements.allSatisfy({ (0...1).contains($0) }) else {
        throw TrainingError.targetsDoNotFit("\(self) needs numbers from 0 to 1 to predict")
      }
      return outputs.binaryCrossEntropy(targets: values, weights: weights)
    case .classes(let classes, let count):
      var answers = [Element](repeating: 0, count: classes.count * count)
      for (row, label) in classes.enumerated() { answers[row * count + label] = 1 }
      return outputs.binaryCrossEntropy(targets: Tensor(answers, shape: [classes.count, count]), weights: weights)
    }
  }
}

extension LossFunction where Self == SoftmaxCrossEntropy {
  /// Softmax cross-entropy, for classes.
  public static var softmaxCrossEntropy: Self { Self() }
  /// Softmax cross-entropy, for classes, each target spread over all classes by some part.
  public static func softmaxCrossEntropy(labelSmoothing: Double) -> Self { Self(labelSmoothing: labelSmoothing) }
}

extension LossFunction where Self == FocalLoss {
  /// The focal loss, for classes.
  public static func focal(focus: Double = 2) -> Self { Self(focus: focus) }
}

extension LossFunction where Self == MulticlassSVM {
  /// The multiclass support vector machine's loss, for classes.
  public static var multiclassSVM: Self { Self() }
}

extension LossFunction where Self == MeanSquaredError {
  /// The mean squared error, for numbers.
  public static var meanSquaredError: Self { Self() }
}

extension LossFunction where Self == HuberLoss {
  /// Huber's loss, for numbers.
  public static func huber(threshold: Double = 1) -> Self { Self(threshold: threshold) }
}

extension LossFunction where Self == BinaryCrossEntropy {
  /// Sigmoid and binary cross-entropy, for numbers from 0 to 1 and for classes.
  public static var binaryCrossEntropy: Self { Self() }
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
