/// Why data could not be normalized.
public enum NormalizationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A training batch has one value per channel: its variance is 0 and its normalized value says nothing.
  case singleValuePerChannel(shape: [Int])
  /// A weight of a row is below 0 or no number; `place` is its place among all weights.
  case invalidWeight(value: Double, place: Int)
  /// Statistics for one number of channels were used with another.
  case channelCountMismatch(expected: Int, found: Int)

  public var description: String {
    switch self {
    case .singleValuePerChannel(let shape):
      return """
        batch normalization in training needs more than one value per channel, and a batch of shape \(shape) has one; \
        use larger batches, or choose a SingleValuePolicy
        """
    case .invalidWeight(let value, let place):
      return "weight \(place) of a batch's rows is \(value); weights are finite and not below 0"
    case .channelCountMismatch(let expected, let found):
      return "statistics of \(expected) channels do not fit \(found) channels"
    }
  }
}

/// What batch normalization does in training with a batch that has one value per channel.
public enum SingleValuePolicy: String, Sendable, Codable, CaseIterable {
  /// Throws ``NormalizationError/singleValuePerChannel(shape:)``, as PyTorch does.
  case reject
  /// Normalizes to 0, so that the output is beta and no gradient flows to the input.
  case normalizeToZero
  /// Normalizes with the running statistics, as in inference.
  case useRunningStatistics
}
