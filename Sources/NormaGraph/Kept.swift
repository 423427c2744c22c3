import NormaTensor

/// Of which inputs an operation has to find the gradients.
public struct Needs: Sendable {
  private var bits: UInt64 = 0

  /// None.
  public init() {}

  /// All of so many inputs.
  public static func all(_ count: Int) -> Needs {
    var needs = Needs()
    for index in 0..<count { needs[index] = true }
    return needs
  }

  /// Whether the gradient of an input is needed, of at most 64.
  public subscript(input: Int) -> Bool {
    get { bits >> UInt64(input) & 1 == 1 }
    set { bits = newValue ? bits | 1 << UInt64(input) : bits & ~(1 << UInt64(input)) }
  }
}

/// Which of its inputs and its result an operation keeps for its gradients.
public struct KeptTensors: OptionSet, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The result.
  public static let output = KeptTensors(rawValue: 1 << 63)
  /// The input of a place, of at most 63.
  public static func input(_ index: Int) -> KeptTensors { KeptTensors(rawValue: 1 << UInt64(index)) }
  /// All inputs and the result.
  public static let everything = KeptTensors(rawValue: .max)
}

/// The half-width copy of an activation that all operations share which keep it: made when the first of them does.
final class KeptActivation<Element: TensorElement> {
  private let precision: HalfPrecision
  private var rounded: HalfTensor?

  init(_ precision: HalfPrecision) { self.precision = precision }

  /// The numbers of the activation, which is the same at each call, or a view of it.
  func rounded(_ value: Tensor<Element>) -> HalfTensor {
    let found = rounded ?? value.rounded(to: precision)
    rounded = found
    return found.reshaped(to: value.shape)
  }
}

/// What an operation finds again in its backward pass.
public struct Kept<Element: TensorElement> {
  /// Which gradients are asked for.
  public let needs: Needs
  /// Whether activations are kept in half width: then they are rounded, each by itself.
  public let isRounded: Bool
  /// How to get at the inputs that are kept; nil for the others.
  private let inputs: [Source?]
  private let shapes: [Shape]
  private let result: Source?

  private enum Source {
    case tensor(Tensor<Element>)
    /// One of half width, which is expanded where it is needed.
    case half(HalfTensor)
    /// One that is computed again where it is needed.
    case recomputation(() -> Tensor<Element>)

    init(_ value: Tensor<Element>, _ activation: KeptActivation<Element>?) {
      self = activation.map { .half($0.rounded(value)) } ?? .tensor(value)
    }

    var value: Tensor<Element> {
      switch self {
      case .tensor(let tensor): tensor
      case .half(let half): half.widened()
      case .recomputation(let recompute): recompute()
      }
    }
  }

  @specialized(where Element == Float)
  init(
    _ kept: KeptTensors, of inputs: [Variable<Element>], output: Tensor<Element>, activation: KeptActivation<Element>?,
    needs: Needs
  ) {
    self.needs = needs
    isRounded = activation != nil
    result = kept.contains(.output) ? Source(output, activation) : nil
    var sources: [Source?] = []
    var shapes: [Shape] = []
    sources.reserveCapacity(inputs.count)
    shapes.reserveCapacity(inputs.count)
    for (index, input) in inputs.enumerated() {
      shapes.append(input.shape)
      guard kept.contains(.input(index)) else {
        sources.append(nil)
        continue
      }
      // Values alone: a variable in a pullback would hold the graph that holds the pullback, for ever.
      sources.append(input.recomputation.map { .recomputation($0) } ?? Source(input.value, input.activation))
    }
    self.inputs = sources
    self.shapes = shapes
  }

  /// Of inputs of which nothing is kept but their shapes.
  init(shapes: [Shape], needs: Needs) {
    (self.shapes, self.needs, isRounded, result) = (shapes, needs, false, nil)
    inputs = shapes.map { _ in nil }
  }

  /// An input, which must be one that is kept.
  public func input(_ index: Int) -> Tensor<Element> {
    guard let source = inputs[index] else {
      fatalError("input \(index) of an operation is asked for, and was not kept")
    }
    return source.value
  }

  /// An input as it is kept, where that is in half width.
  package func half(_ index: Int) -> HalfTensor? {
    if case .half(let half) = inputs[index] { half } else { nil }
  }

  /// The number of inputs.
  public var count: Int { inputs.count }

  /// The shape of an input, kept or not.
  public func shape(_ index: Int) -> Shape { shapes[index] }

  /// The result, which must be one that is kept.
  public var output: Tensor<Element> {
    guard let result else { fatalError("the result of an operation is asked for, and was not kept") }
    return result.value
  }
}
