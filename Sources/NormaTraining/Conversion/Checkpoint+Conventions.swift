import NormaLayers
import NormaNormalization
import NormaTensor

extension Checkpoint {
  /// How many values a channel had in each training batch, by the path of the layer of batch normalization; empty where that
  /// is not known, as of a network whose numbers were converted, and where there are no such layers.
  ///
  /// The last batch of an epoch may have had fewer. Statistics that were recomputed over all training data are those of one
  /// batch of all of them.
  public func valuesPerBatch() throws -> [String: Int] {
    guard !settings.history.epochs.isEmpty else { return [:] }
    let samples = settings.recalibrationCount ?? settings.training.batchSize
    return try makeModel().statisticsPositions(sampleShape: Shape(settings.exampleShape)).mapValues { $0 * samples }
  }

  /// The same model with batch normalization by the conventions of a framework: its direction of momentum and its estimator
  /// of the variance; epsilon and the weight of a batch stay.
  ///
  /// Running variances are multiplied as `RunningStatistics.converted(from:to:valuesPerBatch:)` does, where it is known how
  /// many values a channel had in a batch; otherwise they stay.
  public func converted(to framework: NormalizationFramework) throws -> Checkpoint {
    let old = settings.architecture.recipe.conventions
    let new = old.expressed(in: framework)
    var result = self
    result.settings.architecture.recipe.conventions = new
    for (path, count) in try valuesPerBatch() where count >= 2 {
      let prefix = path.isEmpty ? "" : path + "."
      guard let mean = state.tensors[prefix + "running_mean"], let variance = state.tensors[prefix + "running_var"]
      else { continue }
      var statistics = RunningStatistics<Float>(channelCount: mean.count, conventions: old)
      statistics.mean = mean
      statistics.variance = variance
      statistics.batchCount = state.counts[prefix + "num_batches_tracked"] ?? 0
      result.state.tensors[prefix + "running_var"] =
        statistics.converted(
          from: old, to: new, valuesPerBatch: count, holdsStart: settings.recalibrationCount == nil
        ).variance
    }
    return result
  }
}
