import NormaLab

/// Charts that are hard to label, made by chance.
enum SampleCharts {
  /// A random number generator that depends on nothing else of this project (L'Ecuyer 1999, a 64-bit linear congruence).
  struct Chance {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493 }

    mutating func next(below bound: Int) -> Int {
      state = state &* 2_862_933_555_777_941_757 &+ 3_037_000_493
      return Int(state >> 33) % bound
    }
  }

  static let names = [
    "none", "batch", "layer", "group", "15th percentile", "running averages", "ReLU, Kaiming",
    "batch, none in inference",
    "renormalization", "x", "a net of 50 layers with batch normalization", "instance",
  ]

  /// Lines that end close to each other, at the same value, early or in values that are not finite, and points alone.
  static func chart(seed: UInt64, isWide: Bool = false) -> LineChart {
    var chance = Chance(seed: seed)
    let count = 2 + chance.next(below: names.count - 1)
    let isLogarithmic = chance.next(below: 2) == 0
    let levels = (0..<3).map { _ in Double(1 + chance.next(below: 100)) / 100 }
    let series = (0..<count).map { index in
      let length = chance.next(below: 4) == 0 ? 1 + chance.next(below: 12) : 12
      let isDiverging = chance.next(below: 8) == 0
      let level = levels[chance.next(below: 3)]
      var points: [ChartSeries.Point] = []
      for step in 1...length {
        let distance = Double(chance.next(below: 5)) / Double(100 * step)
        let value = isDiverging && step > 6 ? .nan : level + distance
        points.append(.init(x: isLogarithmic ? 10 * Double(step) : Double(step), y: value))
      }
      return ChartSeries(
        name: names[index], points: points, style: SeriesStyle(index),
        isJoined: index >= SeriesStyle.count || chance.next(below: 6) > 0)
    }
    return LineChart(
      title: "Chart \(seed)",
      x: ChartAxis("step", kind: isLogarithmic ? .logarithmic : .linear, format: .integer),
      y: ChartAxis("accuracy", format: .percentage, covering: [0]), series: series, isWide: isWide)
  }
}
