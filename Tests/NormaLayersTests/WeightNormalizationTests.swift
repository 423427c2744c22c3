import Norma
import TestSupport
import Testing

/// Layers whose weights are computed from what is trained.
@Suite struct WeightNormalizationTests {
  static let all: [WeightNormalization] = [.standardized(), .scaledStandardized(), .magnitude, .spectral()]

  /// A layer of a kind with some inputs and outputs, and a sample for it.
  private struct Kind: Sendable {
    let sample: Shape
    let outputs: Int
    let make: @Sendable (WeightNormalization?, inout RandomGenerator) -> any Layer<Float>
    let makeDouble: @Sendable (WeightNormalization, inout RandomGenerator) -> any Layer<Double>
  }

  private static let kinds: [Kind] = [
    Kind(sample: [7], outputs: 5) {
      Linear(inputs: 7, outputs: 5, weightNormalization: $0, using: &$1)
    } makeDouble: {
      Linear(inputs: 7, outputs: 5, weightNormalization: $0, using: &$1)
    },
    Kind(sample: [9, 4], outputs: 6) {
      Conv1d(inputs: 4, outputs: 6, window: Window(length: 3), groups: 2, weightNormalization: $0, using: &$1)
    } makeDouble: {
      Conv1d(inputs: 4, outputs: 6, window: Window(length: 3), groups: 2, weightNormalization: $0, using: &$1)
    },
    Kind(sample: [5, 4, 3], outputs: 4) {
      Conv2d(inputs: 3, outputs: 4, window: Window(3, padding: 1), weightNormalization: $0, using: &$1)
    } makeDouble: {
      Conv2d(inputs: 3, outputs: 4, window: Window(3, padding: 1), weightNormalization: $0, using: &$1)
    },
    Kind(sample: [3, 2, 4], outputs: 6) {
      ConvTranspose2d(
        inputs: 4, outputs: 6, window: Window(3, stride: 2), groups: 2, weightNormalization: $0, using: &$1)
    } makeDouble: {
      ConvTranspose2d(
        inputs: 4, outputs: 6, window: Window(3, stride: 2), groups: 2, weightNormalization: $0, using: &$1)
    },
  ]

  // MARK: - Against PyTorch and timm

  private func layer<Element: TensorElement>(_ settings: WeightSettings) -> any Layer<Element> {
    let normalization: WeightNormalization =
      switch settings.normalization {
      case "standardized": .standardized(epsilon: settings.epsilon!)
      case "scaled": .scaledStandardized(epsilon: settings.epsilon!)
      case "magnitude": .magnitude
      default: .spectral(iterations: settings.iterations)
      }
    let (inputs, groups, hasBias) = (settings.shape.last!, settings.groups, settings.bias)
    let random = RandomGenerator(seed: 0)
    func window() -> Window {
      Window(
        Extent2d(height: settings.size[0], width: settings.size[1]),
        stride: Extent2d(integerLiteral: settings.stride), padding: Extent2d(integerLiteral: settings.padding),
        dilation: Extent2d(integerLiteral: settings.dilation))
    }
    return switch settings.layer {
    case "linear":
      Linear<Element>(
        inputs: inputs, outputs: settings.outputs, hasBias: hasBias, weightNormalization: normalization, random: random)
    case "conv1d":
      Conv1d<Element>(
        inputs: inputs, outputs: settings.outputs,
        window: Window(
          length: settings.size[0], stride: settings.stride, padding: settings.padding, dilation: settings.dilation),
        groups: groups, hasBias: hasBias, weightNormalization: normalization, random: random)
    case "conv2d":
      Conv2d<Element>(
        inputs: inputs, outputs: settings.outputs, window: window(), groups: groups, hasBias: hasBias,
        weightNormalization: normalization, random: random)
    default:
      ConvTranspose2d<Element>(
        inputs: inputs, outputs: settings.outputs, window: window(), groups: groups, hasBias: hasBias,
        weightNormalization: normalization, random: random)
    }
  }

