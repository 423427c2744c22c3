import Norma
import TestSupport
import Testing

@Suite struct InferenceModelTests {
  /// A network of a recipe drawn at random, with statistics gathered from a few batches.
  private func model<Element: TensorElement>(
    _ seed: UInt64, _ type: Element.Type
  ) throws -> (model: Sequential<Element>, x: Tensor<Element>) {
    var random = RandomGenerator(seed: seed)
    let inputs = Int.random(in: 1...40, using: &random)
    let recipe = MultilayerPerceptron(
      hidden: (0..<Int.random(in: 1...3, using: &random)).map { _ in
        [2, 4, 7, 16, 33, 70].randomElement(using: &random)!
      },
      normalization: ModelArchitectureTests.normalizations.randomElement(using: &random)!,
      activation: ActivationKind.allCases.randomElement(using: &random)!,
      keepProbability: Bool.random(using: &random) ? 0.8 : 1)
    let model: Sequential<Element> = try recipe.build(sampleShape: [inputs], outputCount: 7, random: random)
    for (_, layer) in model.layers {
      for parameter in layer.parameters where parameter.kind != .weight {
        parameter.value += .normal(parameter.value.shape, standardDeviation: 0.3, using: &random)
      }
    }
    for _ in 0..<3 {
      let pass = Pass<Element>.training(random: random)
      _ = try model(Variable(.normal([32, inputs], mean: 2, using: &random)), in: pass)
      try pass.updateRunningStatistics()
    }
    let rows = [1, 2, 17, 64].randomElement(using: &random)!
    return (model, .normal([rows, inputs], mean: 2, using: &random))
  }

  @Test(arguments: 0..<120)
  func outputsAreThoseOfTheModelToRounding(seed: UInt64) throws {
    let (single, x) = try model(seed, Float.self)
    let expected = try single(Variable(x), in: .inference).value
    let found = try InferenceModel(single)(x)
    #expect(errorRelativeToScale(found.converted(to: Double.self), reference: expected.converted()) < 1e-5)

    let (double, y) = try model(seed, Double.self)
    let reference = try double(Variable(y), in: .inference).value
    #expect(errorRelativeToScale(try InferenceModel(double)(y), reference: reference) < 1e-13)
  }

  /// Rows of one ticket and of several, columns of whole blocks and of what is left over, sums of one chunk and of two.
  @Test(arguments: [0, 1, 2, 7, 64, 65, 130], [1, 3, 8, 13, 16, 100])
  func linearLayersAreThoseOfTheDoubleTwin(rows: Int, outputs: Int) throws {
    for inputs in [1, 5, 300] {
      var random = RandomGenerator(seed: UInt64(rows))
      let linear = Linear<Float>(inputs: inputs, outputs: outputs, using: &random)
      linear.bias?.value = .normal([outputs], using: &random)
      let x = Tensor<Float>.normal([rows, inputs], using: &random)
      let found = try InferenceModel(Sequential([linear]))(x)
      let weight = linear.weight.value.converted(to: Double.self)
      let bias = try #require(linear.bias).value.converted(to: Double.self)
      let wide = x.converted(to: Double.self)
      let expected = wide.linear(weight, bias)
      // Each of a sum's products passes through at most inputs + 1 roundings.
      let bounds = wide.magnitudes.linear(weight.magnitudes, bias.magnitudes)
      let roundings = Double(inputs + 1) * Double(Float.ulpOfOne) / 2
      #expect(found.shape == [rows, outputs])
      for (index, value) in found.elements.enumerated() {
        #expect(abs(Double(value) - expected[index]) <= 1.01 * roundings * bounds[index])
      }
    }
  }

  @Test func normalizationAndReLUBecomePartOfTheLinearLayer() throws {
    var random = RandomGenerator(seed: 1)
    let model = Sequential<Float> {
      Flatten()
      Linear(inputs: 6, outputs: 5, hasBias: false, using: &random)
      BatchNorm(5)
      ReLU()
      Dropout(keepProbability: 0.5)
      Linear(inputs: 5, outputs: 2, using: &random)
    }
    let pass = Pass<Float>.training(random: random)
    _ = try model(Variable(.normal([8, 2, 3], using: &random)), in: pass)
    try pass.updateRunningStatistics()
    let serving = try InferenceModel(model)
    #expect(serving.operations.count == 3)
    #expect(try serving(.normal([4, 2, 3], using: &random)).shape == [4, 2])
  }

