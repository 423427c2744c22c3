import NormaNormalization
import NormaTensor

/// One thing that a computation does to tensors, and how its gradient is found.
///
/// The methods of ``Variable`` are operations; a program adds its own by conforming a type and applying it with
/// ``Variable/applying(_:_:)``:
///
/// ```swift
/// struct SquaredReLU: TensorOperation {
///   let name = "squared ReLU"
///   func forward(_ inputs: [Tensor<Float>]) -> (output: Tensor<Float>, saved: Void) {
///     let positive = inputs[0].applying(.leakyReLU(slope: 0))
///     return (positive * positive, ())
///   }
///   func backward(_ gradient: Tensor<Float>, _ kept: Kept<Float>, saved: Void) -> [Tensor<Float>?] {
///     [2 * (gradient * kept.input(0).applying(.leakyReLU(slope: 0)))]
///   }
/// }
/// ```
///
/// That is all that training and serving need. The other requirements have defaults; they let a network be followed by its
/// shapes alone, tell what a training step keeps, and let an operation be done together with its neighbours in inference.
public protocol TensorOperation<Element>: Sendable {
  /// The type of the elements.
  associatedtype Element: TensorElement
  /// What the forward pass finds besides its result, and the backward pass needs.
  associatedtype Saved = Void
  /// What the forward pass throws.
  associatedtype Failure: Error = Never

  /// What it is called where a computation is looked at: `matrix product`.
  var name: String { get }
  /// The gradients in words and symbols, in which `{0}`, `{1}` … stand for the inputs and `{}` for the result, so that `∂{}` is
  /// the gradient that arrives.
  var rule: String { get }

  /// The shape of the result.
  ///
  /// - Throws: ``ShapeError`` where the inputs do not fit.
  func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape

  /// The result, and what the backward pass needs besides inputs and result. Inputs have shapes that fit.
  func forward(_ inputs: [Tensor<Element>]) throws(Failure) -> (output: Tensor<Element>, saved: Saved)

  /// Which of inputs and result `backward(_:_:saved:)` asks for, where gradients of the given inputs are needed.
  func kept(for needs: Needs) -> KeptTensors

  /// The gradients of the inputs, in their order and of their shapes, from that of the result; nil for those that are not
  /// needed.
  func backward(_ gradient: Tensor<Element>, _ kept: Kept<Element>, saved: Saved) -> [Tensor<Element>?]

  /// The same by operations on variables, so that the gradients have gradients in turn; see
  /// ``Graph/gradients(of:withRespectTo:seed:differentiable:)``. What ``kept(for:)`` names is there as variables.
  ///
  /// - Throws: ``DifferentiationError`` where there is no such way.
  func backward(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, saved: Saved
  ) throws(DifferentiationError) -> [Variable<Element>?]

  /// The bytes of what is saved, for inputs of the given shapes.
  func savedBytes(for inputs: [Shape]) -> Int

  /// Whether operations that need the result for their gradients compute it again, by ``recompute(_:saved:)``, rather than
  /// keep it.
  var isRecomputed: Bool { get }
  /// The result once more, to the bit.
  func recompute(_ kept: Kept<Element>, saved: Saved) -> Tensor<Element>

  /// The result in inference, where `constants` holds those inputs that stay the same; nil for the others, which are what the function
  /// is given, in their order. Whatever can be prepared is, when this is called, and only what is needed of the constants is kept.
  func prepared(_ constants: [Tensor<Element>?]) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element>
  /// The same, and then a function of each element.
  func prepared(
    _ constants: [Tensor<Element>?], then function: UnaryOperation<Element>
  ) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element>

  /// Whether the result is the first input's memory under another shape.
  var isView: Bool { get }
  /// What it does to each element of its first input, if that is all it does.
  var elementFunction: UnaryOperation<Element>? { get }
  /// Whether a sample's result depends on that sample alone, so that a batch may be taken apart.
  var isPerSample: Bool { get }
  /// The operation that does this and then ReLU, if there is one.
  var rectified: (any TensorOperation<Element>)? { get }
  /// The operation that does this and then adds one more input of the result's shape, if there is one.
  var addingResidual: (any TensorOperation<Element>)? { get }
  /// What it multiplies each channel of its first input by and then adds, `[C]` both, if that is all it does, given the inputs
  /// that stay the same.
  func channelMap(_ constants: [Tensor<Element>?]) -> ChannelMap?
  /// The operation and its constant inputs that do this and then a map of the channels of its result, if there is one.
  func followed(by map: ChannelMap, _ constants: [Tensor<Element>?]) -> Folded<Element>?

  /// What becomes of the order of the features that the first input has.
  var featureOrder: FeatureOrder { get }
  /// Whether it could add a bias to the channels of its result, and does not.
  var lacksBias: Bool { get }
  /// How it cancels a number that is added to all values of a channel of its first input, if it does.
  var offsetCancellation: OffsetCancellation? { get }
  /// The statistics among its inputs by which it normalizes the channels of its first, if it does.
  var givenStatistics: GivenStatistics? { get }
}

/// A map of channels: `(x − centre) · scale + shift`, `[C]` each.
public struct ChannelMap: Sendable {
  /// What is subtracted from each channel first, what it is multiplied by then, and what is added last.
  public var centre: [Double], scale: [Double], shift: [Double]

