import Norma

/// A verdict, and why there is none where it cannot be told.
public struct Judgement: Sendable, Equatable {
  /// What may be said.
  public var verdict: Verdict
  /// Why it cannot be told; nil where it can.
  public var reason: String?

  private init(_ verdict: Verdict, because reason: String? = nil) {
    self.verdict = verdict
    self.reason = reason
  }

  /// By how much another seed changes an accuracy, one standard deviation, where one seed alone was run: what repeated trainings
  /// of these experiments' nets showed.
  static let seedDeviation = 0.015
  /// By what factor another seed may change a measure that is no accuracy, where one seed alone was run.
  static let seedFactor = 2.0

  /// Of something that chance has no part in.
  public static func exact(_ holds: Bool) -> Judgement { Judgement(holds ? .held : .notHeld) }

  /// Of something that these outcomes cannot show.
  public static func cannotBeTold(because reason: String) -> Judgement { Judgement(.open, because: reason) }

  /// Of several things at once: not held if one is not, else open if one is.
  public static func all(_ parts: [Judgement]) -> Judgement {
    parts.first { $0.verdict == .notHeld } ?? parts.first { $0.verdict == .open } ?? exact(!parts.isEmpty)
  }

  /// Of something that every seed says by itself: open where they disagree.
  public static func everySeed(_ spread: Spread, _ condition: (Double) -> Bool) -> Judgement {
    let count = spread.values.count { condition($0) }
    if count == spread.values.count { return exact(true) }
    return count == 0
      ? exact(false) : cannotBeTold(because: "it depends on the seed: \(count) of \(spread.values.count) say so")
  }

  /// What is held by the outcomes is held; where they speak against it, it is because they cannot show it.
  public func unlessShown(because reason: String) -> Judgement {
    verdict == .held ? self : .cannotBeTold(because: reason)
  }

  // MARK: Accuracies

  /// Whether one accuracy is above another, both of nets that share their seeds.
  ///
  /// - Parameters:
  ///   - first: the one that is to be above.
  ///   - second: the other.
  ///   - margin: by how much at least.
  ///   - examples: how many each was measured on.
  public static func accuracy(
    _ first: Spread, above second: Spread, by margin: Double = 0, examples: Int
  ) -> Judgement {
    let errors = [first, second].map { standardError($0.mean, examples: examples) }
    return difference(
      .combining(first, second) { $0 - $1 - margin }, standardError: length(errors),
      seedDeviation: seedDeviation * 2.0.squareRoot(), examples: examples)
  }

  /// Whether an accuracy is above a number.
  public static func accuracy(_ accuracy: Spread, above bound: Double, examples: Int) -> Judgement {
    difference(
      Spread(accuracy.values.map { $0 - bound }), standardError: standardError(accuracy.mean, examples: examples),
      seedDeviation: seedDeviation, examples: examples)
  }

  /// Whether an accuracy is below a number.
  public static func accuracy(_ accuracy: Spread, below bound: Double, examples: Int) -> Judgement {
    difference(
      Spread(accuracy.values.map { bound - $0 }), standardError: standardError(accuracy.mean, examples: examples),
      seedDeviation: seedDeviation, examples: examples)
  }

  /// Whether a difference of accuracies is above 0.
  ///
  /// - Parameters:
  ///   - difference: one a seed.
  ///   - standardError: that the examples leave it.
  ///   - seedDeviation: by how much another seed changes it, for one seed.
  ///   - examples: how many the accuracies were measured on, for the words.
  static func difference(
    _ difference: Spread, standardError: Double, seedDeviation: Double, examples: Int
  ) -> Judgement {
    guard difference.mean.isFinite else { return cannotBeTold(because: "an accuracy is missing") }
    let paired = PairedDifference(difference.values, standardError: standardError)
    let seeds = paired.seedUncertainty ?? 1.96 * seedDeviation
    let uncertainty = length([seeds, paired.exampleUncertainty])
    guard abs(paired.mean) > uncertainty else {
      let seeds = difference.values.count == 1 ? "one seed" : "\(difference.values.count) seeds"
      return cannotBeTold(
        because: "\(points(abs(paired.mean))) are less than the ±\(points(uncertainty)) that \(seeds) and "
          + "\(NumberFormat.integer.text(Double(examples))) images leave")
    }
    return exact(paired.mean > 0)
  }

  /// The standard error of an accuracy, `√(p(1 − p)/n)`; p as if one more example each had been right and wrong, so that it is not
  /// 0 where all were.
  static func standardError(_ accuracy: Double, examples: Int) -> Double {
    let count = Double(max(1, examples))
    let share = min(max((accuracy * count + 1) / (count + 2), 0), 1)
    return (share * (1 - share) / count).squareRoot()
  }

  /// The Euclidean length.
  static func length(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  private static func points(_ share: Double) -> String { "\(NumberFormat.fixed(share * 100, decimals: 1)) points" }

  // MARK: Other measures

  /// Whether a positive measure is below another, by its logarithm; one seed leaves it uncertain by a factor of two.
  public static func measure(_ first: Spread, below second: Spread) -> Judgement {
    let logarithms = Spread.combining(first, second) { Functions.logarithm($1 / $0) }
    guard logarithms.mean.isFinite else {
      // One of them is 0 or infinite.
      return everySeed(.combining(first, second) { $0 < $1 ? 1 : 0 }) { $0 == 1 }
    }
    let paired = PairedDifference(logarithms.values, standardError: 0)
    let uncertainty = paired.seedUncertainty ?? Functions.logarithm(seedFactor)
    guard abs(paired.mean) > uncertainty else {
      let seeds = logarithms.values.count == 1 ? "one seed" : "\(logarithms.values.count) seeds"
      return cannotBeTold(
        because: "a factor of \(NumberFormat.plain.text(Functions.exponential(abs(paired.mean)))) is less than the "
          + "\(NumberFormat.plain.text(Functions.exponential(uncertainty))) that \(seeds) leave")
    }
    return exact(paired.mean > 0)
  }

  /// Whether a positive measure is at most a number.
  public static func measure(_ measure: Spread, atMost bound: Double) -> Judgement {
    measure.values.count == 1 && measure.mean > 0
      ? .measure(measure, below: Spread([bound])) : everySeed(measure) { $0 <= bound }
  }
}
