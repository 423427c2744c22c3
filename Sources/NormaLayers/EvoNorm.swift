import NormaGraph
import NormaNormalization
import NormaTensor

/// EvoNorm-B0 (Liu and others 2020, arXiv:2004.02967) over the last axis of any rank: `[N, …, C] → [N, …, C]`, normalization and
/// nonlinearity in one that a search found:
/// `y = x / max(√(variance + epsilon), v · x + √(variance of the instance + epsilon)) · gamma + beta`.
///
/// The first variance is that of a channel over batch and positions in training, the running one in inference; the second is that of a
/// channel over the positions of a sample. Names in files are those of timm, which has no count of batches.
public final class EvoNormB0<Element: TensorElement>: StatisticsGathering {
  /// What makes it nonlinear `[C]`, 1 at first; nil if nothing does.
  public let v: Parameter<Element>?
  /// The scale `[C]`, 1 at first.
  public let gamma: Parameter<Element>
  /// The shift `[C]`, 0 at first.
  public let beta: Parameter<Element>
  private let statistics: RunningStatisticsStorage<Element>
  /// What inference normalizes with. Of its means nothing is made, and nothing saved.
  public var runningStatistics: RunningStatistics<Element>? {
    get { statistics.value }
    _modify { yield &statistics.value }
  }
  public var hasFrozenStatistics = false
  /// The number of channels C.
  public let featureCount: Int
  /// Epsilon, the update rule and the variance estimator.
  public let conventions: BatchNormalizationConventions

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - conventions: whose defaults to follow: epsilon, and how running variances take in those of a batch.
  ///   - isNonlinear: whether there is v; without it x is divided by `√(variance + epsilon)`.
  public init(
    _ featureCount: Int, conventions: BatchNormalizationConventions = .pyTorch, isNonlinear: Bool = true
  ) {
    require(featureCount > 0, "EvoNorm-B0 of \(featureCount) channels")
    (self.featureCount, self.conventions) = (featureCount, conventions)
    v = isNonlinear ? .v(featureCount) : nil
    gamma = .gamma(featureCount)
    beta = .beta(featureCount)
    statistics = RunningStatisticsStorage(featureCount, conventions: conventions, isTracking: true)
  }

  public var parameters: [Parameter<Element>] { [gamma, beta] + [v].compactMap { $0 } }
  public var buffers: [Buffer<Element>] { statisticsBuffers.filter { $0.name != "running_mean" } }
  public var summary: String { "EvoNormB0(\(featureCount)\(v == nil ? ", linear" : ""))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    if pass.isServing && !hasGathered { throw InferenceModelError(layer: summary, reason: .statisticsNeverGathered) }
    let variance: Variable<Element>
    if let running = runningStatistics, !pass.usesBatchStatistics || hasFrozenStatistics {
      variance = pass.constant(running.variance, named: "running_var")
    } else {
      try pass.requireWholeBatch(x, layer: summary)
      variance = x.varianceOverRows()
      pass.gather(x.moments, for: self)
    }
    return x.evoNormalized(
      variance: variance, v: v.map { pass.variable(for: $0) }, channels: featureCount,
      gamma: pass.variable(for: gamma), beta: pass.variable(for: beta), epsilon: conventions.epsilon)
  }
}

/// EvoNorm-S0 (Liu and others 2020, arXiv:2004.02967) over the last axis of any rank: `[N, …, C] → [N, …, C]`, the form that takes each
/// sample by itself: `y = x · σ(v · x) / √(variance of the group + epsilon) · gamma + beta`, σ the logistic function; the same in
/// training and inference.
///
/// The variance is that of a group of neighbouring channels over the positions of a sample. Names in files are those of timm.
public final class EvoNormS0<Element: TensorElement>: Layer {
  /// What makes it nonlinear `[C]`, 1 at first; nil if nothing does.
  public let v: Parameter<Element>?
  /// The scale `[C]`, 1 at first.
  public let gamma: Parameter<Element>
  /// The shift `[C]`, 0 at first.
  public let beta: Parameter<Element>
  /// The number of channels C.
  public let featureCount: Int
  /// How many groups the channels are divided into.
  public let groups: Int
  /// Added to the variance before the square root.
  public let epsilon: Double

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - groups: how many groups the channels are divided into, a divisor of C; 32 in the paper.
  ///   - epsilon: added to the variance before the square root.
  ///   - isNonlinear: whether there is v; without it there is no factor σ.
  public init(_ featureCount: Int, groups: Int, epsilon: Double = 1e-5, isNonlinear: Bool = true) {
    requireGroups(groups, of: featureCount, in: "EvoNorm-S0")
    (self.featureCount, self.groups, self.epsilon) = (featureCount, groups, epsilon)
    v = isNonlinear ? .v(featureCount) : nil
    gamma = .gamma(featureCount)
    beta = .beta(featureCount)
  }

  public var parameters: [Parameter<Element>] { [gamma, beta] + [v].compactMap { $0 } }
  public var summary: String {
    "EvoNormS0(\(featureCount), \(groups) group\(groups == 1 ? "" : "s")\(v == nil ? ", linear" : ""))"
  }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.evoNormalized(
      groups: groups, v: v.map { pass.variable(for: $0) }, channels: featureCount, gamma: pass.variable(for: gamma),
      beta: pass.variable(for: beta), epsilon: epsilon)
  }
}

extension Parameter {
  fileprivate static func v(_ channels: Int) -> Parameter {
    Parameter(shape: [channels], name: "v", kind: .factor) { .ones([channels]) }
  }
}
