import NormaNormalization
import NormaTensor

/// Where a layer has its running statistics, which are made when they are first asked for: a model that is only counted makes none.
final class RunningStatisticsStorage<Element: TensorElement> {
  private var statistics: RunningStatistics<Element>?
  /// How to make those that nobody has asked for yet.
  private var make: (() -> RunningStatistics<Element>)?

  /// Statistics of so many channels by the given conventions, or none.
  init(_ channelCount: Int, conventions: BatchNormalizationConventions, isTracking: Bool) {
    make = isTracking ? { RunningStatistics(channelCount: channelCount, conventions: conventions) } : nil
  }

  /// The statistics; nil if the layer keeps none.
  var value: RunningStatistics<Element>? {
    get {
      makeStatistics()
      return statistics
    }
    _modify {
      makeStatistics()
      yield &statistics
    }
  }

  private func makeStatistics() {
    guard let make else { return }
    (statistics, self.make) = (make(), nil)
  }
}
