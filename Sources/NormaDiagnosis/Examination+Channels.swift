import NormaData
import NormaLayers
import NormaNormalization
import NormaTensor

extension Examination {
  /// The sites of which all channels are dead, and those that get nothing else from them.
  var deadLayers: (dead: [Int], behind: Set<Int>) {
    var (dead, behind): ([Int], Set<Int>) = ([], [])
    for (index, channels) in deadChannels.enumerated() where channels.count == sites[index].channelCount {
      if !dead.isEmpty && self.channels[index].allSatisfy(\.isConstant) {
        behind.insert(index)
      } else {
        dead.append(index)
      }
    }
    return (dead, behind)
  }

  func deadLayerFindings(_ dead: [Int]) -> [Finding] {
    dead.map { index in
      let site = sites[index]
      return Finding(
        kind: .deadLayer, layers: [site.name],
        statement: "'\(site.name)': not one of its \(site.channelCount) channels depends on the example: "
          + reason(index, Array(0..<site.channelCount)) + ".",
        cause:
          "A step that was too large drove all channels there at once, or weights were lost where the model was converted. No "
          + "gradient comes through it any more.",
        remedy: "Take an earlier checkpoint, or train anew: with a smaller learning rate, or a warm-up.", mend: .train,
        evidence: [.init("channels", Double(site.channelCount)), .init("examples", Double(count))])
    }
  }

  func deadChannelFindings(_ index: Int) -> [Finding] {
    let site = sites[index]
    let dead = deadChannels[index].sorted()
    // What is the same in all examples is a matter of the data.
    let found = site.isFirst ? dead.filter { !channels[index][$0].isConstant } : dead
    guard !found.isEmpty else { return [] }
    return [
      Finding(
        kind: .deadChannels, layers: [site.name], channels: found,
        statement:
          "'\(site.name)': \(found.count) of \(site.channelCount) channels \(found.count == 1 ? "gives" : "give") the same for each of \(count) examples: "
          + reason(index, found) + ".",
        cause:
          "Units that a large step drove where ReLU gives 0 get no gradient, and stay there; or weights were pruned or lost.",
        remedy:
          "They can be taken out without changing an answer; to have them back, train anew with a smaller learning rate.",
        mend: .pruneDead,
        evidence: [
          .init("channels", Double(found.count)), .init("of", Double(site.channelCount)),
          // The rule of three: with 95 % confidence, of other examples no larger share wakes a channel.
          .init("largest share of examples that could wake one", 3 / Double(count)),
        ])
    ]
  }

  /// Why channels give the same for all examples.
  private func reason(_ index: Int, _ found: [Int]) -> String {
    let site = sites[index]
    let constant = found.count { channels[index][$0].isConstant }
    let zero = found.count { !channels[index][$0].isConstant && site.gamma[$0] == 0 }
    let silenced = found.count - constant - zero
    var parts: [String] = []
    if constant > 0 { parts.append("\(constant) \(constant == 1 ? "gets" : "get") the same for all") }
    if zero > 0 { parts.append("\(zero) \(zero == 1 ? "has" : "have") a gamma of 0") }
    if silenced > 0 { parts.append("\(silenced) \(silenced == 1 ? "is" : "are") silenced by the nonlinearity behind") }
    return parts.joined(separator: ", ")
  }

