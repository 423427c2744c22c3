import NormaTensor

/// The statistics of a batch, channel by channel: how many values, their mean, and the sum of their squared distances
/// from it. Values may have weights, of which only the ratios matter.
///
/// Moments of parts are merged into those of the whole, to rounding: another order of the parts, or another cut, gives means
/// and moments that differ by some 1e-15 of themselves. ``merging(_:)`` has one order for all, and so the same bits.
public struct BatchMoments: Sendable, Equatable {
  /// How many values each channel has; those that weigh nothing do not count.
  public private(set) var count: Int
  /// The sum of the values' weights: the count where each weighs 1.
  public private(set) var weight: Double
  /// The sum of the squares of the values' weights: the count where each weighs 1.
  public private(set) var squaredWeight: Double
  /// The means `[C]`.
  public private(set) var mean: Tensor<Double>
  /// The centred second moments `[C]`: `Σ (x − mean)²`, each square times the value's weight.
  public private(set) var centredSecondMoment: Tensor<Double>

  /// Moments with the given values, both `[C]`.
  public init(count: Int, mean: Tensor<Double>, centredSecondMoment: Tensor<Double>) {
    self.init(
      count: count, weight: Double(count), squaredWeight: Double(count), mean: mean,
      centredSecondMoment: centredSecondMoment)
  }

  /// Moments of values with weights.
  init(
    count: Int, weight: Double, squaredWeight: Double, mean: Tensor<Double>, centredSecondMoment: Tensor<Double>
  ) {
    require(
      mean.shape == centredSecondMoment.shape, "means of \(mean.shape) and moments of \(centredSecondMoment.shape)")
    self.count = count
    self.weight = weight
    self.squaredWeight = squaredWeight
    self.mean = mean
    self.centredSecondMoment = centredSecondMoment
  }

  /// The moments of a batch: `[N, …, C]` with channels last, `[N, C, …]` with channels first. An empty batch has
  /// count 0 and means 0.
  ///
  /// A large mean costs no digits, and a constant channel has a moment of exactly 0: sums are in double precision, of
  /// distances from a value of the channel first, and then from the mean that was found (the corrected two-pass algorithm of
  /// Chan, Golub and LeVeque, 1983), for up to 64 runs of the batch, which are merged. The forward pass on `Float` finds them
  /// in one pass over the batch, to the rounding of `Float`.
  public init<Element: TensorElement>(of x: Tensor<Element>, layout: ChannelLayout = .channelsLast) {
    let extent = layout.extent(of: x.shape)
    let channels = extent.channels
    guard extent.valuesPerChannel > 0 else {
      self.init(count: 0, mean: .zeros([channels]), centredSecondMoment: .zeros([channels]))
      return
    }
    let length = max(1, 16_384 / max(1, extent.stride), (extent.outers + 63) / 64)
    let runs = (extent.outers + length - 1) / length
    let (means, mean) = Tensor<Double>.unwritten([runs, channels])
    let (moments, moment) = Tensor<Double>.unwritten([runs, channels])
    func run(_ index: Int) -> (extent: ChannelExtent, start: Int) {
      extent.slice(outers: index * length..<min(extent.outers, (index + 1) * length))
    }
    Parallel.forEach(runs) { index in
      let (part, start) = run(index)
      let (mean, moment) = (mean + index * channels, moment + index * channels)
      withScratch(channels, of: Element.self) { base in
        findMomentsByDefinition(x.address + start, part, base: base, sums: mean, squares: moment)
        for channel in 0..<channels {
          let (sum, count) = (mean[channel], Double(part.valuesPerChannel))
          mean[channel] = Double(base[channel]) + sum / count
          moment[channel] -= sum / count * sum
        }
      }
    }
    withExtendedLifetime(x) {}
    self = BatchMoments.merged(
      (0..<runs).map { index in
        func row(_ tensor: Tensor<Double>) -> Tensor<Double> {
          tensor[rows: index..<index + 1].reshaped(to: [channels])
        }
        return BatchMoments(
          count: run(index).extent.valuesPerChannel, mean: row(means), centredSecondMoment: row(moments))
      })
  }

  /// The number of channels.
  public var channelCount: Int { mean.count }

  /// Takes in the moments of further values (Chan, Golub and LeVeque 1979):
  /// `M = M₁ + M₂ + (mean₂ − mean₁)² · n₁·n₂ / (n₁ + n₂)`.
  public mutating func merge(_ other: BatchMoments) throws(NormalizationError) {
    guard channelCount == other.channelCount else {
      throw .channelCountMismatch(expected: channelCount, found: other.channelCount)
    }
    self = .merged([self, other])
  }

