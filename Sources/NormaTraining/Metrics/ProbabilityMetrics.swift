import NormaTensor

/// What a classifier's probabilities are worth.
public struct ProbabilityMetrics: Sendable, Equatable {
  /// The mean of the natural logarithms of the true classes' probabilities, with the sign turned. Probabilities count as at
  /// least 2⁻⁵² and at most 1 − 2⁻⁵², as in scikit-learn, so that one certain mistake costs 36.04 rather than everything.
  public let logLoss: Double
  /// The mean square of the probabilities' errors: of two classes the second's alone, from 0 to 1; of more the sum over the
  /// classes, from 0 to 2.
  public let brierScore: Double
  /// How far probabilities can be taken at their word.
  public let calibration: Calibration

  /// Holds probabilities `[N, classes]` against the examples' classes, for one example or more.
  public init(probabilities: Tensor<Double>, labels: [Int]) {
    require(
      probabilities.rank == 2 && probabilities.shape[0] == labels.count && !labels.isEmpty,
      "probabilities of shape \(probabilities.shape) for \(labels.count) labels")
    let classCount = probabilities.shape[1]
    let elements = probabilities.elements
    let smallest = Double.ulpOfOne
    var (logarithms, squares) = (0.0, 0.0)
    var predictions: [Calibration.Prediction] = []
    for (row, label) in labels.enumerated() {
      let row = elements[row * classCount..<(row + 1) * classCount]
      let start = row.startIndex
      logarithms += Functions.logarithm(min(max(row[start + label], smallest), 1 - smallest))
      if classCount == 2 {
        let isSecond = label == 1
        let error = row[start + 1] - (isSecond ? 1 : 0)
        squares += error * error
        predictions.append((row[start + 1], isSecond))
      } else {
        var best = start
        for index in row.indices {
          let error = row[index] - (index == start + label ? 1 : 0)
          squares += error * error
          if row[index] > row[best] { best = index }
        }
        predictions.append((row[best], best == start + label))
      }
    }
    logLoss = -logarithms / Double(labels.count)
    brierScore = squares / Double(labels.count)
    calibration = Calibration(predictions)
  }
}

/// How often what was said to be so likely came true.
///
/// Of two classes it is the second's probability that is looked at, of more that of the class that was predicted (Guo et al.,
/// "On calibration of modern neural networks", 2017).
public struct Calibration: Sendable, Equatable {
  /// The probability of something, and whether it came true.
  typealias Prediction = (probability: Double, isTrue: Bool)

  /// Predictions of about the same probability.
  public struct Bin: Sendable, Equatable {
    /// The probabilities in it: above `lower`, up to `upper`; the first bin holds 0 too.
    public let lower: Double, upper: Double
    /// How many predictions it holds.
    public let count: Int
    /// The mean of their probabilities.
    public let meanProbability: Double
    /// The share of them that came true.
    public let share: Double
  }

  /// How many bins of equal width there are between 0 and 1.
  public static let binCount = 10
  /// The bins that hold a prediction, from low probabilities to high ones.
  public let bins: [Bin]
  /// The mean distance of probability and share over the bins, weighted by how many predictions they hold (expected
  /// calibration error).
  public let expectedError: Double

  init(_ predictions: [Prediction]) {
    var sums = [(count: Int, probability: Double, trueCount: Int)](repeating: (0, 0, 0), count: Self.binCount)
    for (probability, isTrue) in predictions {
      let index = max(0, Int((probability * Double(Self.binCount)).rounded(.up)) - 1)
      sums[index].count += 1
      sums[index].probability += probability
      if isTrue { sums[index].trueCount += 1 }
    }
    bins = sums.enumerated().filter { $0.element.count > 0 }.map { index, sum in
      Bin(
        lower: Double(index) / Double(Self.binCount), upper: Double(index + 1) / Double(Self.binCount),
        count: sum.count, meanProbability: sum.probability / Double(sum.count),
        share: Double(sum.trueCount) / Double(sum.count))
    }
    expectedError =
      bins.reduce(0) { $0 + Double($1.count) * abs($1.meanProbability - $1.share) } / Double(max(1, predictions.count))
  }
}

extension Tensor<Double> {
  /// The probabilities that rows of scores stand for, `exp(xⱼ) / Σₖ exp(xₖ)`: `[N, classes] → [N, classes]`.
  func softmax() -> Tensor<Double> {
    let classCount = shape.channelCount
    var elements = elements
    for start in stride(from: 0, to: elements.count, by: Swift.max(1, classCount)) {
      let row = start..<start + classCount
      let largest = elements[row].max() ?? 0
      var sum = 0.0
      for index in row {
        elements[index] = Functions.exponential(elements[index] - largest)
        sum += elements[index]
      }
      for index in row { elements[index] /= sum }
    }
    return Tensor(elements, shape: shape)
  }
}
