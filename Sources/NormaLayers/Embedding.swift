import NormaGraph
import NormaTensor

/// A vector for each index: `[N, L] → [N, L, width]`. Indices are whole numbers in the element type, from 0 to one less than
/// there are vectors.
///
/// ```swift
/// let model = Sequential<Float> {
///   Embedding(count: 10_000, width: 64, using: &random)
///   GlobalAveragePool()
///   Linear(inputs: 64, outputs: 2, using: &random)
/// }
/// ```
public final class Embedding<Element: TensorElement>: Layer {
  /// The vectors, `[count, width]`.
  public let weight: Parameter<Element>

  /// A layer with drawn vectors; PyTorch's default is the standard normal distribution.
  public convenience init(
    count: Int, width: Int, initialization: Initialization = .normal(scale: 1), using generator: inout RandomGenerator
  ) {
    self.init(count: count, width: width, initialization: initialization, random: generator)
    weight.value = initialization.draw([count, width], fanIn: width, fanOut: width, using: &generator)
  }

  /// A layer whose vectors are drawn from a generator of their own, when they are first asked for.
  public init(
    count: Int, width: Int, initialization: Initialization = .normal(scale: 1), random: RandomGenerator
  ) {
    require(count > 0 && width > 0, "an embedding of \(count) vectors of \(width) numbers")
    weight = Parameter(shape: [count, width], name: "weight", kind: .weight) {
      var generator = random
      return initialization.draw([count, width], fanIn: width, fanOut: width, using: &generator)
    }
  }

  public var parameters: [Parameter<Element>] { [weight] }
  public var summary: String { "Embedding(\(weight.shape[0]) × \(weight.shape[1]))" }

  /// - Throws: `EmbeddingIndexError` for what is no index.
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    try x.embedded(in: pass.variable(for: weight))
  }
}
