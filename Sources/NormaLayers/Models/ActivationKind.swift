import NormaTensor

/// The nonlinearity in networks that are built by name.
public enum ActivationKind: String, Hashable, Sendable, Codable, CaseIterable {
  /// ``ReLU``.
  case relu
  /// ``LeakyReLU``.
  case leakyReLU
  /// ``Sigmoid``.
  case sigmoid
  /// ``Tanh``.
  case tanh

  /// The layer.
  func layer<Element: TensorElement>() -> any Layer<Element> {
    switch self {
    case .relu: ReLU()
    case .leakyReLU: LeakyReLU()
    case .sigmoid: Sigmoid()
    case .tanh: Tanh()
    }
  }
}
