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
  /// `form`: from primitive operations, or as one node.
  /// - Throws: `NormalizationError` for a batch of a single row.
  public init(
    _ x: Tensor<Double>, gamma: Tensor<Double>, beta: Tensor<Double>, epsilon: Double = 1e-5,
    outputGradient: Tensor<Double>, form: BatchNormalizationForm
  ) throws(NormalizationError) {
    try self.init(x, gamma: gamma, beta: beta, outputGradient: outputGradient) {
      x, gamma, beta throws(NormalizationError) in
      switch form {
      case .staged: try x.stagedBatchNormalized(gamma: gamma, beta: beta, epsilon: epsilon).output
      case .closedForm, .fused:
        try x.batchNormalized(gamma: gamma, beta: beta, epsilon: epsilon).output.named("y = γ·(x − μ)/s + β")
      }
    }
  }

  /// Records what inference does to rows `[N, C]` with statistics `[C]` that were gathered before, and walks back.
  public init(
    _ x: Tensor<Double>, gamma: Tensor<Double>, beta: Tensor<Double>, epsilon: Double = 1e-5,
    outputGradient: Tensor<Double>, statistics: RunningStatistics<Double>
  ) {
    self.init(x, gamma: gamma, beta: beta, outputGradient: outputGradient) { x, gamma, beta in
      func constant(_ value: Tensor<Double>, _ name: String) -> Variable<Double> {
        x.graph?.constant(value, name: name) ?? Variable(value)
      }
      return x.batchNormalized(
        mean: constant(statistics.mean, "M"), variance: constant(statistics.variance, "V"), gamma: gamma, beta: beta,
        epsilon: epsilon
      ).named("y = γ·(x − M)/s + β")
    }
  }

  private init<Failure: Error>(
    _ x: Tensor<Double>, gamma: Tensor<Double>, beta: Tensor<Double>, outputGradient: Tensor<Double>,
    _ normalize: (Variable<Double>, Variable<Double>, Variable<Double>) throws(Failure) -> Variable<Double>
  ) throws(Failure) {
    graph = Graph(keepsValues: true)
    let (x, gamma, beta) = (
      graph.input(x, name: "x"), graph.parameter(gamma, name: "γ"), graph.parameter(beta, name: "β")
    )
    let y = try normalize(x, gamma, beta)
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
