import NormaTensor

/// Which values of a batch share the moments that they are normalized with.
///
/// Beside it, weights say which rows count at all and how much: see
/// `BatchNormalization/forward(_:gamma:beta:epsilon:layout:rectifies:allowsSingleValue:scope:weights:excluded:renormalization:exchange:)`.
public enum StatisticsScope: Hashable, Sendable, Codable {
  /// All of the batch: its moments are found at once.
  case batch
  /// All of the batch, whose moments are merged from those of so many nearly equal parts along the first axis, by
  /// ``BatchMoments/merging(_:)``: what processes or micro-batches that hold a part each find together.
  case parts(Int)
  /// Each ghost batch by itself (Hoffer, Hubara and Soudry 2017): nearly equal parts along the first axis of at most so many
  /// examples, all of the size itself where it divides the batch. Outputs and gradients are those of separate batches, to the bit.
  /// Running statistics take in the moments of all ghost batches merged, as of one batch.
  case ghosts(ofSize: Int)

  /// The ranges along the first axis into which so many examples are cut: nearly equal, none empty where there are enough.
  package func ranges(of count: Int) -> [Range<Int>] {
    let parts: Int
    switch self {
    case .batch: parts = 1
    case .parts(let number): parts = number
    case .ghosts(let size): parts = max(1, (count + size - 1) / size)
    }
    return (0..<parts).map { $0 * count / parts..<($0 + 1) * count / parts }
  }

  /// How many sets of values have moments of their own.
  package func setCount(of count: Int) -> Int { if case .ghosts = self { ranges(of: count).count } else { 1 } }

  /// Whether moments of parts are merged.
  package var mergesMoments: Bool { if case .parts = self { true } else { false } }

  /// Whether the shards of a batch are normalized as one. Ghost batches are each of one shard.
  package var spansShards: Bool { if case .ghosts = self { false } else { true } }

  /// Stops where the number or the size of parts is less than one.
  func checked() -> StatisticsScope {
    switch self {
    case .batch: break
    case .parts(let number): require(number > 0, "the moments of \(number) parts")
    case .ghosts(let size): require(size > 0, "ghost batches of \(size) examples")
    }
    return self
  }
}

/// What batch normalization gives where a row does not count.
public enum ExcludedOutput: String, Hashable, Sendable, Codable, CaseIterable {
  /// 0.
  case zero
  /// beta: what a value at its channel's mean gives.
  case beta
}
