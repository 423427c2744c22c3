import NormaGraph
import NormaTensor

/// Stochastic depth (Huang and others 2016, arXiv:1603.09382): in training keeps each sample with the given probability and divides it by that,
/// else sets all of it to 0; in inference does nothing. `[N, …, C] → [N, …, C]`.
///
/// It ends the body of a residual block, which is then left out for some samples.
public final class StochasticDepth<Element: TensorElement>: Layer {
  /// The probability to *keep* a sample; torchvision's `p` is one less this.
  public let keepProbability: Double

  /// - Parameter keepProbability: in (0, 1].
  public init(keepProbability: Double) {
    require(keepProbability > 0 && keepProbability <= 1, "\(keepProbability) is no probability to keep")
    self.keepProbability = keepProbability
  }

  public var summary: String { "StochasticDepth(keeps \(keepProbability))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    pass.isTraining && keepProbability < 1
      ? x.sampleDropout(keepProbability: keepProbability, using: &pass.random) : x
  }
}