  /// A map by its vectors.
  public init(centre: [Double], scale: [Double], shift: [Double]) {
    self.centre = centre
    self.scale = scale
    self.shift = shift
  }
}

/// An operation with the constants that stand in place of those it had, after its first input.
public struct Folded<Element: TensorElement> {
  /// What is done.
  public var operation: any TensorOperation<Element>
  /// The inputs after the first.
  public var constants: [Tensor<Element>]

  /// An operation on a first input and constants.
  public init(_ operation: any TensorOperation<Element>, constants: [Tensor<Element>]) {
    self.operation = operation
    self.constants = constants
  }
}

/// What an operation makes of the order of its first input's features.
public enum FeatureOrder: Sendable {
  /// The order stays: each feature is treated by itself, and inputs of a number for each feature are in the same order.
  case kept
  /// Every result has to do with all features, by the last axis of the input of this place.
  case consumed(weight: Int)
  /// What becomes of it cannot be told.
  case mixed
}

/// How an operation cancels a number that is added to all values of a channel.
public enum OffsetCancellation: Sendable {
  /// It subtracts a mean of the values that it gets.
  case byItself
  /// It subtracts a mean that is its input of this place, which the number is a part of.
  case byMean(input: Int)
}

/// Where the statistics `[C]` stand among an operation's inputs by which it normalizes the channels of its first:
/// `(x − mean) / √(variance + epsilon) · gamma + beta`.
public struct GivenStatistics: Sendable {
  /// The places of mean and variance.
  public var mean: Int, variance: Int
  /// The places of what is multiplied by and added then, if there are any.
  public var gamma: Int?, beta: Int?
  /// What is added to the variance.
  public var epsilon: Double
  /// Where the channels are.
  public var layout: ChannelLayout

  /// Statistics by their places.
  public init(mean: Int, variance: Int, gamma: Int?, beta: Int?, epsilon: Double, layout: ChannelLayout) {
    (self.mean, self.variance, self.gamma, self.beta) = (mean, variance, gamma, beta)
    (self.epsilon, self.layout) = (epsilon, layout)
  }
}

/// Why operations do not take inputs of some shapes.
public struct ShapeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What would be taken.
  public let expected: String
  /// The shape that was found in its place.
  public let found: Shape

  /// An error about an input that is not of the shape that is expected.
  public init(expected: String, found: Shape) {
    self.expected = expected
    self.found = found
  }

  public var description: String { "expected \(expected), not a tensor of shape \(found)" }
}

extension TensorOperation {
  /// Nothing to be said.
  public var rule: String { "" }
  /// The first input's.
  public func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape { inputs.first ?? [] }
  /// All inputs and the result.
  public func kept(for needs: Needs) -> KeptTensors { .everything }
  /// There is no such way.
  public func backward(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, saved: Saved
  ) throws(DifferentiationError) -> [Variable<Element>?] { throw DifferentiationError(operation: name) }
  /// None.
  public func savedBytes(for inputs: [Shape]) -> Int { 0 }
  /// It is kept.
  public var isRecomputed: Bool { false }
  public func recompute(_ kept: Kept<Element>, saved: Saved) -> Tensor<Element> {
    fatalError("\(name) does not say how its result is computed again")
  }
  /// Nothing is prepared.
  public func prepared(_ constants: [Tensor<Element>?]) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element> {
    unprepared(constants)
  }
  /// The forward pass, given the inputs that are no constants.
  func unprepared(_ constants: [Tensor<Element>?]) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element> {
    guard constants.contains(where: { $0 != nil }) else { return { try forward($0).output } }
    return { given in
      var next = given.startIndex
      let inputs = constants.map { constant in
        if let constant { return constant }
        defer { next += 1 }
        return given[next]
      }
      return try forward(inputs).output
    }
  }
  /// The result for inputs.
  package func result(of inputs: [Tensor<Element>]) throws -> Tensor<Element> { try forward(inputs).output }
  /// The function is applied to the result.
  public func prepared(
    _ constants: [Tensor<Element>?], then function: UnaryOperation<Element>
  ) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element> {
    let first = prepared(constants)
    return { inputs in
      var result = try first(inputs)
      result.apply(function)
      return result
    }
  }
  /// It is not.
  public var isView: Bool { false }
  /// It does more.
  public var elementFunction: UnaryOperation<Element>? { nil }
  /// Nobody knows.
  public var isPerSample: Bool { false }
  /// There is none.
  public var rectified: (any TensorOperation<Element>)? { nil }
  /// There is none.
  public var addingResidual: (any TensorOperation<Element>)? { nil }
  /// It does more.
  public func channelMap(_ constants: [Tensor<Element>?]) -> ChannelMap? { nil }
  /// There is none.
  public func followed(by map: ChannelMap, _ constants: [Tensor<Element>?]) -> Folded<Element>? { nil }
  /// It cannot be told.
  public var featureOrder: FeatureOrder { .mixed }
  /// It could not.
  public var lacksBias: Bool { false }
  /// It does not.
  public var offsetCancellation: OffsetCancellation? { nil }
  /// There are none.
  public var givenStatistics: GivenStatistics? { nil }
}
