import Norma
import TestSupport
import Testing

/// Self-attention and blocks of a transformer against PyTorch's double-precision results.
@Suite struct TransformerTests {
  private func layer<Element: TensorElement>(_ settings: TransformerSettings) -> any Layer<Element> {
    var random = RandomGenerator(seed: 0)
    let width = settings.shape[2]
    guard let hidden = settings.hidden else {
      return MultiHeadAttention<Element>(
        width: width, heads: settings.heads, isCausal: settings.causal, hasBias: settings.bias, using: &random)
    }
    return TransformerBlock<Element>(
      width: width, heads: settings.heads, hidden: hidden, normalization: settings.rms ? .rms : .layer,
      normalizesFirst: settings.first, activation: settings.activation == "gelu" ? .gelu : .relu,
      isCausal: settings.causal, using: &random)
  }

  /// A number passes some ten sums of up to 25 terms, each off by as many roundings of its terms' magnitudes, which add up to some
  /// four times the sum's.
  private func check<Element: TensorElement>(
    _ type: Element.Type, _ parity: ParityCase<TransformerSettings>
  ) throws {
    let layer: any Layer<Element> = layer(parity.settings)
    for (name, parameter) in layer.namedParameters { parameter.value = parity.input(name) }
    let graph = Graph<Element>()
    let x = graph.input(parity.input("x"), name: "x")
    let pass = Pass<Element>.training(graph: graph, random: RandomGenerator(seed: 0))
    let y = try layer(x, in: pass)
    let gradients = graph.gradients(of: y, seed: parity.input("dy"))
    func expectNear(_ found: Tensor<Element>, _ name: String, floor: Double = 1e-30) {
      let reference = parity.expected(name)
      #expect(found.shape == reference.shape)
      let error = errorRelativeToScale(found.converted(to: Double.self), reference: reference, floor: floor)
      #expect(error < 1000 * (Element.unitRoundoff + Double.unitRoundoff), "\(name) in \(Element.self)")
    }
    expectNear(y.value, "y")
    expectNear(gradients[x], "dx")
    // A bias of all keys alike changes no softmax, and one place has nothing to choose from: gradients whose exact value is 0 are
    // measured beside those of 1.
    for (name, parameter) in layer.namedParameters {
      expectNear(gradients[pass.variable(for: parameter)], "d\(name)", floor: 1)
    }
  }

  @Test(arguments: ParityFixture.cases(of: "transformer", TransformerSettings.self))
  func attentionAndBlocksArePyTorchs(parity: ParityCase<TransformerSettings>) throws {
    try check(Double.self, parity)
    try check(Float.self, parity)
  }

  @Test func theGradientsOfABlockAreTheNumericOnes() throws {
    for normalizesFirst in [true, false] {
      var random = RandomGenerator(seed: 1)
      let block = TransformerBlock<Double>(
        width: 4, heads: 2, hidden: 5, normalization: normalizesFirst ? .rms : .layer,
        normalizesFirst: normalizesFirst, isCausal: true, keepProbability: 0.9, using: &random)
      let point = Tensor<Double>.normal([2, 3, 4], using: &random)
      let checks = try checkGradients(at: [point], seed: .normal([2, 3, 4], using: &random)) { inputs in
        try block(inputs[0], in: .training(graph: inputs[0].graph ?? Graph(), random: RandomGenerator(seed: 9)))
      }
      // As in the checks of operations: the rounding of sums over the step.
      for check in checks {
        #expect(errorRelativeToScale(check.gradient, reference: check.numericGradient) < 1e-7)
      }
    }
  }

  @Test func inInferenceNothingIsDropped() throws {
    var random = RandomGenerator(seed: 2)
    let block = TransformerBlock<Float>(width: 8, heads: 2, keepProbability: 0.5, using: &random)
    let x = Tensor<Float>.normal([2, 5, 8], using: &random)
    let first = try block(Variable(x), in: .inference).value
    #expect(try block(Variable(x), in: .inference).value == first)
    #expect(try block(Variable(x), in: .training(random: random)).value != first)
  }
}
