import Norma

/// A form of normalization as a layer, for tests that ask the same of each: the gradient, others' results, memory, inference, ONNX,
/// bits. `parity_topics/forms.py` has the same.
public enum NormalizationForm: String, CaseIterable, Sendable, Decodable {
  case rms, rmsOnePlus, rmsPartial, rmsGroup, rmsOneGroup, instance
  case grn, dyt, frn, frnLinear, evonormB0, evonormB0Linear, evonormS0, evonormS0Linear
  case lrn, evenLRN, meanVariance, meanVarianceOfChannels, l1, l2, scale

  /// How channels are grouped: into three, two or one.
  private func groups(_ channels: Int) -> Int { [3, 2].first { channels % $0 == 0 } ?? 1 }

  /// The layer as it starts.
  public func layer<Element: TensorElement>(_ channels: Int, _ type: Element.Type = Element.self) -> any Layer<Element>
  {
    var conventions = BatchNormalizationConventions.pyTorch
    conventions.epsilon = 1e-3
    return switch self {
    case .rms: RMSNorm<Element>(channels, epsilon: nil)
    case .rmsOnePlus: RMSNorm<Element>(channels, epsilon: 1e-3, scale: .onePlusGamma)
    case .rmsPartial: RMSNorm<Element>(channels, epsilon: 1e-3, share: 0.4)
    case .rmsGroup: RMSGroupNorm<Element>(channels, groups: groups(channels), epsilon: 1e-3)
    case .rmsOneGroup: RMSGroupNorm<Element>(channels, groups: 1, epsilon: 1e-3, isAffine: false)
    case .instance:
      InstanceNorm<Element>(channels, conventions: conventions, isAffine: true, tracksRunningStatistics: true)
    case .grn: GlobalResponseNorm<Element>(channels)
    case .dyt: DynamicTanh<Element>(channels)
    case .frn: FilterResponseNorm<Element>(channels, epsilon: 1e-3)
    case .frnLinear: FilterResponseNorm<Element>(channels, epsilon: 1e-3, isThresholded: false)
    case .evonormB0: EvoNormB0<Element>(channels, conventions: conventions)
    case .evonormB0Linear: EvoNormB0<Element>(channels, conventions: conventions, isNonlinear: false)
    case .evonormS0: EvoNormS0<Element>(channels, groups: groups(channels), epsilon: 1e-3)
    case .evonormS0Linear: EvoNormS0<Element>(channels, groups: groups(channels), epsilon: 1e-3, isNonlinear: false)
    case .lrn: LocalResponseNorm<Element>(size: 3, alpha: 0.8, beta: 0.7, k: 1.5)
    case .evenLRN: LocalResponseNorm<Element>(size: 4, alpha: 0.8, beta: 0.7, k: 1.5)
    case .meanVariance: MeanVarianceNorm<Element>(axes: [0, 1])
    case .meanVarianceOfChannels: MeanVarianceNorm<Element>(axes: [-1])
    case .l1: LpNorm<Element>(.absolute, axis: 1)
    case .l2: LpNorm<Element>()
    case .scale: ScaleNorm<Element>(channels)
    }
  }

  /// The layer with parameters from 0.25 to 1.25 that are made of a name.
  public func layer<Element: TensorElement>(
    _ channels: Int, parametersOf name: String, _ type: Element.Type = Element.self
  ) -> any Layer<Element> {
    let layer = layer(channels, Element.self)
    for parameter in layer.parameters {
      parameter.value =
        (HashedNumbers("\(name).\(parameter.name)").values(parameter.shape, bound: 0.5) + 0.75).converted()
    }
    return layer
  }

  /// Whether a sample's result in training depends on that sample alone.
  public var isPerSample: Bool { ![.evonormB0, .evonormB0Linear, .meanVariance].contains(self) }

  /// Whether inference is by statistics that were gathered.
  public var gathers: Bool { [.instance, .evonormB0, .evonormB0Linear].contains(self) }
}
