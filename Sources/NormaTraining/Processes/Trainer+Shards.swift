import NormaData
import NormaGraph
import NormaLayers
import NormaTensor

extension Trainer {
  /// What the shards of a batch say of the model together, worked on side by side and normalized as one, and the share of examples that
  /// were classified rightly. Each has random numbers of its own, by its place and the step.
  func differentiateShards(
    _ batch: MixedBatch<Element>, _ cut: BatchCut
  ) throws -> (step: Differentiation<Element>, accuracy: Double?) {
    let first = cut.places.lowerBound
    func part(_ shard: Int) -> MixedBatch<Element> {
      cut.standsIn
        ? batch : batch.part(cut.shards[shard].lowerBound - first..<cut.shards[shard].upperBound - first)
    }
    let weights = try weights(of: cut, part)
    let (total, present) = (weights.combined(by: +) ?? 0, weights.count { $0 != nil })
    let random = dropoutRandom.split(UInt64(history.stepLosses.count))
    // What is drawn when it is first asked for, is drawn before several threads ask.
    for parameter in parameters { _ = parameter.value }
    let gradients = meter.map { GradientSums(parameters, cut, in: $0) }
    let found: ShardResults<(step: Differentiation<Element>, part: MixedBatch<Element>)>
    do {
      found = try Shards.run(cut) { shard, exchange in
        let part = part(shard)
        var random = random.split(UInt64(shard))
        let step = try model.differentiate(
          part.first.features, random: &random, recomputesNormalized: configuration.recomputesNormalized,
          keptActivations: configuration.keptActivations, statisticsScope: configuration.statisticsScope(parts: 1),
          shardExchange: exchange,
          onGradient: gradients.map { gradients in { gradients.add($1, of: $0, shard: shard) } }
        ) {
          // Moments tie the shards together: the gradient of each is that of the loss of all.
          try part.loss(of: $0, configuration)
            .scaled(by: Element(total == 0 ? 1 / Double(present) : (weights[shard] ?? 0) / total))
        }
        return (step: step, part: part)
      }
    } catch {
      gradients?.cancel()
      throw error
    }
    // What each knows beside: how many of its examples were classified rightly, and whether the process is asked to stop.
    let wish = group != nil && wantsToStop
    let sums = try found.sum {
      [Double($0.step.loss), Double($0.part.judged.correctCount(of: $0.step.outputs) ?? 0)]
    }
    if let meter { isStopping = try meter.gathered(wish).contains(true) }
    let count = cut.shards.reduce(0) { $0 + $1.count }
    let isClassification = if case .classes = batch.first.targets { true } else { false }
    let joined = { try Differentiation.joining(found.map(\.step), loss: sums[0], sums: gradients) }
    let step = try gradients == nil ? joined() : waiting.timed(\.gradients, joined)
    return (
      step,
      isClassification ? sums[1] / Double(max(1, count)) : nil
    )
  }

  /// How much each shard of a batch counts; nil for those without examples.
  private func weights(of cut: BatchCut, _ part: (Int) -> MixedBatch<Element>) throws -> [Double?] {
    let counts = cut.shards.map { $0.isEmpty ? nil : Double($0.count) }
    guard configuration.classWeights != nil || data?.training.weights != nil else { return counts }
    var own = cut.local.map { counts[$0] == nil ? 0 : part($0).weight(configuration) }
    if let meter { own = try meter.concatenated(own, zero: 0) }
    return zip(counts, own).map { count, weight in count.map { _ in weight } }
  }
}