  func epsilonFindings(_ indices: [Int]) -> [Finding] {
    // The share that epsilon has in what each living channel is divided by.
    let shares = indices.map { index in
      channels[index].indices.filter { !channels[index][$0].isConstant }.map { number in
        (number, sites[index].epsilon / (channels[index][number].variance + sites[index].epsilon))
      }
    }
    func shortfall(_ share: Double) -> Double { 1 - (1 - share).squareRoot() }
    // How well so many examples tell a deviation.
    let resolution = 1 / (2 * Double(count)).squareRoot()
    let largest = NormalizationFramework.allCases.map(\.conventions.epsilon).max() ?? 0
    let large = zip(indices, shares).filter { index, shares in
      !shares.isEmpty && sites[index].epsilon > largest && shortfall(shares.map(\.1).median) > resolution
    }
    var findings: [Finding] = []
    if let (first, _) = large.first {
      let names = large.map { sites[$0.0].name }
      let medians = large.map { shortfall($0.1.map(\.1).median) }
      findings.append(
        Finding(
          kind: .largeEpsilon, layers: names,
          statement:
            "\(list(names)): epsilon is \(words(sites[first].epsilon)), and takes up to \(words(100 * (medians.max() ?? 0))) % "
            + "off the deviation of a layer's median channel.",
          cause:
            "No framework's default is above \(words(largest)): a misplaced digit, or a conversion that took another number for it.",
          remedy: "Set the epsilon that it was trained with, as norma convert --epsilon does for a state dictionary.",
          mend: .setEpsilon, mendArguments: ["--epsilon", "\(BatchNormalizationConventions.pyTorch.epsilon)"],
          evidence: [.init("epsilon", sites[first].epsilon, threshold: largest)]
            + zip(names, medians).prefix(10).map {
              .init("\($0): share taken off the median deviation", $1, threshold: resolution)
            }))
    }
    for (index, shares) in zip(indices, shares) where !large.contains(where: { $0.0 == index }) {
      let (site, ruled) = (sites[index], shares.filter { $0.1 > 0.5 }.map(\.0))
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

  func negligibleGammas(_ index: Int) -> [Finding] {
    let site = sites[index]
    guard site.given.gamma != nil else { return [] }
    let median = site.gamma.map(abs).median
    // What comes out has this deviation, so the variance is a ten-thousandth of the others'.
    let small = site.gamma.indices.filter {
      abs(site.gamma[$0]) < median / 100 && !deadChannels[index].contains($0)
    }
    guard !small.isEmpty else { return [] }
    return [
      Finding(
        kind: .negligibleGammas, layers: [site.name], channels: small,
        statement:
          "'\(site.name)': \(small.count) of \(site.channelCount) gammas are less than a hundredth of the median "
          + "\(words(median)).",
        cause: "The training found no use for these channels.", remedy: "They could be pruned at hardly any cost.",
        mend: .pruneDead,
        evidence: [
          .init("channels", Double(small.count)),
          .init("smallest gamma", small.map { abs(site.gamma[$0]) }.min() ?? 0, threshold: median / 100),
        ])
    ]
  }

  // MARK: Batches

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
    guard let worst = found.max(by: { $0.count < $1.count }) else { return [] }
    let share = worst.count * Self.bearableNoise / Double(batchSize)
    let enough = Int(worst.count.rounded(.up))
    return [
      Finding(
        kind: .smallBatch, layers: found.map { sites[$0.index].name },
        statement:
          "\(list(found.map { sites[$0.index].name })): with \(batchSize) examples normalized together, the mean of a batch is "
          + "off by \(words(share.squareRoot())) deviations; \(words(100 * share)) % of the variance that is passed on is chance.",
        cause: "The batches of the training were too small for a normalization by their statistics.",
        remedy:
          "From \(enough) examples on a tenth is chance; where there is no memory for so many, normalize within examples, such as "
          + "--norm group, or merge the moments of parts (--micro-batches with --joint-moments).", mend: .train,
        evidence: [
          .init("examples normalized together", Double(batchSize), threshold: Double(enough)),
          .init("share of chance", share, threshold: Self.bearableNoise),
        ])
    ]
  }

  /// The share of the variance of what a normalization passes on that the chance of a batch may have: a tenth, which batches of ten
  /// features have.
  private static var bearableNoise: Double { 0.1 }

  // MARK: Estimators

  func swappedEstimator(_ indices: [Int]) -> [Finding] {
    guard training.batchSize != nil, !training.isRecalibrated else { return [] }
    // How far the running variances are on the way from the estimator that they are said to be of, 0, to the other, 1.
    var (sum, errorSum, weightSum) = (0.0, 0.0, 0.0)
    var names: [String] = []
    var declared = VarianceEstimator.unbiased
    for index in indices {
      let site = sites[index]
      guard let statistics = site.layer?.runningStatistics, statistics.batchCount > 0 else { continue }
      declared = statistics.estimator
      let alive = channels[index].indices.filter { !channels[index][$0].isConstant }
      let measurement = measurements[index]
      let values = Double(measurement.batches.first?.count ?? 0)
      let spread = measurement.varianceRatios(declared)
      guard values > 1, spread.count >= 8, !alive.isEmpty else { continue }
      let distance = declared == .unbiased ? -1 / values : 1 / (values - 1)
      let ratio =
        alive.reduce(0) { $0 + site.variance[$1] / channels[index][$1].meanBatchVariance } / Double(alive.count)
      let centre = spread.reduce(0, +) / Double(spread.count)
      let ratioVariance = spread.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(spread.count - 1)
      // What running statistics leave of a batch's chance, and the mean of those that were looked at.
      let weight = statistics.rule.weight(afterBatches: statistics.batchCount)
      let error = (ratioVariance * (weight / (2 - weight) + 1 / Double(spread.count))).squareRoot() / abs(distance)
      guard error > 0 else { continue }
      let place = (ratio - 1) / distance
      sum += place / (error * error)
      // Layers see the same batches, so their errors do not average out.
      errorSum += 1 / error
      weightSum += 1 / (error * error)
      names.append(site.name)
    }
    guard weightSum > 0 else { return [] }
    let (place, error) = (sum / weightSum, errorSum / weightSum)
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
