import NormaLayers
import NormaNormalization
import NormaTensor

extension Examination {
  /// Batches by whose statistics a normalization passes on too much chance, or the whole network does.
  func smallBatch(_ indices: [Int]) -> [Finding] {
    guard let batchSize = training.batchSize else { return [] }
    // Of each layer: the examples that a batch would need.
    var needed: [(index: Int, count: Double)] = []
    for index in indices {
      let shares = channels[index].filter { !$0.isConstant && $0.meanSpread.isFinite }
        .map { $0.meanSpread / $0.variance }
      guard !shares.isEmpty else { continue }
      needed.append((index, shares.median / Self.bearableNoise))
    }
    // Between the samples' spread and the population's there is a rounding of one part in so many examples.
    let found = needed.filter { $0.count > Double(batchSize) * (1 + 3 / Double(count).squareRoot()) }
    let whole = outputChance
    guard let worst = found.max(by: { $0.count < $1.count }) else {
      guard whole > Self.bearableOutputChance, !needed.isEmpty else { return [] }
      let names = needed.map { sites[$0.index].name }
      return [
        smallBatch(
          names, enough: Double(batchSize) * whole / Self.bearableOutputChance,
          "what they pass on of it adds up: the outputs for an example are off by \(words(whole.squareRoot())) deviations with the others "
            + "of its batch.",
          "less than half a deviation",
          .init("share of chance in the outputs", whole, threshold: Self.bearableOutputChance))
      ]
    }
    let share = worst.count * Self.bearableNoise / Double(batchSize)
    return [
      smallBatch(
        found.map { sites[$0.index].name }, enough: worst.count,
        "the mean of a batch is off by \(words(share.squareRoot())) deviations; \(words(100 * share)) % of the variance that is passed on "
          + "is chance.",
        "a tenth", .init("share of chance", share, threshold: Self.bearableNoise))
    ]
  }

  private func smallBatch(
    _ names: [String], enough: Double, _ measure: String, _ bearable: String, _ evidence: Finding.Evidence
  ) -> Finding {
    let enough = Int(enough.rounded(.up))
    return Finding(
      kind: .smallBatch, layers: names,
      statement: "\(list(names)): with \(batchSize) examples normalized together, \(measure)",
      cause: "The batches of the training were too small for a normalization by their statistics.",
      remedy:
        "From \(enough) examples on \(bearable) is chance; where there is no memory for so many, normalize within examples, such as "
        + "--norm group, or merge the moments of parts (--micro-batches with --joint-moments).", mend: .train,
      evidence: [.init("examples normalized together", Double(batchSize), threshold: Double(enough)), evidence])
  }

  /// The share of the variance of what a normalization passes on that the chance of a batch may have: a tenth, which batches of ten
  /// features have.
  private static var bearableNoise: Double { 0.1 }

  /// The share of the variance of the outputs that it may have, after all normalizations: a quarter, which is half a deviation.
  private static var bearableOutputChance: Double { 0.25 }

  func swappedEstimator(_ indices: [Int]) -> [Finding] {
    guard training.batchSize != nil, !training.isRecalibrated else { return [] }
    // How far the running variance of each channel is on the way from the estimator that it is said to be of, 0, to the other, 1; and how
    // far that of each batch is, scaled to what running statistics leave of a batch's chance.
    var places: [Double] = []
    var chances: [[Double]] = []
    var names: [String] = []
    var declared = VarianceEstimator.unbiased
    for index in indices {
      let site = sites[index]
      guard site.given != nil, let statistics = site.layer?.runningStatistics, statistics.batchCount > 0 else {
        continue
      }
      declared = statistics.estimator
      let alive = channels[index].indices.filter { !channels[index][$0].isConstant }
      let values = Double(measurements[index].batches.first?.count ?? 0)
      let ratios = measurements[index].varianceRatios(declared)
      guard values > 1, ratios.count >= 8, !alive.isEmpty else { continue }
      let distance = declared == .unbiased ? -1 / values : 1 / (values - 1)
      let weight = statistics.rule.weight(afterBatches: statistics.batchCount)
      // Beside that there is the chance of the mean of all batches that were looked at.
      let scale = (weight / (2 - weight) + 1 / Double(ratios.count)).squareRoot() / distance
      places += alive.map { (site.variance[$0] / channels[index][$0].meanBatchVariance - 1) / distance }
      if chances.isEmpty { chances = ratios.map { _ in [] } }
      guard chances.count == ratios.count else { return [] }
      for (batch, ratios) in ratios.enumerated() { chances[batch] += ratios.map { ($0 - 1) * scale } }
      names.append(site.name)
    }
    // Each channel counts by how well it tells. How much of their chance is common shows in what the batches make of the sum.
    let weights = places.indices.map { place in
      1 / max(chances.reduce(0) { $0 + $1[place] * $1[place] }, .leastNormalMagnitude)
    }
    let weightSum = weights.reduce(0, +)
    guard weightSum > 0, weightSum.isFinite else { return [] }
    func mean(_ numbers: [Double]) -> Double { zip(numbers, weights).reduce(0) { $0 + $1.0 * $1.1 } / weightSum }
    let place = mean(places)
    let error = (chances.reduce(0) { $0 + mean($1) * mean($1) } / Double(chances.count - 1)).squareRoot()
    // What cannot tell the one from the other says nothing.
    let margin = Self.significantErrors * error
    guard margin < 1, place > margin, abs(place - 1) < margin else { return [] }
    let other: VarianceEstimator = declared == .biased ? .unbiased : .biased
    return [
      Finding(
        kind: .estimatorSwapped, layers: names,
        statement:
          "\(list(names)): the running variances are taken for \(declared.rawValue) ones, and are as large as \(other.rawValue) "
          + "ones: on the way from the one to the other they are at \(words(place)), give or take \(words(error)).",
        cause:
          "They were gathered by another framework's estimator: PyTorch's running variance is unbiased, Keras's, ONNX's and MLX's "
          + "biased.",
        remedy:
          "Recompute them, or have the file converted by the conventions that it was made with (norma convert --conventions).",
        mend: .recalibrate,
        evidence: [
          .init("place between the estimators", place, threshold: Self.significantErrors * error),
          .init("standard error", error),
        ])
    ]
  }
}