  private func results<Element: TensorElement>(
    of parity: ParityCase<WeightSettings>, _ type: Element.Type
  ) throws -> [String: Tensor<Element>] {
    let layer: any Layer<Element> = layer(parity.settings)
    var state = ModelState<Element>()
    for (name, shape) in layer.stateShapes.tensors {
      let isScale = name == "gain" || name.hasSuffix("original0")
      let isWeight = name == "weight" || name.hasSuffix("original") || name.hasSuffix("original1")
      state.tensors[name] = parity.hashed(
        name, shape, bound: isScale ? 0.5 : 0.875, offset: isScale ? 1 : isWeight ? parity.settings.mean : 0)
    }
    try layer.load(state)
    let graph = Graph<Element>()
    let x = graph.input(parity.hashed("x", Shape(parity.settings.shape), bound: 1.75), name: "x")
    let pass = Pass<Element>.training(graph: graph, random: RandomGenerator(seed: 0))
    let y = try layer(x, in: pass)
    let gradients = graph.gradients(of: y, seed: parity.hashed("dy", y.shape, bound: 1.75))
    let inference = try layer(Variable(x.value), in: .inference).value
    var results = ["y": y.value, "dx": gradients[x]]
    for (name, parameter) in layer.namedParameters {
      results["d\(name)"] = gradients[pass.variable(for: parameter)]
    }
    guard parity.settings.normalization == "spectral" else {
      #expect(haveSameBits(inference, y.value))
      return results
    }
    try pass.updateRunningStatistics()
    for (name, buffer) in layer.namedBuffers {
      if case .tensor(let vector) = buffer.read() { results[name] = vector }
    }
    let after = try layer(Variable(x.value), in: .inference).value
    results["inference"] = after
    #expect(haveSameBits(after, y.value))
    return results
  }

  /// A weight takes some ten roundings, sums of up to 60 products as many of their magnitudes, which come to several times the largest
  /// result's. What does not change a result has a gradient of 0: it is measured beside those of 1.
  @Test(arguments: weightCases) func layersAreThoseOfPyTorchAndTimm(parity: ParityCase<WeightSettings>) throws {
    let exact = try results(of: parity, Double.self)
    for (name, error) in parity.digestErrors(of: exact, floor: 1) {
      #expect(error < 400 * Double.unitRoundoff, "\(name): \(error)")
    }
    for (name, error) in errors(of: try results(of: parity, Float.self), reference: exact, floor: 1) {
      #expect(error < 200 * Float.unitRoundoff, "\(name) in Float: \(error)")
    }
  }

  static let weightCases = ParityFixture.cases(of: "weights", WeightSettings.self)

  @Test(arguments: ["standardized", "scaled", "magnitude", "spectral"])
  func everyKindIsComparedInTwentyShapes(kind: String) {
    #expect(Self.weightCases.count { $0.settings.normalization == kind } >= 20)
  }

  // MARK: - Gradients and digits

