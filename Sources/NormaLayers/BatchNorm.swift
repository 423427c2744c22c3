import NormaGraph
import NormaNormalization
import NormaTensor

/// Batch normalization over the last axis of any rank: `[N, …, C] → [N, …, C]`.
///
/// In training it normalizes with the batch's statistics and leaves those with the ``Pass``; they reach the running
/// statistics when ``Pass/updateRunningStatistics()`` is called. In inference it normalizes with the running
/// statistics, or with the batch's if it keeps none.
public final class BatchNorm<Element: TensorElement>: StatisticsGathering, ReLUFusing {
  /// The scale `[C]`, 1 at first; nil if not affine.
  public let gamma: Parameter<Element>?
  /// The shift `[C]`, 0 at first; nil if not affine.
  public let beta: Parameter<Element>?
  /// What inference normalizes with; nil if the layer keeps none.
  public var runningStatistics: RunningStatistics<Element>? {
    get { statistics.value }
    _modify { yield &statistics.value }
  }
  private let statistics: RunningStatisticsStorage<Element>
  public var hasFrozenStatistics = false
  /// The number of channels C.
  public let featureCount: Int
  /// Epsilon, the update rule and the variance estimator.
  public let conventions: BatchNormalizationConventions
  /// What to do in training with one value per channel.
  public let singleValuePolicy: SingleValuePolicy
  /// How it appears in the graph.
  public let form: BatchNormalizationForm
  /// How far batch renormalization leads to the running statistics; nil for batch normalization.
  public let renormalization: BatchRenormalization?
  /// The most examples that share moments, in ghost batches; nil for what the ``Pass`` says.
  public let ghostSize: Int?
  /// What is given where rows do not count.
  public let excludedOutput: ExcludedOutput

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - conventions: whose defaults to follow.
  ///   - isAffine: whether there are gamma and beta.
  ///   - tracksRunningStatistics: whether running statistics are kept for inference.
  ///   - singleValuePolicy: what to do in training with one value per channel.
  ///   - form: how it appears in the graph.
  ///   - renormalization: for batch renormalization, which needs running statistics: how far it leads to them.
  ///   - ghostSize: the most examples that share moments, for ghost batches; nil for what the ``Pass`` says.
  ///   - excludedOutput: what is given where rows do not count, see ``Pass/rowWeights``.
  public init(
    _ featureCount: Int, conventions: BatchNormalizationConventions = .pyTorch, isAffine: Bool = true,
    tracksRunningStatistics: Bool = true, singleValuePolicy: SingleValuePolicy = .reject,
    form: BatchNormalizationForm = .fused, renormalization: BatchRenormalization? = nil, ghostSize: Int? = nil,
    excludedOutput: ExcludedOutput = .zero
  ) {
    require(featureCount > 0, "batch normalization of \(featureCount) channels")
    require(ghostSize ?? 1 > 0, "ghost batches of \(ghostSize ?? 0) examples")
    require(
      renormalization == nil || tracksRunningStatistics, "batch renormalization without running statistics to lead to")
    self.featureCount = featureCount
    self.conventions = conventions
    self.singleValuePolicy = singleValuePolicy
    self.form = form
    self.renormalization = renormalization
    self.ghostSize = ghostSize
    self.excludedOutput = excludedOutput
    gamma = isAffine ? Parameter(shape: [featureCount], name: "weight", kind: .gamma) { .ones([featureCount]) } : nil
    beta = isAffine ? Parameter(shape: [featureCount], name: "bias", kind: .beta) { .zeros([featureCount]) } : nil
    statistics = RunningStatisticsStorage(featureCount, conventions: conventions, isTracking: tracksRunningStatistics)
  }

  public var parameters: [Parameter<Element>] { [gamma, beta].compactMap { $0 } }
  public var summary: String { (renormalization == nil ? "BatchNorm" : "BatchRenorm") + "(\(featureCount))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    try apply(to: x, in: pass, rectifies: false, weights: weights(for: x, in: pass))
  }

  /// Normalizes by the rows that count, whatever the pass says of them.
  ///
  /// - Parameters:
  ///   - x: `[N, …, C]`.
  ///   - weights: how much each row counts, `[N]` or `[N, …]`: see ``Pass/rowWeights``.
  ///   - pass: the pass that it is part of.
  public func callAsFunction(
    _ x: Variable<Element>, weights: Tensor<Element>, in pass: Pass<Element>
  ) throws -> Variable<Element> {
    try apply(to: x, in: pass, rectifies: false, weights: weights)
  }

