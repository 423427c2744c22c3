import NormaLayers
import NormaTensor

/// How gradients become steps, and what is remembered for that between steps.
///
/// ```swift
/// /// Steps by the sign of a running mean of the gradients (Chen et al. 2023).
/// struct Lion: OptimizerRule {
///   static let name = "lion"
///   var slots: [String] { ["momentum"] }
///
///   func update<Element: TensorElement>(
///     _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
///     step: OptimizerStep
///   ) {
///     for i in values.indices {
///       let direction = 0.9 * slots[0, i] + 0.1 * gradients[i]
///       slots[0, i] = 0.99 * slots[0, i] + 0.01 * gradients[i]
///       values[i] -= Element(step.learningRate) * (direction > 0 ? 1 : direction < 0 ? -1 : 0)
///     }
///   }
/// }
///
/// try OptimizerRegistry.shared.register(Lion.self)  // so that checkpoints can name it
/// ```
public protocol OptimizerRule: NamedSettings, CustomStringConvertible {
  /// What is remembered for each number of a parameter, each under a name of its own, by which it is saved; it is 0 before the
  /// first step.
  var slots: [String] { get }

  /// Whether ``update(_:gradients:slots:step:)`` must see a parameter as a whole, as a rule does that measures its length. False
  /// unless said: large parameters come in ranges then, several at a time on as many threads.
  var takesWholeParameters: Bool { get }

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

  /// The name in files.
  public var description: String { Self.name }
}

/// What is the same for all numbers of a parameter in one step.
public struct OptimizerStep: Hashable, Sendable {
  /// The number of the step, counted from 1.
  public let number: Int
  /// The learning rate of the step.
  public let learningRate: Double
  /// What the parameter does in its layer.
  public let kind: ParameterKind
  /// Whether the parameter is of a kind that weight decay shrinks.
  public let decays: Bool
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
  public static let shared = Registry<any OptimizerRule>(of: "optimizer", [SGD.self, RMSProp.self, Adam.self])
}
