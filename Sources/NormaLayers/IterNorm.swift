import NormaGraph
import NormaNormalization
import NormaTensor

/// Whitening over the last axis of any rank, `[N, …, C] → [N, …, C]`, by iterations (IterNorm; Huang and others 2019,
/// arXiv:1904.03441): beyond batch normalization, it takes the correlations out of channels.
///
/// In training it goes by the batch's mean and covariance, see `Variable.whitened(groups:iterations:epsilon:)`; in inference by the
/// running mean and the running whitening matrices, which change when ``Pass/updateRunningStatistics()`` is called.
public final class IterNorm<Element: TensorElement>: StatisticsKeeping {
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
  /// Whether training leaves the running statistics as they are, and whitens by them as inference does.
  public var hasFrozenStatistics = false

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
    if pass.usesBatchStatistics && !hasFrozenStatistics {
      guard x.shape.channelCount == featureCount, x.shape.rank >= 2 else {
        throw LayerError(layer: summary, expected: "[batch, …, \(featureCount)]", found: x.shape)
      }
      try pass.requireWholeBatch(x, layer: summary)
      let found = try x.whitened(groups: groups, iterations: iterations, epsilon: epsilon)
      result = found.output
      if pass.isMeasuring {
        pass.gather(moments(of: x.value), for: self)
      } else if pass.purpose == nil && x.shape.rowCount > 0 {
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

// MARK: Statistics of several batches

extension IterNorm {
  /// It always does.
  public var keepsStatistics: Bool { true }

  /// Takes in the mean of a batch, and the matrices of its covariances.
  public func updateStatistics(with moments: BatchMoments) throws(NormalizationError) {
    guard let (mean, whitening) = try statistics(of: moments) else { return }
    take(mean, whitening)
  }

  /// Replaces the mean, and the matrices by those of the covariances of all values.
  ///
  /// - Returns: how far the means' move moves each output, and by how much the diagonals of the matrices were divided.
  public func replaceStatistics(
    with moments: BatchMoments, batchCount: Int
  ) throws(NormalizationError) -> (meanShifts: [Double], deviationRatios: [Double])? {
    guard let (mean, whitening) = try statistics(of: moments) else { return nil }
    let move = (mean - runningMean).converted(to: Double.self).reshaped(to: [1, featureCount])
    let before = runningWhitening.converted(to: Double.self)
    let shifts = Variable(move).linear(weight: Variable(before.blockDiagonal()), bias: nil).value.elements
    let ratios = zip(before.diagonals, whitening.converted(to: Double.self).diagonals).map {
      $0 / max($1, .leastNormalMagnitude)
    }
    (runningMean, runningWhitening, self.batchCount) = (mean, whitening, batchCount)
    return (shifts, ratios)
  }

  /// The pairs of different channels of a group, in the order in which moments have their sums.
  private var pairs: [(Int, Int)] {
    let width = featureCount / groups
    return (0..<featureCount).flatMap { first in
      (first + 1..<max(first + 1, (first / width + 1) * width)).map { (first, $0) }
    }
  }

  /// The moments of the channels and, behind them, of the sum of each pair of a group: what is known of these is all there is to know of
  /// covariances, `2 cov(a, b) = var(a + b) − var(a) − var(b)`, and is merged as variances are.
  private func moments(of x: Tensor<Element>) -> BatchMoments {
    let (channels, pairs, width) = (BatchMoments(of: x), pairs, featureCount / groups)
    let centred = Variable(x.converted(to: Double.self))
      .subtracting(Variable(channels.mean), broadcast: .perChannel)
      .reshaped(to: [channels.count, groups, width]).transposed([1, 0, 2])
    let products = centred.matrixProduct(centred, transposingSelf: true).value.elements
    let (means, moments) = (channels.mean.elements, channels.centredSecondMoment.elements)
    let sums = pairs.map { first, second in
      moments[first] + moments[second] + 2 * products[first * width + second % width]
    }
    return BatchMoments(
      count: channels.count, mean: Tensor(means + pairs.map { means[$0] + means[$1] }),
      centredSecondMoment: Tensor(moments + sums))
  }

  /// The means and the matrices of moments; nil for less than two values.
  private func statistics(
    of moments: BatchMoments
  ) throws(NormalizationError) -> (mean: Tensor<Element>, whitening: Tensor<Element>)? {
    let (pairs, width) = (pairs, featureCount / groups)
    guard moments.channelCount == featureCount + pairs.count else {
      throw .channelCountMismatch(expected: featureCount + pairs.count, found: moments.channelCount)
    }
    guard moments.count > 1 else { return nil }
    let variances = moments.variance(.biased).elements
    let covariances = Tensor<Double>(shape: [groups, width, width]) { result in
      for channel in 0..<featureCount { result[channel * width + channel % width] = variances[channel] + epsilon }
      for (place, (first, second)) in pairs.enumerated() {
        let covariance = (variances[featureCount + place] - variances[first] - variances[second]) / 2
        result[first * width + second % width] = covariance
        result[second * width + first % width] = covariance
      }
    }
    return (
      moments.mean[rows: 0..<featureCount].converted(),
      Variable(covariances).whiteningMatrices(iterations: iterations).value.converted()
    )
  }
}

extension Tensor<Double> {
  /// The diagonals of matrices `[groups, D, D]`, one after the other.
  fileprivate var diagonals: [Double] {
    let (elements, width) = (elements, shape[1])
    return (0..<shape[0] * width).map { elements[$0 * width + $0 % width] }
  }
}
