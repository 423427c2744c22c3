import NormaGraph
import NormaNormalization
import NormaTensor

/// Instance normalization over the last axis of any rank: `[N, …, C] → [N, …, C]`, each channel of each sample over its
/// positions alone.
///
/// It is a ``GroupNorm`` with a group for each channel, and not affine unless asked to be, as in PyTorch. Unless it tracks running
/// statistics it is the same in training and inference. If it does, training normalizes each instance by itself as ever, and leaves the
/// means of the instances' means and variances with the ``Pass``; inference normalizes by the running statistics, as ``BatchNorm``
/// does, and what comes of it can be folded into the layer before.
public final class InstanceNorm<Element: TensorElement>: StatisticsGathering, ReLUFusing {
  private let groupNorm: GroupNorm<Element>
  private let statistics: RunningStatisticsStorage<Element>
  /// What inference normalizes with; nil if the layer keeps none, as by default.
  public var runningStatistics: RunningStatistics<Element>? {
    get { statistics.value }
    _modify { yield &statistics.value }
  }
  public var hasFrozenStatistics = false
  /// Epsilon, the update rule and the variance estimator.
  public let conventions: BatchNormalizationConventions
  private let tracksRunningStatistics: Bool

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - epsilon: added to the variance before the square root.
  ///   - isAffine: whether there are gamma and beta.
  public convenience init(_ featureCount: Int, epsilon: Double = 1e-5, isAffine: Bool = false) {
    var conventions = BatchNormalizationConventions.pyTorch
    conventions.epsilon = epsilon
    self.init(featureCount, conventions: conventions, isAffine: isAffine, tracksRunningStatistics: false)
  }

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - conventions: whose defaults to follow: epsilon, and how running statistics take in those of a batch.
  ///   - isAffine: whether there are gamma and beta.
  ///   - tracksRunningStatistics: whether running statistics are kept for inference.
  public init(
    _ featureCount: Int, conventions: BatchNormalizationConventions, isAffine: Bool = false,
    tracksRunningStatistics: Bool
  ) {
    groupNorm = GroupNorm(featureCount, groups: featureCount, epsilon: conventions.epsilon, isAffine: isAffine)
    statistics = RunningStatisticsStorage(featureCount, conventions: conventions, isTracking: tracksRunningStatistics)
    self.conventions = conventions
    self.tracksRunningStatistics = tracksRunningStatistics
  }

  /// The scale `[C]`, 1 at first; nil if not affine.
  public var gamma: Parameter<Element>? { groupNorm.gamma }
  /// The shift `[C]`, 0 at first; nil if not affine.
  public var beta: Parameter<Element>? { groupNorm.beta }
  /// The number of channels C.
  public var featureCount: Int { groupNorm.featureCount }
  /// Added to the variance before the square root.
  public var epsilon: Double { groupNorm.epsilon }

  public var parameters: [Parameter<Element>] { groupNorm.parameters }
  public var summary: String { "InstanceNorm(\(featureCount)\(tracksRunningStatistics ? ", running statistics" : ""))" }

  /// The means of the parts' instances: what lies between the means of instances is no part of their variance.
  public func merging(_ parts: [BatchMoments]) throws(NormalizationError) -> BatchMoments {
    try BatchMoments.averaging(parts, conventions.estimator)
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    try apply(to: x, in: pass, rectifies: false)
  }

  public func rectified(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    try apply(to: x, in: pass, rectifies: true)
  }

  private func apply(to x: Variable<Element>, in pass: Pass<Element>, rectifies: Bool) throws -> Variable<Element> {
    guard let running = runningStatistics else {
      return rectifies ? groupNorm.rectified(x, in: pass) : groupNorm(x, in: pass)
    }
    let (gamma, beta) = (gamma.map { pass.variable(for: $0) }, beta.map { pass.variable(for: $0) })
    if pass.isServing && !hasGathered { throw InferenceModelError(layer: summary, reason: .statisticsNeverGathered) }
    guard pass.usesBatchStatistics && !hasFrozenStatistics else {
      return x.batchNormalized(
        mean: pass.constant(running.mean, named: "running_mean"),
        variance: pass.constant(running.variance, named: "running_var"), gamma: gamma, beta: beta, epsilon: epsilon,
        rectifies: rectifies)
    }
    let (output, instances) = x.groupNormalizedWithStatistics(
      groups: featureCount, gamma: gamma, beta: beta, epsilon: epsilon, rectifies: rectifies, channels: featureCount)
    let moments = instances.map {
      $0.meanMoments(
        positions: x.shape.rowCount / max(1, x.shape[0]), epsilon: epsilon, estimator: conventions.estimator)
    }
    pass.gather(moments ?? x.moments, for: self)
    return output
  }
}
