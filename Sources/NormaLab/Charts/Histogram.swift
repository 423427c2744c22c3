/// How many values fell into each of several intervals of equal width.
public struct Histogram: Codable, Sendable, Equatable {
  /// Where the first interval begins.
  public var lower: Double
  /// Where the last interval ends.
  public var upper: Double
  /// The number of values in each interval.
  public var counts: [Int]

  /// A histogram of `counts.count` intervals from `lower` to `upper`.
  public init(lower: Double, upper: Double, counts: [Int]) {
    self.lower = lower
    self.upper = upper
    self.counts = counts
  }

  /// The value below which a share of all values lie, taking those of an interval as evenly spread; `nil` without
  /// values or if the range is not finite.
  ///
  /// - Parameter share: From 0 to 1.
  public func quantile(_ share: Double) -> Double? {
    let total = self.total
    guard total > 0, hasRange else { return nil }
    let width = (upper - lower) / Double(counts.count)
    var below = 0.0
    let wanted = share * total
    for (index, count) in counts.enumerated() where count > 0 {
      if below + Double(count) >= wanted {
        return lower + width * (Double(index) + max(0, wanted - below) / Double(count))
      }
      below += Double(count)
    }
    return upper
  }

  /// The share of the values in each of `count` equal intervals of another range, taking the values of an interval
  /// here as evenly spread; what lies outside the range is left out. Empty without values.
  func shares(over range: ClosedRange<Double>, count: Int) -> [Double] {
    let total = self.total
    guard total > 0, hasRange, range.upperBound > range.lowerBound else { return [] }
    var shares = [Double](repeating: 0, count: count)
    let width = (upper - lower) / Double(counts.count)
    let scale = Double(count) / (range.upperBound - range.lowerBound)
    for (index, value) in counts.enumerated() where value > 0 {
      let share = Double(value) / total
      // In units of the new intervals, counted from the range's beginning.
      let first = (lower + width * Double(index) - range.lowerBound) * scale
      let last = first + width * scale
      guard last >= 0, first <= Double(count), first.isFinite, last.isFinite else { continue }
      guard last - first > 1e-9 else {
        shares[min(max(0, Int(first)), count - 1)] += share
        continue
      }
      let firstTarget = min(Int(max(0, first)), count - 1)
      let lastTarget = Int(min(last, Double(count - 1)))
      for target in firstTarget...max(firstTarget, lastTarget) {
        let overlap = min(last, Double(target + 1)) - max(first, Double(target))
        if overlap > 0 { shares[target] += share * overlap / (last - first) }
      }
    }
    return shares
  }

  private var total: Double { counts.reduce(0) { $0 + Double(max(0, $1)) } }

  private var hasRange: Bool {
    lower.isFinite && upper.isFinite && lower <= upper && (upper - lower).isFinite && !counts.isEmpty
  }
}
