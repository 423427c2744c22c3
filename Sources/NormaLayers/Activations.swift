import NormaGraph
import NormaTensor

/// A function of each element alone, which stands between the linear parts of a network.
public protocol Nonlinearity<Element>: Layer {}

/// `max(0, x)`.
public final class ReLU<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "ReLU" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> { x.relu() }
}

/// `x` where positive, `slope · x` elsewhere.
public final class LeakyReLU<Element: TensorElement>: Nonlinearity {
  /// What negative inputs are multiplied by.
  public let slope: Double
  /// A leaky ReLU with a slope for negative inputs, PyTorch's by default.
  public init(slope: Double = 0.01) { self.slope = slope }
  public var summary: String { "LeakyReLU(\(slope))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.leakyReLU(slope: Element(slope))
  }
}

/// `1 / (1 + e⁻ˣ)`.
public final class Sigmoid<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "Sigmoid" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> { x.sigmoid() }
}

/// The hyperbolic tangent.
public final class Tanh<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "Tanh" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.hyperbolicTangent()
  }
}

/// `[N, …] → [N, product of the rest]`.
public final class Flatten<Element: TensorElement>: Layer {
  public init() {}
  public var summary: String { "Flatten" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> { x.flattened() }
}

/// Inverted dropout: in training keeps each element with the given probability and divides it by that; in inference
/// does nothing.
public final class Dropout<Element: TensorElement>: Layer {
  /// The probability to *keep* an element, CS231n's convention; PyTorch's `p` is one less this.
  public let keepProbability: Double

  /// - Parameter keepProbability: in (0, 1].
  public init(keepProbability: Double) {
    require(keepProbability > 0 && keepProbability <= 1, "\(keepProbability) is no probability to keep")
    self.keepProbability = keepProbability
  }

  public var summary: String { "Dropout(keeps \(keepProbability))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    pass.isTraining && keepProbability < 1 ? x.dropout(keepProbability: keepProbability, using: &pass.random) : x
  }
}

/// Inverted dropout of whole channels: in training keeps each channel of each sample with the given probability and divides it by
/// that; in inference does nothing. `[N, …, C] → [N, …, C]`, PyTorch's `Dropout1d` to `Dropout3d`.
public final class ChannelDropout<Element: TensorElement>: Layer {
  /// The probability to *keep* a channel; PyTorch's `p` is one less this.
  public let keepProbability: Double

  /// - Parameter keepProbability: in (0, 1].
  public init(keepProbability: Double) {
    require(keepProbability > 0 && keepProbability <= 1, "\(keepProbability) is no probability to keep")
    self.keepProbability = keepProbability
  }

  public var summary: String { "ChannelDropout(keeps \(keepProbability))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    pass.isTraining && keepProbability < 1
      ? x.channelDropout(keepProbability: keepProbability, using: &pass.random) : x
  }
}
