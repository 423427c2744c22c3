import NormaData
import NormaLayers
import NormaNormalization
import NormaTensor

extension Examination {
  /// All that ails the network, what comes first in the way of causes first; advice last.
  func findings() throws -> [Finding] {
    let (dead, behindDead) = deadLayers
    // What follows from a dead layer is not told again.
    let looked = sites.indices.filter { !behindDead.contains($0) && !dead.contains($0) }
    var findings = invalidStatistics() + neverGathered()
    let unusable = Set(findings.flatMap(\.layers))
    findings += countsMissing() + deadLayerFindings(dead) + looked.flatMap(deadChannelFindings)
    let usable = looked.filter { !unusable.contains(sites[$0].name) }
    let epsilons = try comparisonOfEpsilons(usable)
    // By another epsilon layers see other examples: statistics are held against those that they were gathered from.
    let gathering = epsilons.flatMap { $0.isGatheredWithUsual ? $0.examination : nil } ?? self
    findings += try gathering.gatheringFindings(usable)
    findings += epsilonFindings(looked, epsilons) + smallBatch(looked) + doubleNormalization()
    findings += looked.flatMap(negligibleGammas) + cancelledBiases() + notFolded()
    return findings.filter { !$0.kind.isAdvice } + findings.filter(\.kind.isAdvice)
  }

  /// What is to be said of how running statistics were gathered: one cause.
  private func gatheringFindings(_ indices: [Int]) throws -> [Finding] {
    var findings = try driftFindings(among: indices)
    if findings.isEmpty { findings = reversedMomentum(indices, isSaid: false) }
    if findings.isEmpty { findings = swappedEstimator(indices) }
    return findings
  }

  /// The rule by which a site's statistics take in batches, and how many there were; nil where nobody knows.
  func rule(_ site: Site) -> (rule: UpdateRule, count: Int)? {
    site.layer?.runningStatistics.map { ($0.rule, $0.batchCount) }
  }

  // MARK: Numbers that say by themselves that something is wrong

  private func invalidStatistics() -> [Finding] {
    sites.compactMap { site in
      let channels = site.invalidChannels
      guard let first = channels.first else { return nil }
      let negative = site.whole == nil ? channels.count { site.variance[$0] < 0 } : 0
      return Finding(
        kind: .invalidStatistics, layers: [site.name], channels: channels,
        statement:
          "'\(site.name)': the running statistics of \(channels.count) of \(site.channelCount) channels are no "
          + "numbers to normalize by; "
          + (site.whole == nil
            ? "channel \(first) has mean \(words(site.mean[first])) and variance \(words(site.variance[first]))."
            : "the first is that of channel \(first)."),
        cause: negative > 0
          ? "A variance below zero is none that a batch has: the file was damaged, or its numbers were computed with."
          : "One batch with an overflow or a NaN is enough: running statistics never get rid of it.",
        remedy:
          "Recompute the running statistics; the weights are sound, as the outputs by the statistics of batches show.",
        mend: .recalibrate,
        evidence: [
          .init("channels", Double(channels.count)), .init("of them with a negative variance", Double(negative)),
        ])
    }
  }

  private func neverGathered() -> [Finding] {
    let found = sites.filter { site in
      site.layer.map { !$0.hasGathered } ?? site.whole?.batchCount.map { $0 == 0 }
        ?? (site.mean.allSatisfy { $0 == 0 }
          && (site.variance.allSatisfy { $0 == 1 } || site.variance.allSatisfy { $0 == 0 }))
    }
    guard let first = found.first else { return [] }
    return [
      Finding(
        kind: .neverGathered, layers: found.map(\.name),
        statement:
          "\(list(found.map(\.name))): the running statistics are those that they start from"
          + (first.whole == nil ? ", mean 0 and variance \(words(first.variance.first ?? 1)) in every channel." : "."),
        cause:
          "No batch has reached them: the network was only built, or the file that its weights came from has none.",
        remedy: "Recompute the running statistics over examples such as the network learned from.", mend: .recalibrate,
        evidence: [.init("layers", Double(found.count)), .init("of", Double(sites.count))])
    ]
  }

  private func countsMissing() -> [Finding] {
    let found = sites.filter { site in rule(site).map { $0.count == 0 } ?? false && site.layer?.hasGathered == true }
    guard !found.isEmpty else { return [] }
    return [
      Finding(
        kind: .countMissing, layers: found.map(\.name),
        statement:
          "\(list(found.map(\.name))): the running statistics are not those that they start from, and yet the count of "
          + "batches is 0.",
        cause: "The count, num_batches_tracked, was lost where the model was written or converted.",
        remedy:
          "Answers are not concerned; but where batches weigh by their number, the next training replaces what was "
          + "gathered by its first batch. Recomputing the statistics counts them.", mend: .recalibrate,
        evidence: [.init("layers", Double(found.count)), .init("of", Double(sites.count))])
    ]
  }

