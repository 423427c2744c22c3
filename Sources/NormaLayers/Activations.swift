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

/// `min(max(0, x), 6)`.
public final class ReLU6<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "ReLU6" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.clamped(to: 0...6)
  }
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

/// The Gaussian error linear unit `x · Φ(x)`, exact, by the error function: PyTorch's default, not its approximation by tanh.
public final class GELU<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "GELU" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> { x.gelu() }
}

/// `x · σ(x)`, σ the logistic function; also called swish.
public final class SiLU<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "SiLU" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> { x.silu() }
}

/// `ln(1 + eˣ)`: PyTorch's with `beta` 1, but for x above 20, where that gives x itself.
public final class Softplus<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "Softplus" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> { x.softplus() }
}

/// `x · tanh(ln(1 + eˣ))`.
public final class Mish<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "Mish" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> { x.mish() }
}

/// `x` where positive, `alpha · (eˣ − 1)` elsewhere.
public final class ELU<Element: TensorElement>: Nonlinearity {
  /// What the negative part is multiplied by: the least value is its negative.
  public let alpha: Double
  /// An exponential linear unit, PyTorch's by default.
  public init(alpha: Double = 1) { self.alpha = alpha }
  public var summary: String { alpha == 1 ? "ELU" : "ELU(\(alpha))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.elu(alpha: Element(alpha))
  }
}

/// `min(max(x + 3, 0), 6) / 6`.
public final class HardSigmoid<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "HardSigmoid" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> { x.hardSigmoid() }
}

/// `x · min(max(x + 3, 0), 6) / 6`.
public final class HardSwish<Element: TensorElement>: Nonlinearity {
  public init() {}
  public var summary: String { "HardSwish" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> { x.hardSwish() }
}

/// `x` where positive, a learned slope times x elsewhere: a slope for each channel, or one for all.
public final class PReLU<Element: TensorElement>: Nonlinearity {
  /// `[channels]`, or `[1]`. PyTorch calls it `weight`.
  public let slope: Parameter<Element>

  /// - Parameters:
  ///   - channels: how many slopes are learned; 1, one for all channels, by default.
  ///   - slope: the slopes at first.
  public init(channels: Int = 1, slope: Double = 0.25) {
    require(channels > 0, "slopes for \(channels) channels")
    self.slope = Parameter(shape: [channels], name: "weight", kind: .slope) {
      Tensor(repeating: Element(slope), shape: [channels])
    }
  }

  public var parameters: [Parameter<Element>] { [slope] }
  public var summary: String { slope.shape == [1] ? "PReLU" : "PReLU(\(slope.shape[0]))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.parametricReLU(slope: pass.variable(for: slope))
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
