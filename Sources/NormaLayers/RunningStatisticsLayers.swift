import NormaNormalization
import NormaTensor

/// A layer that normalizes by a batch's own statistics in training, and in inference by those that it gathered.
public protocol StatisticsKeeping<Element>: Layer {
  /// Whether it gathers any: such a layer may be made without.
  var keepsStatistics: Bool { get }
  /// Whether training leaves them as they are, and normalizes by them as inference does.
  var hasFrozenStatistics: Bool { get set }
  /// What the layer gathered from several batches as if from one; by default `BatchMoments.merging(_:)`.
  ///
  /// - Throws: `NormalizationError` for moments that cannot be merged.
  func merging(_ parts: [BatchMoments]) throws(NormalizationError) -> BatchMoments
  /// Takes in the moments of a batch, as the layer gathered them.
  func updateStatistics(with moments: BatchMoments) throws(NormalizationError)
  /// Replaces what was gathered by the statistics of other values as a whole, in so many batches.
  ///
  /// - Returns: how far the mean of each channel moved, in its deviations before, and by how much its deviation was multiplied; nil
  ///   where nothing was replaced, for moments without a variance and a layer that keeps no statistics.
  func replaceStatistics(
    with moments: BatchMoments, batchCount: Int
  ) throws(NormalizationError) -> (meanShifts: [Double], deviationRatios: [Double])?
}

extension StatisticsKeeping {
  /// The moments of all values of the parts.
  public func merging(_ parts: [BatchMoments]) throws(NormalizationError) -> BatchMoments {
    try BatchMoments.merging(parts)
  }
}

/// A layer whose running statistics are a mean and a variance for each channel.
public protocol StatisticsGathering<Element>: StatisticsKeeping {
  /// The statistics gathered so far; nil if the layer keeps none.
  var runningStatistics: RunningStatistics<Element>? { get set }
  /// By what training normalizes a batch of such moments, where running statistics are those given, `[C]` each; by default by the
  /// moments themselves.
  func statisticsInTraining(
    of moments: BatchMoments, leadingTo running: (mean: Tensor<Element>, variance: Tensor<Element>)
  ) -> (mean: Tensor<Element>, variance: Tensor<Element>)
  /// Whether that leads anywhere but to the batch's own.
  var leadsToRunningStatistics: Bool { get }
}

extension StatisticsGathering {
  /// Whether there are running statistics.
  public var keepsStatistics: Bool { runningStatistics != nil }

  /// As `RunningStatistics.update(with:)` does.
  public func updateStatistics(with moments: BatchMoments) throws(NormalizationError) {
    try runningStatistics?.update(with: moments)
  }

  /// As `RunningStatistics.replace(with:batchCount:)` does.
  public func replaceStatistics(
    with moments: BatchMoments, batchCount: Int
  ) throws(NormalizationError) -> (meanShifts: [Double], deviationRatios: [Double])? {
    guard let before = runningStatistics, moments.count > 1 else { return nil }
    try runningStatistics?.replace(with: moments, batchCount: batchCount)
    guard let after = runningStatistics else { return nil }
    let deviations = before.variance.elements.map { Double($0).squareRoot() }
    return (
      zip(zip(before.mean.elements, after.mean.elements), deviations).map {
        Double($0.1 - $0.0) / max($1, .leastNormalMagnitude)
      },
      zip(after.variance.elements, deviations).map { Double($0).squareRoot() / max($1, .leastNormalMagnitude) }
    )
  }

  /// By the batch's own.
  public func statisticsInTraining(
    of moments: BatchMoments, leadingTo running: (mean: Tensor<Element>, variance: Tensor<Element>)
  ) -> (mean: Tensor<Element>, variance: Tensor<Element>) {
    (moments.mean.converted(), moments.variance(.biased).converted())
  }

  /// It does not.
  public var leadsToRunningStatistics: Bool { false }

  /// Whether the running statistics are those of some batch: by their count, or because they are not what statistics start
  /// from. Files from elsewhere may hold statistics without a count.
  package var hasGathered: Bool {
    guard let statistics = runningStatistics else { return false }
    let variances = statistics.variance.elements
    return statistics.batchCount > 0 || statistics.mean.elements.contains { $0 != 0 }
      || !variances.allSatisfy { $0 == 1 } && !variances.allSatisfy { $0 == 0 }
  }

  /// The running statistics under PyTorch's names; none if the layer keeps none.
  public var buffers: [Buffer<Element>] { statisticsBuffers }

  /// The running statistics under PyTorch's names, for a layer that has other buffers too; none if it keeps none.
  public var statisticsBuffers: [Buffer<Element>] {
    guard runningStatistics != nil else { return [] }
    return [
      Buffer("running_mean", of: self, \.runningStatistics!.mean),
      Buffer("running_var", of: self, \.runningStatistics!.variance),
      Buffer("num_batches_tracked", of: self, \.runningStatistics!.batchCount),
    ]
  }
}
