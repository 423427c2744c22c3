import Foundation
import Norma
import NormaTensor
import TestSupport
import Testing

/// What may be asked of a step beside the optimizer's rule: clipped gradients, groups, weight decay, means of the weights, batches in
/// parts, mixed examples, weights of examples.
@Suite struct StepSettingsTests {
  private static let rules: [any OptimizerRule] = [
    .sgd(), .sgd(momentum: 0.9), .rmsProp(), .adam(), .adam(usesLargest: true), .lion(),
  ]

  private func parameters() -> [Parameter<Float>] {
    var random = RandomGenerator(seed: 4)
    return [
      Parameter(.normal([300, 200], using: &random), name: "weight", kind: .weight),
      Parameter(.normal([17], using: &random), name: "bias", kind: .bias),
    ]
  }

  private func gradients(_ step: UInt64) -> [Tensor<Float>?] {
    var random = RandomGenerator(seed: 90 + step)
    return [.normal([300, 200], using: &random), .normal([17], using: &random)]
  }

  private func values(
    after steps: Int, _ rule: any OptimizerRule, gradients given: [[Tensor<Float>?]]? = nil,
    _ change: (inout Optimizer<Float>) -> Void = { _ in }
  ) -> [Tensor<Float>] {
    let parameters = parameters()
    var optimizer = Optimizer<Float>(rule, learningRate: 0.01)
    change(&optimizer)
    for step in 0..<UInt64(steps) { optimizer.update(parameters, gradients: given?[Int(step)] ?? gradients(step)) }
    return parameters.map(\.value)
  }

  // MARK: - Clipping

  @Test func longGradientsAreScaledDownTogether() {
    let length = gradients(0).compactMap { $0?.converted(to: Double.self).sumOfSquares() }.reduce(0, +).squareRoot()
    // 60,017 numbers of deviation 1.
    #expect(abs(length - 245) < 2)
    let scaled = gradients(0).map { $0.map { Float(3 / length) * $0 } }
    for rule in Self.rules {
      let clipped = values(after: 1, rule) { $0.clipping = .norm(3) }
      let expected = values(after: 1, rule, gradients: [scaled])
      for (x, y) in zip(clipped, expected) {
        // The factor may be the next number beside, by which a step of some 0.01 · 3 is off by a unit or two.
        let bound = y.elements.map { 4 * Float.unitRoundoff * Double(abs($0) + 1) }
        #expect(errorOverBound(x, reference: y.elements.map(Double.init), bound: bound) <= 1)
      }
      #expect(values(after: 3, rule) { $0.clipping = .norm(1000) } == values(after: 3, rule))
    }
  }

