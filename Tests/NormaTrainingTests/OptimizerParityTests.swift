import Foundation
import Norma
import TestSupport
import Testing

/// The optimizers against PyTorch's, eight steps of two parameters on given gradients.
@Suite struct OptimizerParityTests {
  /// All of PyTorch's cases but RMSprop's with momentum, which Norma's rule does not have.
  static let cases = ParityFixture.cases(of: "optimizers", OptimizerSettings.self).filter {
    $0.settings.rule != "rmsprop" || $0.settings.momentum == 0
  }

  private func rule(_ settings: OptimizerSettings) throws -> any OptimizerRule {
    switch settings.rule {
    case "sgd":
      return .sgd(momentum: try #require(settings.momentum), nesterov: settings.nesterov == true)
    case "rmsprop":
      return .rmsProp(decay: try #require(settings.smoothing), epsilon: try #require(settings.epsilon))
    case "lion":
      return .lion(
        beta1: try #require(settings.beta1), beta2: try #require(settings.beta2), weightDecay: settings.weightDecay)
    default:
      try #require(["adam", "adamw", "amsgrad"].contains(settings.rule))
      return .adam(
        beta1: try #require(settings.beta1), beta2: try #require(settings.beta2),
        epsilon: try #require(settings.epsilon), weightDecay: settings.rule == "adamw" ? settings.weightDecay : 0,
        usesLargest: settings.rule == "amsgrad")
    }
  }

  /// The bound for each of one parameter's elements after each step, `[steps][elements]`.
  ///
  /// A step rounds the parameter twice (its shrinking, the subtraction). The update's memory is a sum whose terms round at
  /// most 8 times a step each, weights included, and whose use rounds 10 times more. Relative to the update this is
  /// multiplied by what cancels within the gradient when a penalty is added to it (`largest |g| + 2|λw|` over
  /// `largest |g + λw|`), and by the largest ratio of a gradient to the root of the mean square: where the squares' decay is d, that
  /// mean is at least `d^7·(1 − d)` (over `1 − d^8` if corrected) times the largest square.
  private func bounds(
    _ settings: OptimizerSettings, start: [Double], gradients: [[Double]], expected: [[Double]], penalty: Double,
    unit: Double
  ) -> [[Double]] {
    let rate = settings.learningRate
    func ratio(_ decay: Double, corrected: Bool) -> Double {
      let rest = pow(decay, 7) * (1 - decay)
      return ((corrected ? 1 - pow(decay, 8) : 1) / rest).squareRoot()
    }
    var result = expected
    for element in start.indices {
      var (weight, error, largestTerm, largestGradient) = (start[element], 0.0, 0.0, 0.0)
      for step in gradients.indices {
        let g = gradients[step][element]
        largestTerm = max(largestTerm, abs(g) + 2 * abs(penalty * weight))
        largestGradient = max(largestGradient, abs(g + penalty * weight))
        let cancelled = largestGradient > 0 ? largestTerm / largestGradient : 1
        let update =
          switch settings.rule {
          case "sgd": rate * largestTerm / (1 - (settings.momentum ?? 0))
          // Steps of one length, in directions that rounding leaves as they are.
          case "lion": rate
          case "rmsprop": rate * cancelled * ratio(settings.smoothing ?? 0, corrected: false)
          default: rate * cancelled * ratio(settings.beta2 ?? 0, corrected: true)
          }
        weight = expected[step][element]
        error += unit * (2 * abs(weight) + Double(8 * (step + 1) + 10) * update)
        result[step][element] = error
      }
    }
    return result
  }

  private func check<Element: TensorElement>(_ type: Element.Type, _ parity: ParityCase<OptimizerSettings>) throws {
    let settings = parity.settings
    let kinds: [String: ParameterKind] = ["weight": .weight, "bias": .bias]
    let names = ["weight", "bias"]
    let parameters = try names.map { name in
      Parameter<Element>(parity.fixture.tensor("start.\(name)"), name: name, kind: try #require(kinds[name]))
    }
    let gradients: [Tensor<Element>] = names.map { parity.fixture.tensor("\(settings.gradients).\($0)") }
    let decayed = Set(settings.decayed.compactMap { kinds[$0] })
    let penalty = L2Penalty<Element>(
      strength: ["adamw", "lion"].contains(settings.rule) ? 0 : settings.weightDecay, kinds: decayed)
    var optimizer = Optimizer<Element>(try rule(settings))
    var steps: [[Tensor<Element>]] = []
    for step in 0..<gradients[0].shape[0] {
      var found = zip(gradients, parameters).map { gradients, parameter -> Tensor<Element>? in
        gradients[rows: step..<step + 1].reshaped(to: parameter.value.shape)
      }
      penalty.add(to: &found, of: parameters)
      optimizer.update(parameters, gradients: found, learningRate: settings.learningRate, decays: decayed)
      steps.append(parameters.map(\.value))
    }
    #expect(optimizer.stepCount == 8)
    func byStep(_ tensor: Tensor<Double>) -> [[Double]] { (0..<8).map { tensor[rows: $0..<$0 + 1].elements } }
    for (index, name) in names.enumerated() {
      let expected = byStep(parity.expected(name))
      let bounds = bounds(
        settings, start: parity.fixture.tensor("start.\(name)").elements,
        gradients: byStep(parity.fixture.tensor("\(settings.gradients).\(name)")), expected: expected,
        penalty: settings.decayed.contains(name) ? penalty.strength : 0,
        unit: Element.unitRoundoff + 2 * Double.unitRoundoff)
      for step in 0..<8 {
        let ratio = errorOverBound(steps[step][index], reference: expected[step], bound: bounds[step])
        #expect(ratio <= 1, "\(name) after step \(step + 1) in \(Element.self)")
      }
    }
  }

  @Test(arguments: cases) func optimizersArePyTorchs(parity: ParityCase<OptimizerSettings>) throws {
    try check(Double.self, parity)
    try check(Float.self, parity)
  }

  @Test func onlyRMSPropWithMomentumIsLeftOut() { #expect(Self.cases.count == 31) }
}