  @Test func groupAndInstanceNormalizationServeAsTheyAre() throws {
    var random = RandomGenerator(seed: 4)
    let model = Sequential<Float> {
      GroupNorm(6, groups: 3)
      ReLU()
      InstanceNorm(6)
    }
    let x = Tensor<Float>.normal([3, 4, 5, 6], using: &random)
    let serving = try InferenceModel(model)
    #expect(serving.operations.count == 2)
    #expect(haveSameBits(try serving(x), try model(Variable(x), in: .inference).value))
    #expect(throws: LayerError.self) { try serving(.zeros([3, 4, 5, 7])) }
  }

  @Test func aModelThatHasSeenNoBatchIsRefused() {
    var random = RandomGenerator(seed: 1)
    let model = Sequential<Float> {
      Linear(inputs: 3, outputs: 4, using: &random)
      Sequential([BatchNorm(4)])
    }
    let error = #expect(throws: InferenceModelError.self) { try InferenceModel(model) }
    #expect(error?.reason == .statisticsNeverGathered)
    #expect(error?.path == "1.0")
    #expect(error?.description.contains("BatchNorm(4) at '1.0'") == true)
  }

  @Test func aLayerOfOnesOwnServesByWhatItDoesToABatch() throws {
    /// Layers and operations of Norma's, put together as no layer of Norma's does.
    final class Gate: Layer {
      typealias Element = Float
      let first: Linear<Float>, second: Linear<Float>, normalization = BatchNorm<Float>(4)
      let summary = "Gate"
      var children: [(name: String, layer: any Layer<Float>)] {
        [("first", first), ("second", second), ("norm", normalization)]
      }

      init(_ random: RandomGenerator) {
        (first, second) = (
          Linear(inputs: 3, outputs: 4, random: random.split(0)), Linear(inputs: 3, outputs: 4, random: random.split(1))
        )
      }

      func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) throws -> Variable<Float> {
        let gate = try pass.apply(first, named: "first", to: x).sigmoid()
        let value = try pass.apply(second, named: "second", to: x)
        return gate * (try pass.apply(normalization, named: "norm", to: value)).relu()
      }
    }
    var random = RandomGenerator(seed: 5)
    let model = Sequential<Float> { Gate(random) }
    let x = Tensor<Float>.normal([6, 3], using: &random)
    let pass = Pass<Float>.training(random: random)
    _ = try model(Variable(x), in: pass)
    try pass.updateRunningStatistics()
    let serving = try InferenceModel(model)
    #expect(serving.operations == ["linear + sigmoid", "linear + ReLU", "multiply"])
    let expected = try model(Variable(x), in: .inference).value
    #expect(errorRelativeToScale(try serving(x).converted(to: Double.self), reference: expected.converted()) < 1e-6)
    #expect(try model.outputShape(for: [2, 3]) == [2, 4])
  }

  @Test func aLayerThatReadsNumbersIsRefused() {
    final class Mystery: Layer {
      typealias Element = Float
      let summary = "Mystery"
      func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) -> Variable<Float> {
        x.scaled(by: 1 / x.value.maximum()!)
      }
    }
    let error = #expect(throws: InferenceModelError.self) { try InferenceModel(Sequential<Float>([Mystery()])) }
    #expect(error == InferenceModelError(layer: "Mystery", path: "0", reason: .dependsOnValues))
  }

  @Test func aBatchThatDoesNotFitIsRefused() throws {
    var random = RandomGenerator(seed: 1)
    let serving = try InferenceModel(Sequential<Float> { Linear(inputs: 3, outputs: 4, using: &random) })
    let error = #expect(throws: LayerError.self) { try serving(.zeros([2, 5])) }
    #expect(error == LayerError(layer: "Linear(3 → 4)", expected: "[batch, …, 3]", found: [2, 5]))
  }

  @Test func severalThreadsCanCallItAtOnce() async throws {
    let (single, x) = try model(11, Float.self)
    let serving = try InferenceModel(single)
    let expected = try serving(x)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          (0..<50).allSatisfy { _ in (try? serving(x)).map { haveSameBits($0, expected) } ?? false }
        }
      }
      for await agrees in group { #expect(agrees) }
    }
  }
}

extension Tensor<Double> {
  fileprivate var magnitudes: Tensor { Tensor(elements.map(abs), shape: shape) }

  fileprivate func linear(_ weight: Tensor, _ bias: Tensor) -> [Double] {
    Variable(self).linear(weight: Variable(weight), bias: Variable(bias)).value.elements
  }
}
