import NormaNormalization

/// A network with an epsilon above every framework's default, beside the same with a usual one.
struct EpsilonComparison {
  /// The usual epsilon that running statistics fit best.
  let epsilon: Double
  /// The network with it.
  let examination: Examination
  /// The root mean square distances of running statistics, in those of one batch, with the epsilon that is said and with the usual one.
  let distances: (said: Double, usual: Double)
  /// By how many standard errors the usual one has the lower loss; nil without targets.
  let gain: Double?

  /// Whether running statistics are those of a network with the usual one: what they are off by is accounted for by epsilon.
  var isGatheredWithUsual: Bool { Self.accounts(distances.usual, for: distances.said) }
  /// Whether they are those of a network with the one that is said.
  var isGatheredWithSaid: Bool { Self.accounts(distances.said, for: distances.usual) }

  /// Whether nothing ails the network: it learned with its epsilon, or does no worse with it.
  var isSound: Bool {
    isGatheredWithSaid || !isGatheredWithUsual && gain.map { $0 < Examination.significantErrors } ?? false
  }

  /// Whether half of the squares or more go with the epsilon. The first layer's are the same with any, and settled statistics too are some way
  /// off, so that nine tenths would be too many to ask for.
  private static func accounts(_ distance: Double, for other: Double) -> Bool {
    2 * distance * distance < other * other
  }
}

extension Examination {
  /// The network beside itself with a usual epsilon, where it has one above every framework's default that is felt.
  func comparisonOfEpsilons(_ indices: [Int]) throws -> EpsilonComparison? {
    guard indices.contains(where: { hasFeltEpsilon($0) }), let said = distance(of: indices) else { return nil }
    var best: (epsilon: Double, examination: Examination, distance: Double)?
    for epsilon in Set(NormalizationFramework.allCases.map(\.conventions.epsilon)).sorted() {
      let other = try replacingLargeEpsilons(by: epsilon)
      guard let distance = other.distance(of: indices) else { continue }
      // Of two that fit alike it is the smaller one, which most frameworks have.
      if let known = best?.distance, distance * distance >= (1 - Self.explainedShare) * known * known { continue }
      best = (epsilon, other, distance)
    }
    guard let best else { return nil }
    let gain = try best.examination.losses(best.examination.populationOutputs).flatMap { try excess(over: $0) }
    return EpsilonComparison(
      epsilon: best.epsilon, examination: best.examination, distances: (said, best.distance), gain: gain)
  }

  /// The share that epsilon has in what each channel that varies is divided by.
  private func shares(_ index: Int) -> [(channel: Int, share: Double)] {
    channels[index].indices.filter { !channels[index][$0].isConstant }.map { number in
      (number, sites[index].epsilon / (channels[index][number].variance + sites[index].epsilon))
    }
  }

  /// What epsilon takes off the deviation of a site's median channel; 0 where nothing varies.
  private func shortfall(_ index: Int) -> Double {
    let shares = shares(index).map(\.share)
    return shares.isEmpty ? 0 : 1 - (1 - shares.median).squareRoot()
  }

  /// How well so many examples tell a deviation.
  private var resolution: Double { 1 / (2 * Double(count)).squareRoot() }

  /// Whether an epsilon above every framework's default takes more off a deviation than so many examples leave uncertain of one.
  private func hasFeltEpsilon(_ index: Int) -> Bool { sites[index].hasLargeEpsilon && shortfall(index) > resolution }

  func epsilonFindings(_ indices: [Int], _ comparison: EpsilonComparison?) -> [Finding] {
    var findings: [Finding] = []
    let large = indices.filter(hasFeltEpsilon)
    if let first = large.first, let comparison, !comparison.isSound {
      let names = large.map { sites[$0].name }
      let medians = large.map(shortfall)
      var evidence: [Finding.Evidence] = [.init("epsilon", sites[first].epsilon, threshold: Site.largestEpsilon)]
      evidence += zip(names, medians).prefix(10).map {
        .init("\($0): share taken off the median deviation", $1, threshold: resolution)
      }
      evidence += [
        .init("distance of the running statistics, in that of one batch", comparison.distances.said),
        .init("the same with an epsilon of \(words(comparison.epsilon))", comparison.distances.usual),
      ]
      if let gain = comparison.gain {
        evidence.append(
          .init("standard errors by which that has the lower loss", gain, threshold: Self.significantErrors))
      }
      findings.append(
        Finding(
          kind: .largeEpsilon, layers: names,
          statement:
            "\(list(names)): epsilon is \(words(sites[first].epsilon)), and takes up to \(words(100 * (medians.max() ?? 0))) % "
            + "off the deviation of a layer's median channel"
            + (comparison.isGatheredWithUsual
              ? "; the running statistics were gathered with another: they are \(words(comparison.distances.said)) times as far off as one "
                + "batch is, and \(words(comparison.distances.usual)) times with an epsilon of \(words(comparison.epsilon))."
              : "."),
          cause:
            "No framework's default is above \(words(Site.largestEpsilon)): a misplaced digit, or a conversion that took another number for it.",
          remedy: "Set the epsilon that it was trained with, as norma convert --epsilon does for a state dictionary.",
          mend: .setEpsilon, mendArguments: ["--epsilon", "\(comparison.epsilon)"], evidence: evidence))
    }
    for index in indices where !large.contains(index) {
      let (site, ruled) = (sites[index], shares(index).filter { $0.share > 0.5 }.map(\.channel))
      guard !ruled.isEmpty else { continue }
      findings.append(
        Finding(
          kind: .ruledByEpsilon, layers: [site.name], channels: ruled,
          statement:
            "'\(site.name)': the variance of \(ruled.count) of \(site.channelCount) channels is below epsilon, "
            + "\(words(site.epsilon)): epsilon makes most of what they are divided by.",
          cause:
            "Weights that decay or an input that hardly varies bring the variance down; what the channel says is shrunk, not "
            + "normalized.",
          remedy: "Less weight decay on the layer before, or a smaller epsilon; what matters so little can be pruned.",
          mend: .train,
          evidence: [
            .init("channels", Double(ruled.count)),
            .init("smallest variance", ruled.map { channels[index][$0].variance }.min() ?? 0, threshold: site.epsilon),
          ]))
    }
    return findings
  }
}
