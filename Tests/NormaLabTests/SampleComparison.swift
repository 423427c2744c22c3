import NormaLab

/// Made-up comparisons whose every number is known.
enum SampleComparison {
  /// A run whose validation metric after each epoch, from 0 on, is given.
  static func run(
    _ norm: String, seed: UInt64? = nil, _ metrics: [Double], losses: [Double]? = nil, testMetric: Double? = nil,
    stoppedBecause: String? = nil
  ) -> NormComparison.Run {
    let losses = losses ?? metrics.map { 1 - $0 }
    let epochs = metrics.indices.map { index in
      NormComparison.Epoch(
        number: index, trainingLoss: losses[index], validationLoss: losses[index] + 0.01,
        trainingMetric: metrics[index], validationMetric: metrics[index], seconds: 0.5, learningRate: 0.001,
        weightNorms: [1, 2], gradientNorms: [0.001, 0.1 * Double(index)])
    }
    let best = metrics.indices.filter { metrics[$0].isFinite }.max { metrics[$0] < metrics[$1] } ?? 0
    let histogram = Histogram(lower: -1, upper: 1, counts: [1, 2, 4, 2, 1])
    let activations = ["linear 1", "linear 2"].map {
      NormComparison.Activation(
        layer: $0, mean: 0, standardDeviation: 0.5, shareOfZeros: 0.25, histogram: histogram)
    }
    return NormComparison.Run(
      norm: norm, seed: seed, epochs: epochs, stepLosses: losses, stepInterval: 10, activationsBefore: activations,
      activationsAfter: activations, layerNames: ["linear 1", "linear 2"], bestEpoch: best,
      bestValidationMetric: metrics.isEmpty ? .nan : metrics[best], testMetric: testMetric, parameterCount: 12_345,
      seconds: 65, stoppedBecause: stoppedBecause)
  }

  /// The runs of several seeds, from 0 on.
  static func runs(_ norm: String, _ metrics: [[Double]]) -> [NormComparison.Run] {
    metrics.enumerated().map { run(norm, seed: UInt64($0.offset), $0.element) }
  }

  /// A comparison beside a linear model and the base line, on 400 validation examples.
  static func of(
    _ runs: [NormComparison.Run], targets: [Double] = [0.8, 0.95], baseline: Double, linear: Double,
    differences: [(String, String, PairedDifference)] = []
  ) -> NormComparison {
    var result = of(runs, targets: targets)
    result.validation = .init(count: 400)
    result.judgedOn = .validation
    result.references = [
      .init(
        kind: .baseline, description: "always saying the most frequent class (no)", trainingMetric: baseline,
        validation: .init(metric: baseline)),
      .init(
        kind: .linear, description: "logistic regression", trainingMetric: linear, validation: .init(metric: linear)),
    ]
    result.differences = differences.map { .init(first: $0.0, second: $0.1, difference: $0.2) }
    for index in result.runs.indices {
      result.runs[index].stepCount = 30
      result.runs[index].gain = PairedDifference(
        [result.runs[index].bestValidationMetric - baseline], standardError: 0.01)
    }
    return result
  }

  /// A comparison of the given runs.
  static func of(
    _ runs: [NormComparison.Run], title: String = "A comparison", targets: [Double] = [0.8, 0.95],
    isPercentage: Bool = true
  ) -> NormComparison {
    NormComparison(
      title: title, dataDescription: "Ten rows of made-up data.", attribution: "Nobody",
      settings: [
        .init(name: "seed", value: "1")
      ], command: "norma compare --seed 1",
      metric: .init(name: isPercentage ? "accuracy" : "R²", isPercentage: isPercentage),
      targets: targets, runs: runs, version: "1.2.3")
  }

  /// One run that learns fast, one that learns slowly, and one that diverges.
  static let typical = of([
    run("none", [0.1, 0.3, 0.82]),
    run("batch", [0.1, 0.9, 0.96]),
    run("layer", [0.1, 0.2, .nan], losses: [2, .infinity, .nan], stoppedBecause: "the loss is not finite at step 12"),
  ])
}
