import NormaGraph
import NormaTensor

/// A linear (fully connected) layer: `y = x · weightᵀ + bias`, `[…, inputs] → […, outputs]`.
public final class Linear<Element: TensorElement>: Layer {
  /// `[outputs, inputs]`, as PyTorch stores it, or `[outputs, inputs, 1, 1]`.
  public let weight: Parameter<Element>
  /// What the layer multiplies by in place of ``weight``, computed from it; nil where it multiplies by that itself.
  public let normalizedWeight: NormalizedWeight<Element>?
  /// `[outputs]`; nil without a bias, which a batch normalization that follows would cancel.
  public let bias: Parameter<Element>?

  /// A layer with drawn weights and biases of 0.
  public convenience init(
    inputs: Int, outputs: Int, hasBias: Bool = true, initialization: Initialization = .kaimingNormal,
    weightNormalization: WeightNormalization? = nil, using generator: inout RandomGenerator
  ) {
    self.init(
      inputs: inputs, outputs: outputs, hasBias: hasBias, initialization: initialization,
      weightNormalization: weightNormalization,
      random: generator)
    weight.value = initialization.draw([outputs, inputs], fanIn: inputs, fanOut: outputs, using: &generator)
  }

  /// A layer whose weights are drawn from a generator of their own, when they are first asked for, and biases of 0.
  ///
  /// If it `hasWindow`, its weight has the shape of a convolution's of one pixel, as other tools store it.
  public init(
    inputs: Int, outputs: Int, hasBias: Bool = true, initialization: Initialization = .kaimingNormal,
    weightNormalization: WeightNormalization? = nil, hasWindow: Bool = false, random: RandomGenerator
  ) {
    require(inputs > 0 && outputs > 0, "a linear layer of \(inputs) inputs and \(outputs) outputs")
    require(!hasWindow || weightNormalization == nil, "a normalized weight of a window")
    let shape: Shape = hasWindow ? [outputs, inputs, 1, 1] : [outputs, inputs]
    let weight = Parameter<Element>(
      shape: shape, name: weightNormalization?.names.weight ?? "weight", kind: .weight
    ) {
      var generator = random
      return initialization.draw(shape, fanIn: inputs, fanOut: outputs, using: &generator)
    }
    self.weight = weight
    normalizedWeight = weightNormalization.map { NormalizedWeight(weight, $0, random: random) }
    bias = hasBias ? Parameter(shape: [outputs], name: "bias", kind: .bias) { .zeros([outputs]) } : nil
  }

  public var parameters: [Parameter<Element>] {
    [weight] + (bias.map { [$0] } ?? []) + (normalizedWeight?.parameters ?? [])
  }
  public var buffers: [Buffer<Element>] { normalizedWeight?.buffers ?? [] }

  public var summary: String {
    var parts = ["\(weight.shape[1]) → \(weight.shape[0])"]
    if bias == nil { parts.append("no bias") }
    if let normalizedWeight { parts.append(normalizedWeight.normalization.summary) }
    return "Linear(\(parts.joined(separator: ", ")))"
  }

  @specialized(where Element == Float)
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    var matrix = pass.weight(weight, normalizedWeight)
    if weight.shape.rank > 2 { matrix = matrix.reshaped(to: [weight.shape[0], weight.shape[1]]) }
    return x.linear(weight: matrix, bias: bias.map { pass.variable(for: $0) })
  }
}
