import NormaTensor

/// How values are distributed, in the form in which event files hold it.
///
/// Values that are not finite have no place in it and are left out.
public struct EventHistogram: Hashable, Sendable {
  /// The smallest value.
  public var minimum: Double
  /// The largest value.
  public var maximum: Double
  /// The sum of the values.
  public var sum: Double
  /// The sum of their squares.
  public var sumOfSquares: Double
  /// How many values there are in each of as many intervals of equal width, from ``minimum`` to ``maximum``.
  public var counts: [Int]

  /// A histogram that was counted elsewhere.
  public init(minimum: Double, maximum: Double, sum: Double, sumOfSquares: Double, counts: [Int]) {
    self.minimum = minimum
    self.maximum = maximum
    self.sum = sum
    self.sumOfSquares = sumOfSquares
    self.counts = counts
  }

  /// Counts a tensor's values.
  ///
  /// - Parameters:
  ///   - tensor: the values, of any shape.
  ///   - intervalCount: into how many intervals, one at least. Equal values are counted in one.
  public init(of tensor: Tensor<some TensorElement>, intervalCount: Int = 40) {
    require(intervalCount > 0, "a histogram of \(intervalCount) intervals")
    let values = tensor.elements.map { Double($0) }.filter(\.isFinite)
    let (lower, upper) = (values.min() ?? 0, values.max() ?? 0)
    var counts = [Int](repeating: 0, count: lower < upper ? intervalCount : 1)
    for value in values {
      // Halves, because a difference of the largest numbers is none.
      let share = (value / 2 - lower / 2) / (upper / 2 - lower / 2)
      counts[share.isFinite ? min(counts.count - 1, Int(share * Double(counts.count))) : 0] += 1
    }
    self.init(
      minimum: lower, maximum: upper, sum: values.reduce(0, +), sumOfSquares: values.reduce(0) { $0 + $1 * $1 },
      counts: counts)
  }

  /// The histogram as it is written. The last interval ends at the largest value to the bit.
  var message: ProtoHistogram {
    .with {
      $0.minimum = minimum
      $0.maximum = maximum
      $0.count = Double(counts.reduce(0, +))
      $0.sum = sum
      $0.sumOfSquares = sumOfSquares
      $0.bucketLimits = counts.indices.map { index in
        let share = Double(index + 1) / Double(counts.count)
        return minimum * (1 - share) + maximum * share
      }
      $0.bucketCounts = counts.map(Double.init)
    }
  }
}
