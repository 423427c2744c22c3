import NormaTensor

/// What a parameter does in its layer, which decides what weighs on it: an optimizer's decay and an L2 penalty take
/// weights alone unless told otherwise.
///
/// A layer of one's own may add kinds: `static let temperature = ParameterKind("temperature")`.
public struct ParameterKind: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
  /// The kind's name.
  public let rawValue: String

  /// The kind of a name.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// The kind of a name.
  public init(_ name: String) { rawValue = name }

  public var description: String { rawValue }

  /// What a linear map multiplies by, and what it adds.
  public static let weight = ParameterKind("weight"), bias = ParameterKind("bias")
  /// What a normalization multiplies by, and what it adds.
  public static let gamma = ParameterKind("gamma"), beta = ParameterKind("beta")
  /// What a rectifier multiplies negative values by.
  public static let slope = ParameterKind("slope")
  /// What a normalization multiplies by within its nonlinearity, and what it is bounded by below.
  public static let factor = ParameterKind("factor"), threshold = ParameterKind("threshold")
}

/// A tensor that training changes. A reference: every place that holds the parameter sees the change.
public final class Parameter<Element: TensorElement> {
  /// Its name within its layer, in files; those of Norma's layers are PyTorch's.
  public let name: String
  /// What it does in its layer.
  public let kind: ParameterKind
  /// The lengths of its axes, which never change.
  public let shape: Shape
  /// Its value. One that is drawn is drawn when it is first asked for: a model that is only counted, or that is read from a
  /// file, draws nothing.
  public var value: Tensor<Element> {
    get {
      if let stored { return stored }
      let drawn = draw?() ?? .zeros(shape)
      (stored, draw) = (drawn, nil)
      return drawn
    }
    set {
      require(newValue.shape == shape, "a parameter of shape \(shape) set to shape \(newValue.shape)")
      (stored, draw) = (newValue, nil)
    }
  }
  private var stored: Tensor<Element>?
  private var draw: (() -> Tensor<Element>)?
  /// Whether training leaves it as it is.
  public var isFrozen = false

  /// A parameter with its first value.
  public init(_ value: Tensor<Element>, name: String, kind: ParameterKind) {
    self.name = name
    self.kind = kind
    shape = value.shape
    stored = value
  }

  /// A parameter of a shape whose first value is made when it is first asked for.
  public init(shape: Shape, name: String, kind: ParameterKind, draw: @escaping () -> Tensor<Element>) {
    self.name = name
    self.kind = kind
    self.shape = shape
    self.draw = draw
  }

  /// Lends the elements for writing, in place unless another tensor shares them.
  public func withUnsafeMutableElements(_ body: (UnsafeMutableBufferPointer<Element>) -> Void) {
    var lent = value
    stored = nil
    lent.withUnsafeMutableElements(body)
    stored = lent
  }
}

extension Parameter {
  /// A scale `[C]` for channels, 1 at first.
  static func gamma(_ channels: Int) -> Parameter {
    Parameter(shape: [channels], name: "weight", kind: .gamma) { .ones([channels]) }
  }

  /// A shift `[C]` for channels, 0 at first.
  static func beta(_ channels: Int) -> Parameter {
    Parameter(shape: [channels], name: "bias", kind: .beta) { .zeros([channels]) }
  }
}
