import NormaNormalization
import NormaTensor
import TestSupport
import Testing

@Suite struct RMSNormalizationTests {
  private struct Inputs {
    var x, gradient: Tensor<Float>
    var gamma: Tensor<Float>

    init(_ shape: Shape, scale: Float = 1, seed: UInt64 = 71) {
      var random = RandomGenerator(seed: seed)
      x = .normal(shape, mean: 1, standardDeviation: 2, using: &random).applying(.scale(scale))
      gradient = .normal(shape, using: &random)
      gamma = .uniform([shape.channelCount], in: 0.5..<1.5, using: &random)
    }
  }

  private func run<Element: TensorElement>(
    _ x: Tensor<Element>, _ g: Tensor<Element>, _ gamma: Tensor<Element>, epsilon: Double = 1e-5
  ) -> [Tensor<Element>] {
    let (y, saved) = RMSNormalization.forward(x, gamma: gamma, epsilon: epsilon)
    let gradients = RMSNormalization.backward(g, input: x, saved: saved)
    return [y, gradients.input, gradients.gamma, gradients.beta]
  }

  static let shapes: [Shape] = [
    [1, 1], [3, 7], [65, 16], [130, 33], [2, 3, 64], [200, 768], [5, 5000], [3, 20_000], [700, 31], [16_400, 208],
  ]

  @Test(arguments: shapes) func floatsGiveWhatDoublePrecisionGives(shape: Shape) {
    let inputs = Inputs(shape)
    let found = run(inputs.x, inputs.gradient, inputs.gamma)
    let expected = run(inputs.x.converted(to: Double.self), inputs.gradient.converted(), inputs.gamma.converted())
    for (index, name) in ["y", "dx", "dgamma", "dbeta"].enumerated() {
      let error = errorRelativeToScale(found[index].converted(), reference: expected[index], floor: 1)
      #expect(error <= 1e-6, "\(name) of \(shape)")
    }
  }

  @Test func theDefinitionIsTheFormula() {
    let x = Tensor<Double>([3, 4, -1, 2], shape: [2, 2])
    let (y, saved) = RMSNormalization.forward(x, gamma: Tensor([2, 10]), epsilon: 0.5)
    let roots = [Double(13).squareRoot(), Double(3).squareRoot()]
    for (found, expected) in zip(y.elements, [6 / roots[0], 40 / roots[0], -2 / roots[1], 20 / roots[1]]) {
      #expect(abs(found - expected) <= 4 * expected.ulp)
    }
    #expect(relativeError(saved.reciprocal, Tensor(roots.map { 1 / $0 })) < 1e-15)
  }

  @Test func gradientsAreThoseOfFiniteDifferences() {
    var random = RandomGenerator(seed: 72)
    let x = Tensor<Double>.normal([3, 5], mean: 0.5, using: &random)
    let gamma = Tensor<Double>.normal([5], using: &random)
    let g = Tensor<Double>.normal([3, 5], using: &random)
    func loss(_ x: Tensor<Double>, _ gamma: Tensor<Double>) -> Double {
      (RMSNormalization.forward(x, gamma: gamma).output * g).elements.reduce(0, +)
    }
    let step = 1e-5
    func differences(_ tensor: Tensor<Double>, _ loss: (Tensor<Double>) -> Double) -> Tensor<Double> {
      Tensor(
        (0..<tensor.count).map { index in
          func moved(_ by: Double) -> Double {
            var moved = tensor
            moved.withUnsafeMutableElements { $0[index] += by }
            return loss(moved)
          }
          return (moved(step) - moved(-step)) / (2 * step)
        }, shape: tensor.shape)
    }
    let gradients = RMSNormalization.backward(
      g, input: x, saved: RMSNormalization.forward(x, gamma: gamma).saved)
    // A central difference is right to the step's square times third derivatives of some units.
    #expect(errorRelativeToScale(gradients.input, reference: differences(x) { loss($0, gamma) }) < 1e-8)
    #expect(errorRelativeToScale(gradients.gamma, reference: differences(gamma) { loss(x, $0) }) < 1e-8)
  }

