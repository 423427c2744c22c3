import Norma
import TestSupport
import Testing

/// Whitening by iterations.
@Suite struct IterNormTests {
  private func layer<Element: TensorElement>(_ settings: WhiteningSettings) -> IterNorm<Element> {
    IterNorm(
      settings.shape.last!, groups: settings.groups, iterations: settings.iterations, epsilon: settings.epsilon,
      rule: .updating(settings.weight), isAffine: settings.affine)
  }

  /// What is whitened is an inverse root of a covariance whose smallest eigenvalues are some hundredth of the largest, which the iterations
  /// do not reach: errors of the covariance, of some ten roundings, grow by less than that. Gradients go through the iterations once more.
  /// The third powers of the reference lose up to 1e-8 of their values in nine iterations.
  private func check<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<WhiteningSettings>) throws {
    let layer: IterNorm<Element> = layer(parity.settings)
    for (name, parameter) in layer.namedParameters { parameter.value = parity.input(name) }
    let graph = Graph<Element>()
    let x = graph.input(parity.input("x"), name: "x")
    let pass = Pass<Element>.training(graph: graph, random: RandomGenerator(seed: 0))
    let y = try layer(x, in: pass)
    let gradients = graph.gradients(of: y, seed: parity.input("dy"))
    func expectNear(_ found: Tensor<Element>, _ name: String, factor: Double = 1) {
      let reference = parity.expected(name)
      guard found.shape == reference.shape else {
        Issue.record("\(name) has shape \(found.shape), not \(reference.shape)")
        return
      }
      let error = errorRelativeToScale(found.converted(to: Double.self), reference: reference, floor: 0.01)
      let rounding = factor * 200 * (Element.unitRoundoff + Double.unitRoundoff)
      #expect(error < rounding + (parity.settings.iterations > 5 ? 1e-8 : 0), "\(name) in \(Element.self): \(error)")
    }
    expectNear(y.value, "y")
    expectNear(gradients[x], "dx", factor: 10)
    for (name, parameter) in layer.namedParameters {
      expectNear(gradients[pass.variable(for: parameter)], "d\(name)")
    }
    #expect(layer.batchCount == 0)
    try pass.updateRunningStatistics()
    #expect(layer.batchCount == 1)
    expectNear(layer.runningMean, "running_mean")
    expectNear(layer.runningWhitening, "running_wm")
    // The running mean is a rounded number, whose rounding is that of the input's.
    let inference = try layer(Variable(parity.input("inference.x")), in: .inference).value
    expectNear(inference, "inference.y", factor: max(1, parity.settings.mean))
  }

  @Test(arguments: ParityFixture.cases(of: "whitening", WhiteningSettings.self))
  func itIsThePapers(parity: ParityCase<WhiteningSettings>) throws {
    try check(Double.self, parity)
    try check(Float.self, parity)
  }

  @Test func theGradientIsTheNumericOne() throws {
    var random = RandomGenerator(seed: 1)
    for (shape, groups) in [([5, 4], 2), ([2, 3, 2, 3], 1), ([6, 1], 1)] as [(Shape, Int)] {
      let layer = IterNorm<Double>(shape.channelCount, groups: groups, epsilon: 0.01)
      let checks = try checkGradients(
        at: [.normal(shape, using: &random)], seed: .normal(shape, using: &random)
      ) { try layer($0[0], in: .training(graph: $0[0].graph ?? Graph(), random: random)) }
      for check in checks {
        #expect(errorRelativeToScale(check.gradient, reference: check.numericGradient) < 1e-7)
      }
    }
  }

  @Test func withManyIterationsChannelsHaveNothingToDoWithEachOther() throws {
    var random = RandomGenerator(seed: 2)
    let mixed =
      Tensor<Double>.normal([200, 4], using: &random)
      .matrixProduct(.normal([4, 4], using: &random)) + 3
    let layer = IterNorm<Double>(4, iterations: 60, epsilon: 0, isAffine: false)
    let y = try layer(Variable(mixed), in: .measuring).value
    let covariance = y.matrixProduct(y, transposingSelf: true) / 200
    for row in 0..<4 {
      for column in 0..<4 { #expect(abs(covariance[row, column] - (row == column ? 1 : 0)) < 1e-9) }
    }
  }

  /// A mean of a thousand deviations costs no digits beside those of the input.
  @Test func digitsAreKeptAtALargeMean() throws {
    for mean in [0.0, 1000] {
      var random = RandomGenerator(seed: 3)
      let x = Tensor<Float>.normal([500, 6], mean: mean, using: &random)
      let found = try IterNorm<Float>(6, groups: 2)(Variable(x), in: .measuring).value
      let exact = try IterNorm<Double>(6, groups: 2)(Variable(x.converted()), in: .measuring).value
      let error = errorRelativeToScale(found.converted(to: Double.self), reference: exact)
      #expect(error < 1e-6, "at a mean of \(mean): \(error)")
    }
  }

  @Test func inInferenceASampleIsAMatterOfItself() throws {
    var random = RandomGenerator(seed: 4)
    let model = Sequential<Float> {
      Conv2d(inputs: 3, outputs: 6, window: Window(3), using: &random)
      IterNorm(6, groups: 2)
      ReLU()
    }
    #expect(throws: InferenceModelError.self) { try InferenceModel(model) }
    let x = Tensor<Float>.normal([5, 6, 5, 3], using: &random)
    let pass = Pass<Float>.training(random: random)
    _ = try model(Variable(x), in: pass)
    try pass.updateRunningStatistics()
    let expected = try model(Variable(x), in: .inference).value
    let serving = try InferenceModel(model)
    #expect(haveSameBits(try serving(x), expected))
    #expect(haveSameBits(try serving(x[rows: 2..<3]), expected[rows: 2..<3]))
  }

  @Test func whatItCannotWhitenIsSaid() throws {
    let layer = IterNorm<Float>(4, groups: 2)
    #expect(throws: NormalizationError.singleValuePerChannel(shape: [1, 4])) {
      try layer(Variable(.zeros([1, 4])), in: .measuring)
    }
    #expect(throws: LayerError.self) { try layer(Variable(.zeros([3, 5])), in: .measuring) }
    #expect(throws: LayerError.self) { try layer.outputShape(for: [3, 5]) }
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    #expect(try layer(Variable(.zeros([0, 4])), in: pass).shape == [0, 4])
    try pass.updateRunningStatistics()
    #expect(layer.batchCount == 0)
  }

  @Test func resultsAndGradientsHaveTheSameBitsHoweverTheyAreComputed() throws {
    let (kernels, threadCount) = (Kernels.name, Parallel.threadCount)
    defer {
      #expect(Kernels.select(kernels))
      Parallel.threadCount = threadCount
    }
    var expected: [Tensor<Float>] = []
    for name in Kernels.availableNames {
      for threads in [1, 3] {
        #expect(Kernels.select(name))
        Parallel.threadCount = threads
        var random = RandomGenerator(seed: 5)
        let model = Sequential<Float> {
          Conv2d(inputs: 3, outputs: 12, window: Window(3), using: &random)
          IterNorm(12, groups: 3)
        }
        let x = Tensor<Float>.normal([9, 9, 8, 3], using: &random)
        let step = try model.differentiate(x, random: &random) { ($0.squared() * $0).sum() }
        try step.updateRunningStatistics()
        let state = model.state.tensors.sorted { $0.key < $1.key }.map(\.value)
        let results = [step.outputs] + step.gradients.compactMap(\.self) + state
        if expected.isEmpty { expected = results }
        #expect(zip(results, expected).allSatisfy { haveSameBits($0, $1) }, "\(name) with \(threads) threads")
      }
    }
  }
}