  /// Those of all parameters and of the input. Power iterations are no part of the gradient, so there are none.
  @Test func theGradientsAreTheNumericOnes() throws {
    var random = RandomGenerator(seed: 1)
    for kind in Self.kinds {
      for normalization in [
        WeightNormalization.standardized(epsilon: 0.1), .scaledStandardized(epsilon: 0.01), .magnitude,
        .spectral(iterations: 0),
      ] {
        let layer = kind.makeDouble(normalization, &random)
        let x = Tensor<Double>.normal(Shape([2] + kind.sample), using: &random)
        for (_, parameter) in layer.namedParameters {
          parameter.value = parameter.value + .normal(parameter.shape, standardDeviation: 0.3, using: &random)
        }
        let seed = Tensor<Double>.normal(try layer.outputShape(for: x.shape), using: &random)
        let pass = Pass<Double>.training(random: random)
        let gradients = pass.gradients(of: (try layer(Variable(x), in: pass) * Variable(seed)).sum())
        for (name, parameter) in layer.namedParameters {
          let point = parameter.value
          let numeric = try numericGradient(at: point) { value in
            parameter.value = value
            return try (layer(Variable(x), in: .training(random: random)) * Variable(seed)).sum().value.item
          }
          parameter.value = point
          let error = errorRelativeToScale(try #require(gradients[parameter]), reference: numeric)
          #expect(error < 1e-7, "\(name) of \(layer.summary)")
        }
      }
    }
  }

  /// The weight itself is what comes out for the rows of the unit matrix.
  @Test func standardizedWeightsKeepTheirDigitsAtALargeMean() throws {
    for (mean, normalization) in [
      (0, WeightNormalization.standardized()), (1000, .standardized()), (0, .scaledStandardized()),
      (1000, .scaledStandardized()), (0, .magnitude), (1000, .magnitude),
    ] {
      var random = RandomGenerator(seed: 2)
      let weight = Tensor<Float>.normal([6, 300], mean: Double(mean), using: &random)
      func computed<Element: TensorElement>(_ type: Element.Type) -> Tensor<Element> {
        let layer = Linear<Element>(
          inputs: 300, outputs: 6, hasBias: false, weightNormalization: normalization, random: random)
        layer.weight.value = weight.converted()
        let unit = Tensor<Element>((0..<90_000).map { $0 / 300 == $0 % 300 ? 1 : 0 }, shape: [300, 300])
        return layer(Variable(unit), in: .inference).value
      }
      let error = errorRelativeToScale(
        computed(Float.self).converted(to: Double.self), reference: computed(Double.self))
      #expect(error < 1e-6, "\(normalization) at a mean of \(mean): \(error)")
    }
  }

  @Test func rowsHaveTheMomentsThatTheyAreSaidToHave() throws {
    var random = RandomGenerator(seed: 3)
    let layer = Linear<Double>(
      inputs: 40, outputs: 3, hasBias: false, weightNormalization: .scaledStandardized(epsilon: 0), using: &random)
    layer.normalizedWeight?.scale?.value = Tensor([1, 2, 0.5], shape: [3, 1])
    let unit = Tensor<Double>((0..<1600).map { $0 / 40 == $0 % 40 ? 1 : 0 }, shape: [40, 40])
    let moments = BatchMoments(of: layer(Variable(unit), in: .inference).value)
    for (gain, (mean, variance)) in zip([1, 2, 0.5], zip(moments.mean.elements, moments.variance(.biased).elements)) {
      #expect(abs(mean) < 1e-15 && abs(variance * 40 / (gain * gain) - 1) < 1e-14)
    }
  }

  /// With enough iterations, the largest singular value of what is left is 1.
  @Test func theLargestSingularValueBecomesOne() throws {
    var random = RandomGenerator(seed: 4)
    let layer = Linear<Double>(
      inputs: 5, outputs: 4, hasBias: false, initialization: .normal(scale: 3),
      weightNormalization: .spectral(iterations: 200), using: &random)
    let pass = Pass<Double>.training(random: random)
    let unit = Tensor<Double>((0..<25).map { $0 / 5 == $0 % 5 ? 1 : 0 }, shape: [5, 5])
    let weight = layer(Variable(unit), in: pass).value
    let square = weight.matrixProduct(weight, transposingSelf: true)
    var power = square
    for _ in 0..<10 { power = power.matrixProduct(power) }
    // The 2048th power of the singular values, of which the largest is left.
    let trace = (0..<4).map { power[$0, $0] }.reduce(0, +)
    #expect(abs(trace - 1) < 1e-9)
  }

  // MARK: - Names and buffers

  @Test func namesInFilesArePyTorchsAndTimms() throws {
    var random = RandomGenerator(seed: 0)
    func names(_ normalization: WeightNormalization) -> [String: Shape] {
      Conv2d<Float>(inputs: 3, outputs: 4, window: Window(2), weightNormalization: normalization, using: &random)
        .stateShapes.tensors
    }
    #expect(names(.standardized()) == ["weight": [4, 3, 2, 2], "bias": [4]])
    #expect(names(.scaledStandardized()) == ["weight": [4, 3, 2, 2], "bias": [4], "gain": [4, 1, 1, 1]])
    let prefix = "parametrizations.weight."
    #expect(
      names(.magnitude) == [prefix + "original0": [4, 1, 1, 1], prefix + "original1": [4, 3, 2, 2], "bias": [4]])
    #expect(
      names(.spectral()) == [
        prefix + "original": [4, 3, 2, 2], prefix + "0._u": [4], prefix + "0._v": [12], "bias": [4],
      ])
  }

  @Test func aMagnitudeStartsAtTheLengthOfItsRow() throws {
    var (random, other) = (RandomGenerator(seed: 5), RandomGenerator(seed: 5))
    let x = Tensor<Double>.ones([2, 6])
    let layer = Linear<Double>(inputs: 6, outputs: 4, weightNormalization: .magnitude, using: &random)
    let plain = Linear<Double>(inputs: 6, outputs: 4, using: &other)
    let found = layer(Variable(x), in: .inference).value
    #expect(errorRelativeToScale(found, reference: plain(Variable(x), in: .inference).value) < 1e-15)
  }

  @Test func iterationsTakeEffectOnceAStep() throws {
    var random = RandomGenerator(seed: 6)
    let layer = Linear<Float>(inputs: 6, outputs: 4, weightNormalization: .spectral(), using: &random)
    let x = Tensor<Float>.normal([4, 6], using: &random)
    let start = layer.state
    let parts = try (0..<2).map { part in
      try layer.differentiate(x[rows: 2 * part..<2 * part + 2], random: &random) { $0.sum() }
    }
    #expect(layer.state == start)
    let merged = try Differentiation.merging(parts, weights: [0.5, 0.5])
    try merged.updateRunningStatistics()
    let once = layer.state
    #expect(once != start)
    try layer.load(start)
    try layer.differentiate(x, random: &random) { $0.sum() }.updateRunningStatistics()
    #expect(layer.state == once)
    _ = layer(Variable(x), in: .inference)
    _ = layer(Variable(x), in: .measuring)
    #expect(layer.state == once)
  }

  @Test func wrongSettingsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      var random = RandomGenerator(seed: 0)
      _ = Linear<Float>(inputs: 2, outputs: 2, weightNormalization: .standardized(epsilon: -1), using: &random)
    }
    await #expect(processExitsWith: .failure) {
      var random = RandomGenerator(seed: 0)
      _ = Linear<Float>(inputs: 2, outputs: 2, weightNormalization: .spectral(iterations: -1), using: &random)
    }
  }

  // MARK: - Folding and bits

  @Test func whatIsServedHasTheBitsOfAPlainLayerWithTheSameWeights() throws {
    var random = RandomGenerator(seed: 7)
    for kind in Self.kinds {
      for normalization in Self.all {
        let layer = kind.make(normalization, &random)
        let x = Tensor<Float>.normal(Shape([3] + kind.sample), using: &random)
        let pass = Pass<Float>.training(random: random)
        let trained = try layer(Variable(x), in: pass).value
        try pass.updateRunningStatistics()
        let serving = try InferenceModel(layer)
        #expect(serving.operations.count == 1)
        #expect(haveSameBits(try serving(x), try layer(Variable(x), in: .inference).value))
        #expect(haveSameBits(try layer(Variable(x), in: .inference).value, trained))
      }
    }
  }

  @Test func batchNormalizationIsFoldedIntoNormalizedWeights() throws {
    var random = RandomGenerator(seed: 8)
    for normalization in Self.all {
      let model = Sequential<Float> {
        Conv2d(
          inputs: 3, outputs: 5, window: Window(3), hasBias: false, weightNormalization: normalization, using: &random)
        BatchNorm(5)
        ReLU()
      }
      let x = Tensor<Float>.normal([4, 6, 5, 3], using: &random)
      let pass = Pass<Float>.training(random: random)
      _ = try model(Variable(x), in: pass)
      try pass.updateRunningStatistics()
      let serving = try InferenceModel(model)
      #expect(serving.operations == ["convolution + ReLU"])
      // Sums of 27 products, normalized before or after they are added up.
      #expect(errorRelativeToScale(try serving(x), reference: try model(Variable(x), in: .inference).value) < 1e-5)
    }
  }

  @Test func resultsAndGradientsHaveTheSameBitsHoweverTheyAreComputed() throws {
    let (kernels, threadCount) = (Kernels.name, Parallel.threadCount)
    defer {
      #expect(Kernels.select(kernels))
      Parallel.threadCount = threadCount
    }
    for normalization in Self.all {
      var expected: [Tensor<Float>] = []
      for name in Kernels.availableNames {
        for threads in [1, 3] {
          #expect(Kernels.select(name))
          Parallel.threadCount = threads
          var random = RandomGenerator(seed: 9)
          let model = Sequential<Float> {
            Conv2d(
              inputs: 5, outputs: 37, window: Window(3, padding: 1), weightNormalization: normalization, using: &random)
            ReLU()
            ConvTranspose2d(
              inputs: 37, outputs: 6, window: Window(2), weightNormalization: normalization, using: &random)
            Flatten()
            Linear(inputs: 6 * 49, outputs: 11, weightNormalization: normalization, using: &random)
          }
          let x = Tensor<Float>.normal([3, 6, 6, 5], using: &random)
          let step = try model.differentiate(x, random: &random) { $0.squared().sum() }
          try step.updateRunningStatistics()
          let buffers = model.namedBuffers.compactMap { (_, buffer) -> Tensor<Float>? in
            if case .tensor(let tensor) = buffer.read() { tensor } else { nil }
          }
          let results = [step.outputs] + step.gradients.compactMap(\.self) + buffers
          if expected.isEmpty { expected = results }
          #expect(results.count == expected.count)
          for (found, first) in zip(results, expected) {
            #expect(haveSameBits(found, first), "\(normalization) on \(name) with \(threads) threads")
          }
        }
      }
    }
  }
}
