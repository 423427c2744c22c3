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
    get { stored }
    set {
      require(newValue.shape == stored.shape, "a parameter of shape \(stored.shape) set to shape \(newValue.shape)")
      stored = newValue
    }
  }
  private var stored: Tensor<Element>
  /// Whether training leaves it as it is.
  public var isFrozen = false

  /// A parameter with its first value.
  public init(_ value: Tensor<Element>, kind: Kind) {
    stored = value
    self.kind = kind
  }

  /// Lends the elements for writing, in place unless another tensor shares them.
  public func withUnsafeMutableElements(_ body: (UnsafeMutableBufferPointer<Element>) -> Void) {
    stored.withUnsafeMutableElements(body)
  }
}
