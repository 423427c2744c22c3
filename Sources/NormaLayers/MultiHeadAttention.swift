import NormaGraph
import NormaTensor

/// Self-attention of several heads: `[N, L, width] → [N, L, width]` (Vaswani and others 2017, arXiv:1706.03762). Queries, keys and
/// values are linear maps of the input, and the heads' results go through one more; see `Variable.attention`.
///
/// Names and shapes in files are those of PyTorch's `MultiheadAttention`.
public final class MultiHeadAttention<Element: TensorElement>: Layer {
  /// The maps to queries, keys and values, one below the other: `[3 · width, width]`.
  public let inputWeight: Parameter<Element>
  /// Their biases, `[3 · width]`; nil without biases.
  public let inputBias: Parameter<Element>?
  /// The map of the heads' results.
  public let output: Linear<Element>
  /// Into how many parts the channels are divided.
  public let heads: Int
  /// Whether a place sees those before it alone, and itself.
  public let isCausal: Bool
  /// The probability to keep each weight in training.
  public let keepProbability: Double

  /// A layer with drawn weights and biases of 0.
  ///
  /// - Parameters:
  ///   - width: the number of channels.
  ///   - heads: into how many parts they are divided, a divisor of the width.
  ///   - isCausal: whether a place sees those before it alone, and itself.
  ///   - hasBias: whether the maps have biases.
  ///   - keepProbability: the probability to keep each weight in training, in (0, 1].
  ///   - initialization: how the weights of each map start.
  ///   - generator: what they are drawn from.
  public init(
    width: Int, heads: Int, isCausal: Bool = false, hasBias: Bool = true, keepProbability: Double = 1,
    initialization: Initialization = .xavierUniform, using generator: inout RandomGenerator
  ) {
    require(width > 0 && heads > 0 && width % heads == 0, "attention of width \(width) in \(heads) heads")
    require(keepProbability > 0 && keepProbability <= 1, "\(keepProbability) is no probability to keep")
    let maps: [Tensor<Element>] = (0..<3).map { _ in
      initialization.draw([width, width], fanIn: width, fanOut: width, using: &generator)
    }
    inputWeight = Parameter(.concatenating(rows: maps), name: "in_proj_weight", kind: .weight)
    inputBias =
      hasBias ? Parameter(shape: [3 * width], name: "in_proj_bias", kind: .bias) { .zeros([3 * width]) } : nil
    output = Linear(
      inputs: width, outputs: width, hasBias: hasBias, initialization: initialization, using: &generator)
    self.heads = heads
    self.isCausal = isCausal
    self.keepProbability = keepProbability
  }

  /// The number of channels.
  public var width: Int { inputWeight.shape[1] }

  public var parameters: [Parameter<Element>] { [inputWeight] + (inputBias.map { [$0] } ?? []) }
  public var children: [(name: String, layer: any Layer<Element>)] { [("out_proj", output)] }

  public var summary: String {
    "MultiHeadAttention(\(width), \(heads) head\(heads == 1 ? "" : "s")\(isCausal ? ", causal" : ""))"
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let maps = x.linear(
      weight: pass.variable(for: inputWeight), bias: inputBias.map { pass.variable(for: $0) })
    let parts = (0..<3).map { maps.sliced($0 * width..<($0 + 1) * width, axis: -1) }
    let attended = parts[0].attention(
      keys: parts[1], values: parts[2], heads: heads, scale: 1 / Element(width / heads).squareRoot(),
      isCausal: isCausal,
      keepProbability: pass.isTraining ? keepProbability : 1, using: &pass.random)
    return try pass.apply(output, named: "out_proj", to: attended)
  }
}
