import Norma
import TestSupport
import Testing

/// What holds for every layer that recipes do not use: its shape is told before it runs, it serves without a graph as it stands, it
/// keeps what it is said to keep, and takes no input that does not fit.
@Suite struct LayerCatalogueTests {
  struct Entry: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let sample: Shape
    let output: Shape
    /// A sample that does not fit.
    let unfit: Shape
    /// Where it takes indices, how many there are.
    var indexCount: Int?
    let make: @Sendable (inout RandomGenerator) -> any Layer<Float>

    init(
      _ summary: String, _ sample: Shape, _ output: Shape, unfit: Shape, indexCount: Int? = nil,
      _ make: @escaping @Sendable (inout RandomGenerator) -> any Layer<Float>
    ) {
      testDescription = summary
      (self.sample, self.output, self.unfit) = (sample, output, unfit)
      self.indexCount = indexCount
      self.make = make
    }

    func batch(_ count: Int) -> Tensor<Float> {
      var random = RandomGenerator(seed: 5)
      let shape = Shape([count] + sample)
      guard let indexCount else { return .normal(shape, using: &random) }
      let indices = (0..<shape.elementCount).map { _ in Float(Int.random(in: 0..<indexCount, using: &random)) }
      return Tensor(indices, shape: shape)
    }
  }

  static let entries = [
    Entry(
      "ConvTranspose2d(6 → 4, 3×3, stride 2, padding 1, output padding 1, 2 groups)", [5, 4, 6], [10, 8, 4],
      unfit: [5, 4, 5]
    ) {
      ConvTranspose2d(
        inputs: 6, outputs: 4, window: Window(3, stride: 2, padding: 1), outputPadding: 1, groups: 2, using: &$0)
    },
    Entry("ConvTranspose2d(3 → 2, 2×2, padding 1, no bias)", [4, 5, 3], [3, 4, 2], unfit: [1, 5, 3]) {
      ConvTranspose2d(inputs: 3, outputs: 2, window: Window(2, padding: 1), hasBias: false, using: &$0)
    },
    Entry("Conv1d(4 → 6, 3, stride 2, padding 1, 2 groups)", [9, 4], [5, 6], unfit: [9, 5]) {
      Conv1d(inputs: 4, outputs: 6, window: Window(length: 3, stride: 2, padding: 1), groups: 2, using: &$0)
    },
    Entry("Conv1d(3 → 2, 3, dilation 3, no bias)", [7, 3], [1, 2], unfit: [6, 3]) {
      Conv1d(inputs: 3, outputs: 2, window: Window(length: 3, dilation: 3), hasBias: false, using: &$0)
    },
    Entry("Linear(6 → 4, standardized and scaled weights)", [3, 6], [3, 4], unfit: [3, 5]) {
      Linear(inputs: 6, outputs: 4, weightNormalization: .scaledStandardized(), using: &$0)
    },
    Entry(
      "Conv2d(4 → 6, 3×3, padding 1, 2 groups, no bias, standardized weights)", [5, 4, 4], [5, 4, 6], unfit: [5, 4, 3]
    ) {
      Conv2d(
        inputs: 4, outputs: 6, window: Window(3, padding: 1), groups: 2, hasBias: false,
        weightNormalization: .standardized(), using: &$0)
    },
    Entry("Conv1d(4 → 6, 3, weight norm)", [9, 4], [7, 6], unfit: [9, 5]) {
      Conv1d(inputs: 4, outputs: 6, window: Window(length: 3), weightNormalization: .magnitude, using: &$0)
    },
    Entry("ConvTranspose2d(4 → 3, 2×2, spectral norm)", [4, 5, 4], [5, 6, 3], unfit: [4, 5, 3]) {
      ConvTranspose2d(inputs: 4, outputs: 3, window: Window(2), weightNormalization: .spectral(), using: &$0)
    },
    Entry("GivenRest(Modulation(1 + scale))", [5, 4, 7], [5, 4, 4], unfit: [5, 4, 6]) {
      GivenRest(Modulation.film(4, inputs: 3, using: &$0), channels: 4, conditionChannels: 3, isVector: true)
    },
    Entry("GivenRest(Modulation(InstanceNorm(4), 1 + scale))", [5, 7], [5, 4], unfit: [5, 6]) {
      GivenRest(
        Modulation.adaptiveInstanceNorm(4, inputs: 3, using: &$0), channels: 4, conditionChannels: 3, isVector: true)
    },
    Entry("GivenRest(AdaptiveInstanceNorm(3))", [5, 4, 6], [5, 4, 3], unfit: [5, 4, 5]) { _ in
      GivenRest(AdaptiveInstanceNorm(3), channels: 3, conditionChannels: 3, isVector: false)
    },
    Entry("MaxPool1d(3, stride 2, padding 1)", [8, 3], [4, 3], unfit: [8, 8, 3]) { _ in
      MaxPool1d(Window(length: 3, stride: 2, padding: 1))
    },
    Entry("AveragePool1d(2, stride 2)", [8, 3], [4, 3], unfit: [1, 3]) { _ in
      AveragePool1d(Window(length: 2, stride: 2))
    },
    Entry("AdaptiveAveragePool2d(to 3×2)", [7, 5, 4], [3, 2, 4], unfit: [7, 5]) { _ in
      AdaptiveAveragePool2d(Extent2d(height: 3, width: 2))
    },
    Entry("AdaptiveMaxPool2d(to 3×3)", [7, 5, 4], [3, 3, 4], unfit: [0, 5, 4]) { _ in AdaptiveMaxPool2d(3) },
    Entry("Upsample(by 2, nearest)", [3, 4, 5], [6, 8, 5], unfit: [3, 4]) { _ in Upsample(by: 2) },
    Entry("Upsample(to 5×7, bilinear, corners aligned)", [3, 4, 5], [5, 7, 5], unfit: [3, 0, 5]) { _ in
      Upsample(to: Extent2d(height: 5, width: 7), interpolation: .bilinear(alignsCorners: true))
    },
    Entry("Embedding(9 × 5)", [6], [6, 5], unfit: [1, 1, 1, 1, 1, 1, 1], indexCount: 9) {
      Embedding(count: 9, width: 5, using: &$0)
    },
    Entry("ChannelDropout(keeps 0.5)", [3, 4, 5], [3, 4, 5], unfit: []) { _ in ChannelDropout(keepProbability: 0.5) },
    Entry("StochasticDepth(keeps 0.5)", [3, 4, 5], [3, 4, 5], unfit: []) { _ in StochasticDepth(keepProbability: 0.5) },
    Entry("MaxPool2d(3×3, stride 2, partial windows too)", [6, 7, 3], [3, 3, 3], unfit: [1, 7, 3]) { _ in
      MaxPool2d(Window(3, stride: 2), countsPartialWindows: true)
    },
    Entry("AveragePool2d(2×2, stride 2, partial windows too)", [5, 6, 3], [3, 3, 3], unfit: [5, 6]) { _ in
      AveragePool2d(Window(2, stride: 2), countsPartialWindows: true)
    },
    Entry("PaddedShortcut(stride 2, 7 channels, 2 of zeros before)", [5, 4, 3], [3, 2, 7], unfit: [5, 4, 8]) { _ in
      PaddedShortcut(stride: 2, channels: 7, before: 2)
    },
    Entry("SqueezeExcitation(8, 3 between)", [3, 4, 8], [3, 4, 8], unfit: [3, 4, 7]) {
      SqueezeExcitation(8, between: 3, activation: .silu, gate: .hardSigmoid, random: $0)
    },
    Entry("SqueezeExcitation(8, 2 between)", [3, 4, 8], [3, 4, 8], unfit: [3, 4, 7]) {
      SqueezeExcitation(8, ratio: 4, using: &$0)
    },
    Entry("PixelShuffle(2)", [3, 4, 12], [6, 8, 3], unfit: [3, 4, 6]) { _ in PixelShuffle(2) },
    Entry("MultiHeadAttention(6, 3 heads, causal)", [5, 6], [5, 6], unfit: [5, 4]) {
      MultiHeadAttention(width: 6, heads: 3, isCausal: true, keepProbability: 0.8, using: &$0)
    },
    Entry("TransformerBlock(6, 2 heads, 24 hidden, GELU, normalizes first)", [5, 6], [5, 6], unfit: [5, 4]) {
      TransformerBlock(width: 6, heads: 2, keepProbability: 0.9, using: &$0)
    },
    Entry("TransformerBlock(6, 1 head, 8 hidden, ReLU, normalizes last, causal)", [5, 6], [5, 6], unfit: [6]) {
      TransformerBlock(
        width: 6, heads: 1, hidden: 8, normalization: .rms, normalizesFirst: false, activation: .relu, isCausal: true,
        using: &$0)
    },
    Entry("RMSNorm(6, by the first 3, 1 + gamma)", [5, 4, 6], [5, 4, 6], unfit: [5, 4, 5]) { _ in
      RMSNorm(6, scale: .onePlusGamma, share: 0.5)
    },
    Entry("RMSNorm(6)", [7, 6], [7, 6], unfit: [7, 5]) { _ in RMSNorm(6, epsilon: nil) },
    Entry("RMSGroupNorm(6, 2 groups)", [5, 4, 6], [5, 4, 6], unfit: [5, 4, 8]) { _ in RMSGroupNorm(6, groups: 2) },
    Entry("RMSGroupNorm(6, 1 group)", [6], [6], unfit: []) { _ in RMSGroupNorm(6, groups: 1, isAffine: false) },
    Entry("InstanceNorm(4, running statistics)", [5, 4], [5, 4], unfit: [5, 3]) { _ in
      let norm = InstanceNorm<Float>(4, conventions: .keras, tracksRunningStatistics: true)
      norm.runningStatistics?.batchCount = 1
      return norm
    },
    Entry("GlobalResponseNorm(8)", [3, 4, 8], [3, 4, 8], unfit: [3, 4, 7]) { _ in GlobalResponseNorm(8) },
    Entry("DynamicTanh(7)", [4, 7], [4, 7], unfit: [4, 6]) { _ in DynamicTanh(7) },
    Entry("FilterResponseNorm(6)", [5, 4, 6], [5, 4, 6], unfit: [5, 4, 5]) { _ in FilterResponseNorm(6) },
    Entry("FilterResponseNorm(6, no threshold)", [9, 6], [9, 6], unfit: [6, 9]) { _ in
      FilterResponseNorm(6, isThresholded: false)
    },
    Entry("EvoNormB0(6)", [5, 4, 6], [5, 4, 6], unfit: [5, 4, 5]) { _ in
      let norm = EvoNormB0<Float>(6)
      norm.runningStatistics?.batchCount = 1
      return norm
    },
    Entry("EvoNormS0(6, 3 groups)", [5, 4, 6], [5, 4, 6], unfit: [5, 4, 9]) { _ in EvoNormS0(6, groups: 3) },
    Entry("LocalResponseNorm(5 channels)", [5, 4, 6], [5, 4, 6], unfit: []) { _ in LocalResponseNorm() },
    Entry("MeanVarianceNorm(axes 0, 1, 2)", [5, 4, 6], [5, 4, 6], unfit: [5]) { _ in MeanVarianceNorm() },
    Entry("MeanVarianceNorm(axes 1, -1)", [5, 4, 6], [5, 4, 6], unfit: []) { _ in MeanVarianceNorm(axes: [1, -1]) },
    Entry("LpNorm(L1, axis 2)", [5, 4, 6], [5, 4, 6], unfit: [5]) { _ in LpNorm(.absolute, axis: 2) },
    Entry("ScaleNorm(5)", [7, 5], [7, 5], unfit: [7, 6]) { _ in ScaleNorm(5) },
  ]

  @Test(arguments: entries) func theShapeIsToldBeforeItRuns(entry: Entry) throws {
    var random = RandomGenerator(seed: 1)
    let layer = entry.make(&random)
    #expect(layer.summary == entry.testDescription)
    #expect(try layer.outputShape(for: Shape([3] + entry.sample)) == Shape([3] + entry.output))
    #expect(try layer(Variable(entry.batch(3)), in: .inference).shape == Shape([3] + entry.output))
    // In training a channel of a batch without other axes could be dropped; a batch of scalars has no channels.
    if !(layer is ChannelDropout<Float> || layer is StochasticDepth<Float>) {
      #expect(throws: LayerError.self) { try layer.outputShape(for: Shape([3] + entry.unfit)) }
      #expect(throws: LayerError.self) {
        try InferenceModel(layer, sampleShape: Shape(entry.sample))(.zeros(Shape([3] + entry.unfit)))
      }
    }
    try layer.checkNames()
  }

  @Test(arguments: entries) func itServesWithoutAGraphAsItStands(entry: Entry) throws {
    var random = RandomGenerator(seed: 2)
    let layer = entry.make(&random)
    let serving = try InferenceModel(layer)
    // Batches of several sizes, of which the largest is taken apart.
    for count in [1, 3, 40] {
      let x = entry.batch(count)
      let expected = try layer(Variable(x), in: .inference).value
      #expect(haveSameBits(try serving(x), expected))
    }
  }

  @Test func itKeepsWhatItIsSaidToKeep() async {
    await #expect(processExitsWith: .success) {
      for entry in Self.entries {
        var random = RandomGenerator(seed: 3)
        let layer = entry.make(&random)
        for (_, parameter) in layer.namedParameters { _ = parameter.value }
        let x = entry.batch(64)
        let trace = try MemoryTrace(of: layer, batchShape: x.shape)
        let bytes = trace.layers.reduce(0) { $0 + $1.keptBytes }
        func loss(_ pass: Pass<Float>) throws -> Variable<Float> { try layer(Variable(x), in: pass).sum() }
        // What is made once and stays is there after the first time.
        for isMeasured in [false, true] {
          let before = BufferPool.shared.usage.inUse
          let pass = Pass<Float>.training(random: random)
          let loss = try loss(pass)
          let kept = BufferPool.shared.usage.inUse - before
          withExtendedLifetime((pass, loss)) {}
          guard isMeasured else { continue }
          // A buffer is up to an eighth larger than what it holds, and holds 256 bytes at least; the loss is one.
          #expect(
            Double(bytes) * 0.99...Double(bytes) * 1.125 + 256 * 24 ~= Double(kept),
            "\(layer.summary): \(kept) bytes, not some \(bytes)")
        }
      }
    }
  }

  @Test func batchNormalizationAndReLUBecomePartOfTransposedAndOneDimensionalConvolutions() throws {
    var random = RandomGenerator(seed: 4)
    let models: [(model: Sequential<Float>, sample: Shape, operation: String)] = [
      (
        Sequential {
          ConvTranspose2d(inputs: 6, outputs: 4, window: Window(4, stride: 2, padding: 1), groups: 2, using: &random)
          BatchNorm(4)
          ReLU()
        }, [5, 4, 6], "transposed convolution + ReLU"
      ),
      (
        Sequential {
          Conv1d(inputs: 6, outputs: 4, window: Window(length: 3), groups: 2, hasBias: false, using: &random)
          BatchNorm(4)
          ReLU()
        }, [9, 6], "convolution + ReLU"
      ),
    ]
    for (model, sample, operation) in models {
      let x = Tensor<Float>.normal(Shape([6] + sample), mean: 0.5, using: &random)
      model.namedParameters[0].parameter.value = .normal(
        model.namedParameters[0].parameter.shape, standardDeviation: 0.5, using: &random)
      let norm = try #require(model.children[1].layer as? BatchNorm<Float>)
      norm.gamma?.value = .uniform([4], in: 0.5..<2, using: &random)
      norm.beta?.value = .normal([4], using: &random)
      let pass = Pass<Float>.training(random: random)
      _ = try model(Variable(x), in: pass)
      try pass.updateRunningStatistics()
      let serving = try InferenceModel(model)
      #expect(serving.operations == [operation])
      let expected = try model(Variable(x), in: .inference).value
      // Sums of some hundred terms, normalized before or after they are added up: a few dozen roundings of the largest.
      #expect(errorRelativeToScale(try serving(x), reference: expected) < 1e-5)
    }
  }

  /// The composition's own roundings: a mean, two products with their biases, the sigmoid, each of some units of the sums of their
  /// magnitudes, which are below 10 here.
  @Test(
    arguments: ParityFixture.cases(of: "channels", ChannelSettings.self)
      .filter { $0.settings.operation == "squeeze_excitation" })
  func squeezeAndExcitationIsThePapers(parity: ParityCase<ChannelSettings>) throws {
    func check<Element: TensorElement>(_ type: Element.Type) throws {
      var random = RandomGenerator(seed: 0)
      let settings = parity.settings
      let layer = SqueezeExcitation<Element>(settings.shape.last!, ratio: settings.width, using: &random)
      let names = ["weight1", "bias1", "weight2", "bias2"]
      let parameters = layer.namedParameters
      #expect(parameters.map(\.name) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"])
      for (name, (_, parameter)) in zip(names, parameters) { parameter.value = parity.input(name) }
      let graph = Graph<Element>()
      let x = graph.input(parity.input("x"), name: "x")
      let pass = Pass<Element>.training(graph: graph, random: random)
      let y = try layer(x, in: pass)
      let gradients = graph.gradients(of: y, seed: parity.input("dy"))
      func expectNear(_ found: Tensor<Element>?, _ name: String) {
        let reference = parity.expected(name)
        let error = found.map { errorRelativeToScale($0.converted(to: Double.self), reference: reference) } ?? .infinity
        #expect(error < 500 * (Element.unitRoundoff + Double.unitRoundoff), "\(name) in \(Element.self)")
      }
      expectNear(y.value, "y")
      expectNear(gradients[x], "dx")
      for (name, (_, parameter)) in zip(names, parameters) {
        expectNear(gradients[pass.variable(for: parameter)], "d\(name)")
      }
    }
    try check(Double.self)
    try check(Float.self)
  }

  @Test func wholeSamplesAreDroppedInTrainingAndNoneInInference() throws {
    let x = Tensor<Float>.ones([200, 3, 2, 4])
    let layer = StochasticDepth<Float>(keepProbability: 0.8)
    #expect(try InferenceModel(layer)(x) == x)
    let y = layer(Variable(x), in: Pass<Float>.training(random: RandomGenerator(seed: 2))).value
    let samples = (0..<200).map { Set(y.elements[($0 * 24)..<(($0 + 1) * 24)]) }
    #expect(samples.allSatisfy { $0 == [0] || $0 == [1.25] })
    // 160 are expected, with a deviation of 5.7.
    #expect(abs(samples.count { $0 == [1.25] } - 160) < 25)
  }

  /// Windows as PyTorch's `ceil_mode` counts them: the last begins within the image.
  @Test(arguments: [
    (5, 2, 2, 0, 3), (4, 2, 2, 0, 2), (5, 3, 1, 0, 3), (6, 3, 2, 0, 3), (2, 3, 2, 0, 1), (5, 3, 3, 1, 2),
    (4, 2, 3, 1, 2),
    (7, 2, 4, 0, 2),
  ])
  func partialWindowsCount(length: Int, size: Int, stride: Int, padding: Int, count: Int) throws {
    let window = Window(
      Extent2d(height: size, width: 1), stride: Extent2d(height: stride, width: 1),
      padding: Extent2d(height: padding, width: 0))
    let layer = MaxPool2d<Float>(window, countsPartialWindows: true)
    let x = Tensor<Float>((0..<length).map { Float(-$0 - 1) }, shape: [1, length, 1, 1])
    let y = layer(Variable(x), in: .inference).value
    let expected = (0..<count).map { Float(-max(0, $0 * stride - padding) - 1) }
    #expect(y.elements == expected)
    #expect(try layer.outputShape(for: x.shape) == y.shape)
  }

  @Test func wholeChannelsAreDroppedInTrainingAndNoneInInference() throws {
    let x = Tensor<Float>.ones([50, 3, 2, 40])
    let layer = ChannelDropout<Float>(keepProbability: 0.8)
    #expect(try InferenceModel(layer)(x) == x)
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 2))
    let y = layer(Variable(x), in: pass).value
    var kept = 0
    for sample in 0..<50 {
      for channel in 0..<40 {
        let values = Set((0..<6).map { y[sample, $0 / 2, $0 % 2, channel] })
        #expect(values == [0] || values == [1.25])
        if values == [1.25] { kept += 1 }
      }
    }
    // 2000 draws at 0.8: 1600 ± 18.
    #expect(abs(kept - 1600) < 108)
    #expect(layer(Variable(x), in: pass).value != y)
  }

  @Test func anIndexThatIsNoneReachesWhoeverServes() throws {
    var random = RandomGenerator(seed: 0)
    let model = Sequential<Float> {
      Embedding(count: 4, width: 3, using: &random)
      GlobalAveragePool()
    }
    let serving = try InferenceModel(model)
    let error = EmbeddingIndexError(value: 4, position: 2, count: 4)
    #expect(throws: error) { try serving(Tensor([0, 1, 4, 3], shape: [2, 2])) }
    #expect(throws: error) { try model(Variable(Tensor([0, 1, 4, 3], shape: [2, 2])), in: .inference) }
    #expect(try serving(Tensor([0, 1, 2, 3], shape: [2, 2])).shape == [2, 3])
  }
}
