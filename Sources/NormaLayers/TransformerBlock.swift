import NormaGraph
import NormaTensor

/// A block of a transformer: self-attention and a network of two linear layers for each place, with a residual sum and a
/// normalization each, `[N, L, width] → [N, L, width]` (Vaswani and others 2017, arXiv:1706.03762).
///
/// With normalization first, `x + f(norm(x))`, deep stacks train without warm-up (Xiong and others 2020, arXiv:2002.04745); with
/// normalization last, `norm(x + f(x))`, it is the paper's. Names in files are those of PyTorch's `TransformerEncoderLayer`.
public final class TransformerBlock<Element: TensorElement>: Layer {
  /// How the channels of each place are normalized.
  public enum Normalization: Hashable, Sendable {
    /// By mean and variance, see ``LayerNorm``.
    case layer
    /// By the mean square, see ``RMSNorm``.
    case rms
  }

  /// The self-attention.
  public let attention: MultiHeadAttention<Element>
  /// The linear layers, and what stands between them.
  public let first: Linear<Element>, second: Linear<Element>
  /// The normalizations that belong to attention and network.
  public let norms: [any Layer<Element>]
  /// Whether each normalization comes before what it belongs to, rather than after the sum.
  public let normalizesFirst: Bool
  /// What stands between the two linear layers.
  public let activation: any Layer<Element>
  private let dropout: Dropout<Element>

  /// A block with drawn weights and biases of 0.
  ///
  /// - Parameters:
  ///   - width: the number of channels.
  ///   - heads: into how many parts they are divided, a divisor of the width.
  ///   - hidden: how many units there are between the linear layers; four times the width if nil.
  ///   - normalization: how channels are normalized.
  ///   - normalizesFirst: whether normalizations come before what they belong to.
  ///   - activation: what stands between the linear layers.
  ///   - isCausal: whether a place sees those before it alone, and itself.
  ///   - keepProbability: the probability to keep in training, in (0, 1]: of attention's weights, of the hidden units, and of what is
  ///     added to each sum.
  ///   - generator: what weights are drawn from.
  public init(
    width: Int, heads: Int, hidden: Int? = nil, normalization: Normalization = .layer, normalizesFirst: Bool = true,
    activation: ActivationKind = .gelu, isCausal: Bool = false, keepProbability: Double = 1,
    using generator: inout RandomGenerator
  ) {
    let hidden = hidden ?? 4 * width
    attention = MultiHeadAttention(
      width: width, heads: heads, isCausal: isCausal, keepProbability: keepProbability, using: &generator)
    first = Linear(inputs: width, outputs: hidden, initialization: .xavierUniform, using: &generator)
    second = Linear(inputs: hidden, outputs: width, initialization: .xavierUniform, using: &generator)
    norms = (0..<2).map { _ in
      switch normalization {
      case .layer: LayerNorm<Element>(width)
      case .rms: RMSNorm<Element>(width)
      }
    }
    self.normalizesFirst = normalizesFirst
    self.activation = activation.layer()
    dropout = Dropout(keepProbability: keepProbability)
  }

  public var children: [(name: String, layer: any Layer<Element>)] {
    [("self_attn", attention), ("linear1", first), ("linear2", second), ("norm1", norms[0]), ("norm2", norms[1])]
  }

  public var summary: String {
    let parts = [
      "\(attention.width)", "\(attention.heads) head\(attention.heads == 1 ? "" : "s")",
      "\(first.weight.shape[0]) hidden", activation.summary,
      "normalizes \(normalizesFirst ? "first" : "last")",
    ]
    return "TransformerBlock(\((parts + (attention.isCausal ? ["causal"] : [])).joined(separator: ", ")))"
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let y = try adding(x, norm: 0, in: pass) { try pass.apply(attention, named: "self_attn", to: $0) }
    return try adding(y, norm: 1, in: pass) { x in
      let hidden = try pass.apply(first, named: "linear1", to: x)
      return try pass.apply(second, named: "linear2", to: dropout(try activation(hidden, in: pass), in: pass))
    }
  }

  /// The sum of x and what a branch makes of it, with the normalization where it belongs.
  private func adding(
    _ x: Variable<Element>, norm: Int, in pass: Pass<Element>,
    _ branch: (Variable<Element>) throws -> Variable<Element>
  ) throws -> Variable<Element> {
    func normalized(_ x: Variable<Element>) throws -> Variable<Element> {
      try pass.apply(norms[norm], named: "norm\(norm + 1)", to: x)
    }
    guard normalizesFirst else { return try normalized(x + dropout(try branch(x), in: pass)) }
    return x + dropout(try branch(try normalized(x)), in: pass)
  }
}
