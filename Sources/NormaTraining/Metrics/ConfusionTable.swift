/// How often examples of one class were taken for another.
///
/// Only the pairs that occurred are kept, so that its size grows with the examples and not with the square of the classes.
public struct ConfusionTable: Sendable, Equatable {
  /// A class, and the one that examples of it were taken for.
  public struct Pair: Hashable, Sendable {
    /// The number of the examples' class.
    public let label: Int
    /// The number of the class they were taken for.
    public let predicted: Int

    /// A pair of classes.
    public init(label: Int, predicted: Int) {
      self.label = label
      self.predicted = predicted
    }
  }

  /// How many classes there are.
  public let classCount: Int
  /// How often each pair occurred; those that never did are not in it.
  public let counts: [Pair: Int]
  /// How many examples each class has, `[classes]`.
  public let labelCounts: [Int]
  /// How many examples were taken for each class, `[classes]`.
  public let predictedCounts: [Int]

  /// Counts pairs: a label and a prediction for each example, numbers below `classCount`.
  public init(labels: [Int], predicted: [Int], classCount: Int) {
    var counts: [Pair: Int] = [:]
    var labelCounts = [Int](repeating: 0, count: classCount)
    var predictedCounts = labelCounts
    for (label, predicted) in zip(labels, predicted) {
      counts[Pair(label: label, predicted: predicted), default: 0] += 1
      labelCounts[label] += 1
      predictedCounts[predicted] += 1
    }
    self.classCount = classCount
    self.counts = counts
    self.labelCounts = labelCounts
    self.predictedCounts = predictedCounts
  }

  /// How often examples of a class were taken for another, or the same.
  public subscript(label: Int, predicted: Int) -> Int { counts[Pair(label: label, predicted: predicted)] ?? 0 }

  /// The table as rows of labels over columns of predictions, `[classes][classes]`: for few classes.
  public var rows: [[Int]] {
    var rows = [[Int]](repeating: [Int](repeating: 0, count: classCount), count: classCount)
    for (pair, count) in counts { rows[pair.label][pair.predicted] = count }
    return rows
  }

  /// The pairs of different classes that occurred, the most frequent first, then in the order of the classes.
  public var mistakes: [(pair: Pair, count: Int)] {
    counts.filter { $0.key.label != $0.key.predicted }.map { (pair: $0.key, count: $0.value) }.sorted { left, right in
      (right.count, left.pair.label, left.pair.predicted) < (left.count, right.pair.label, right.pair.predicted)
    }
  }
}
