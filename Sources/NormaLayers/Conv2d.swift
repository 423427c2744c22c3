import NormaConvolution
import NormaGraph
import NormaTensor

/// Convolution of images: `[N, H, W, inputs] → [N, H', W', outputs]`, see `Convolution2d`.
///
/// ```swift
/// Conv2d(inputs: 3, outputs: 16, window: Window(3, padding: 1), hasBias: false, using: &random)        // 32×32 stays 32×32
/// Conv2d(inputs: 16, outputs: 32, window: Window(3, stride: 2, padding: 1), using: &random)            // 32×32 becomes 16×16
/// Conv2d(inputs: 32, outputs: 32, window: Window(3, padding: 1), groups: 32, using: &random)           // depthwise
/// ```
public final class Conv2d<Element: TensorElement>: Layer {
  /// `[outputs, inputs / groups, height, width]`, as PyTorch stores it.
  public let weight: Parameter<Element>
  /// What the layer multiplies by in place of ``weight``, computed from it; nil where it multiplies by that itself.
  public let normalizedWeight: NormalizedWeight<Element>?
  /// `[outputs]`; nil without a bias, which a batch normalization that follows would cancel.
  public let bias: Parameter<Element>?
  /// The window's size, stride, padding and dilation.
  public let window: Window
  /// How many groups the channels are divided into.
  public let groups: Int

  /// A layer with drawn weights and biases of 0; an output's fan-in is the number of values that go into it.
  public convenience init(
    inputs: Int, outputs: Int, window: Window, groups: Int = 1, hasBias: Bool = true,
    initialization: Initialization = .kaimingNormal,
    weightNormalization: WeightNormalization? = nil, using generator: inout RandomGenerator
  ) {
    self.init(
      inputs: inputs, outputs: outputs, window: window, groups: groups, hasBias: hasBias,
      initialization: initialization, weightNormalization: weightNormalization,
      random: generator)
    weight.value = Self.draw(weight.shape, groups: groups, initialization, using: &generator)
  }

  /// A layer whose weights are drawn from a generator of their own, when they are first asked for, and biases of 0.
  public init(
    inputs: Int, outputs: Int, window: Window, groups: Int = 1, hasBias: Bool = true,
    initialization: Initialization = .kaimingNormal,
    weightNormalization: WeightNormalization? = nil, random: RandomGenerator
  ) {
    require(
      inputs > 0 && outputs > 0 && groups > 0 && inputs % groups == 0 && outputs % groups == 0,
      "a convolution of \(inputs) inputs and \(outputs) outputs in \(groups) groups")
    let shape: Shape = [outputs, inputs / groups, window.size.height, window.size.width]
    let weight = Parameter<Element>(shape: shape, name: weightNormalization?.names.weight ?? "weight", kind: .weight) {
      var generator = random
      return Self.draw(shape, groups: groups, initialization, using: &generator)
    }
    self.weight = weight
    normalizedWeight = weightNormalization.map { NormalizedWeight(weight, $0, random: random) }
    bias = hasBias ? Parameter(shape: [outputs], name: "bias", kind: .bias) { .zeros([outputs]) } : nil
    self.window = window
    self.groups = groups
  }

  private static func draw(
    _ shape: Shape, groups: Int, _ initialization: Initialization, using generator: inout RandomGenerator
  ) -> Tensor<Element> {
    let area = shape[2] * shape[3]
    let outputs = initialization == .kaimingNormalOutputs ? shape[0] : shape[0] / groups
    return initialization.draw(shape, fanIn: shape[1] * area, fanOut: outputs * area, using: &generator)
  }

  /// The number of channels it takes.
  public var inputs: Int { weight.shape[1] * groups }

  public var parameters: [Parameter<Element>] {
    [weight] + (bias.map { [$0] } ?? []) + (normalizedWeight?.parameters ?? [])
  }
  public var buffers: [Buffer<Element>] { normalizedWeight?.buffers ?? [] }

  public var summary: String {
    var parts = ["\(inputs) → \(weight.shape[0])", window.summary]
    if groups > 1 { parts.append("\(groups) groups") }
    if bias == nil { parts.append("no bias") }
    if let normalizedWeight { parts.append(normalizedWeight.normalization.summary) }
    return "Conv2d(\(parts.joined(separator: ", ")))"
  }

  @specialized(where Element == Float)
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.convolved(
      weight: pass.weight(weight, normalizedWeight), bias: bias.map { pass.variable(for: $0) }, window: window,
      groups: groups)
  }
}

extension Window {
  /// In words, without what is as usual: `3×3, stride 2, padding 1`.
  var summary: String {
    var parts = ["\(size.height)×\(size.width)"]
    if stride != 1 { parts.append("stride \(stride)") }
    if padding != 0 { parts.append("padding \(padding)") }
    if dilation != 1 { parts.append("dilation \(dilation)") }
    return parts.joined(separator: ", ")
  }
}