  /// The moments of all values of some parts, merged in one fixed binary tree over the parts' indices, whatever they hold.
  ///
  /// The tree is that of aligned pairs. Its leaves are the parts; the node at height h and place i stands for the parts from
  /// `i · 2ʰ` to below `(i + 1) · 2ʰ`, and merges the nodes 2i and 2i + 1 of height h − 1, the left one first; where the right
  /// one stands for no parts, it is the left one as it is. Five parts are `((0 1) (2 3)) 4`, seven `((0 1) (2 3)) ((4 5) 6)`.
  /// So whoever holds an aligned range of `2ʰ` parts can merge those alone, and hand the result on as one leaf of a smaller tree,
  /// for the same bits.
  ///
  /// - Parameter parts: at least one, in the order of the examples that they are the moments of.
  /// - Throws: `NormalizationError.channelCountMismatch` where the parts have different numbers of channels.
  public static func merging(_ parts: [BatchMoments]) throws(NormalizationError) -> BatchMoments {
    require(!parts.isEmpty, "the moments of no parts have no number of channels")
    for part in parts where part.channelCount != parts[0].channelCount {
      throw .channelCountMismatch(expected: parts[0].channelCount, found: part.channelCount)
    }
    return merged(parts)
  }

  /// Moments whose mean and variance are the means of the parts', each weighing as many values as it has, whatever lies between their
  /// means: what running statistics of instances take in of several batches.
  ///
  /// - Throws: `NormalizationError.channelCountMismatch` where the parts have different numbers of channels.
  public static func averaging(
    _ parts: [BatchMoments], _ estimator: VarianceEstimator
  ) throws(NormalizationError) -> BatchMoments {
    let whole = try merging(parts)
    let parts = parts.filter { $0.count > 1 }
    guard whole.count > 1, !parts.isEmpty else { return whole }
    let count = parts.reduce(0) { $0 + $1.count }
    var (mean, variance) = (Tensor<Double>.zeros([whole.channelCount]), Tensor<Double>.zeros([whole.channelCount]))
    for part in parts {
      mean += Double(part.count) / Double(count) * part.mean
      variance += Double(part.count) / Double(count) * part.variance(estimator)
    }
    return BatchMoments(
      count: count, mean: mean,
      centredSecondMoment: Double(estimator == .biased ? count : count - 1) * variance)
  }

  static func merged(_ parts: [BatchMoments]) -> BatchMoments {
    guard parts.count > 1 else { return parts[0] }
    return withExtendedLifetime(parts) {
      merged(
        parts.map {
          Node(
            count: $0.count, weight: $0.weight, squaredWeight: $0.squaredWeight, mean: $0.mean.address,
            second: $0.centredSecondMoment.address)
        }, channels: parts[0].channelCount)
    }
  }

  /// Moments that are merged, whose vectors stand somewhere.
  struct Node {
    var count: Int
    var weight, squaredWeight: Double
    var mean, second: UnsafePointer<Double>

    /// Takes in others, in vectors that may be its own.
    mutating func merge(_ other: Node, channels: Int, into vectors: UnsafeMutablePointer<Double>) {
      guard other.count > 0 else { return }
      guard count > 0 else {
        self = other
        return
      }
      let total = weight + other.weight
      let (share, factor) = (other.weight / total, weight * other.weight / total)
      let (means, seconds) = (vectors, vectors + channels)
      for channel in 0..<channels {
        let difference = other.mean[channel] - mean[channel]
        means[channel] = mean[channel] + share * difference
        seconds[channel] = second[channel] + other.second[channel] + factor * (difference * difference)
      }
      self = Node(
        count: count + other.count, weight: total, squaredWeight: squaredWeight + other.squaredWeight,
        mean: UnsafePointer(means), second: UnsafePointer(seconds))
    }
  }

  /// The same of moments whose vectors stand somewhere.
  static func merged(_ parts: [Node], channels: Int) -> BatchMoments {
    var nodes = parts
    let (vectors, result) = Tensor<Double>.unwritten([2 * channels])
    withScratch(2 * channels * parts.count, of: Double.self) { memory in
      // A node stands where its first part does.
      var step = 1
      while step < nodes.count {
        for place in stride(from: 0, to: nodes.count - step, by: 2 * step) {
          let other = nodes[place + step]
          nodes[place].merge(other, channels: channels, into: memory + 2 * channels * place)
        }
        step *= 2
      }
      result.update(from: nodes[0].mean, count: channels)
      (result + channels).update(from: nodes[0].second, count: channels)
    }
    return BatchMoments(
      count: nodes[0].count, weight: nodes[0].weight, squaredWeight: nodes[0].squaredWeight,
      mean: vectors[rows: 0..<channels], centredSecondMoment: vectors[rows: channels..<2 * channels])
  }

  /// What the second moment is divided by for the variance: the weight W, or W − Σw²/W for the unbiased estimate, which is n − 1
  /// for n values of weight 1.
  func divisor(_ estimator: VarianceEstimator) -> Double {
    estimator == .biased ? weight : weight - squaredWeight / weight
  }

  /// The variances `[C]`; NaN where the estimator has too few values.
  public func variance(_ estimator: VarianceEstimator) -> Tensor<Double> {
    let divisor = divisor(estimator)
    return centredSecondMoment.applying(.scale(divisor > 0 ? 1 / divisor : .nan))
  }
}

/// How a variance is estimated from n values.
public enum VarianceEstimator: String, Sendable, Codable, CaseIterable {
  /// Divided by n: what a batch is normalized with.
  case biased
  /// Divided by n − 1: what PyTorch keeps in its running variance.
  case unbiased
}
