import NormaTensor

/// The statistics of a batch, channel by channel: how many values, their mean, and the sum of their squared distances
/// from it.
///
/// Moments of parts can be merged exactly into those of the whole, in any order.
public struct BatchMoments: Sendable, Equatable {
  /// How many values each channel has.
  public private(set) var count: Int
  /// The means `[C]`.
  public private(set) var mean: Tensor<Double>
  /// The centred second moments `[C]`: `Σ (x − mean)²`.
  public private(set) var centredSecondMoment: Tensor<Double>

  /// Moments with the given values, both `[C]`.
  public init(count: Int, mean: Tensor<Double>, centredSecondMoment: Tensor<Double>) {
    require(
      mean.shape == centredSecondMoment.shape, "means of \(mean.shape) and moments of \(centredSecondMoment.shape)")
    self.count = count
    self.mean = mean
    self.centredSecondMoment = centredSecondMoment
  }

  /// The moments of a batch: `[N, …, C]` with channels last, `[N, C, …]` with channels first. An empty batch has
  /// count 0 and means 0.
  ///
  /// Each channel's values are first shifted by one of them, so that a large mean costs no digits and a constant
  /// channel has a moment of exactly 0; then summed in double precision, twice: the second pass corrects the rounding
  /// of the first (the corrected two-pass algorithm of Chan, Golub and LeVeque, 1983). The forward pass on `Float` finds
  /// them in one pass over the batch, to the rounding of `Float`.
  public init<Element: TensorElement>(of x: Tensor<Element>, layout: ChannelLayout = .channelsLast) {
    let extent = layout.extent(of: x.shape)
    count = extent.valuesPerChannel
    guard count > 0 else {
      mean = .zeros([extent.channels])
      centredSecondMoment = .zeros([extent.channels])
      return
    }
    let pivot = Tensor<Double>(shape: [extent.channels]) { pivot in
      x.withUnsafeElements { x in
        for channel in 0..<extent.channels { pivot[channel] = Double(x[channel * extent.inner]) }
      }
    }
    let scale = 1 / Double(count)
    let first = blockSums(of: x, extent: extent, pivot: pivot)
    let centre = pivot + (scale * first.sums)
    // The sums that the rounding of the means left over; they would be 0 without it.
    let second = blockSums(of: x, extent: extent, pivot: centre)
    mean = centre + (scale * second.sums)
    centredSecondMoment = second.squares - (scale * (second.sums * second.sums))
  }

  /// The number of channels.
  public var channelCount: Int { mean.count }

  /// Takes in the moments of further values (Chan, Golub and LeVeque 1979):
  /// `M = M₁ + M₂ + (mean₂ − mean₁)² · n₁·n₂ / (n₁ + n₂)`.
  public mutating func merge(_ other: BatchMoments) throws(NormalizationError) {
    guard channelCount == other.channelCount else {
      throw .channelCountMismatch(expected: channelCount, found: other.channelCount)
    }
    guard other.count > 0 else { return }
    guard count > 0 else {
      self = other
      return
    }
    let total = Double(count + other.count)
    let difference = other.mean - mean
    mean += (Double(other.count) / total) * difference
    centredSecondMoment += other.centredSecondMoment
    centredSecondMoment += (Double(count) * Double(other.count) / total) * (difference * difference)
    count += other.count
  }

  /// The variances `[C]`; NaN where the estimator has too few values.
  public func variance(_ estimator: VarianceEstimator) -> Tensor<Double> {
    let divisor = Double(estimator == .biased ? count : count - 1)
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

/// The sums `[C]` of the values' distances from the pivots, and of their squares.
private func blockSums<Element: TensorElement>(
  of x: Tensor<Element>, extent: ChannelExtent, pivot: Tensor<Double>
) -> (sums: Tensor<Double>, squares: Tensor<Double>) {
  let channels = extent.channels
  let partial = combiningBlocks(extent, sumsPerChannel: 2) { block, sums in
    x.withUnsafeElements { x in
      pivot.withUnsafeElements { pivot in
        guard let x = x.baseAddress, let pivot = pivot.baseAddress else { return }
        addPivotedMoments(x, extent: extent, block: block, pivot: pivot, sums: sums, squares: sums + channels)
      }
    }
  }
  return (partial[rows: 0..<1].reshaped(to: [channels]), partial[rows: 1..<2].reshaped(to: [channels]))
}

/// Lets each block add its sums `[sumsPerChannel, C]` into memory of its own, and adds the blocks up in order.
func combiningBlocks(
  _ extent: ChannelExtent, sumsPerChannel: Int, _ body: (Range<Int>, UnsafeMutablePointer<Double>) -> Void
) -> Tensor<Double> {
  let blocks = max(1, extent.blockCount)
  let partial = Tensor<Double>(shape: [blocks, sumsPerChannel, extent.channels]) { partial in
    partial.initialize(repeating: 0)
    guard let sums = partial.baseAddress else { return }
    Parallel.forEach(extent.blockCount) { body(extent.block($0), sums + $0 * sumsPerChannel * extent.channels) }
  }
  var total = partial[rows: 0..<1]
  for block in 1..<blocks { total += partial[rows: block..<block + 1] }
  return total.reshaped(to: [sumsPerChannel, extent.channels])
}
