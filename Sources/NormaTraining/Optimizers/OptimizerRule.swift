import NormaLayers
import NormaTensor

/// How gradients become steps, and what is remembered for that between steps.
///
/// ```swift
/// /// Divides each gradient by the root of the sum of all its squares so far (Duchi et al. 2011).
/// struct AdaGrad: OptimizerRule {
///   static let name = "adaGrad"
///   var slots: [String] { ["sum_of_squares"] }
///
///   func update<Element: TensorElement>(
///     _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
///     step: OptimizerStep
///   ) {
///     for i in values.indices {
///       slots[0, i] += gradients[i] * gradients[i]
///       values[i] -= Element(step.learningRate) * gradients[i] / (slots[0, i].squareRoot() + 1e-10)
///     }
///   }
/// }
///
/// try OptimizerRegistry.shared.register(AdaGrad.self)  // so that checkpoints can name it
/// ```
public protocol OptimizerRule: NamedSettings, CustomStringConvertible {
  /// What is remembered for each number of a parameter, each under a name of its own, by which it is saved; it is 0 before the
  /// first step.
  var slots: [String] { get }

  /// Whether ``update(_:gradients:slots:step:)`` must see a parameter as a whole, as a rule does that measures its length. False
  /// unless said: large parameters come in ranges then, several at a time on as many threads.
  var takesWholeParameters: Bool { get }

  /// By how much the rule shrinks weights at each step, times the learning rate, where a training says nothing else; 0 unless said.
  var weightDecay: Double { get }

  /// Whether ``update(_:gradients:slots:step:)`` itself does what a step is asked for besides the rule: multiplies the numbers by
  /// ``OptimizerStep/shrinkage`` and gradients by ``OptimizerStep/gradientFactor``, and takes what comes of the numbers into the mean that is
  /// one slot more, by ``OptimizerStep/averageWeight``. False unless said: it is done before and after, for more reading and writing.
  var makesWholeSteps: Bool { get }

  /// Makes one step of a range of a parameter's numbers.
  ///
  /// - Parameters:
  ///   - values: the numbers, which are changed.
  ///   - gradients: the gradient of the loss with respect to each.
  ///   - slots: what is remembered for each, in the order of ``slots``.
  ///   - step: what is the same for all of them.
  func update<Element: TensorElement>(
    _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
    step: OptimizerStep)
}

extension OptimizerRule {
  public var takesWholeParameters: Bool { false }
  public var weightDecay: Double { 0 }
  public var makesWholeSteps: Bool { false }

  /// The name in files.
  public var description: String { Self.name }
}

/// What is the same for all numbers of a parameter in one step.
public struct OptimizerStep: Hashable, Sendable {
  /// The number of the step, counted from 1.
  public let number: Int
  /// The learning rate of the step, of the parameter's group.
  public let learningRate: Double
  /// What the parameter does in its layer.
  public let kind: ParameterKind
  /// By how much weight decay shrinks the parameter, times the learning rate; 0 for one that it leaves alone.
  public let weightDecay: Double

  /// What gradients are to be multiplied by, at most 1, where they are clipped by their length; 1 unless the rule makes whole steps.
  public let gradientFactor: Double
  /// By how much the mean of the weights goes towards them, `mean += averageWeight · (weight − mean)`; nil where there is none, and unless
  /// the rule makes whole steps.
  public let averageWeight: Double?

  /// What weight decay multiplies the parameter by: `1 − learningRate · weightDecay` (Loshchilov and Hutter 2019).
  public var shrinkage: Double { 1 - learningRate * weightDecay }
}

/// What an optimizer remembers for a range of a parameter's numbers.
public struct OptimizerSlots<Element: TensorElement>: ~Copyable {
  /// The first number of each slot, of all parameters one after the other.
  private let slots: UnsafeBufferPointer<UnsafeMutablePointer<Element>>
  private let offset: Int
  /// How many numbers the range has.
  public let count: Int

  init(_ slots: UnsafeBufferPointer<UnsafeMutablePointer<Element>>, offset: Int, count: Int) {
    self.slots = slots
    self.offset = offset
    self.count = count
  }

  /// What the slot of a number remembers for the range's number `index`.
  public subscript(slot: Int, index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "number \(index) of \(count)")
      return pointer(slot)[index]
    }
    set {
      precondition(index >= 0 && index < count, "number \(index) of \(count)")
      pointer(slot)[index] = newValue
    }
  }

  /// Where a slot's numbers of the range begin.
  func pointer(_ slot: Int) -> UnsafeMutablePointer<Element> {
    precondition(slots.indices.contains(slot), "slot \(slot) of \(slots.count)")
    return slots[slot] + offset
  }
}

/// Where optimizers are registered, so that files can name them.
public enum OptimizerRegistry {
  /// All rules of the program: Norma's, and what it adds.
  public static let shared = Registry<any OptimizerRule>(
    of: "optimizer", [SGD.self, RMSProp.self, Adam.self, Lion.self])
}
