import NormaConvolution
import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor
import TestSupport
import Testing

/// Losses that hold a gradient, and products with the Hessian, of models.
@Suite struct GradientPenaltyTests {
  private func critic(_ random: inout RandomGenerator) -> Sequential<Double> {
    Sequential {
      Conv2d(inputs: 2, outputs: 4, window: Window(3, padding: 1), using: &random)
      InstanceNorm(4)
      LeakyReLU(slope: 0.2)
      Conv2d(inputs: 4, outputs: 3, window: Window(2, stride: 2), hasBias: false, using: &random)
      BatchNorm(3)
      GELU()
      Flatten()
      Linear(inputs: 12, outputs: 1, using: &random)
    }
  }

  /// The sum of a loss's values at two points on either side, over their distance.
  private func differences(
    of model: Sequential<Double>, at parameter: Parameter<Double>, _ loss: () throws -> Double
  ) rethrows -> Tensor<Double> {
    let value = parameter.value
    defer { parameter.value = value }
    return try numericGradient(at: value) { moved in
      parameter.value = moved
      return try loss()
    }
  }

  @Test func thePenaltyOnACriticsSlopeIsDifferentiated() throws {
    var random = RandomGenerator(seed: 5)
    let model = critic(&random)
    let (real, fake, mixed) = (
      Tensor<Double>.normal([3, 4, 4, 2], using: &random), Tensor<Double>.normal([3, 4, 4, 2], using: &random),
      Tensor<Double>.normal([3, 4, 4, 2], using: &random)
    )
    func loss(in pass: Pass<Double>, differentiable: Bool) throws -> Variable<Double> {
      let between = pass.input(mixed)
      let slopes = try pass.gradients(
        of: model(between, in: pass).sum(), withRespectTo: [between], differentiable: differentiable)[0]
      let penalty = (slopes.squared().sum(over: [1, 2, 3]).squareRoot() - 1).squared().mean()
      return try model(Variable(fake), in: pass).mean() - model(Variable(real), in: pass).mean() + 10 * penalty
    }
    let step = try model.differentiate(random: &random) { try loss(in: $0, differentiable: true) }
    var generator = random
    // The value with gradients that are not variables: the differences go by the operations of training alone.
    let plain = try model.differentiate(random: &generator) { try loss(in: $0, differentiable: false) }
    #expect(abs(step.loss - plain.loss) < 1e-12 * abs(plain.loss))
    var found: [Double] = []
    var expected: [Double] = []
    for parameter in step.parameters {
      found += try #require(step[parameter]).elements
      expected += try differences(of: model, at: parameter) {
        var random = generator
        return try model.differentiate(random: &random) { try loss(in: $0, differentiable: false) }.loss
      }.elements
    }
    // A step of 1e-5 and losses around 10 that are rounded by 1e-15: differences are off by 1e-10 and h² of the third derivative.
    let scale = expected.reduce(0) { max($0, abs($1)) }
    #expect(scale > 0.1 && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-7 * max(1, scale) })
  }

  @Test func theProductWithTheHessianIsTheChangeOfTheGradient() throws {
    var random = RandomGenerator(seed: 6)
    let model = Sequential<Double> {
      Linear(inputs: 5, outputs: 7, using: &random)
      BatchNorm(7)
      Sigmoid()
      Linear(inputs: 7, outputs: 3, using: &random)
    }
    let batch = Tensor<Double>.normal([8, 5], using: &random)
    let labels = [0, 2, 1, 1, 0, 2, 2, 0]
    let parameters = model.distinctParameters
    let vectors = parameters.map { Tensor<Double>.normal($0.shape, using: &random) }
    let products = try model.hessianVectorProduct(batch, vectors: vectors, random: &random) {
      $0.softmaxCrossEntropy(labels: labels)
    }
    func gradients(moved step: Double) throws -> [Tensor<Double>] {
      let values = parameters.map(\.value)
      defer { for (parameter, value) in zip(parameters, values) { parameter.value = value } }
      for (parameter, vector) in zip(parameters, vectors) { parameter.value += step * vector }
      var random = RandomGenerator(seed: 7)
      let found = try model.differentiate(batch, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
      return found.gradients.map { $0! }
    }
    let (above, below) = (try gradients(moved: 1e-5), try gradients(moved: -1e-5))
    let expected = zip(above, below).map { ($0 - $1) / 2e-5 }
    let scale = expected.flatMap(\.elements).reduce(0) { max($0, abs($1)) }
    // The bias before batch normalization changes nothing, so that there are zeros among them.
    #expect(zip(products, expected).allSatisfy { ($0 - $1).elements.allSatisfy { abs($0) < 1e-7 * scale } })
    // Frozen parameters have no part in it, and running statistics nothing to take in.
    let normalizations = model.distinctLayers.compactMap { $0.layer as? BatchNorm<Double> }
    #expect(normalizations.map { $0.runningStatistics?.batchCount } == [0])
    parameters[0].isFrozen = true
    let frozen = try model.hessianVectorProduct(batch, vectors: vectors, random: &random) {
      $0.softmaxCrossEntropy(labels: labels)
    }
    #expect(frozen[0] == .zeros(parameters[0].shape))
  }

  @Test func aLossOfAClosuresOwnIsChecked() throws {
    var random = RandomGenerator(seed: 8)
    let model = Sequential<Float> { Linear(inputs: 3, outputs: 2, using: &random) }
    let before = random
    #expect(throws: LayerError.self) {
      try model.differentiate(random: &random) { try model(Variable(.ones([4, 3])), in: $0) }
    }
    #expect(throws: LayerError.self) {
      try model.differentiate(random: &random) { try model(Variable(.ones([4, 5])), in: $0).sum() }
    }
    var (one, other) = (random, before)
    #expect(one.uniform() == other.uniform())
    let step = try model.differentiate(random: &random) { try model(Variable(.ones([4, 3])), in: $0).sum() }
    #expect(step.outputs.item == step.loss && step.gradients.allSatisfy { $0 != nil })
  }
}
