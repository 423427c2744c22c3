import NormaData
import NormaLayers
import NormaTensor

/// How long a step of a training takes where several processes share it: what each computes is measured here, and what they exchange is
/// counted and given the time that a network takes.
///
/// A process is timed at its real work, on its share of the examples, among others that say what it says itself: all is computed, packed
/// and combined as it will be, and nothing is waited for. What messages take that the work waits for is added to it, and so is what the
/// slowest of the processes takes longer than one does from each message to the next, each being as uneven from step to step as the one
/// that is timed. Gradients are sent from the moment on at which they are there, one bucket after the other, and what they take beyond
/// the backward pass is added.
public struct ScalingPlan: Sendable {
  /// A training step by a number of processes.
  public struct Step: Hashable, Sendable {
    /// How many processes share it.
    public let processCount: Int
    /// The seconds that each computes: the median of the steps that were timed.
    public let computing: Double
    /// How long each waits for others that take longer than it does, in all exchanges together.
    public let unevenness: Double
    /// The messages and bytes that each sends for the moments and sums of normalization, losses and counts; and the seconds they take.
    public let statistics: Traffic
    /// The same for gradients.
    public let gradients: Traffic
    /// How long is waited for gradients when the backward pass is done.
    public let waiting: Double

    /// The seconds of a step.
    public var seconds: Double { computing + unevenness + statistics.seconds + waiting }
  }

  /// What a process sends, and receives as much of, in a step.
  public struct Traffic: Hashable, Sendable {
    /// How many messages, one after the other.
    public let messageCount: Int
    /// How many bytes they have together.
    public let byteCount: Int
    /// How long they take.
    public let seconds: Double
  }

  /// By 1, 2, 4 … processes.
  public let steps: [Step]

  /// Times the steps of a training by 1, 2, 4 … processes up to a number, and puts the model back into the state it was in.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - data: what it learns from.
  ///   - configuration: how it is trained, with as many shards as processes, or a multiple.
  ///   - processCount: the most processes, a power of two.
  ///   - interconnect: what connects them.
  ///   - stepCount: of how many steps the median is taken, after one that is not timed.
  /// - Throws: ``TrainingError`` for what cannot be trained so; what a layer throws.
  public init<Element: TensorElement>(
    _ model: any Layer<Element>, on data: Dataset<Element>, configuration: TrainingConfiguration, processCount: Int,
    interconnect: Interconnect, stepCount: Int = 15
  ) throws {
    var configuration = configuration
    configuration.epochs = .max
    configuration.patience = nil
    configuration.keepsBest = false
    try configuration.check(processCount: processCount)
    let before = model.state
    defer { try? model.load(before) }
    var steps: [Step] = []
    var count = 1
    while count <= processCount {
      steps.append(try Self.step(model, data, configuration, count, interconnect, stepCount))
      try model.load(before)
      count *= 2
    }
    self.steps = steps
  }

