/// Mean, deviation and range of numbers that come one after the other, of which none is kept.
struct NumberSummary {
  private var count = 0.0
  private(set) var mean = 0.0
  /// The sum of squared distances from the mean.
  private var spread = 0.0
  /// The least and the greatest that are numbers; nil if there are none.
  private(set) var minimum: Double?
  private(set) var maximum: Double?

  /// Takes in one more number: Welford's rule, by which the mean is subtracted before anything is squared.
  mutating func add(_ number: Double) {
    count += 1
    let distance = number - mean
    mean += distance / count
    spread += distance * (number - mean)
    guard !number.isNaN else { return }
    minimum = min(minimum ?? number, number)
    maximum = max(maximum ?? number, number)
  }

  var standardDeviation: Double { (spread / max(1, count)).squareRoot() }
}
