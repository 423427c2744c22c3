import Norma
import TestSupport
import Testing

/// What holds for every form of normalization.
@Suite struct NormalizationFormTests {
  static let cases = ParityFixture.cases(of: "forms", NormalizationFormSettings.self)
  static let shapes: [Shape] = [[3, 2, 4, 6], [4, 5, 3], [5, 9], [2, 3, 3, 1], [3, 1, 7]]

  /// The result of a layer in training, and the gradients of input and parameters.
  private static func results<Element: TensorElement>(
    _ layer: any Layer<Element>, _ x: Tensor<Element>, _ gradient: Tensor<Element>
  ) throws -> [Tensor<Element>] {
    let graph = Graph<Element>()
    let pass = Pass<Element>.training(graph: graph, random: RandomGenerator(seed: 0))
    let input = graph.input(x, name: "x")
    let y = try layer(input, in: pass)
    let variables = layer.parameters.map { pass.variable(for: $0) }
    let gradients = graph.gradients(of: y, seed: gradient)
    try pass.updateRunningStatistics()
    return [y.value] + ([input] + variables).map { gradients[$0] }
  }

  @Test(arguments: NormalizationForm.allCases) func gradientsAreThoseOfDifferences(form: NormalizationForm) throws {
    for shape in Self.shapes {
      let layer = form.layer(shape.channelCount, parametersOf: "\(form)", Double.self)
      let x: Tensor<Double> = HashedNumbers("\(form).\(shape)").values(shape, bound: 2).converted()
      let seed: Tensor<Double> = HashedNumbers("seed").values(shape).converted()
      let found = try Self.results(layer, x, seed)
      func loss(_ x: Tensor<Double>) throws -> Double {
        let pass = Pass<Double>.training(random: RandomGenerator(seed: 0))
        return try (layer(Variable(x), in: pass).value * seed).elements.reduce(0, +)
      }
      /// Centred differences of a function of one tensor.
      func differences(
        _ tensor: Tensor<Double>, _ function: (Tensor<Double>) throws -> Double
      ) rethrows -> Tensor<Double> {
        let step = 1e-5
        return Tensor(
          try (0..<tensor.count).map { index in
            func moved(_ distance: Double) throws -> Double {
              var moved = tensor
              moved.withUnsafeMutableElements { $0[index] += distance }
              return try function(moved)
            }
            return (try moved(step) - moved(-step)) / (2 * step)
          }, shape: tensor.shape)
      }
      // Off by the square of the step times third derivatives, some thousand where a variance is small beside epsilon.
      #expect(errorRelativeToScale(found[1], reference: try differences(x, loss), floor: 1) < 1e-6, "dx of \(shape)")
      for (parameter, gradient) in zip(layer.parameters, found[2...]) {
        let value = parameter.value
        let numeric = try differences(value) {
          parameter.value = $0
          defer { parameter.value = value }
          return try loss(x)
        }
        #expect(errorRelativeToScale(gradient, reference: numeric, floor: 1) < 1e-7, "\(parameter.name) of \(shape)")
      }
    }
  }

  private func results<Element: TensorElement>(
    of parity: ParityCase<NormalizationFormSettings>, _ type: Element.Type
  ) throws -> [String: Tensor<Element>] {
    let (form, shape) = (parity.settings.form, Shape(parity.settings.shape))
    let layer = form.layer(shape.channelCount, parametersOf: parity.settings.name, Element.self)
    let x: Tensor<Element> = parity.hashed("x", shape, bound: 2, offset: 0.5)
    let found = try Self.results(layer, x, parity.hashed("dy", shape))
    var results = ["y": found[0], "dx": found[1]]
    for (parameter, gradient) in zip(layer.parameters, found[2...]) { results["d\(parameter.name)"] = gradient }
    // timm's without v does not normalize.
    guard form.gathers && form != .evonormB0Linear else { return results }
    for buffer in layer.buffers {
      if case .tensor(let value) = buffer.read() { results[buffer.name] = value }
    }
    results["served"] = try layer(Variable(x), in: .inference).value
    return results
  }

