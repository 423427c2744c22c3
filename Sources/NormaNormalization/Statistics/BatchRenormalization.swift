import NormaTensor

/// How far batch renormalization (Ioffe 2017) leads from a batch's statistics to the running ones.
///
/// `y = gamma · (x̂ · r + d) + beta` with `r = s / σ` and `d = (μ − m) / σ`, where μ and s are the mean and the deviation of the batch, m and σ the
/// running ones. r is held between `1 / largestRatio` and `largestRatio`, d between `−largestDistance` and `largestDistance`; both count as constants in the
/// gradient. Where they are not held, training computes what inference does.
public struct BatchRenormalization: Hashable, Sendable, Codable {
  /// A bound that goes from one value to another in a straight line, by how many batches the running statistics have taken in.
  public struct Bound: Hashable, Sendable, Codable {
    /// The bound before and after it changes.
    public var first: Double, last: Double
    /// The batches during which it changes; where both are the same, it jumps.
    public var start: Int, end: Int

    /// A bound by its values and the batches between which it goes from one to the other.
    public init(from first: Double, to last: Double, start: Int, end: Int) {
      require(start >= 0 && end >= start, "a bound that changes from batch \(start) to batch \(end)")
      (self.first, self.last, self.start, self.end) = (first, last, start, end)
    }

    /// The bound after so many batches.
    public func value(afterBatches count: Int) -> Double {
      if count >= end { return last }
      return first + (last - first) * max(0, Double(count - start) / Double(end - start))
    }
  }

  /// The bound of r, at least 1.
  public var largestRatio: Bound
  /// The bound of d, at least 0.
  public var largestDistance: Bound

  /// Bounds by their courses.
  public init(largestRatio: Bound, largestDistance: Bound) {
    require(
      largestRatio.first >= 1 && largestRatio.last >= 1 && largestDistance.first >= 0 && largestDistance.last >= 0,
      "renormalization's ratio is at least 1 and its distance at least 0")
    (self.largestRatio, self.largestDistance) = (largestRatio, largestDistance)
  }

  /// Ioffe's bounds: 1 and 0, which is batch normalization, for the first 5,000 batches; then r up to 3 at batch 40,000 and d up to 5 at batch
  /// 25,000.
  public static let ioffe = BatchRenormalization(
    largestRatio: Bound(from: 1, to: 3, start: 5000, end: 40_000),
    largestDistance: Bound(from: 0, to: 5, start: 5000, end: 25_000))

  /// Both bounds from none to r up to 3 and d up to 5, during the first batches.
  public static func rising(overBatches count: Int) -> BatchRenormalization {
    BatchRenormalization(
      largestRatio: Bound(from: 1, to: 3, start: 0, end: count),
      largestDistance: Bound(from: 0, to: 5, start: 0, end: count))
  }

  /// Batch normalization for so many batches, then r up to 3 and d up to 5 at once, as CrossQ has it (Bhatt et al. 2024).
  public static func afterBatches(_ count: Int) -> BatchRenormalization {
    BatchRenormalization(
      largestRatio: Bound(from: 1, to: 3, start: count, end: count),
      largestDistance: Bound(from: 0, to: 5, start: count, end: count))
  }

  /// What leads to given running statistics.
  public func reference<Element: TensorElement>(_ running: RunningStatistics<Element>) -> Reference<Element> {
    Reference(
      mean: running.mean, variance: running.variance,
      largestRatio: largestRatio.value(afterBatches: running.batchCount),
      largestDistance: largestDistance.value(afterBatches: running.batchCount))
  }

  /// The statistics that a batch is led to, and how far.
  public struct Reference<Element: TensorElement>: Sendable {
    /// The running mean and variance, `[C]`.
    public var mean: Tensor<Element>, variance: Tensor<Element>
    /// The bounds of r and d.
    public var largestRatio: Double, largestDistance: Double

    /// Statistics `[C]` and bounds.
    public init(
      mean: Tensor<Element>, variance: Tensor<Element>, largestRatio: Double = .infinity,
      largestDistance: Double = .infinity
    ) {
      (self.mean, self.variance) = (mean, variance)
      (self.largestRatio, self.largestDistance) = (largestRatio, largestDistance)
    }

    /// r and d of each channel of a batch, `[C]` both.
    public func ratioAndDistance(
      for moments: BatchMoments, epsilon: Double
    ) -> (ratio: Tensor<Element>, distance: Tensor<Element>) {
      let found = correction(of: moments, epsilon: epsilon)
      return (found.ratio, found.distance)
    }

    func correction(of moments: BatchMoments, epsilon: Double) -> RenormalizationCorrection<Element> {
      require(
        mean.count == moments.channelCount,
        "running statistics of \(mean.count) channels for a batch of \(moments.channelCount)")
      let (ratio, ratios) = Tensor<Element>.unwritten([mean.count])
      let (distance, distances) = Tensor<Element>.unwritten([mean.count])
      let share = 1 / moments.weight
      withExtendedLifetime((mean, variance, moments)) {
        let (running, squares) = (mean.address, variance.address)
        let (found, seconds) = (moments.mean.address, moments.centredSecondMoment.address)
        let (largestRatio, largestDistance) = (largestRatio, largestDistance)
        for channel in 0..<mean.count {
          let deviation = (Double(squares[channel]) + epsilon).squareRoot()
          let ratio = (seconds[channel] * share + epsilon).squareRoot() / deviation
          let distance = (found[channel] - Double(running[channel])) / deviation
          // Written so that what is not a number stays so.
          ratios[channel] = Element(
            ratio > largestRatio ? largestRatio : ratio < 1 / largestRatio ? 1 / largestRatio : ratio)
          distances[channel] = Element(
            distance > largestDistance ? largestDistance : distance < -largestDistance ? -largestDistance : distance)
        }
      }
      return RenormalizationCorrection(ratio: ratio, distance: distance)
    }
  }
}

/// r and d of batch renormalization, `[C]`. With `gamma' = gamma · r` and `beta' = gamma · d + beta` it is batch normalization.
struct RenormalizationCorrection<Element: TensorElement>: Sendable {
  let ratio: Tensor<Element>, distance: Tensor<Element>

  func corrected(_ parameters: AffineParameters<Element>) -> AffineParameters<Element> {
    let shift = parameters.gamma.map { $0 * distance } ?? distance
    return AffineParameters(
      gamma: parameters.gamma.map { $0 * ratio } ?? ratio, beta: parameters.beta.map { shift + $0 } ?? shift,
      channels: ratio.count, layout: parameters.layout, rectifies: parameters.rectifies)
  }

  /// Writes the gradient of gamma in place of that of gamma', from it and that of beta'.
  func setGammaGradient(_ gamma: UnsafeMutablePointer<Element>, ofCorrectedBeta beta: UnsafePointer<Element>) {
    withExtendedLifetime(self) {
      let (ratio, distance) = (ratio.address, distance.address)
      for channel in 0..<self.ratio.count {
        gamma[channel] = gamma[channel] * ratio[channel] + beta[channel] * distance[channel]
      }
    }
  }
}
