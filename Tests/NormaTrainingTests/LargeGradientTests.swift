import Norma
import TestSupport
import Testing

/// Optimizers that divide by the root of a mean of squares, where the squares are no `Float`.
@Suite struct LargeGradientTests {
  private static let rules: [any OptimizerRule] = [Adam(), Adam(weightDecay: 0.1), RMSProp(), RMSProp(decay: 0.5)]

  /// The parameter after a step for each gradient, computed with `Float` or `Double`.
  private func run<Element: TensorElement>(
    _ rule: any OptimizerRule, _ gradients: [[Float]], _ type: Element.Type = Element.self
  ) -> [Element] {
    let parameter = Parameter<Element>(.ones([gradients[0].count]), name: "weight", kind: .weight)
    var optimizer = Optimizer<Element>(rule)
    for gradient in gradients {
      optimizer.update([parameter], gradients: [Tensor(gradient.map { Element($0) })], learningRate: 0.01)
    }
    return parameter.value.elements
  }

  /// `Double` holds all squares. Each of the five steps is at most 0.1 (RMSProp's first, 0.01/√0.01) and comes of some ten roundings
  /// of 2⁻²⁴, which a sum that cancels may make ten times as large: 5 · 0.1 · 100 · 2⁻²⁴ = 3e-6.
  @Test(arguments: 0..<4) func stepsAreRightForGradientsOfAnySize(rule: Int) {
    let most = Float.greatestFiniteMagnitude
    let gradients: [[Float]] = [
      [1e25, 1e-3, most, 1e19, -1e20, 1e-30, 3e38], [1e25, 1, most, 1e18, 1e20, 2, -3e38],
      [-1e24, 1, most, 1, 1e19, 1e30, 3e38], [1e20, -1e38, most, 1e19, 1e10, 1e30, 1], [1e19, 1, most, 1, 1, 1, 1],
    ]
    let (float, double) = (run(Self.rules[rule], gradients, Float.self), run(Self.rules[rule], gradients, Double.self))
    for (float, double) in zip(float, double) {
      #expect(float != 1 && abs(Double(float) - double) < 3e-6)
    }
  }

  /// Whatever stands beside them: numbers whose squares are no `Float` change no bit of the others' steps.
  @Test(arguments: 0..<4) func otherNumbersKeepTheirBits(rule: Int) {
    var random = RandomGenerator(seed: 1)
    let usual = (0..<4).map { _ in Tensor<Float>.normal([37], using: &random).elements }
    let alone = run(Self.rules[rule], usual, Float.self)
    let beside = run(Self.rules[rule], usual.map { $0 + [1e30] }, Float.self)
    #expect(Array(beside.dropLast()).map(\.bitPattern) == alone.map(\.bitPattern))
  }

  @Test func whatIsTooLargeIsKeptAsItsRootAndSaved() throws {
    let parameter = Parameter<Float>(.ones([2]), name: "weight", kind: .weight)
    var optimizer = Optimizer<Float>(.rmsProp(decay: 0.75))
    optimizer.update([parameter], gradients: [Tensor([1e30, 2])], learningRate: 0)
    // √(0.25 · 1e60), and 0.25 · 2².
    #expect(optimizer.slots["mean_square"]?.elements == [-5e29, 1])
    for _ in 0..<300 { optimizer.update([parameter], gradients: [Tensor([0, 0])], learningRate: 0) }
    // 0.25 · 1e60 · 0.75³⁰⁰ is a Float again, within 600 roundings of 2⁻²⁴.
    let mean = try #require(optimizer.slots["mean_square"]).elements[0]
    #expect(abs(mean / 8.24744e21 - 1) < 1e-4)
  }
}