  /// Statistics in which the latest batch weighs more than all before it together, by the rule that the layers say, or by how far
  /// they are from those of all examples.
  ///
  /// - Parameter isSaid: whether only the rule counts.
  func reversedMomentum(_ looked: [Int], isSaid: Bool) -> [Finding] {
    guard !training.isRecalibrated else { return [] }
    let said = looked.filter { index in
      guard let (rule, count) = rule(sites[index]), count > 1, rule != .cumulative else { return false }
      return rule.weight(afterBatches: count) > 0.5
    }
    let found = said.isEmpty && !isSaid && training.batchSize != nil && areThoseOfOneBatch(looked) ? looked : said
    guard let first = found.first else { return [] }
    let names = found.map { sites[$0].name }
    let noise = chance(of: found)
    var evidence: [Finding.Evidence] = [
      .init("distance of running means, in that of one batch", noise.means, threshold: Self.distanceOfHalf),
      .init("distance of running variances, in that of one batch", noise.variances, threshold: Self.distanceOfHalf),
    ]
    var statement =
      "\(list(names)): the running statistics are as far from those of all examples as those of one batch: "
      + "\(words(noise.means)) times as far in the means, \(words(noise.variances)) in the variances. "
    if !said.isEmpty, let (rule, count) = rule(sites[first]) {
      let weight = rule.weight(afterBatches: count)
      statement =
        "\(list(names)): a new batch weighs \(words(weight)) in the running statistics, all before it together "
        + "\(words(1 - weight)). They are those of the last batch: \(words(noise.means)) times as far from those of all examples as one "
        + "batch is."
      evidence.append(.init("weight of a new batch", weight, threshold: 0.5))
    }
    return [
      Finding(
        kind: .momentumReversed, layers: names, statement: statement,
        cause:
          "A momentum in the other direction: PyTorch's and MLX's weighs the new batch, Keras's, ONNX's and TensorFlow's the old.",
        remedy: "Recompute the running statistics; train on with one less the momentum.", mend: .recalibrate,
        evidence: evidence)
    ]
  }

  /// Where the latest batch weighs half, running statistics are so far from those of all, in that of a batch: √(w / (2 − w)).
  static var distanceOfHalf: Double { (0.5 / 1.5).squareRoot() }

  /// Whether the statistics are about as far from those of all examples as those of one batch, in all layers.
  private func areThoseOfOneBatch(_ indices: [Int]) -> Bool {
    let squares = indices.map { index in
      let (means, variances) = chance(of: [index])
      return (means * means + variances * variances) / 2
    }
    let all = (squares.reduce(0, +) / Double(max(1, squares.count))).squareRoot()
    // Statistics of batches of which each weighs a tenth are some 0.23 times as far.
    let far = squares.count { $0.squareRoot() > 0.4 }
    return all > Self.distanceOfHalf && all < 2 && 10 * far >= 9 * squares.count
  }

  /// The root mean square of the distance of running statistics from those of all examples, in that of one batch's.
  private func chance(of indices: [Int]) -> (means: Double, variances: Double) {
    var (means, variances, count) = (0.0, 0.0, 0.0)
    for index in indices {
      let site = sites[index]
      for (number, channel) in channels[index].enumerated() where channel.meanSpread > 0 && channel.varianceSpread > 0 {
        let shift = site.mean[number] - channel.mean
        let change = site.variance[number] - channel.meanBatchVariance
        means += shift * shift / channel.meanSpread * Double(batchSize)
        variances += change * change / channel.varianceSpread * Double(batchSize)
        count += 1
      }
    }
    return ((means / max(1, count)).squareRoot(), (variances / max(1, count)).squareRoot())
  }

  // MARK: Structure

  private func doubleNormalization() -> [Finding] {
    sites.compactMap { site in
      guard let before = site.normalizedBefore else { return nil }
      return Finding(
        kind: .doubleNormalization, layers: [before, site.name],
        statement: "'\(site.name)' normalizes what '\(before)' has normalized, with nothing between.",
        cause:
          "A layer that stands twice, or a model that was wrapped in a normalization that it has itself. The second undoes the "
          + "first one's gamma and beta, which get no gradient to speak of.",
        remedy: "Leave one out where the network is built; the two folded are one map of channels.", mend: .train,
        evidence: [.init("channels", Double(site.channelCount))])
    }
  }

  private func cancelledBiases() -> [Finding] {
    let found = sites.filter { $0.foldsInto?.hasBias == true && $0.given?.beta != nil }
    guard !found.isEmpty else { return [] }
    let layers = found.compactMap(\.foldsInto?.path)
    let count = found.reduce(0) { $0 + $1.channelCount }
    return [
      Finding(
        kind: .cancelledBias, layers: layers,
        statement:
          "\(list(layers)): \(found.count == 1 ? "a bias stands" : "biases stand") in front of a normalization, which "
          + "subtracts \(found.count == 1 ? "it" : "them") again: \(count) numbers that do nothing.",
        cause: "Layers were built with their usual bias; beta takes its place.",
        remedy: "Build them without; folded, normalization and bias become one bias.", mend: .fold,
        evidence: [.init("numbers", Double(count))])
    ]
  }

  private func notFolded() -> [Finding] {
    // What gathers statistics is to be trained; Norma folds it where it serves.
    let found = sites.filter { $0.layer == nil && $0.foldsInto != nil }
    guard !found.isEmpty else { return [] }
    return [
      Finding(
        kind: .notFolded, layers: found.map(\.name),
        statement:
          "\(list(found.map(\.name))): normalization\(found.count == 1 ? "" : "s") by given statistics that could be part "
          + "of the layer before.",
        cause: "The model was written as it was trained.",
        remedy: "Norma folds them by itself where it answers; other programs gain by a folded file.", mend: .fold,
        evidence: [.init("normalizations", Double(found.count)), .init("of", Double(sites.count))])
    ]
  }
}
