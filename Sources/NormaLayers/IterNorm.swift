import NormaGraph
import NormaNormalization
import NormaTensor

/// Whitening over the last axis of any rank, `[N, …, C] → [N, …, C]`, by iterations (IterNorm; Huang and others 2019,
/// arXiv:1904.03441): beyond batch normalization, it takes the correlations out of channels.
///
/// In training it goes by the batch's mean and covariance, see `Variable.whitened(groups:iterations:epsilon:)`; in inference by the
/// running mean and the running whitening matrices, which change when ``Pass/updateRunningStatistics()`` is called.
public final class IterNorm<Element: TensorElement>: Layer {
  /// The scale `[C]`, 1 at first; nil if not affine.
  public let gamma: Parameter<Element>?
  /// The shift `[C]`, 0 at first; nil if not affine.
  public let beta: Parameter<Element>?
  /// The number of channels C.
  public let featureCount: Int
  /// How many groups they are divided into; each is whitened by itself.
  public let groups: Int
  /// The number of iterations: more come nearer to variance 1 and covariance 0.
  public let iterations: Int
  /// Added to each variance.
  public let epsilon: Double
  /// How running statistics are updated.
  public let rule: UpdateRule
  /// The running mean `[C]`.
  public private(set) var runningMean: Tensor<Element>
  /// The running whitening matrices `[groups, C / groups, C / groups]`, unit matrices at first.
  public private(set) var runningWhitening: Tensor<Element>
  /// How many batches have been taken in.
  public private(set) var batchCount = 0

  /// - Parameters:
  ///   - featureCount: the number of channels C.
  ///   - groups: into how many groups they are divided; of more than some 64 channels a group has more covariances than a batch tells of.
  ///   - iterations: how many iterations there are.
  ///   - epsilon: added to each variance.
  ///   - rule: how running statistics are updated.
  ///   - isAffine: whether there are gamma and beta.
  public init(
    _ featureCount: Int, groups: Int = 1, iterations: Int = 5, epsilon: Double = 1e-5,
    rule: UpdateRule = .updating(0.1), isAffine: Bool = true
  ) {
    require(
      featureCount > 0 && groups > 0 && featureCount.isMultiple(of: groups),
      "whitening of \(featureCount) channels in \(groups) groups")
    require(iterations >= 0 && epsilon >= 0, "whitening by \(iterations) iterations with an epsilon of \(epsilon)")
    self.featureCount = featureCount
    self.groups = groups
    self.iterations = iterations
    self.epsilon = epsilon
    self.rule = rule
    gamma = isAffine ? Parameter(shape: [featureCount], name: "weight", kind: .gamma) { .ones([featureCount]) } : nil
    beta = isAffine ? Parameter(shape: [featureCount], name: "bias", kind: .beta) { .zeros([featureCount]) } : nil
    runningMean = .zeros([featureCount])
    runningWhitening = .unitMatrices(groups, featureCount / groups)
  }

  public var parameters: [Parameter<Element>] { [gamma, beta].compactMap { $0 } }
  public var buffers: [Buffer<Element>] {
    [
      Buffer("running_mean", of: self, \.runningMean), Buffer("running_wm", of: self, \.runningWhitening),
      Buffer("num_batches_tracked", of: self, \.batchCount),
    ]
  }
  public var summary: String {
    "IterNorm(\(featureCount)\(groups == 1 ? "" : ", \(groups) groups")\(iterations == 5 ? "" : ", \(iterations) iterations"))"
  }

  /// - Throws: `NormalizationError.singleValuePerChannel` in training for a batch of one row.
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    if pass.isServing && batchCount == 0 {
      throw InferenceModelError(layer: summary, reason: .statisticsNeverGathered)
    }
    var result: Variable<Element>
    if pass.usesBatchStatistics {
      guard x.shape.channelCount == featureCount, x.shape.rank >= 2 else {
        throw LayerError(layer: summary, expected: "[batch, …, \(featureCount)]", found: x.shape)
      }
      try pass.requireWholeBatch(x, layer: summary)
      let found = try x.whitened(groups: groups, iterations: iterations, epsilon: epsilon)
      result = found.output
      if pass.purpose == nil && x.shape.rowCount > 0 {
        let (mean, whitening) = (found.mean.value, found.whitening.value)
        pass.deferChange { [self] in take(mean, whitening) }
      }
    } else {
      result = x.whitened(
        mean: pass.constant(runningMean, named: "running_mean"),
        whitening: pass.constant(runningWhitening.blockDiagonal(), named: "running_wm"))
    }
    return result.modulated(
      scale: gamma.map { pass.variable(for: $0) }, shift: beta.map { pass.variable(for: $0) }, broadcast: .perChannel)
  }

  private func take(_ mean: Tensor<Element>, _ whitening: Tensor<Element>) {
    let weight = rule.weight(afterBatches: batchCount)
    runningMean = Element(1 - weight) * runningMean + Element(weight) * mean
    runningWhitening = Element(1 - weight) * runningWhitening + Element(weight) * whitening
    batchCount += 1
  }
}