  @Test(arguments: cases) func itIsWhatOthersCompute(parity: ParityCase<NormalizationFormSettings>) throws {
    let exact = try results(of: parity, Double.self)
    // Terms of gradients may cancel, from up to 4: reciprocals of roots are below that here.
    let floor = 4.0
    // ONNX's mean-variance normalization has 1e-9 at another place.
    let bound = parity.settings.form.rawValue.hasPrefix("meanVariance") ? 1e-8 : 1e-12
    for (name, error) in parity.digestErrors(of: exact, floor: floor) { #expect(error <= bound, "\(name)") }
    // The machine epsilon that RMS normalization adds by default is another in double precision.
    guard parity.settings.form != .rms else { return }
    for (name, error) in errors(of: try results(of: parity, Float.self), reference: exact, floor: floor) {
      #expect(error <= 1e-6, "\(name) in Float")
    }
  }

  @Test(arguments: NormalizationForm.allCases) func everyFormIsComparedInTwentyShapes(form: NormalizationForm) {
    #expect(Self.cases.count { $0.settings.form == form } >= 20)
  }

  @Test(arguments: NormalizationForm.allCases, [0, 1e3] as [Float])
  func floatsGiveWhatDoublePrecisionGives(form: NormalizationForm, mean: Float) throws {
    for shape: Shape in [[3, 5, 7, 12], [2, 40, 33], [16, 130]] where form != .instance || shape.rank > 2 {
      let x = HashedNumbers("\(form).\(shape)").values(shape, bound: 2) + mean
      func output<Element: TensorElement>(_ type: Element.Type) throws -> Tensor<Double> {
        let layer = form.layer(shape.channelCount, parametersOf: "\(form)", Element.self)
        return try layer(Variable(x.converted(to: Element.self)), in: .measuring).value.converted()
      }
      #expect(errorRelativeToScale(try output(Float.self), reference: try output(Double.self), floor: 1) <= 1e-6)
    }
  }

  @Test(arguments: NormalizationForm.allCases)
  func everyInstructionSetAndThreadCountGivesTheSameBits(form: NormalizationForm) throws {
    for shape: Shape in [[5, 7, 6, 18], [70, 33], [3, 900, 5]] {
      let x = HashedNumbers("\(form).\(shape)").values(shape, bound: 2) + 0.25
      let seed = HashedNumbers("seed").values(shape)
      var first: [Tensor<Float>]?
      for (name, results) in try resultsByKernels({
        try resultsByThreadCount {
          try Self.results(form.layer(shape.channelCount, parametersOf: "\(form)"), x, seed)
        }
      }) {
        for results in results {
          for (values, expected) in zip(results, first ?? results) {
            #expect(haveSameBits(values, expected), "\(shape), \(name)")
          }
          first = first ?? results
        }
      }
    }
  }

  @Test(arguments: NormalizationForm.allCases.filter(\.isPerSample))
  func aSampleHasTheSameBitsWhateverIsBesideIt(form: NormalizationForm) throws {
    let x = HashedNumbers("\(form)").values([9, 4, 3, 12], bound: 2)
    let layer = form.layer(12, parametersOf: "\(form)", Float.self)
    let all = try layer(Variable(x), in: .measuring).value
    for rows in [0..<1, 3..<7] {
      #expect(haveSameBits(try layer(Variable(x[rows: rows]), in: .measuring).value, all[rows: rows]))
    }
  }

  @Test(arguments: NormalizationForm.allCases) func zerosStayFiniteAndSoDoTheirGradients(form: NormalizationForm) throws
  {
    var x = HashedNumbers("\(form)").values([3, 2, 2, 4], bound: 2)
    // A sample of zeros, and a channel of them.
    for place in 0..<4 { for channel in 0..<4 { x[1, place / 2, place % 2, channel] = 0 } }
    for place in 0..<4 { x[0, place / 2, place % 2, 2] = 0 }
    let results = try Self.results(form.layer(4, parametersOf: "\(form)"), x, HashedNumbers("seed").values(x.shape))
    for result in results { #expect(result.isFinite) }
  }

  @Test func anEmptyBatchGivesAnEmptyResult() throws {
    for form in NormalizationForm.allCases {
      let x = Variable(Tensor<Float>.zeros([0, 2, 3, 4]))
      let layer: any Layer<Float> = form.layer(4)
      #expect(try layer(x, in: .measuring).shape == [0, 2, 3, 4])
    }
  }

  @Test func layersStartAsTheirPapersSay() throws {
    let x = HashedNumbers("x").values([2, 3, 4])
    #expect(haveSameBits(GlobalResponseNorm<Float>(4)(Variable(x), in: .inference).value, x))
    #expect(DynamicTanh<Float>(4).alpha.value.elements == [0.5])
    #expect(ScaleNorm<Float>(4).scale.value.elements == [2])
    #expect(RMSNorm<Float>(4, scale: .onePlusGamma).gamma?.value.elements == [0, 0, 0, 0])
    #expect(RMSNorm<Float>(4, epsilon: nil).epsilon == Double(Float.ulpOfOne))
    #expect(RMSNorm<Double>(4, epsilon: nil).epsilon == Double.ulpOfOne)
    #expect(RMSNorm<Float>(16, share: 0.07).statisticsCount == 2)
    #expect(FilterResponseNorm<Float>(2).threshold?.value.elements == [0, 0])
    #expect(EvoNormB0<Float>(2).v?.value.elements == [1, 1] && EvoNormS0<Float>(2, groups: 1).v != nil)
    let ones = RMSNorm<Float>(4, epsilon: 1e-5)(Variable(x), in: .inference).value
    #expect(haveSameBits(RMSNorm<Float>(4, scale: .onePlusGamma)(Variable(x), in: .inference).value, ones))
  }

  /// As the table in `Normalizations.md` has it.
  @Test(arguments: NormalizationForm.allCases) func aStepKeepsAsManyTensorsAsTheTableSays(form: NormalizationForm)
    throws
  {
    let shape: Shape = [16, 16, 16, 48]
    let expected: Double =
      switch form {
      case .rms, .rmsOnePlus, .rmsOneGroup, .instance, .scale, .lrn, .evenLRN, .meanVariance, .meanVarianceOfChannels,
        .l1, .l2:
        1
      case .rmsPartial: 2 + 20.0 / 48
      case .rmsGroup, .frnLinear, .grn, .dyt, .evonormS0Linear, .evonormB0Linear: 2
      case .frn: 3
      case .evonormS0: 4
      case .evonormB0: 6
      }
    // Behind a layer that learns, so that the gradient of the input is asked for.
    let network = Sequential<Float>([PReLU(channels: 48), form.layer(48)])
    let trace = try MemoryTrace(of: network, batchShape: shape)
    let kept = Double(trace.layers.reduce(0) { $0 + $1.keptBytes }) / Double(4 * shape.elementCount)
    // Statistics are of at least as many values as there are channels.
    #expect(abs(kept - expected) < 0.2, "\(kept)")
  }

  @Test func namesInFilesAreThoseOfOthers() {
    func names(_ layer: any Layer<Float>) -> [String] { (layer.parameters.map(\.name) + layer.buffers.map(\.name)) }
    #expect(names(NormalizationForm.frn.layer(2)) == ["weight", "bias", "tau"])
    #expect(
      names(NormalizationForm.evonormB0.layer(2)) == ["weight", "bias", "v", "running_var", "num_batches_tracked"])
    #expect(names(NormalizationForm.evonormS0.layer(2)) == ["weight", "bias", "v"])
    #expect(names(NormalizationForm.dyt.layer(2)) == ["alpha", "weight", "bias"])
    #expect(
      names(NormalizationForm.instance.layer(2))
        == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"])
    #expect(names(InstanceNorm<Float>(2, isAffine: true)) == ["weight", "bias"])
  }
}

/// Instance normalization with running statistics; that they are PyTorch's is tested with the other forms.
@Suite struct TrackedInstanceNormTests {
  private func layer(_ channels: Int) -> InstanceNorm<Float> {
    InstanceNorm(channels, conventions: .pyTorch, isAffine: true, tracksRunningStatistics: true)
  }