  private static func step<Element: TensorElement>(
    _ model: any Layer<Element>, _ data: Dataset<Element>, _ configuration: TrainingConfiguration, _ count: Int,
    _ interconnect: Interconnect, _ stepCount: Int
  ) throws -> Step {
    let group = MirrorGroup(count: count)
    let trainer = try Trainer(model, configuration: configuration, group: group)
    let clock = ContinuousClock()
    var (start, timed) = (clock.now, [TimedStep]())
    try trainer.fit(data.repeated(atLeast: (stepCount + 1) * configuration.batchSize)) { event in
      guard case .step(let step) = event else { return .stop }
      let now = clock.now
      let sent = group.takeSent()
      // The first finds memory, and waits for the first batch.
      if step.number > 1 { timed.append(TimedStep(start: start, end: now, sent: sent)) }
      start = clock.now
      return step.number > stepCount ? .stop : .proceed
    }
    timed.sort { $0.seconds < $1.seconds }
    let median = timed[timed.count / 2]
    // Of steps that nothing else disturbed, as far as one can tell.
    let usual = timed[timed.count / 4..<max(timed.count / 4 + 1, timed.count * 3 / 4)].map(\.parts)
    let unevenness = (0..<(usual.map(\.count).min() ?? 0)).reduce(0) { sum, part in
      sum + Self.excess(usual.map { $0[part] }, of: count)
    }
    func traffic(_ channel: ProcessChannel) -> Traffic {
      let messages = median.sent.filter { $0.channel == channel }
      return Traffic(
        messageCount: messages.count, byteCount: messages.reduce(0) { $0 + $1.byteCount },
        seconds: messages.reduce(0) { $0 + interconnect.seconds(exchanging: $1.byteCount) })
    }
    // Gradients go one message after the other, none before it was there to be sent.
    var (free, last) = (0.0, 0.0)
    if let first = median.sent.first {
      for message in median.sent where message.channel == .gradients {
        last = (message.moment - first.moment) / .seconds(1)
        free = max(free, last) + interconnect.seconds(exchanging: message.byteCount)
      }
    }
    return Step(
      processCount: count, computing: median.seconds, unevenness: unevenness, statistics: traffic(.work),
      gradients: traffic(.gradients),
      waiting: free - last)
  }

  /// By how much the longest of so many times is longer than one, in the mean, where each is as likely any of those that were measured: the
  /// i-th of n in order is the longest of P with the probability (i/n)^P − ((i − 1)/n)^P.
  package static func excess(_ times: [Double], of count: Int) -> Double {
    let total = Double(times.count)
    func share(_ index: Int) -> Double { (0..<count).reduce(1) { product, _ in product * Double(index) / total } }
    return times.sorted().enumerated().reduce(0) { sum, time in
      sum + time.element * (share(time.offset + 1) - share(time.offset) - 1 / total)
    }
  }

  /// How many times as fast as one process so many are.
  public func speedUp(_ step: Step) -> Double { steps[0].seconds / step.seconds }

  /// The most processes of which each still does at least half of what one by itself does.
  public var worthwhile: Step { steps.last { speedUp($0) >= 0.5 * Double($0.processCount) } ?? steps[0] }
}

/// A step that was timed.
private struct TimedStep {
  let start, end: ContinuousClock.Instant
  let sent: [MirrorGroup.Message]

  var seconds: Double { (end - start) / .seconds(1) }

  /// The seconds from each message that the work waits for to the next.
  var parts: [Double] {
    let moments = [start] + sent.filter { $0.channel == .work }.map(\.moment) + [end]
    return zip(moments, moments.dropFirst()).map { ($1 - $0) / .seconds(1) }
  }
}

/// A process of a group whose others say what it says itself.
private final class MirrorGroup: ProcessGroup {
  /// A message that would have been sent.
  struct Message: Sendable {
    let moment: ContinuousClock.Instant
    let byteCount: Int
    let channel: ProcessChannel
  }

  let rank = 0
  let count: Int
  /// The messages since they were last taken.
  private let sent = Guarded<[Message]>([])

  init(count: Int) { self.count = count }

  func exchange(
    with partner: Int, sending: UnsafeRawBufferPointer, receiving: UnsafeMutableRawBufferPointer,
    channel: ProcessChannel
  ) throws(ProcessGroupError) {
    let message = Message(moment: .now, byteCount: max(sending.count, receiving.count), channel: channel)
    sent.withLock { $0.append(message) }
    // What halves of sums send may differ by a number in length.
    receiving.copyMemory(from: UnsafeRawBufferPointer(rebasing: sending.prefix(receiving.count)))
  }

  func takeSent() -> [Message] {
    sent.withLock { sent in
      defer { sent = [] }
      return sent
    }
  }
}

extension Dataset {
  /// The examples, again and again until there are so many.
  fileprivate func repeated(atLeast total: Int) -> Dataset {
    count >= total ? self : subset(rows: (0..<total).map { $0 % count })
  }
}
