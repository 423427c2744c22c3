import Norma

/// Batch normalization of one batch, recorded and walked through forward and backward, with every value and gradient kept.
public struct BatchNormalizationWalk {
  /// How far one of the results is from that of another walk.
  public struct Difference: Sendable, Equatable {
    /// The largest distance between their elements.
    public let largest: Double
    /// The largest element of the other's.
    public let magnitude: Double
  }

  /// The graph.
  public let graph: Graph<Double>
  /// The gradients of all its nodes.
  public let gradients: Gradients<Double>
  /// The output `[N, C]`, and the gradients of the input `[N, C]`, gamma and beta `[C]`.
  public let results: [Tensor<Double>]

  /// Records a batch `[N, C]` with gamma and beta `[C]`, and walks back from the gradient of the output `[N, C]`.
  ///
  /// - Parameter form: from primitive operations, or as one node.
  /// - Throws: `NormalizationError` for a batch of a single row.
  public init(
    _ x: Tensor<Double>, gamma: Tensor<Double>, beta: Tensor<Double>, epsilon: Double = 1e-5,
    outputGradient: Tensor<Double>, form: BatchNormalizationForm
  ) throws(NormalizationError) {
    graph = Graph(keepsValues: true)
    let (x, gamma, beta) = (
      graph.input(x, name: "x"), graph.parameter(gamma, name: "γ"), graph.parameter(beta, name: "β")
    )
    let y =
      switch form {
      case .staged: try x.stagedBatchNormalized(gamma: gamma, beta: beta, epsilon: epsilon).output
      case .closedForm, .fused:
        try x.batchNormalized(gamma: gamma, beta: beta, epsilon: epsilon).output.named("y = γ·(x − μ)/s + β")
      }
    gradients = graph.gradients(of: y, seed: outputGradient)
    results = [y.value] + [x, gamma, beta].map { [gradients] in gradients[$0] }
  }

  /// How far each of ``results`` is from another walk's.
  public func differences(from other: BatchNormalizationWalk) -> [Difference] {
    func largestMagnitude(_ tensor: Tensor<Double>) -> Double { tensor.elements.map(abs).max() ?? 0 }
    return zip(results, other.results).map { ours, theirs in
      Difference(largest: largestMagnitude(ours - theirs), magnitude: largestMagnitude(theirs))
    }
  }
}
