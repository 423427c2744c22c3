import Norma
import TestSupport
import Testing

/// Normalizations with gamma and beta from a condition.
@Suite struct ConditionedLayerTests {
  private func layer<Element: TensorElement>(_ settings: ConditionedSettings) -> any ConditionedLayer<Element> {
    var random = RandomGenerator(seed: 0)
    let (channels, width) = (settings.shape.last!, settings.condition.last!)
    let conventions = BatchNormalizationConventions.pyTorch
    return switch settings.kind {
    case "film": Modulation.film(channels, inputs: width, using: &random)
    case "classes": Modulation.conditionalBatchNorm(channels, classes: 4, conventions: conventions)
    case "vector":
      Modulation.conditionalBatchNorm(channels, inputs: width, conventions: conventions, using: &random)
    case "style":
      Modulation.adaptiveInstanceNorm(channels, inputs: width, epsilon: settings.epsilon, using: &random)
    case "adain": AdaptiveInstanceNorm<Element>(channels, epsilon: settings.epsilon)
    default:
      Modulation.spatiallyAdaptive(
        channels, map: width, hidden: settings.hidden, window: settings.window, using: &random)
    }
  }

  private func results<Element: TensorElement>(
    of parity: ParityCase<ConditionedSettings>, _ type: Element.Type
  ) throws -> [String: Tensor<Element>] {
    let settings = parity.settings
    let layer: any ConditionedLayer<Element> = layer(settings)
    for (name, parameter) in layer.namedParameters {
      parameter.value = parity.hashed(name, parameter.shape, bound: 0.875)
    }
    let graph = Graph<Element>()
    let x = graph.input(parity.hashed("x", Shape(settings.shape), bound: 2.5, offset: settings.mean), name: "x")
    let shape = Shape(settings.condition)
    let condition: Variable<Element>
    if settings.kind == "classes" {
      let labels = HashedNumbers("\(settings.name).condition").labels(shape.elementCount, classes: 4)
      condition = Variable(Tensor(labels.map { Element($0) }, shape: shape))
    } else {
      let offset = settings.kind == "adain" ? settings.mean : 0
      condition = graph.input(parity.hashed("condition", shape, bound: 1.75, offset: offset), name: "condition")
    }
    let pass = Pass<Element>.training(graph: graph, random: RandomGenerator(seed: 0))
    let y = try layer(x, given: condition, in: pass)
    let gradients = graph.gradients(of: y, seed: parity.hashed("dy", x.shape, bound: 1.75))
    var results = ["y": y.value, "dx": gradients[x]]
    if settings.kind != "classes" { results["dcondition"] = gradients[condition] }
    for (name, parameter) in layer.namedParameters {
      results["d\(name)"] = gradients[pass.variable(for: parameter)]
    }
    return results
  }

  static let cases = ParityFixture.cases(of: "conditioned", ConditionedSettings.self)

  /// Up to five sums of some hundred terms one after the other, whose roundings follow their magnitudes, some ten times their values. With
  /// a mean of 100 the input itself is known to a hundredth of its deviation's digits, which both have alike; what is found of it then
  /// carries the mean's rounding where it is a number by itself, as the mean of a picture is.
  @Test(arguments: cases) func layersAreThosePyTorchIsAskedFor(parity: ParityCase<ConditionedSettings>) throws {
    let factor = 100 * max(1, parity.settings.mean / 10)
    let exact = try results(of: parity, Double.self)
    for (name, error) in parity.digestErrors(of: exact, floor: 0.1) {
      #expect(error < 2 * factor * Double.unitRoundoff, "\(name): \(error)")
    }
    for (name, error) in errors(of: try results(of: parity, Float.self), reference: exact, floor: 0.1) {
      #expect(error < factor * Float.unitRoundoff, "\(name) in Float: \(error)")
    }
  }

  @Test(arguments: ["film", "classes", "vector", "style", "adain", "spade"])
  func everyKindIsComparedInTwentyShapes(kind: String) {
    #expect(Self.cases.count { $0.settings.kind == kind } >= 20)
  }

