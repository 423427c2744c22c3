import NormaTensor

/// The nonlinearity in networks that are built by name.
public enum ActivationKind: String, Hashable, Sendable, Codable, CaseIterable {
  /// ``ReLU``.
  case relu
  /// ``ReLU6``.
  case relu6
  /// ``LeakyReLU``.
  case leakyReLU
  /// ``Sigmoid``.
  case sigmoid
  /// ``Tanh``.
  case tanh
  /// ``GELU``.
  case gelu
  /// ``SiLU``.
  case silu
  /// ``Softplus``.
  case softplus
  /// ``Mish``.
  case mish
  /// ``ELU``.
  case elu
  /// ``HardSigmoid``.
  case hardSigmoid
  /// ``HardSwish``.
  case hardSwish

  /// The layer.
  func layer<Element: TensorElement>() -> any Layer<Element> {
    switch self {
    case .relu: ReLU()
    case .relu6: ReLU6()
    case .leakyReLU: LeakyReLU()
    case .sigmoid: Sigmoid()
    case .tanh: Tanh()
    case .gelu: GELU()
    case .silu: SiLU()
    case .softplus: Softplus()
    case .mish: Mish()
    case .elu: ELU()
    case .hardSigmoid: HardSigmoid()
    case .hardSwish: HardSwish()
    }
  }
}
