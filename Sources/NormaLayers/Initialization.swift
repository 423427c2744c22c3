import NormaTensor

/// How a layer's weights start. `fanIn` and `fanOut` are the numbers of inputs and outputs of one unit.
public enum Initialization: Hashable, Sendable, Codable {
  /// Normal, with the given deviation: CS231n's `weight_scale`.
  case normal(scale: Double)
  /// Normal, variance `2 / (fanIn + fanOut)` (Glorot and Bengio 2010).
  case xavierNormal
  /// Even over ±√(6 / (fanIn + fanOut)) (Glorot and Bengio 2010).
  case xavierUniform
  /// Normal, variance `2 / fanIn`, made for ReLU (He and others 2015).
  case kaimingNormal
  /// Normal, variance `2 / fanOut`, where outputs of all groups count: PyTorch's `fan_out`, torchvision's usual start.
  case kaimingNormalOutputs
  /// Even over ±√(6 / fanIn) (He and others 2015).
  case kaimingUniform
  /// Even over ±1/√fanIn: PyTorch's default for linear layers, its biases excepted, which start at 0 here.
  case fanInUniform
  /// Even over ±`bound`.
  case uniform(bound: Double)

  /// Draws weights of the given shape.
  public func draw<Element: TensorElement>(
    _ shape: Shape, fanIn: Int, fanOut: Int, using generator: inout RandomGenerator
  ) -> Tensor<Element> {
    func normal(_ variance: Double) -> Tensor<Element> {
      .normal(shape, standardDeviation: variance.squareRoot(), using: &generator)
    }
    func uniform(_ square: Double) -> Tensor<Element> {
      let bound = square.squareRoot()
      return .uniform(shape, in: -bound..<bound, using: &generator)
    }
    let (fanIn, fanOut) = (Double(fanIn), Double(fanOut))
    return switch self {
    case .normal(let scale): .normal(shape, standardDeviation: scale, using: &generator)
    case .xavierNormal: normal(2 / (fanIn + fanOut))
    case .xavierUniform: uniform(6 / (fanIn + fanOut))
    case .kaimingNormal: normal(2 / fanIn)
    case .kaimingNormalOutputs: normal(2 / fanOut)
    case .kaimingUniform: uniform(6 / fanIn)
    case .fanInUniform: uniform(1 / fanIn)
    case .uniform(let bound): .uniform(shape, in: -bound..<bound, using: &generator)
    }
  }
}

extension Initialization: CustomStringConvertible {
  /// The rule in words.
  public var description: String {
    switch self {
    case .normal(let scale): "normal, scale \(scale)"
    case .xavierNormal: "Xavier, normal"
    case .xavierUniform: "Xavier, uniform"
    case .kaimingNormal: "Kaiming, normal"
    case .kaimingNormalOutputs: "Kaiming by outputs, normal"
    case .kaimingUniform: "Kaiming, uniform"
    case .fanInUniform: "uniform over ±1/√inputs"
    case .uniform(let bound): "uniform over ±\(bound)"
    }
  }
}
