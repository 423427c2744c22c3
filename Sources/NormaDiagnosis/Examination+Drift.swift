import Foundation
import NormaData
import NormaLayers
import NormaNormalization
import NormaTensor

/// How far running statistics are from those of the examples.
private struct Drift {
  let index: Int
  /// The number of channels of which mean or deviation is beyond chance.
  let channelCount: Int
  /// By channels that vary: how far the mean is off, in deviations, and the running deviation over that of the examples.
  let shifts: [Double], ratios: [Double]
  /// The root mean square of the distances in those of single batches.
  let distance: Double

  var medianShift: Double { shifts.map(abs).median }
  var medianRatio: Double { ratios.median }
}

extension Examination {
  /// What running statistics are off by that do not fit weights and examples, and where it comes from.
  func driftFindings(among indices: [Int]) throws -> [Finding] {
    let others = Set(sites.indices).subtracting(indices)
    let outputs = others.isEmpty ? runningOutputs : try outputs(replacing: others)
    let excess = try excess(outputs)
    let isHarmful = isBeyondNoise(outputs) && excess.map { $0 > Self.significantErrors } ?? true
    let drifts = indices.compactMap { drift($0, channels[$0]) }.filter { drift in
      if drift.channelCount > 0 && isHarmful { return true }
      // Of statistics that are known to be of other weights a distance does that settled ones do not have, unless the network learned to
      // be normalized by them.
      return expectedCount(drift) != nil && drift.distance > Self.distanceOfHalf
        && excess.map { $0 > -Self.significantErrors } ?? true
    }
    guard !drifts.isEmpty else { return [] }
    // Where the rule itself says that the last batch rules, that is the cause.
    let reversed = reversedMomentum(indices, isSaid: true)
    if !reversed.isEmpty { return reversed }
    // What is wrong with the examples shows in the first layer alone: those behind it see what it makes of them batch by batch.
    let unmoved = drifts.count { hasHardlyMoved($0.index) }
    if 2 * unmoved <= indices.count || indices.count == 1, let finding = try standardizationLeftOut(drifts) {
      return [finding]
    }
    var findings: [Finding] = []
    var rest = drifts
    func take(
      _ kind: Finding.Kind, where isSo: (Drift) -> Bool, _ words: ([Drift]) -> (String, String, String)
    ) throws {
      let found = rest.filter(isSo)
      guard !found.isEmpty else { return }
      rest = rest.filter { !isSo($0) }
      let (statement, cause, remedy) = words(found)
      findings.append(
        Finding(
          kind: kind, layers: found.map { sites[$0.index].name }, statement: "\(names(found)): \(statement)",
          cause: cause, remedy: remedy,
          mend: found.contains { sites[$0.index].canRecalibrate } ? .recalibrate : .train,
          evidence: try evidence(found)))
    }
    try take(.hardlyMoved) {
      hasHardlyMoved($0.index)
    } _: { found in
      (
        "the running statistics lie between what they start from, mean 0 and variance 1, and those of the examples, most of the way "
          + "back. \(measures(found))",
        "Too few batches for so small a weight of each: a momentum in the other direction (0.99 or 0.999 where the new batch weighs 1 - "
          + "momentum), or a training of a few steps.",
        "Recompute the running statistics; train with a larger weight of the new batch."
      )
    }
    try take(.statisticsFrozen) {
      expectedCount($0) != nil
    } _: { found in
      let count = found.compactMap { rule(sites[$0.index])?.count }.min() ?? 0
      return (
        "the running statistics took in \(count) batches, and the training went on to \(found.compactMap(expectedCount).max() ?? 0). "
          + measures(found),
        "They were frozen, or left in inference mode, while the weights before them still changed.",
        "Recompute the running statistics; freeze weights and statistics together, or neither."
      )
    }
    try take(.foreignStatistics) { _ in
      true
    } _: { found in
      (
        "the running statistics are not those of these examples. \(measures(found))",
        "They were gathered from other data: another camera, another preparation of the examples, another part of the classes; or, if "
          + "these are the data of the training, with weights that have changed since" + window(found) + ".",
        "Recompute the running statistics over examples such as the network is to answer for."
      )
    }
    return findings
  }

  /// Over how many batches the statistics of a layer average, where that is known.
  private func window(_ drifts: [Drift]) -> String {
    guard let drift = drifts.first, let (rule, count) = rule(sites[drift.index]), count > 0 else { return "" }
    let weight = rule.weight(afterBatches: count)
    return ": they are a mean of about the last \(Int((1 / weight).rounded())) batches of \(count)"
  }

