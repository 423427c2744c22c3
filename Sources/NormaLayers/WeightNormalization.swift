/// How the weight that a layer multiplies by is computed from the numbers that are trained.
///
/// ```swift
/// Conv2d(inputs: 16, outputs: 32, window: Window(3, padding: 1), weightNormalization: .standardized(), using: &random)
/// ```
///
/// A *row* is what makes one output: `inputs` numbers of a linear layer, `inputs / groups · height · width` of a convolution. In
/// inference and in export the weight is computed once, and the layer is as one without normalization.
public enum WeightNormalization: Hashable, Sendable {
  /// Weight standardization (Qiao and others 2019, arXiv:1903.10520): each row has mean 0 and variance 1,
  /// `(w − mean w) / √(variance w + epsilon)`.
  case standardized(epsilon: Double = 1e-6)
  /// Scaled weight standardization (Brock and others 2021, arXiv:2101.08692): a standardized row of n numbers times
  /// `gain / √n`, with a gain for each row that is trained and starts at 1. A sum over n values of variance 1 then has variance 1.
  case scaledStandardized(epsilon: Double = 1e-6)
  /// Weight normalization (Salimans and Kingma 2016, arXiv:1602.07868): `g · v / ‖v‖` for each place of the weight's first axis, both
  /// trained; g starts at ‖v‖. A direction v of length 0 has no result.
  case magnitude
  /// Spectral normalization (Miyato and others 2018, arXiv:1802.05957): the weight, as a matrix of rows, divided by its largest
  /// singular value, which is `uᵀ·W·v` by vectors that a step of training brings nearer by so many power iterations.
  ///
  /// Inference divides by what the last step's vectors give. `epsilon` is the least length that vectors are divided by.
  case spectral(iterations: Int = 1, epsilon: Double = 1e-12)

  /// The name in files of the parameter that has the weight's shape, and of what else is trained or kept: PyTorch's parametrizations
  /// where it has them, timm's otherwise.
  var names: (weight: String, scale: String, left: String, right: String) {
    let prefix = "parametrizations.weight."
    return switch self {
    case .standardized, .scaledStandardized: ("weight", "gain", "", "")
    case .magnitude: (prefix + "original1", prefix + "original0", "", "")
    case .spectral: (prefix + "original", "", prefix + "0._u", prefix + "0._v")
    }
  }

  /// In words, as a layer's summary has it.
  var summary: String {
    switch self {
    case .standardized: "standardized weights"
    case .scaledStandardized: "standardized and scaled weights"
    case .magnitude: "weight norm"
    case .spectral: "spectral norm"
    }
  }

  /// What is wrong with its settings; nil if nothing is.
  var problem: String? {
    switch self {
    case .standardized(let epsilon), .scaledStandardized(let epsilon):
      epsilon >= 0 && epsilon.isFinite ? nil : "an epsilon of \(epsilon)"
    case .magnitude: nil
    case .spectral(let iterations, let epsilon):
      iterations < 0
        ? "\(iterations) power iterations" : epsilon > 0 && epsilon.isFinite ? nil : "an epsilon of \(epsilon)"
    }
  }
}
