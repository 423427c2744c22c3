import NormaGraph
import NormaTensor

/// A linear (fully connected) layer: `y = x · weightᵀ + bias`, `[…, inputs] → […, outputs]`.
public final class Linear<Element: TensorElement>: Layer {
  /// `[outputs, inputs]`, as PyTorch stores it.
  public let weight: Parameter<Element>
  /// `[outputs]`; nil without a bias, which a batch normalization that follows would cancel.
  public let bias: Parameter<Element>?

  /// A layer with drawn weights and biases of 0.
  public convenience init(
    inputs: Int, outputs: Int, hasBias: Bool = true, initialization: Initialization = .kaimingNormal,
    using generator: inout RandomGenerator
  ) {
    self.init(inputs: inputs, outputs: outputs, hasBias: hasBias, initialization: initialization, random: generator)
    weight.value = initialization.draw([outputs, inputs], fanIn: inputs, fanOut: outputs, using: &generator)
  }

  /// A layer whose weights are drawn from a generator of their own, when they are first asked for, and biases of 0.
  public init(
    inputs: Int, outputs: Int, hasBias: Bool = true, initialization: Initialization = .kaimingNormal,
    random: RandomGenerator
  ) {
    require(inputs > 0 && outputs > 0, "a linear layer of \(inputs) inputs and \(outputs) outputs")
    weight = Parameter(shape: [outputs, inputs], name: "weight", kind: .weight) {
      var generator = random
      return initialization.draw([outputs, inputs], fanIn: inputs, fanOut: outputs, using: &generator)
    }
    bias = hasBias ? Parameter(shape: [outputs], name: "bias", kind: .bias) { .zeros([outputs]) } : nil
  }

  public var parameters: [Parameter<Element>] { [weight] + (bias.map { [$0] } ?? []) }

  public var summary: String {
    "Linear(\(weight.shape[1]) → \(weight.shape[0])\(bias == nil ? ", no bias" : ""))"
  }

  @specialized(where Element == Float)
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.linear(weight: pass.variable(for: weight), bias: bias.map { pass.variable(for: $0) })
  }
}