  private func step(_ model: any Layer<Float>, _ x: Tensor<Float>) throws -> Differentiation<Float> {
    var random = RandomGenerator(seed: 0)
    return try model.differentiate(x, random: &random) { $0.squared().mean() }
  }

  @Test func theStatisticsOfPartsAreThoseOfTheBatch() throws {
    let x = HashedNumbers("x").values([7, 4, 3, 5], bound: 2) + 1
    let (whole, parted) = (layer(5), layer(5))
    try step(whole, x).updateRunningStatistics()
    let parts = try [0..<4, 4..<7].map { try step(parted, x[rows: $0]) }
    try Differentiation.merging(parts, weights: [4 / 7, 3 / 7]).updateRunningStatistics()
    let (expected, found) = (try #require(whole.runningStatistics), try #require(parted.runningStatistics))
    // A few roundings in double precision, and one to single.
    #expect(errorRelativeToScale(found.mean, reference: expected.mean) < 2e-7)
    #expect(errorRelativeToScale(found.variance, reference: expected.variance) < 2e-7)
    #expect(found.batchCount == 1)
  }

  @Test func theVarianceIsTheMeanOfTheInstancesVariances() throws {
    // Instances that differ in their means alone: what lies between them is no part of the variance.
    let x = Tensor<Float>([1, 3, 101, 103], shape: [2, 2, 1])
    for (estimator, expected) in [(VarianceEstimator.unbiased, 2.0), (.biased, 1)] {
      var conventions = BatchNormalizationConventions.pyTorch
      (conventions.rule, conventions.estimator) = (.cumulative, estimator)
      let norm = InstanceNorm<Float>(1, conventions: conventions, tracksRunningStatistics: true)
      try step(norm, x).updateRunningStatistics()
      #expect(norm.runningStatistics?.mean.elements == [52])
      #expect(abs(Double(norm.runningStatistics!.variance.elements[0]) - expected) < 1e-6)
      try norm.recalibrateStatistics(on: .concatenating(rows: [x, x + 10]), batchSize: 2)
      #expect(norm.runningStatistics?.mean.elements == [57])
      #expect(abs(Double(norm.runningStatistics!.variance.elements[0]) - expected) < 1e-6)
    }
  }

  @Test func inferenceIsRefusedBeforeAnythingWasGatheredAndFoldedAfterwards() throws {
    var random = RandomGenerator(seed: 3)
    let norm = layer(6)
    let model = Sequential<Float> {
      Conv2d(inputs: 3, outputs: 6, window: Window(3, padding: 1), using: &random)
      norm
      ReLU()
    }
    #expect(throws: InferenceModelError.self) { try InferenceModel(model) }
    let x = Tensor<Float>.normal([4, 6, 5, 3], using: &random)
    try step(model, x).updateRunningStatistics()
    let serving = try InferenceModel(model)
    #expect(serving.operations == ["convolution + ReLU"])
    let expected = try model(Variable(x), in: .inference).value
    // Sums of 27 terms, normalized before or after they are added up.
    #expect(errorRelativeToScale(try serving(x), reference: expected) < 1e-5)
  }

  @Test func frozenStatisticsNormalizeTrainingToo() throws {
    let norm = layer(3)
    let x = HashedNumbers("x").values([4, 5, 3]) + 2
    try step(norm, x).updateRunningStatistics()
    norm.hasFrozenStatistics = true
    let before = norm.runningStatistics
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    let y = try norm(Variable(x), in: pass).value
    try pass.updateRunningStatistics()
    #expect(norm.runningStatistics == before)
    #expect(haveSameBits(y, try norm(Variable(x), in: .inference).value))
  }

  @Test func aStateOfPyTorchsIsLoaded() throws {
    let model = Sequential<Float>([layer(2)])
    let state = StateDictionary(entries: [
      "0.weight": .float(Tensor([1, 2])), "0.bias": .float(Tensor([3, 4])), "0.running_mean": .float(Tensor([5, 6])),
      "0.running_var": .float(Tensor([7, 8])), "0.num_batches_tracked": .integers([9], shape: []),
    ])
    try state.load(into: model, sampleShape: [4, 4, 2])
    let norm = try #require(model.children[0].layer as? InstanceNorm<Float>)
    #expect(norm.runningStatistics?.mean.elements == [5, 6] && norm.runningStatistics?.batchCount == 9)
    #expect(try StateDictionary(model, sampleShape: [4, 4, 2]) == state)
  }

  @Test func aPositionAloneHasNoVarianceToTell() throws {
    let norm = layer(2)
    let before = norm.runningStatistics
    try step(norm, Tensor([1, 2, 3, 4], shape: [2, 2])).updateRunningStatistics()
    #expect(norm.runningStatistics == before)
  }
}
