import NormaTensor

/// How long a process of several has waited for others in the steps of a training.
public struct TrainingWaiting: Hashable, Sendable {
  /// How long its steps took.
  public internal(set) var steps = Duration.zero
  /// Of that, for the moments and sums of normalization, losses, and parameters where the optimizer is shared.
  public internal(set) var statistics = Duration.zero
  /// Of that, for gradients, when nothing else was left to do.
  public internal(set) var gradients = Duration.zero

  /// The share of the steps that was waited, from 0 to 1; nil before the first step of several processes.
  public var share: Double? {
    statistics + gradients > .zero && steps > .zero ? (statistics + gradients) / steps : nil
  }

  /// Takes in a step, and what of it was waited for statistics.
  mutating func add(step: Duration, statistics: Duration) {
    steps += step
    self.statistics += statistics
  }

  /// What `body` gives, whose time is waited.
  mutating func timed<Value>(
    _ part: WritableKeyPath<TrainingWaiting, Duration>, _ body: () throws -> Value
  ) rethrows -> Value {
    let clock = ContinuousClock()
    let start = clock.now
    defer { self[keyPath: part] += clock.now - start }
    return try body()
  }
}

/// A group that knows how long it was waited for what the work needs.
final class WaitingMeter: ProcessGroup {
  private let group: any ProcessGroup
  private let waited = Guarded(Duration.zero)

  var rank: Int { group.rank }
  var count: Int { group.count }

  init(_ group: any ProcessGroup) { self.group = group }

  func exchange(
    with partner: Int, sending sent: UnsafeRawBufferPointer, receiving received: UnsafeMutableRawBufferPointer,
    channel: ProcessChannel
  ) throws(ProcessGroupError) {
    let clock = ContinuousClock()
    let start = clock.now
    try group.exchange(with: partner, sending: sent, receiving: received, channel: channel)
    guard channel == .work else { return }
    let time = clock.now - start
    waited.withLock { $0 += time }
  }

  /// The time since it was last taken.
  func takeTime() -> Duration {
    waited.withLock { waited in
      defer { waited = .zero }
      return waited
    }
  }
}