  /// How many batches the statistics of a layer would have taken in, where they took in fewer.
  private func expectedCount(_ drift: Drift) -> Int? {
    guard !training.isRecalibrated, let (_, count) = rule(sites[drift.index]) else { return nil }
    let expected = max(training.stepCount ?? 0, sites.compactMap { rule($0)?.count }.max() ?? 0)
    return count < expected ? expected : nil
  }

  private func names(_ drifts: [Drift]) -> String { list(drifts.map { sites[$0.index].name }) }

  /// How far off the layers are, in words.
  private func measures(_ drifts: [Drift]) -> String {
    let worst = drifts.max { $0.distance < $1.distance }!
    return
      "In '\(sites[worst.index].name)' the median channel's mean is off by \(words(worst.medianShift)) deviations, and its deviation is "
      + "\(words(worst.medianRatio)) times the examples': \(words(worst.distance)) times as far as the chance of one batch of \(batchSize)."
  }

  private func evidence(_ drifts: [Drift]) throws -> [Finding.Evidence] {
    var evidence: [Finding.Evidence] = []
    for drift in drifts.sorted(by: { $0.distance > $1.distance }).prefix(Self.judgedLayers) {
      let name = sites[drift.index].name
      evidence.append(.init("\(name): median shift of the mean, in deviations", drift.medianShift))
      evidence.append(.init("\(name): median ratio of deviations", drift.medianRatio))
      evidence.append(
        .init("\(name): distance, in that of one batch", drift.distance, threshold: threshold))
      if let cost = try cost(drift.index) { evidence.append(.init("\(name): loss that it costs by itself", cost)) }
    }
    if let loss = lossSummary {
      evidence.append(.init("loss by running statistics", loss.running ?? .infinity))
      evidence.append(.init("loss by those of all examples", loss.population))
    }
    return evidence
  }

  /// Of so many layers it is told what each costs by itself, which takes the examples through the network once more.
  private static var judgedLayers: Int { 5 }

  /// By how much the loss grows with the running statistics of one site in place of those of all examples.
  private func cost(_ index: Int) throws -> Double? {
    guard let best = try losses(populationOutputs),
      let losses = try losses(outputs(replacing: Set(sites.indices).subtracting([index])))
    else { return nil }
    return Self.difference(losses, best).mean
  }

  /// Beyond how many standard errors of one batch some channel of all is with a chance of a thousandth: by Chernoff's bound of the
  /// normal distribution, P(|z| > t) ≤ 2·exp(−t² / 2), for two numbers a channel.
  private var threshold: Double {
    let numbers = 2 * Double(max(1, sites.reduce(0) { $0 + $1.channelCount }))
    return (2 * log(2 * numbers / Self.chance)).squareRoot()
  }

  /// How far running statistics are from what is measured; nil where nothing varies.
  private func drift(_ index: Int, _ channels: [SiteMeasurement.Channel]) -> Drift? {
    let site = sites[index]
    // The chance of one batch of the training, and that of the examples that are looked at.
    let share = 1 / Double(batchSize) + 1 / Double(count)
    var (shifts, ratios): ([Double], [Double]) = ([], [])
    var (squares, numbers, beyond) = (0.0, 0.0, 0)
    for (number, channel) in channels.enumerated() where !channel.isConstant {
      let meanError = (channel.meanSpread * share).squareRoot()
      // Of the logarithm of a variance, so that too small counts as too large does.
      let varianceError = (channel.varianceSpread * share).squareRoot() / (channel.meanBatchVariance + site.epsilon)
      let ratio = (site.variance[number] + site.epsilon) / (channel.meanBatchVariance + site.epsilon)
      let shift = site.mean[number] - channel.mean
      guard meanError > 0, varianceError > 0, ratio > 0, shift.isFinite, ratio.isFinite else { continue }
      let (first, second) = (abs(shift) / meanError, abs(log(ratio)) / varianceError)
      if max(first, second) > threshold { beyond += 1 }
      squares += first * first + second * second
      numbers += 2
      shifts.append(shift / channel.variance.squareRoot())
      ratios.append(ratio.squareRoot())
    }
    guard numbers > 0 else { return nil }
    return Drift(
      index: index, channelCount: beyond, shifts: shifts, ratios: ratios, distance: (squares / numbers).squareRoot())
  }

