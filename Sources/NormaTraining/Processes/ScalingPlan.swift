import NormaData
import NormaLayers
import NormaTensor

/// How long a step of a training takes where several processes share it: what each computes is measured here, and what they exchange is
/// counted and given the time that a network takes.
///
/// A process is timed at its real work, on its share of the examples, among others that say what it says itself: all is computed, packed
/// and combined as it will be, and nothing is waited for. Every message is in turn with the work: none is hidden behind it.
public struct ScalingPlan: Sendable {
  /// A training step by a number of processes.
  public struct Step: Hashable, Sendable {
    /// How many processes share it.
    public let processCount: Int
    /// The seconds that each computes: the median of the steps that were timed.
    public let computing: Double
    /// The messages and bytes that each sends for the moments and sums of normalization, losses and counts; and the seconds they take.
    public let statistics: Traffic
    /// The same for gradients.
    public let gradients: Traffic

    /// The seconds of a step.
    public var seconds: Double { computing + statistics.seconds + gradients.seconds }
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
  ///   - network: what connects them.
  ///   - stepCount: of how many steps the median is taken, after one that is not timed.
  /// - Throws: ``TrainingError`` for what cannot be trained so; what a layer throws.
  public init<Element: TensorElement>(
    _ model: any Layer<Element>, on data: Dataset<Element>, configuration: TrainingConfiguration, processCount: Int,
    network: Network, stepCount: Int = 5
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
      steps.append(try Self.step(model, data, configuration, count, network, stepCount))
      try model.load(before)
      count *= 2
    }
    self.steps = steps
  }

  private static func step<Element: TensorElement>(
    _ model: any Layer<Element>, _ data: Dataset<Element>, _ configuration: TrainingConfiguration, _ count: Int,
    _ network: Network, _ stepCount: Int
  ) throws -> Step {
    let group = MirrorGroup(count: count)
    let trainer = try Trainer(model, configuration: configuration, group: group)
    let clock = ContinuousClock()
    var (start, seconds, sent) = (clock.now, [Double](), [Int]())
    try trainer.fit(data.repeated(atLeast: (stepCount + 1) * configuration.batchSize)) { event in
      guard case .step(let step) = event else { return .stop }
      let now = clock.now
      // The first finds memory, and waits for the first batch.
      if step.number > 1 { seconds.append((now - start) / .seconds(1)) }
      sent = group.takeSent()
      start = clock.now
      return step.number > stepCount ? .stop : .proceed
    }
    // Gradients go last, in two rounds for each bit of a rank.
    let rounds = 2 * count.trailingZeroBitCount
    func traffic(_ messages: ArraySlice<Int>) -> Traffic {
      Traffic(
        messageCount: messages.count, byteCount: messages.reduce(0, +),
        seconds: messages.reduce(0) { $0 + network.seconds(exchanging: $1) })
    }
    return Step(
      processCount: count, computing: seconds.sorted()[seconds.count / 2],
      statistics: traffic(sent.dropLast(rounds)), gradients: traffic(sent.suffix(rounds)))
  }

  /// How many times as fast as one process so many are.
  public func speedUp(_ step: Step) -> Double { steps[0].seconds / step.seconds }

  /// The most processes of which each still does at least half of what one by itself does.
  public var worthwhile: Step { steps.last { speedUp($0) >= 0.5 * Double($0.processCount) } ?? steps[0] }
}

/// A process of a group whose others say what it says itself.
///
/// Unchecked: those who exchange do it one at a time.
private final class MirrorGroup: ProcessGroup, @unchecked Sendable {
  let rank = 0
  let count: Int
  /// The bytes of each message since they were last taken.
  private var sent: [Int] = []

  init(count: Int) { self.count = count }

  func exchange(
    with partner: Int, sending: UnsafeRawBufferPointer, receiving: UnsafeMutableRawBufferPointer
  ) throws(ProcessGroupError) {
    sent.append(max(sending.count, receiving.count))
    // What halves of sums send may differ by a number in length.
    receiving.copyMemory(from: UnsafeRawBufferPointer(rebasing: sending.prefix(receiving.count)))
  }

  func takeSent() -> [Int] {
    defer { sent = [] }
    return sent
  }
}

extension Dataset {
  /// The examples, again and again until there are so many.
  fileprivate func repeated(atLeast total: Int) -> Dataset {
    count >= total ? self : subset(rows: (0..<total).map { $0 % count })
  }
}
