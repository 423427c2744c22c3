import NormaTensor

/// How well scores put the examples of one class before all others.
public struct Ranking: Sendable, Equatable {
  /// A score for each example.
  public let scores: [Double]
  /// Whether the example is one of those that should have high scores.
  public let isPositive: [Bool]
  /// How many of these there are.
  public let positiveCount: Int

  /// How many of the examples from a score on are positive, and how many are not.
  public struct Cut: Sendable, Equatable {
    /// The score from which on examples are counted.
    public let score: Double
    /// The positive ones.
    public let truePositives: Int
    /// The others.
    public let falsePositives: Int
  }

  /// Scores of examples, which must not be NaN.
  public init(scores: [Double], isPositive: [Bool]) {
    require(scores.count == isPositive.count, "\(scores.count) scores for \(isPositive.count) examples")
    self.scores = scores
    self.isPositive = isPositive
    positiveCount = isPositive.count { $0 }
  }

  /// The second of two classes, by the difference of the scores `[N, 2]`: the logarithm of its odds, whose order is that of
  /// its probability without the rounding of what lies close to 1.
  public init(ofSecondClass scores: Tensor<Double>, labels: [Int]) {
    require(scores.rank == 2 && scores.shape[1] == 2, "scores of shape \(scores.shape) are not of two classes")
    let elements = scores.elements
    self.init(
      scores: labels.indices.map { elements[2 * $0 + 1] - elements[2 * $0] }, isPositive: labels.map { $0 == 1 })
  }

  /// How many examples are not positive.
  public var negativeCount: Int { scores.count - positiveCount }

  /// How likely a positive example has a higher score than another, equal scores counted half (the Mann-Whitney statistic);
  /// nil if all are positive, or none is.
  public var areaUnderROC: Double? {
    guard positiveCount > 0, negativeCount > 0 else { return nil }
    let positives = zip(scores, isPositive).lazy.filter(\.1).map(\.0).sorted()
    /// How many of the positives' scores are not above one, or are below it.
    func count(where isBefore: (Double) -> Bool) -> Int {
      var (low, high) = (0, positives.count)
      while low < high {
        let middle = (low + high) / 2
        if isBefore(positives[middle]) { low = middle + 1 } else { high = middle }
      }
      return low
    }
    // Pairs in whole numbers, each counted twice, so that the only rounding is that of the quotient.
    var doubledPairs = 0
    for (score, isPositive) in zip(scores, isPositive) where !isPositive {
      doubledPairs += 2 * positives.count - count { $0 < score } - count { $0 <= score }
    }
    return Double(doubledPairs) / (2 * Double(positiveCount) * Double(negativeCount))
  }

  /// What is counted from each score that occurs on, the highest first.
  public var cuts: [Cut] {
    var cuts: [Cut] = []
    var (truePositives, falsePositives) = (0, 0)
    for (score, isPositive) in zip(scores, isPositive).sorted(by: { $0.0 > $1.0 }) {
      if isPositive { truePositives += 1 } else { falsePositives += 1 }
      if cuts.last?.score == score { cuts.removeLast() }
      cuts.append(Cut(score: score, truePositives: truePositives, falsePositives: falsePositives))
    }
    return cuts
  }

  /// The mean precision over the positives found, `Σ (recallₙ − recallₙ₋₁)·precisionₙ` over the cuts; nil if there are none.
  public var averagePrecision: Double? {
    guard positiveCount > 0 else { return nil }
    var (sum, found) = (0.0, 0)
    for cut in cuts {
      let precision = Double(cut.truePositives) / Double(cut.truePositives + cut.falsePositives)
      sum += Double(cut.truePositives - found) * precision
      found = cut.truePositives
    }
    return sum / Double(positiveCount)
  }
}