  @Test func theGradientsAreTheNumericOnes() throws {
    var random = RandomGenerator(seed: 1)
    let layers: [(layer: any ConditionedLayer<Double>, x: Shape, condition: Shape)] = [
      (Modulation.film(3, inputs: 2, using: &random), [2, 3, 3], [2, 2]),
      (Modulation.film(3, inputs: 2, addsOne: false, using: &random), [2, 3], [2, 2]),
      (Modulation.conditionalBatchNorm(3, inputs: 2, using: &random), [3, 2, 2, 3], [3, 2]),
      (Modulation.adaptiveInstanceNorm(2, inputs: 3, using: &random), [2, 3, 2, 2], [2, 3]),
      (AdaptiveInstanceNorm(2, epsilon: 0.1), [2, 3, 2, 2], [2, 2, 3, 2]),
      (Modulation.spatiallyAdaptive(2, map: 2, hidden: 2, using: &random), [2, 3, 4, 2], [2, 2, 2, 2]),
    ]
    for (layer, x, condition) in layers {
      let points = [Tensor<Double>.normal(x, using: &random), .normal(condition, using: &random)]
      let checks = try checkGradients(at: points, seed: .normal(x, using: &random)) { inputs in
        try layer(
          inputs[0], given: inputs[1],
          in: .training(graph: inputs[0].graph ?? inputs[1].graph ?? Graph(), random: RandomGenerator(seed: 0)))
      }
      for (index, check) in checks.enumerated() {
        #expect(
          errorRelativeToScale(check.gradient, reference: check.numericGradient) < 1e-7, "\(layer.summary), \(index)")
      }
    }
  }

  /// x̂ is within some roundings of its values, which factors of up to 2 and sums of as many products as there are conditions follow.
  @Test(arguments: [0, 1e3]) func floatsGiveWhatDoublePrecisionGives(mean: Double) throws {
    let (x, vector, map): (Shape, Shape, Shape) = ([4, 7, 5, 8], [4, 3], [4, 7, 5, 3])
    func outputs<Element: TensorElement>(_ type: Element.Type) throws -> [Tensor<Double>] {
      var random = RandomGenerator(seed: 6)
      let layers: [(any ConditionedLayer<Element>, Shape)] = [
        (Modulation.conditionalBatchNorm(8, inputs: 3, using: &random), vector),
        (Modulation.adaptiveInstanceNorm(8, inputs: 3, using: &random), vector),
        (Modulation.spatiallyAdaptive(8, map: 3, hidden: 4, using: &random), map),
        (AdaptiveInstanceNorm(8), [4, 3, 3, 8]),
      ]
      return try layers.enumerated().map { index, element in
        let (layer, shape) = element
        for (name, parameter) in layer.namedParameters {
          parameter.value = HashedNumbers("\(index).\(name)").values(parameter.shape, bound: 0.25).converted()
        }
        // Deviations of 1 around the mean.
        let input = HashedNumbers("\(index).x").values(x, bound: 1.732) + Float(mean)
        let condition = HashedNumbers("\(index).condition").values(shape)
        return try layer(
          Variable(input.converted(to: Element.self)), given: Variable(condition.converted(to: Element.self)),
          in: .measuring
        ).value.converted()
      }
    }
    for (index, pair) in zip(try outputs(Float.self), try outputs(Double.self)).enumerated() {
      #expect(errorRelativeToScale(pair.0, reference: pair.1, floor: 1) <= 1e-6, "\(index)")
    }
  }

  @Test func aPictureGetsTheStatisticsThatItIsGiven() {
    var random = RandomGenerator(seed: 2)
    let layer = AdaptiveInstanceNorm<Double>(2, epsilon: 0)
    let x = Variable(Tensor<Double>.normal([3, 5, 4, 2], mean: 1e3, using: &random))
    let (mean, deviation) = (
      Tensor<Double>.normal([3, 2], using: &random), Tensor<Double>.uniform([3, 2], in: 1..<2, using: &random)
    )
    let y = layer(x, mean: Variable(mean), deviation: Variable(deviation), in: .inference)
    let found = y.channelStatistics(epsilon: 0)
    #expect(errorRelativeToScale(found.mean.value, reference: mean) < 1e-12)
    #expect(errorRelativeToScale(found.deviation.value, reference: deviation) < 1e-12)
  }

  @Test func withoutAConditionThereIsNoResult() {
    let layer = Modulation<Float>.conditionalBatchNorm(3, classes: 2)
    #expect(throws: LayerError.self) { try layer(Variable(.zeros([4, 3])), in: .inference) }
    #expect(throws: LayerError.self) { try layer.outputShape(for: [4, 3]) }
    var random = RandomGenerator(seed: 0)
    let map = Modulation<Float>.spatiallyAdaptive(3, map: 2, hidden: 2, using: &random)
    #expect(throws: LayerError.self) {
      try map(Variable(.zeros([2, 4, 4, 3])), given: Variable(.zeros([3, 4, 4, 2])), in: .inference)
    }
  }

  /// Until it has learned, a class changes nothing.
  @Test func aConditionalNormalizationStartsAsAPlainOne() throws {
    var random = RandomGenerator(seed: 3)
    let x = Variable(Tensor<Float>.normal([6, 3, 4], using: &random))
    let classes = Variable(Tensor<Float>([0, 1, 2, 2, 1, 0]))
    let found = try Modulation<Float>.conditionalBatchNorm(4, classes: 3)(x, given: classes, in: .measuring).value
    #expect(haveSameBits(found, try BatchNorm<Float>(4)(x, in: .measuring).value))
  }

  /// Where x and the map have sizes of their own, the shape of a sample must be told.
  @Test func aMapOfAnotherSizeIsServed() throws {
    var random = RandomGenerator(seed: 5)
    let spade = Modulation<Float>.spatiallyAdaptive(5, map: 3, hidden: 4, norm: InstanceNorm(5), using: &random)
    let model = GivenRest(spade, channels: 5, conditionChannels: 3, isVector: false)
    let x = Tensor<Float>.normal([4, 7, 5, 8], using: &random)
    let expected = try model(Variable(x), in: .inference).value
    #expect(haveSameBits(try InferenceModel(model, sampleShape: [7, 5, 8])(x), expected))
    #expect(throws: InferenceModelError.self) { try InferenceModel(model) }
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
        var random = RandomGenerator(seed: 4)
        let layers: [any ConditionedLayer<Float>] = [
          Modulation.film(5, inputs: 3, using: &random), Modulation.conditionalBatchNorm(5, inputs: 3, using: &random),
          Modulation.adaptiveInstanceNorm(5, inputs: 3, using: &random),
          Modulation.spatiallyAdaptive(5, map: 3, hidden: 4, using: &random),
        ]
        var results: [Tensor<Float>] = []
        let x = Tensor<Float>.normal([4, 7, 5, 8], using: &random)
        for (index, layer) in layers.enumerated() {
          let model = GivenRest(layer, channels: 5, conditionChannels: 3, isVector: index < 3)
          let step = try model.differentiate(x, random: &random) { $0.squared().sum() }
          results += [step.outputs] + step.gradients.compactMap(\.self)
        }
        if expected.isEmpty { expected = results }
        #expect(zip(results, expected).allSatisfy { haveSameBits($0, $1) }, "\(name) with \(threads) threads")
      }
    }
  }
}