  @Test func everyInstructionSetAndThreadCountGivesTheSameBits() {
    for shape in Self.shapes {
      let inputs = Inputs(shape)
      var first: [Tensor<Float>]?
      for (name, results) in resultsByKernels({
        resultsByThreadCount { run(inputs.x, inputs.gradient, inputs.gamma) }
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

  @Test(arguments: RangeTests.magnitudes) func everySizeGivesWhatDoublePrecisionGives(magnitude: Float) {
    for shape: Shape in [[70, 24], [3, 300]] {
      for epsilon in [1e-5, 0] {
        var inputs = Inputs(shape)
        let largest = inputs.x.elements.map(abs).max() ?? 1
        inputs.x = inputs.x.applying(.scale(1 / largest)).applying(.scale(magnitude))
        let found = run(inputs.x, inputs.gradient, inputs.gamma, epsilon: epsilon)
        let expected = run(
          inputs.x.converted(to: Double.self), inputs.gradient.converted(), inputs.gamma.converted(), epsilon: epsilon)
        let steepest = RMSNormalization.forward(inputs.x, epsilon: epsilon).saved.reciprocal.maximum() ?? 1
        for index in 0..<4 {
          // The terms of dx may cancel; what they cancel from is the scale then.
          let floor = index == 1 ? 4 * steepest : 1
          guard floor < 1e38 else { continue }
          let error = errorRelativeToScale(found[index].converted(), reference: expected[index], floor: floor)
          // Below the smallest normal float, numbers are 2⁻¹⁴⁹ apart.
          #expect(error <= 1e-6 + 0x1p-149 / floor, "\(index) of \(shape), epsilon \(epsilon)")
        }
      }
    }
  }

  @Test func rowsOfZerosStayAndWhatIsNotANumberStaysInItsRow() {
    var x = Tensor<Float>.ones([4, 6])
    for channel in 0..<6 { x[1, channel] = 0 }
    x[2, 3] = .nan
    let (y, saved) = RMSNormalization.forward(x)
    let dx = RMSNormalization.backward(.ones([4, 6]), input: x, saved: saved).input
    #expect(y[rows: 1..<2] == .zeros([1, 6]) && y[rows: 2..<3].elements.allSatisfy(\.isNaN))
    #expect(y[rows: 0..<1] == y[rows: 3..<4] && dx[rows: 0..<2].isFinite && dx[rows: 3..<4].isFinite)
  }

  @Test func anEmptyTensorGivesAnEmptyOutputAndGradientsOfZero() {
    let x = Tensor<Float>.zeros([0, 3])
    let (y, saved) = RMSNormalization.forward(x)
    #expect(y.shape == [0, 3])
    #expect(RMSNormalization.backward(x, input: x, saved: saved).gamma == .zeros([3]))
  }

  static let cases = ParityFixture.cases(of: "rms_norm", RMSNormSettings.self)

  @Test(arguments: cases) func itIsPyTorchs(parity: ParityCase<RMSNormSettings>) {
    check(Double.self, parity, within: 1e-14)
    // Some roundings of float32, of inputs that are rounded to it.
    check(Float.self, parity, within: 1e-6)
  }

  private func check<Element: TensorElement>(
    _ type: Element.Type, _ parity: ParityCase<RMSNormSettings>, within bound: Double
  ) {
    let x: Tensor<Element> = parity.input("x")
    let gamma: Tensor<Element>? = parity.settings.affine ? parity.input("gamma") : nil
    let (y, saved) = RMSNormalization.forward(x, gamma: gamma, epsilon: parity.settings.epsilon)
    let gradients = RMSNormalization.backward(parity.input("dy"), input: x, saved: saved)
    var results = [("y", y, 1.0), ("dx", gradients.input, 4 * (saved.reciprocal.maximum() ?? 1))]
    if parity.settings.affine { results.append(("dgamma", gradients.gamma, 1)) }
    for (name, values, floor) in results {
      #expect(
        errorRelativeToScale(values.converted(to: Double.self), reference: parity.expected(name), floor: floor)
          <= bound,
        "\(name), \(Element.self)")
    }
  }
}