  /// The pass's weights, where they are of this tensor's rows.
  private func weights(for x: Variable<Element>, in pass: Pass<Element>) throws(LayerError) -> Tensor<Element>? {
    guard let weights = pass.rowWeights else { return nil }
    let shape = x.shape
    if weights.rank < shape.rank, weights.shape.elementsEqual(shape.prefix(weights.rank)) { return weights }
    if weights.rank >= shape.rank, weights.shape[0] == shape[0] { return nil }
    throw LayerError(
      layer: summary, expected: "the rows \(weights.shape) that have weights, with channels", found: shape)
  }

  public var fusesReLU: Bool { form == .fused }

  public func rectified(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let weights = try weights(for: x, in: pass)
    guard fusesReLU else { return try apply(to: x, in: pass, rectifies: false, weights: weights).relu() }
    return try apply(to: x, in: pass, rectifies: true, weights: weights)
  }

  @specialized(where Element == Float)
  private func apply(
    to x: Variable<Element>, in pass: Pass<Element>, rectifies: Bool, weights: Tensor<Element>?
  ) throws -> Variable<Element> {
    let gamma = gamma.map { pass.variable(for: $0) }
    let beta = beta.map { pass.variable(for: $0) }
    if pass.isServing && !hasGathered { throw InferenceModelError(layer: summary, reason: .statisticsNeverGathered) }
    if let statistics = runningStatistics, !pass.usesBatchStatistics || hasFrozenStatistics || usesRunningStatistics(x)
    {
      // What does not count may be anything, and so is taken out before.
      let output = (weights.map { x.excludingRows($0) } ?? x).batchNormalized(
        mean: pass.constant(statistics.mean, named: "running_mean"),
        variance: pass.constant(statistics.variance, named: "running_var"), gamma: gamma, beta: beta,
        epsilon: conventions.epsilon, rectifies: rectifies && weights == nil)
      guard let weights else { return output }
      let counted = output.excludingRows(weights, output: excludedOutput, beta: beta)
      return rectifies ? counted.relu() : counted
    }
    let allowsSingleValue = singleValuePolicy == .normalizeToZero
    let scope = ghostSize.map { .ghosts(ofSize: $0) } ?? pass.statisticsScope
    let reference =
      pass.isTraining ? renormalization.flatMap { r in runningStatistics.map { r.reference($0) } } : nil
    let (output, moments) =
      switch form {
      case .staged where pass.purpose != .exportedTraining && !scope.mergesMoments && pass.shardExchange == nil:
        try x.stagedBatchNormalized(
          gamma: gamma, beta: beta, epsilon: conventions.epsilon, allowsSingleValue: allowsSingleValue, scope: scope,
          weights: weights, excluded: excludedOutput, renormalization: reference)
      default:
        try x.batchNormalized(
          gamma: gamma, beta: beta, epsilon: conventions.epsilon, rectifies: rectifies,
          allowsSingleValue: allowsSingleValue, isRecomputed: pass.recomputesNormalized, scope: scope,
          weights: weights, excluded: excludedOutput, renormalization: reference, exchange: pass.shardExchange)
      }
    if pass.usesBatchStatistics {
      pass.gather(moments, for: self, isOfAllShards: pass.shardExchange != nil && scope.spansShards)
    }
    return output
  }

  public var leadsToRunningStatistics: Bool { renormalization != nil }

  public func statisticsInTraining(
    of moments: BatchMoments, leadingTo running: (mean: Tensor<Element>, variance: Tensor<Element>)
  ) -> (mean: Tensor<Element>, variance: Tensor<Element>) {
    guard let renormalization, let statistics = runningStatistics else {
      return (moments.mean.converted(), moments.variance(.biased).converted())
    }
    let bounds = renormalization.reference(statistics)
    let (means, variances) = (moments.mean.elements, moments.variance(.biased).elements)
    var result = (mean: running.mean, variance: running.variance)
    for channel in means.indices {
      let deviation = (variances[channel] + conventions.epsilon).squareRoot()
      let known = (Double(running.variance[channel]) + conventions.epsilon).squareRoot()
      let ratio = min(max(deviation / known, 1 / bounds.largestRatio), bounds.largestRatio)
      let limit = bounds.largestDistance
      let distance = min(max((means[channel] - Double(running.mean[channel])) / known, -limit), limit)
      // (x − μ) / s · r + d is (x − (μ − d·s/r)) / (s/r).
      let used = deviation / ratio
      result.mean[channel] = Element(means[channel] - distance * used)
      result.variance[channel] = Element(used * used - conventions.epsilon)
    }
    return result
  }

  private func usesRunningStatistics(_ x: Variable<Element>) -> Bool {
    singleValuePolicy == .useRunningStatistics && x.shape.rowCount == 1
  }
}
