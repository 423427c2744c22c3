import Norma
import NormaLab
import NormaTerminal

/// A network that is good by the statistics of its batches and bad by its running ones: the weights are right, and what
/// inference normalizes with is not.
struct StatisticsGap {
  private let batchMetric: Double
  private let runningMetric: Double
  private let metric: MetricLabel

  /// The gap after an epoch; nil if there is none to speak of, or no running statistics.
  init?(_ epoch: TrainingHistory.Epoch?, metric: MetricLabel) {
    guard let epoch, let batchMetric = epoch.batchTrainingMetric, let gap = epoch.statisticsGap,
      gap > TrainingHistory.Epoch.notableStatisticsGap
    else { return nil }
    self.batchMetric = batchMetric
    runningMetric = epoch.trainingMetric
    self.metric = metric
  }

  /// What was found.
  var words: String {
    "On training samples the \(metric.name) is \(metric.text(batchMetric)) when they are normalized by their own statistics, and "
      + "\(metric.text(runningMetric)) by the running statistics that the saved network uses: these lag behind the weights."
  }

  /// What to do about it.
  var remedy: String {
    "--recalibrate recomputes them over the training data; a larger --bn-momentum, more --epochs or a larger --batch-size help too."
  }
}

/// What to know of batches as small as a training's; nil where they are large enough, or nothing is normalized by them.
///
/// Images have many positions a channel, which count as rows do.
func smallBatchWords(_ architecture: ModelArchitecture, _ configuration: TrainingConfiguration) -> String? {
  let recipe = architecture.recipe
  guard recipe.normalization.isBatchNormalization, !recipe.takesImages, configuration.batchSize < 8 else { return nil }
  let count = configuration.batchSize
  return count == 2
    ? "With --batch-size 2 batch normalization leaves of each channel only which of two examples has the larger value: one becomes +1, "
      + "the other -1. Take 16 or more, or --norm layer."
    : "With --batch-size \(count) the mean and deviation that batch normalization takes from a batch are rough guesses, and so is "
      + "what it does. Take 16 or more, or --norm layer."
}
