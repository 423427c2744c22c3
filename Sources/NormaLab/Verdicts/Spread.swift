/// Numbers of several seeds, summed up.
public struct Spread: Sendable, Equatable {
  /// The numbers, one a seed.
  public var values: [Double]
  /// The mean.
  public var mean: Double
  /// The least and the greatest.
  public var lowest: Double, highest: Double

  /// The numbers of at least one seed.
  public init(_ values: [Double]) {
    self.values = values
    mean = values.reduce(0, +) / Double(values.count)
    lowest = values.contains(where: \.isNaN) ? .nan : values.min() ?? .nan
    highest = values.contains(where: \.isNaN) ? .nan : values.max() ?? .nan
  }

  /// The standard deviation, divided by one less than there are; 0 of one.
  var deviation: Double {
    guard values.count > 1 else { return 0 }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot()
  }

  /// The mean, and the range where there is one.
  package func text(_ format: NumberFormat = .plain) -> String {
    lowest == highest || !mean.isFinite
      ? format.text(mean) : "\(format.text(mean)) (\(format.text(lowest)) to \(format.text(highest)))"
  }

  /// The numbers of two spreads of the same seeds, put together seed by seed.
  static func combining(_ first: Spread, _ second: Spread, _ combine: (Double, Double) -> Double) -> Spread {
    Spread(zip(first.values, second.values).map(combine))
  }
}