  /// Whether nine tenths of what a site's statistics are off by lead back to what they start from, mean 0 and variance 1.
  private func hasHardlyMoved(_ index: Int) -> Bool {
    let site = sites[index]
    guard site.whole == nil else { return false }
    var (product, start, all) = (0.0, 0.0, 0.0)
    for (number, channel) in channels[index].enumerated() where !channel.isConstant {
      let deviation = channel.variance.squareRoot()
      for (off, back) in [
        ((site.mean[number] - channel.mean) / deviation, -channel.mean / deviation),
        (
          (site.variance[number] - channel.meanBatchVariance) / channel.variance,
          (1 - channel.meanBatchVariance) / channel.variance
        ),
      ] {
        product += off * back
        start += back * back
        all += off * off
      }
    }
    guard start > 0, all > 0 else { return false }
    let left = product / start
    let explained = product * product / (start * all)
    return left > 0.1 && left < 1.05 && explained > Self.explainedShare
  }

  /// The root mean square of the distances of all sites' running statistics, in those of single batches; nil where nothing varies.
  func distance(of indices: [Int]) -> Double? {
    let squares = indices.compactMap { drift($0, channels[$0]) }.map { $0.distance * $0.distance }
    return squares.isEmpty ? nil : (squares.reduce(0, +) / Double(squares.count)).squareRoot()
  }

  /// The share of the squares of a distance that a cause must account for to be named.
  static var explainedShare: Double { 0.9 }

  /// Whether the first normalization's statistics fit once the examples are standardized by their own mean and deviation.
  private func standardizationLeftOut(_ drifts: [Drift]) throws -> Finding? {
    guard let first = drifts.first, first.index == 0 else { return nil }
    let moments = BatchMoments(of: features.reshaped(to: [features.count, 1]))
    let (mean, deviation) = (moments.mean.elements[0], moments.variance(.biased).elements[0].squareRoot())
    let modes: [StandardizationMode] =
      features.rank == 2 ? [.perFeature, .overall] : [.perChannel, .perFeature, .overall]
    var best: (standardization: Standardization<Float>, distance: Double, outputs: Tensor<Float>)?
    for mode in modes {
      guard let standardization = try? Standardization(fittedOn: features, mode: mode),
        let (channels, outputs) = try? measured(on: standardization.applied(to: features)),
        let found = drift(0, channels[0])
      else { continue }
      if found.distance < best?.distance ?? .infinity { best = (standardization, found.distance, outputs) }
    }
    guard let best, best.distance * best.distance < (1 - Self.explainedShare) * first.distance * first.distance else {
      return nil
    }
    var evidence: [Finding.Evidence] = [
      .init("mean of the examples", mean), .init("deviation of the examples", deviation),
      .init("distance of the first statistics, in that of one batch", first.distance, threshold: threshold),
      .init("the same with the examples standardized", best.distance),
    ]
    if let raw = try losses(runningOutputs), let standardized = try losses(best.outputs) {
      let (mean, error) = Self.difference(raw, standardized)
      guard mean > Self.significantErrors * error else { return nil }
      evidence.append(.init("loss of the examples as they are", raw.reduce(0, +) / Double(count)))
      evidence.append(.init("loss of the examples standardized", standardized.reduce(0, +) / Double(count)))
    }
    let name = sites[0].name
    return Finding(
      kind: .standardizationLeftOut, layers: [name],
      statement:
        "The examples have mean \(words(mean)) and deviation \(words(deviation)). '\(name)' gathered its statistics from others: "
        + "they are \(words(first.distance)) times as far off as one batch is, and \(words(best.distance)) times once the examples are "
        + "standardized by their own mean and deviation\(best.standardization.mode == .overall ? "" : ", each \(best.standardization.mode.rawValue) by its own").",
      cause:
        "The network learned from standardized examples, and gets them as they are, or standardized in another way.",
      remedy: "Standardize the examples as for the training: norma convert --mean and --scale make it part of a model.",
      mend: .standardize, mendArguments: Self.arguments(best.standardization), evidence: evidence)
  }

  /// The options that say a standardization; none for one a pixel.
  private static func arguments(_ standardization: Standardization<Float>) -> [String] {
    guard standardization.mean.rank <= 1 else { return [] }
    func text(_ numbers: Tensor<Float>) -> String { numbers.elements.map(\.description).joined(separator: ",") }
    return ["--mean", text(standardization.mean), "--scale", text(standardization.scale)]
  }
}
