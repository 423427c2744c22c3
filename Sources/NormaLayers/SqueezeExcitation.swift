import NormaGraph
import NormaTensor

/// Squeeze and excitation (Hu and others 2018, arXiv:1709.01507): each channel is multiplied by a number between 0 and 1 that
/// is found from the means of all channels, `x · sigmoid(W₂ · ReLU(W₁ · mean(x)))`, `[N, …, C] → [N, …, C]`.
///
/// W₁ leads to fewer numbers, W₂ back to C. Their names in files are torchvision's, `fc1` and `fc2`; there they are
/// convolutions of one pixel, of shape `[…, 1, 1]`, as they are here where the layer is made to have windows.
public final class SqueezeExcitation<Element: TensorElement>: Layer {
  /// W₁ with its bias: the channels' means to fewer numbers.
  public let squeeze: Linear<Element>
  /// W₂ with its bias: these to a number for each channel.
  public let excitation: Linear<Element>
  /// What stands in place of ReLU, and of the sigmoid.
  private let activation: (any Layer<Element>)?, gate: (any Layer<Element>)?

  /// A layer for so many channels.
  ///
  /// - Parameters:
  ///   - channels: the number of channels C.
  ///   - ratio: what C is divided by, rounding down, for the numbers in between, of which there is at least one; 16 in the paper.
  ///   - initialization: how weights start.
  ///   - generator: what weights are drawn from.
  public init(
    _ channels: Int, ratio: Int = 16, initialization: Initialization = .kaimingNormal,
    using generator: inout RandomGenerator
  ) {
    require(channels > 0 && ratio > 0, "squeeze and excitation of \(channels) channels by a ratio of \(ratio)")
    let count = max(1, channels / ratio)
    squeeze = Linear(inputs: channels, outputs: count, initialization: initialization, using: &generator)
    excitation = Linear(inputs: count, outputs: channels, initialization: initialization, using: &generator)
    (activation, gate) = (nil, nil)
  }

  /// A layer for so many channels whose weights are drawn when they are first asked for, and have the shape of convolutions.
  ///
  /// - Parameters:
  ///   - channels: the number of channels C.
  ///   - count: the numbers in between.
  ///   - activation: what they go through.
  ///   - gate: what makes the factors.
  ///   - initialization: how weights start.
  ///   - random: what weights are drawn from.
  public init(
    _ channels: Int, between count: Int, activation: ActivationKind = .relu, gate: ActivationKind = .sigmoid,
    initialization: Initialization = .kaimingNormal, random: RandomGenerator
  ) {
    squeeze = Linear(
      inputs: channels, outputs: count, initialization: initialization, hasWindow: true, random: random.split(0))
    excitation = Linear(
      inputs: count, outputs: channels, initialization: initialization, hasWindow: true, random: random.split(1))
    self.activation = activation == .relu ? nil : activation.layer()
    self.gate = gate == .sigmoid ? nil : gate.layer()
  }

  public var children: [(name: String, layer: any Layer<Element>)] { [("fc1", squeeze), ("fc2", excitation)] }

  public var summary: String { "SqueezeExcitation(\(squeeze.weight.shape[1]), \(squeeze.weight.shape[0]) between)" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let squeezed = try pass.apply(squeeze, named: "fc1", to: x.globallyAveraged())
    let active = try activation.map { try $0(squeezed, in: pass) } ?? squeezed.relu()
    let excited = try pass.apply(excitation, named: "fc2", to: active)
    let factors = try gate.map { try $0(excited, in: pass) } ?? excited.sigmoid()
    return x.multiplied(by: factors, broadcast: .perSample)
  }
}
