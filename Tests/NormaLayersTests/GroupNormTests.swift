import Norma
import TestSupport
import Testing

/// The layers of group and instance normalization; the formula itself is tested where it is.
@Suite struct GroupNormTests {
  static let cases = ParityFixture.cases(of: "group_norm", GroupNormSettings.self)

  private func makeLayer<Element: TensorElement>(
    _ settings: GroupNormSettings, channels: Int
  ) -> any ReLUFusing<Element> {
    settings.module == "instance"
      ? InstanceNorm<Element>(channels, epsilon: settings.epsilon, isAffine: settings.affine)
      : GroupNorm<Element>(channels, groups: settings.groups, epsilon: settings.epsilon, isAffine: settings.affine)
  }

  private func check<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<GroupNormSettings>) throws {
    let x: Tensor<Element> = parity.input("x")
    let layer: any ReLUFusing<Element> = makeLayer(parity.settings, channels: x.shape.channelCount)
    for parameter in layer.parameters { parameter.value = parity.input(parameter.kind.rawValue) }
    #expect(layer.parameters.map(\.name) == (parity.settings.affine ? ["weight", "bias"] : []))
    let graph = Graph<Element>()
    let pass = Pass<Element>.training(graph: graph, random: RandomGenerator(seed: 0))
    let input = graph.input(x, name: "x")
    let y = parity.settings.relu ? try layer.rectified(input, in: pass) : try layer(input, in: pass)
    let bounds = parity.bounds(unit: Element.unitRoundoff)
    func ratio(_ values: Tensor<Element>?, _ name: String, _ bound: [Double]) throws -> Double {
      errorOverBound(try #require(values), reference: parity.expected(name).elements, bound: bound)
    }
    #expect(try ratio(y.value, "y", bounds.output) <= 1)
    let gradients = pass.gradients(of: (y * Variable(parity.input("dy"))).sum())
    #expect(try ratio(gradients.gradients[input], "dx", bounds.inputGradient) <= 1)
    if parity.settings.affine {
      #expect(try ratio(gradients[layer.parameters[0]], "dgamma", bounds.gammaGradient) <= 1)
      #expect(try ratio(gradients[layer.parameters[1]], "dbeta", bounds.betaGradient) <= 1)
    }
  }

  @Test(arguments: cases.filter { $0.settings.layout != "NCHW" })
  func theLayersArePyTorchs(parity: ParityCase<GroupNormSettings>) throws {
    try check(Double.self, parity)
    try check(Float.self, parity)
  }

  @Test func trainingAndInferenceAreTheSame() throws {
    var random = RandomGenerator(seed: 1)
    let x = Tensor<Float>.normal([3, 4, 6], using: &random)
    for layer: any ReLUFusing<Float> in [GroupNorm(6, groups: 2), InstanceNorm(6)] {
      let trained = try layer(Variable(x), in: .training(random: random))
      #expect(haveSameBits(trained.value, try layer(Variable(x), in: .inference).value))
    }
  }

  @Test func aReLUThatFollowsIsTakenIn() throws {
    var random = RandomGenerator(seed: 2)
    let x = Tensor<Float>.normal([3, 4, 6], using: &random)
    for layer: any ReLUFusing<Float> in [GroupNorm(6, groups: 3), InstanceNorm(6, isAffine: true)] {
      let model = Sequential<Float>([layer, ReLU()])
      let graph = Graph<Float>()
      let y = try model(graph.input(x, name: "x"), in: .training(graph: graph, random: random))
      #expect(graph.text().contains("group norm + ReLU"))
      #expect(haveSameBits(y.value, try layer(Variable(x), in: .inference).relu().value))
    }
  }

  @Test func namesSummariesAndShapes() throws {
    let model = Sequential<Float>([GroupNorm(6, groups: 2), InstanceNorm(6), InstanceNorm(6, isAffine: true)])
    #expect(model.namedParameters.map(\.name) == ["0.weight", "0.bias", "2.weight", "2.bias"])
    #expect(
      model.children.map(\.layer.summary) == ["GroupNorm(6, 2 groups)", "InstanceNorm(6)", "InstanceNorm(6)"])
    #expect(try model.outputShape(for: [2, 5, 5, 6]) == [2, 5, 5, 6])
    #expect(throws: LayerError(layer: "GroupNorm(6, 2 groups)", expected: "[batch, …, 6]", found: [2, 5])) {
      try model.outputShape(for: [2, 5])
    }
    #expect(throws: LayerError(layer: "InstanceNorm(6)", expected: "[batch, …, 6]", found: [6])) {
      try InstanceNorm<Float>(6).outputShape(for: [6])
    }
  }
}
