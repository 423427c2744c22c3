import NormaTensor

/// A tensor that training changes. A reference: every place that holds the parameter sees the change.
public final class Parameter<Element: TensorElement> {
  /// What a parameter does in its layer.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// What a linear map multiplies by and adds; what a normalization multiplies by and adds.
    case weight, bias, gamma, beta
  }

  /// Its name in files, PyTorch's: `weight` for weights and gamma, `bias` for biases and beta.
  public var name: String {
    switch kind {
    case .weight, .gamma: "weight"
    case .bias, .beta: "bias"
    }
  }
  /// What it does in its layer.
  public let kind: Kind
  /// Its value; its shape never changes.
  public var value: Tensor<Element> {
    // Not to be held against the old value: it would be kept beside the new one, and every change in place be a copy.
    didSet { require(value.shape == shape, "a parameter of shape \(shape) set to shape \(value.shape)") }
  }
  private let shape: Shape
  /// Whether training leaves it as it is.
  public var isFrozen = false

  /// A parameter with its first value.
  public init(_ value: Tensor<Element>, kind: Kind) {
    self.value = value
    shape = value.shape
    self.kind = kind
  }
}
