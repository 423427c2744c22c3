import NormaConvolution
import NormaGraph
import NormaTensor

/// Transposed convolution of images: `[N, H, W, inputs] → [N, H', W', outputs]`, see `TransposedConvolution2d`.
///
/// ```swift
/// ConvTranspose2d(inputs: 32, outputs: 16, window: Window(4, stride: 2, padding: 1), using: &random)  // 8×8 becomes 16×16
/// ConvTranspose2d(inputs: 16, outputs: 3, window: Window(3, stride: 2, padding: 1), outputPadding: 1, using: &random)
/// ```
public final class ConvTranspose2d<Element: TensorElement>: Layer {
  /// `[inputs, outputs / groups, height, width]`, as PyTorch stores it.
  public let weight: Parameter<Element>
  /// What the layer multiplies by in place of ``weight``, computed from it; nil where it multiplies by that itself.
  public let normalizedWeight: NormalizedWeight<Element>?
  /// `[outputs]`; nil without a bias, which a batch normalization that follows would cancel.
  public let bias: Parameter<Element>?
  /// The window's size, stride, padding and dilation.
  public let window: Window
  /// How much longer the output is at its end.
  public let outputPadding: Extent2d
  /// How many groups the channels are divided into.
  public let groups: Int

  /// A layer with drawn weights and biases of 0. With a stride, an output has fewer values going into it than the fan-in counts:
  /// those of a window in steps of one.
  public convenience init(
    inputs: Int, outputs: Int, window: Window, outputPadding: Extent2d = 0, groups: Int = 1, hasBias: Bool = true,
    initialization: Initialization = .kaimingNormal,
    weightNormalization: WeightNormalization? = nil, using generator: inout RandomGenerator
  ) {
    self.init(
      inputs: inputs, outputs: outputs, window: window, outputPadding: outputPadding, groups: groups,
      hasBias: hasBias, initialization: initialization, weightNormalization: weightNormalization,
      random: generator)
    weight.value = Self.draw(weight.shape, groups: groups, initialization, using: &generator)
  }

  /// A layer whose weights are drawn from a generator of their own, when they are first asked for, and biases of 0.
  public init(
    inputs: Int, outputs: Int, window: Window, outputPadding: Extent2d = 0, groups: Int = 1, hasBias: Bool = true,
    initialization: Initialization = .kaimingNormal,
    weightNormalization: WeightNormalization? = nil, random: RandomGenerator
  ) {
    require(
      inputs > 0 && outputs > 0 && groups > 0 && inputs % groups == 0 && outputs % groups == 0,
      "a transposed convolution of \(inputs) inputs and \(outputs) outputs in \(groups) groups")
    require(
      window.takes(outputPadding: outputPadding),
      "an output padding of \(outputPadding), which is not below the stride or the dilation of \(window.summary)")
    let shape: Shape = [inputs, outputs / groups, window.size.height, window.size.width]
    let weight = Parameter<Element>(shape: shape, name: weightNormalization?.names.weight ?? "weight", kind: .weight) {
      var generator = random
      return Self.draw(shape, groups: groups, initialization, using: &generator)
    }
    self.weight = weight
    normalizedWeight = weightNormalization.map {
      NormalizedWeight(weight, $0, .inputsFirst(groups: groups), random: random)
    }
    bias = hasBias ? Parameter(shape: [outputs], name: "bias", kind: .bias) { .zeros([outputs]) } : nil
    self.window = window
    self.outputPadding = outputPadding
    self.groups = groups
  }

  private static func draw(
    _ shape: Shape, groups: Int, _ initialization: Initialization, using generator: inout RandomGenerator
  ) -> Tensor<Element> {
    let area = shape[2] * shape[3]
    return initialization.draw(
      shape, fanIn: shape[0] / groups * area, fanOut: shape[1] * area, using: &generator)
  }

  /// The number of channels that it gives.
  public var outputs: Int { weight.shape[1] * groups }

  public var parameters: [Parameter<Element>] {
    [weight] + (bias.map { [$0] } ?? []) + (normalizedWeight?.parameters ?? [])
  }
  public var buffers: [Buffer<Element>] { normalizedWeight?.buffers ?? [] }

  public var summary: String {
    var parts = ["\(weight.shape[0]) → \(outputs)", window.summary]
    if outputPadding != 0 { parts.append("output padding \(outputPadding)") }
    if groups > 1 { parts.append("\(groups) groups") }
    if bias == nil { parts.append("no bias") }
    if let normalizedWeight { parts.append(normalizedWeight.normalization.summary) }
    return "ConvTranspose2d(\(parts.joined(separator: ", ")))"
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.transposedConvolved(
      weight: pass.weight(weight, normalizedWeight), bias: bias.map { pass.variable(for: $0) }, window: window,
      outputPadding: outputPadding, groups: groups)
  }
}
