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

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - conventions: whose defaults to follow.
  ///   - isAffine: whether there are gamma and beta.
  ///   - tracksRunningStatistics: whether running statistics are kept for inference.
  ///   - singleValuePolicy: what to do in training with one value per channel.
  ///   - form: how it appears in the graph.
  public init(
    _ featureCount: Int, conventions: BatchNormalizationConventions = .pyTorch, isAffine: Bool = true,
    tracksRunningStatistics: Bool = true, singleValuePolicy: SingleValuePolicy = .reject,
    form: BatchNormalizationForm = .fused
  ) {
    require(featureCount > 0, "batch normalization of \(featureCount) channels")
    self.featureCount = featureCount
    self.conventions = conventions
    self.singleValuePolicy = singleValuePolicy
    self.form = form
    gamma = isAffine ? Parameter(shape: [featureCount], name: "weight", kind: .gamma) { .ones([featureCount]) } : nil
    beta = isAffine ? Parameter(shape: [featureCount], name: "bias", kind: .beta) { .zeros([featureCount]) } : nil
    statistics = RunningStatisticsStorage(featureCount, conventions: conventions, isTracking: tracksRunningStatistics)
  }

  public var parameters: [Parameter<Element>] { [gamma, beta].compactMap { $0 } }
  public var summary: String { "BatchNorm(\(featureCount))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    try apply(to: x, in: pass, rectifies: false)
  }

  public var fusesReLU: Bool { form == .fused }

  public func rectified(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    guard fusesReLU else { return try apply(to: x, in: pass, rectifies: false).relu() }
    return try apply(to: x, in: pass, rectifies: true)
  }

  @specialized(where Element == Float)
  private func apply(to x: Variable<Element>, in pass: Pass<Element>, rectifies: Bool) throws -> Variable<Element> {
    let gamma = gamma.map { pass.variable(for: $0) }
    let beta = beta.map { pass.variable(for: $0) }
    if pass.isServing && !hasGathered { throw InferenceModelError(layer: summary, reason: .statisticsNeverGathered) }
    if let statistics = runningStatistics, !pass.usesBatchStatistics || hasFrozenStatistics || usesRunningStatistics(x)
    {
      return x.batchNormalized(
        mean: pass.constant(statistics.mean, named: "running_mean"),
        variance: pass.constant(statistics.variance, named: "running_var"), gamma: gamma, beta: beta,
        epsilon: conventions.epsilon, rectifies: rectifies)
    }
    let allowsSingleValue = singleValuePolicy == .normalizeToZero
    let (output, moments) =
      switch form {
      case .staged where pass.purpose != .exportedTraining && pass.statisticsParts == 1:
        try x.stagedBatchNormalized(
          gamma: gamma, beta: beta, epsilon: conventions.epsilon, allowsSingleValue: allowsSingleValue)
      default:
        try x.batchNormalized(
          gamma: gamma, beta: beta, epsilon: conventions.epsilon, rectifies: rectifies,
          allowsSingleValue: allowsSingleValue, isRecomputed: pass.recomputesNormalized, parts: pass.statisticsParts)
      }
    if pass.usesBatchStatistics { pass.gather(moments, for: self) }
    return output
  }

  private func usesRunningStatistics(_ x: Variable<Element>) -> Bool {
    singleValuePolicy == .useRunningStatistics && x.shape.rowCount == 1
  }
}