  @Test func singleNumbersOfGradientsAreHeldWithinABound() {
    func clamped(_ step: UInt64) -> [Tensor<Float>?] {
      gradients(step).map { $0.map { Tensor($0.elements.map { min(0.5, max(-0.5, $0)) }, shape: $0.shape) } }
    }
    for rule in Self.rules {
      #expect(
        values(after: 3, rule) { $0.clipping = .value(0.5) } == values(after: 3, rule, gradients: (0..<3).map(clamped)))
    }
  }

  @Test func clippingHasTheSameBitsForEveryNumberOfThreads() {
    let before = Parallel.threadCount
    defer { Parallel.threadCount = before }
    let results = [1, 2, 3, 8].map { threads in
      Parallel.threadCount = threads
      return values(after: 2, .adam()) {
        $0.clipping = .norm(3)
        $0.averaging = .exponential(decay: 0.9)
      }
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }

  /// A length is a sum in double precision, and the factor is rounded once; the step is a product and a difference.
  @Test(arguments: ParityFixture.cases(of: "clipping", ClippingSettings.self))
  func gradientsOfUnitsAreClippedAsTimmDoes(parity: ParityCase<ClippingSettings>) {
    func check<Element: TensorElement>(_ type: Element.Type) {
      let settings = parity.settings
      let parameter = Parameter<Element>(parity.input("start"), name: "weight", kind: .weight)
      var optimizer = Optimizer<Element>(.sgd(), learningRate: settings.learningRate)
      optimizer.clipping = .adaptive(settings.share, epsilon: settings.epsilon)
      optimizer.update([parameter], gradients: [parity.input("gradient")])
      let (end, clipped) = (parity.expected("end"), parity.expected("clipped"))
      let bound = zip(end.elements, clipped.elements).map {
        4 * (Element.unitRoundoff + Double.unitRoundoff) * (abs($0) + settings.learningRate * abs($1)) + 1e-300
      }
      #expect(errorOverBound(parameter.value, reference: end.elements, bound: bound) <= 1)
    }
    check(Float.self)
    check(Double.self)
  }

  /// Units that are longer than a ticket's range, and ranges that would part units.
  @Test func unitsAreClippedWholeWithTheSameBitsForEveryNumberOfThreads() {
    let before = Parallel.threadCount
    defer { Parallel.threadCount = before }
    var random = RandomGenerator(seed: 6)
    let shapes: [Shape] = [[3, 40_000], [7, 9, 900], [50_000], [70_000, 1], [2, 0]]
    let starts = shapes.map { Tensor<Float>.normal($0, using: &random) }
    let gradients = shapes.map { Tensor<Float>.normal($0, using: &random) }
    let expected = zip(starts, gradients).map { start, gradient in
      let unit = start.rank > 1 ? start.shape.dropFirst().reduce(1, *) : start.count
      var found: [Float] = []
      for first in stride(from: 0, to: start.count, by: max(1, unit)) {
        func length(_ x: Tensor<Float>) -> Double {
          x.elements[first..<first + unit].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        }
        let factor = Float(min(1, 0.01 * max(1e-3, length(start)) / length(gradient)))
        for index in first..<first + unit {
          found.append(start.elements[index] - 0.5 * (factor * gradient.elements[index]))
        }
      }
      return found
    }
    var results: [[Tensor<Float>]] = []
    for threads in [1, 2, 3, 8] {
      Parallel.threadCount = threads
      for rule in [.sgd(), .adam()] as [any OptimizerRule] {
        let parameters = starts.map { Parameter($0, name: "weight", kind: .weight) }
        var optimizer = Optimizer<Float>(rule, learningRate: 0.5)
        optimizer.clipping = .adaptive(0.01)
        optimizer.update(parameters, gradients: gradients)
        results.append(parameters.map(\.value))
      }
    }
    for (index, result) in results.enumerated() { #expect(result == results[index % 2]) }
    for (found, expected) in zip(results[0], expected) {
      // The factor may be the number beside.
      let bound = expected.map { 4 * Float.unitRoundoff * Double(abs($0) + 1) }
      #expect(errorOverBound(found, reference: expected.map(Double.init), bound: bound) <= 1)
    }
  }

  // MARK: - Weight decay

  @Test(arguments: rules) func everyRuleCanShrinkWeights(rule: any OptimizerRule) {
    let found = values(after: 1, rule) { $0.weightDecay = 0.5 }
    let parameters = parameters()
    // Apart from the gradient, and biases not.
    parameters[0].value = Float(1 - 0.01 * 0.5) * parameters[0].value
    var optimizer = Optimizer<Float>(rule, learningRate: 0.01)
    optimizer.update(parameters, gradients: gradients(0))
    #expect(found == parameters.map(\.value))
  }

  // MARK: - Groups

  @Test func groupsHaveRatesAndDecaysOfTheirOwn() throws {
    let data: Dataset<Float> = TrainingSamples.classes(30)
    func trained(_ change: (inout TrainingConfiguration) -> Void, _ rate: Double = 0.1) throws -> ModelState<Float> {
      let model: Sequential<Float> = TrainingSamples.network()
      var configuration = TrainingConfiguration(epochs: 1, batchSize: 30, optimizer: .sgd(), learningRate: rate)
      change(&configuration)
      try Trainer(model, configuration: configuration).fit(data)
      return model.state
    }
    let found = try trained {
      $0.groups = [
        ParameterGroup("6.bias"), ParameterGroup("6", learningRateFactor: 0.25, weightDecay: 0.5),
        ParameterGroup("0", learningRateFactor: 0),
      ]
    }
    let (plain, slow, start) = (
      try trained { _ in }, try trained({ $0.weightDecay = 0.5 }, 0.025),
      (TrainingSamples.network() as Sequential<Float>).state
    )
    #expect(found.tensors["6.bias"] == plain.tensors["6.bias"])
    #expect(found.tensors["6.weight"] == slow.tensors["6.weight"])
    #expect(found.tensors["0.weight"] == start.tensors["0.weight"])
    #expect(found.tensors["3.weight"] == plain.tensors["3.weight"])
    #expect(throws: TrainingError.self) { try trained { $0.groups = [ParameterGroup("7")] } }
  }

  @Test func patternsMeanNamesAndWhatLiesWithin() {
    #expect(NamePattern("0").matches("0.weight") && NamePattern("0").matches("0") && !NamePattern("0").matches("01"))
    #expect(NamePattern("").matches("a.b") && NamePattern("*").matches("a.b") && !NamePattern("a*c").matches("a.b"))
    #expect(NamePattern("a.*.bias").matches("a.0.1.bias") && !NamePattern("a.*.bias").matches("a.bias"))
    #expect(NamePattern("*.bias").matches("a.bias") && !NamePattern("*.bias").matches("a.biases"))
    #expect(NamePattern("a*").matches("abc.d") && NamePattern("*b").matches("ab.weight"))
    #expect(!NamePattern("a").matches("") && NamePattern("a**b").matches("aXb"))
  }

  // MARK: - Means of the weights

  @Test func theRunningMeanIsPlainAtFirst() throws {
    let parameters = parameters()
    var optimizer = Optimizer<Float>(.sgd(), learningRate: 0.1)
    optimizer.averaging = .exponential(decay: 0.75)
    var seen: [[Double]] = []
    var mean: [Double] = []
    for step in 0..<9 {
      optimizer.update(parameters, gradients: gradients(UInt64(step)))
      seen.append(parameters[1].value.elements.map(Double.init))
      let weight = max(0.25, 1 / Double(step + 1))
      mean = mean.isEmpty ? seen[0] : zip(mean, seen[step]).map { $0 + weight * ($1 - $0) }
      let found = try #require(try optimizer.averages(of: parameters))
      // Three roundings a step, of numbers of some 3.
      let bound = mean.map { _ in Double(step + 1) * 9 * Float.unitRoundoff }
      #expect(errorOverBound(found[1], reference: mean, bound: bound) <= 1)
    }
    #expect(optimizer.averagedCount == 9)
  }

  @Test func whatAStepLeavesAloneIsInTheMeanAsItIs() throws {
    let parameters = parameters()
    var optimizer = Optimizer<Float>(.sgd(), learningRate: 0.1)
    optimizer.averaging = .exponential(decay: 0.75)
    parameters[0].isFrozen = true
    let start = parameters.map(\.value)
    for step in 0..<5 { optimizer.update(parameters, gradients: [gradients(UInt64(step))[0], nil]) }
    #expect(try optimizer.averages(of: parameters) == start)
    // Where one is no longer frozen, its mean goes on from what it was.
    parameters[0].isFrozen = false
    optimizer.update(parameters, gradients: gradients(9))
    let mean = start[0] + Float(0.25) * (parameters[0].value - start[0])
    #expect(try optimizer.averages(of: parameters)?[0] == mean)
  }

  private func configuration(_ averaging: WeightAveraging) -> TrainingConfiguration {
    TrainingConfiguration(epochs: 3, batchSize: 10, learningRate: 0.05, averaging: averaging, keepsBest: false)
  }

  @Test func trainingEndsWithTheRunningMean() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let trainer = try Trainer(model, configuration: configuration(.exponential(decay: 0.5)))
    var means: [String: Tensor<Float>] = [:]
    var count = 0
    var last: ModelState<Float>?
    try trainer.fit(TrainingSamples.classes(33), validation: TrainingSamples.classes(20, seed: 8)) { event in
      guard case .step = event else { return .proceed }
      count += 1
      let weight = max(0.5, 1 / Float(count))
      last = model.state
      for (name, tensor) in model.state.tensors {
        let mean = means[name] ?? .zeros(tensor.shape)
        means[name] = mean + weight * (tensor - mean)
      }
      return .proceed
    }
    // Parameters and running statistics, by the same operations.
    #expect(model.state.tensors == means)
    #expect(model.state.tensors != last?.tensors)
    // It is the mean that was evaluated.
    let evaluation = try model.evaluate(on: TrainingSamples.classes(20, seed: 8), loss: .softmaxCrossEntropy)
    #expect(trainer.history.epochs[2].validationLoss == evaluation.loss)
  }

  @Test func trainingEndsWithTheMeanOfEpochs() throws {
    let data: Dataset<Float> = TrainingSamples.classes(33)
    let model: Sequential<Float> = TrainingSamples.network()
    let trainer = try Trainer(model, configuration: configuration(.stochastic(fromEpoch: 2)))
    var ends: [ModelState<Float>] = []
    try trainer.fit(data) { event in
      if case .epoch = event { ends.append(model.state) }
      return .proceed
    }
    let expected: Sequential<Float> = TrainingSamples.network()
    var state = ends[2]
    for (name, _) in expected.namedParameters {
      let (first, second) = (ends[1].tensors[name]!, ends[2].tensors[name]!)
      state.tensors[name] = first + Float(0.5) * (second - first)
    }
    try expected.load(state)
    try expected.recalibrateStatistics(on: data, batchSize: 10)
    #expect(haveSameBits(model.state, expected.state))
  }

  // MARK: - Batches in parts

  @Test func partsOfABatchAddUpToItsGradients() throws {
    // Without batch normalization the parts know nothing of each other.
    let data: Dataset<Double> = TrainingSamples.classes(31, Double.self)
    func trained(_ parts: Int) throws -> ModelState<Double> {
      let model: Sequential<Double> = TrainingSamples.network(.layer, Double.self)
      try Trainer(
        model,
        configuration: TrainingConfiguration(
          epochs: 2, batchSize: 31, optimizer: .sgd(), learningRate: 0.1, microBatches: parts)
      ).fit(data)
      return model.state
    }
    let (whole, parts) = (try trained(1), try trained(4))
    #expect(whole != parts)
    for (name, tensor) in whole.tensors {
      // Two steps of rate 0.1 of gradients below 3, each a sum of 31 terms.
      let bound = tensor.elements.map { _ in 2 * 0.1 * 3 * 64 * Double.unitRoundoff }
      #expect(errorOverBound(parts.tensors[name]!, reference: tensor.elements, bound: bound) <= 1, "\(name)")
    }
  }

  @Test func runningStatisticsTakeThePartsInAsOneBatch() throws {
    let data: Dataset<Float> = TrainingSamples.classes(30)
    let model: Sequential<Float> = TrainingSamples.network()
    var random = RandomGenerator(seed: 1)
    let parts = try [0..<7, 7..<15, 15..<22, 22..<30].map { range in
      try model.differentiate(data.features[rows: range], random: &random) { outputs in
        outputs.softmaxCrossEntropy(labels: Array(range.map { $0 % 3 }))
      }
    }
    let moments = parts.map { $0.moments.map(\.moments) }
    let merged = try Differentiation.merging(parts, weights: [7 / 30.0, 8 / 30.0, 7 / 30.0, 8 / 30.0])
    #expect(merged.moments.count == 2)
    for call in 0..<2 {
      #expect(try merged.moments[call].moments == .merging(moments.map { $0[call] }))
      #expect(merged.moments[call].moments.count == 30)
    }
    #expect(merged.outputs.shape == [30, 3])
    let trained: Sequential<Float> = TrainingSamples.network()
    try Trainer(trained, configuration: TrainingConfiguration(epochs: 1, batchSize: 30, microBatches: 4)).fit(data)
    #expect(trained.state.counts["1.num_batches_tracked"] == 1)
  }

  @Test func partsByJointMomentsSayWhatTheBatchSays() throws {
    let data: Dataset<Double> = TrainingSamples.classes(30, Double.self)
    let model: Sequential<Double> = TrainingSamples.network()
    func step(_ parts: Int) throws -> Differentiation<Double> {
      var random = RandomGenerator(seed: 1)
      return try model.differentiate(data.features, random: &random, statisticsScope: .parts(parts)) { outputs in
        outputs.softmaxCrossEntropy(labels: (0..<30).map { $0 % 3 })
      }
    }
    let (whole, joint) = (try step(1), try step(4))
    for (x, y) in zip(joint.gradients, whole.gradients) {
      // Gradients below 1, of sums of 30 terms through two normalizations, each of which multiplies by some 1 over a deviation of 1.
      let (x, y) = (try #require(x), try #require(y))
      #expect(errorOverBound(x, reference: y.elements, bound: y.elements.map { _ in 1000 * Double.unitRoundoff }) <= 1)
    }
    // To the bit those of the batch cut into the same parts: the first layer's inputs do not depend on any normalization.
    let inputs = data.features.matrixProduct(model.state.tensors["0.weight"]!, transposingOther: true)
    let parts = try [0..<7, 7..<15, 15..<22, 22..<30].map { try BatchNormalization.moments(of: inputs[rows: $0]) }
    #expect(try joint.moments[0].moments == .merging(parts))
    #expect(try parts[1] == BatchNormalization.forward(inputs[rows: 7..<15]).saved.moments)
    // And so for the training as a whole.
    let trained: Sequential<Float> = TrainingSamples.network()
    let before = trained.state
    try Trainer(
      trained, configuration: TrainingConfiguration(epochs: 1, batchSize: 30, microBatches: 4, sharesMoments: true)
    ).fit(TrainingSamples.classes(30))
    #expect(trained.state.counts["1.num_batches_tracked"] == 1)
    #expect(trained.state != before)
  }

  @Test func noPartHasASingleExample() {
    let configuration = TrainingConfiguration(batchSize: 9, microBatches: 4)
    #expect(configuration.microBatches(of: 5) == [0..<2, 2..<5])
    #expect(configuration.microBatches(of: 1) == [0..<1])
    #expect(configuration.microBatches(of: 2) == [0..<2])
    #expect(configuration.microBatches(of: 9) == [0..<2, 2..<4, 4..<6, 6..<9])
    // The last samples of an epoch are not cut as finely as whole batches.
    #expect(TrainingConfiguration(batchSize: 64, microBatches: 4).microBatches(of: 20) == [0..<10, 10..<20])
  }

  // MARK: - Mixed examples

  /// The beta distribution with both parameters a has mean ½ and variance `1 / (4 · (2a + 1))`; of 20,000 draws the means' deviations
  /// are some 0.003 and 0.002.
  @Test(arguments: [0.05, 0.2, 1, 4]) func sharesAreOfTheBetaDistribution(concentration: Double) {
    var random = RandomGenerator(seed: 3)
    let draws = (0..<20_000).map { _ in random.beta(concentration) }
    #expect(draws.allSatisfy { (0...1).contains($0) })
    let mean = draws.reduce(0, +) / 20_000
    let variance = draws.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / 20_000
    #expect(abs(mean - 0.5) < 0.015)
    #expect(abs(variance - 1 / (4 * (2 * concentration + 1))) < 0.01)
  }

  @Test func mixedExamplesHaveALossByBothTheirTargets() throws {
    var random = RandomGenerator(seed: 6)
    let batch = MixedBatch<Double>(TrainingSamples.classes(12, Double.self))
    let mixed = batch.mixed(by: 1, using: &random)
    var same = RandomGenerator(seed: 6)
    let share = same.beta(1)
    let order = same.permutation(12)
    let scores = Variable(Tensor<Double>.normal([12, 3], using: &same))
    let features = batch.first.features
    #expect(mixed.first.features == share * features + (1 - share) * features.gathering(rows: order))
    let labels = (0..<12).map { $0 % 3 }
    let expected =
      share * scores.softmaxCrossEntropy(labels: labels).value.item
      + (1 - share) * scores.softmaxCrossEntropy(labels: order.map { labels[$0] }).value.item
    #expect(try mixed.loss(of: scores, TrainingConfiguration()).value.item == expected)
    // Numbers to predict are mixed themselves.
    let values = MixedBatch(TrainingSamples.values(5)).mixed(by: 1, using: &random)
    guard case .values(let targets) = values.first.targets else { throw CancellationError() }
    #expect(targets.shape == [5, 2] && values.judged.count == 5)
  }

  /// Seven images of 9 × 6 pixels in two channels, mixed, by what can be seen of them.
  private struct CutMixed {
    static let size = 9 * 6 * 2
    let mixed: MixedBatch<Double>
    /// Where an image changed, for each.
    private(set) var changed: [Set<Int>] = []
    /// For each the first whose numbers it has there.
    private(set) var partners: [Int?] = []

    init(_ random: inout RandomGenerator) {
      let images = Dataset<Double>(
        features: .normal([7, 9, 6, 2], using: &random), targets: .classes(CutMixed.labels, count: 3), name: "t")
      mixed = MixedBatch(images).cutMixed(by: 1, using: &random)
      let (old, new): ([Double], [Double]) = (images.features.elements, mixed.first.features.elements)
      for index in 0..<7 {
        let start = index * CutMixed.size
        var places: Set<Int> = []
        for place in 0..<CutMixed.size where new[start + place] != old[start + place] { places.insert(place) }
        changed.append(places)
      }
      for index in 0..<7 {
        let start = index * CutMixed.size
        let places: Set<Int> = self.place
        var partner: Int?
        for other in 0..<7 where partner == nil {
          if places.allSatisfy({ new[start + $0] == old[other * CutMixed.size + $0] }) { partner = other }
        }
        partners.append(partner)
      }
    }

    static var labels: [Int] { [0, 1, 2, 0, 1, 2, 0] }

    /// The largest set of places: that of every image but those that are their own partners.
    var place: Set<Int> { changed.max { $0.count < $1.count } ?? [] }
  }

  @Test func rectanglesOfOtherImagesBringTheirTargetsByTheirAreas() throws {
    var random = RandomGenerator(seed: 6)
    var shares: [Double] = []
    for _ in 0..<40 {
      let found = CutMixed(&random)
      let place = found.place
      #expect(found.changed.allSatisfy { $0 == place || $0.isEmpty })
      var (rows, columns): (Set<Int>, Set<Int>) = ([], [])
      for index in place {
        rows.insert(index / 12)
        columns.insert(index % 12 / 2)
      }
      let area = rows.count * columns.count
      #expect(place.count == 2 * area)
      guard !place.isEmpty else { continue }
      let share = 1 - Double(area) / 54
      shares.append(share)
      let partners = try found.partners.map { try #require($0) }
      let scores = Variable(Tensor<Double>.normal([7, 3], using: &random))
      let own = scores.softmaxCrossEntropy(labels: CutMixed.labels).value.item
      let others = scores.softmaxCrossEntropy(labels: partners.map { CutMixed.labels[$0] }).value.item
      let expected = share * own + (1 - share) * others
      let loss = try found.mixed.loss(of: scores, TrainingConfiguration()).value.item
      // Three roundings of numbers of their size, and those of the share itself.
      #expect(abs(loss - expected) <= 8 * expected.ulp)
    }
    #expect(shares.count > 25 && shares.min()! < 0.6 && shares.max()! > 0.8)
  }

  @Test func onlyImagesAreMixedInRectangles() throws {
    var configuration = TrainingConfiguration(epochs: 1)
    configuration.cutmix = 1
    let model: Sequential<Float> = TrainingSamples.network()
    let error = #expect(throws: TrainingError.self) {
      try Trainer(model, configuration: configuration).fit(TrainingSamples.classes(30))
    }
    #expect(error?.description.contains("cannot be mixed in rectangles: examples of shape [4] are no images") == true)
  }

  // MARK: - Weights of examples

  @Test func anExampleOfWeightZeroIsNone() throws {
    func trained(_ data: Dataset<Double>, _ parts: Int) throws -> ModelState<Double> {
      let model: Sequential<Double> = TrainingSamples.network(.layer, Double.self)
      try Trainer(
        model,
        configuration: TrainingConfiguration(
          epochs: 1, batchSize: 40, optimizer: .sgd(), learningRate: 0.1, microBatches: parts)
      ).fit(data)
      return model.state
    }
    var data: Dataset<Double> = TrainingSamples.classes(24, Double.self)
    let few = data.subset(rows: 0..<20)
    data.weights = (0..<24).map { $0 < 20 ? 3 : 0 }
    #expect(data.subset(rows: [23, 2]).weights == [0, 3] && data.batch(19..<21).weights == [3, 0])
    let expected = try trained(few, 1)
    for parts in [1, 3] {
      let found = try trained(data, parts)
      for (name, tensor) in expected.tensors {
        let bound = tensor.elements.map { _ in 0.1 * 3 * 64 * Double.unitRoundoff }
        #expect(errorOverBound(found.tensors[name]!, reference: tensor.elements, bound: bound) <= 1, "\(name)")
      }
    }
    data.weights?[3] = -1
    #expect(throws: TrainingError.self) { try trained(data, 1) }
  }
}
