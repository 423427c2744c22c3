import Foundation
import Norma
import TestSupport
import Testing

/// The rules against formulas written out here, on the 4 × 5 arrays with which CS231n checks its own.
@Suite struct OptimizerTests {
  typealias T = Tensor<Double>
  let w = T.linearlySpaced(from: -0.4, through: 0.6, shape: [4, 5])
  let dw = T.linearlySpaced(from: -0.6, through: 0.4, shape: [4, 5])

  private func run(_ rule: any OptimizerRule, steps: Int, learningRate: Double) -> (w: T, first: T) {
    let parameter = Parameter(w, name: "weight", kind: .weight)
    var optimizer = Optimizer<Double>(rule)
    for _ in 0..<steps { optimizer.update([parameter], gradients: [dw], learningRate: learningRate) }
    return (parameter.value, optimizer.first)
  }

  private func map(_ x: T, _ y: T, _ function: (Double, Double) -> Double) -> T {
    T(zip(x.elements, y.elements).map(function), shape: x.shape)
  }

  @Test func plainDescentFollowsTheGradient() {
    let expected = map(w, dw) { $0 - 3 * 0.01 * $1 }
    #expect(relativeError(run(.sgd(), steps: 3, learningRate: 0.01).w, expected) < 1e-14)
  }

  /// With a constant gradient the velocity after t steps is `g·(1 − mᵗ)/(1 − m)`.
  @Test func momentumGathersSpeed() {
    let (result, velocity) = run(.sgd(momentum: 0.9), steps: 4, learningRate: 1e-3)
    let velocities = [1, 1.9, 2.71, 3.439]
    #expect(relativeError(velocity.reshaped(to: w.shape), 3.439 * dw) < 1e-14)
    #expect(relativeError(result, map(w, dw) { $0 - 1e-3 * velocities.reduce(0, +) * $1 }) < 1e-13)
  }

  @Test func nesterovLooksOneStepAhead() {
    let result = run(.sgd(momentum: 0.9, nesterov: true), steps: 2, learningRate: 1e-3).w
    // g + m·v with v = g, then v = 1.9·g.
    #expect(relativeError(result, map(w, dw) { $0 - 1e-3 * ((1 + 0.9) + (1 + 0.9 * 1.9)) * $1 }) < 1e-13)
  }

  /// CS231n starts with a velocity of linspace(0.6, 0.9), in its convention `v = m·v − rate·g`. Ours is −1/rate times
  /// that, and comes about by a first gradient that moves nothing, at rate 0.
  @Test func aGivenVelocityMovesTheParameterOn() {
    let rate = 1e-3
    let given = T.linearlySpaced(from: 0.6, through: 0.9, shape: [4, 5])
    let parameter = Parameter(w, name: "weight", kind: .weight)
    var optimizer = Optimizer<Double>(.sgd(momentum: 0.9))
    optimizer.update([parameter], gradients: [(-1 / rate) * given], learningRate: 0)
    #expect(parameter.value == w)
    optimizer.update([parameter], gradients: [dw], learningRate: rate)
    let velocity = map(given, dw) { 0.9 * $0 - rate * $1 }
    #expect(relativeError(parameter.value, w + velocity) < 1e-8)
    #expect(relativeError((-rate) * optimizer.first.reshaped(to: [4, 5]), velocity) < 1e-8)
    // The first and last elements of CS231n's published result.
    #expect(abs(parameter.value[0, 0] - 0.1406) < 1e-12 && abs(parameter.value[3, 4] - 1.4096) < 1e-12)
  }

  /// The cache starts as linspace(0.6, 0.9) by way of a first gradient √(cache/(1 − decay)) at rate 0.
  @Test func rmsPropDividesByTheRootOfTheMeanSquare() {
    let (rate, decay) = (1e-2, 0.99)
    let cache = T.linearlySpaced(from: 0.6, through: 0.9, shape: [4, 5])
    let parameter = Parameter(w, name: "weight", kind: .weight)
    var optimizer = Optimizer<Double>(.rmsProp(decay: decay, epsilon: 1e-8))
    optimizer.update([parameter], gradients: [(1 / (1 - decay) * cache).applying(.squareRoot)], learningRate: 0)
    optimizer.update([parameter], gradients: [dw], learningRate: rate)
    let newCache = map(cache, dw) { decay * $0 + (1 - decay) * $1 * $1 }
    let step = map(dw, newCache) { rate * $0 / ($1.squareRoot() + 1e-8) }
    #expect(relativeError(optimizer.first.reshaped(to: [4, 5]), newCache) < 1e-7)
    #expect(relativeError(parameter.value, w - step) < 1e-7)
  }

  /// Adam at the fifth step: four steps of other gradients first, so that both moments have a past.
  @Test func adamCorrectsItsBias() {
    let (rate, beta1, beta2, epsilon) = (1e-3, 0.9, 0.999, 1e-8)
    let parameter = Parameter(w, name: "weight", kind: .weight)
    var optimizer = Optimizer<Double>(.adam())
    var expected = w.elements
    var m = [Double](repeating: 0, count: 20)
    var v = m
    for t in 1...5 {
      let gradient = T.linearlySpaced(from: -0.6 * Double(t), through: 0.4 + Double(t) / 10, shape: [4, 5])
      optimizer.update([parameter], gradients: [gradient], learningRate: rate)
      for (i, g) in gradient.elements.enumerated() {
        m[i] = beta1 * m[i] + (1 - beta1) * g
        v[i] = beta2 * v[i] + (1 - beta2) * g * g
        let corrected = (m: m[i] / (1 - pow(beta1, Double(t))), v: v[i] / (1 - pow(beta2, Double(t))))
        expected[i] -= rate * corrected.m / (corrected.v.squareRoot() + epsilon)
      }
    }
    #expect(relativeError(parameter.value, T(expected, shape: [4, 5])) < 1e-12)
    #expect(relativeError(optimizer.first.reshaped(to: [4, 5]), T(m, shape: [4, 5])) < 1e-12)
    #expect(relativeError(optimizer.second.reshaped(to: [4, 5]), T(v, shape: [4, 5])) < 1e-12)
  }

  @Test func adamsFirstStepHasTheLengthOfTheRateWhateverTheGradient() {
    let parameter = Parameter(T([1, 1, 1, 1]), name: "weight", kind: .weight)
    var optimizer = Optimizer<Double>(.adam(epsilon: 0))
    optimizer.update([parameter], gradients: [T([1e-6, -1e-3, 1, 1e6])], learningRate: 0.01)
    #expect(relativeError(parameter.value, T([0.99, 1.01, 0.99, 0.99])) < 1e-14)
  }

  @Test func weightDecayShrinksOnlyTheKindsItIsToldTo() {
    let kinds: [ParameterKind] = [.weight, .bias, .gamma, .beta]
    let parameters = kinds.map { Parameter(T([2]), name: "weight", kind: $0) }
    var optimizer = Optimizer<Double>(.adam(weightDecay: 0.5))
    let zeros: [T?] = kinds.map { _ in T([0]) }
    optimizer.update(parameters, gradients: zeros, learningRate: 0.1)
    for (kind, parameter) in zip(kinds, parameters) { #expect(parameter.value.item == (kind == .weight ? 1.9 : 2)) }
    optimizer.update(parameters, gradients: zeros, learningRate: 0.1, decays: [.gamma])
    for (kind, parameter) in zip(kinds, parameters) {
      #expect(parameter.value.item == (kind == .weight || kind == .gamma ? 1.9 : 2))
    }
  }

  @Test func aParameterWithoutGradientOrFrozenStaysWhereItIs() {
    let (still, frozen, moving) = (
      Parameter(w, name: "weight", kind: .weight), Parameter(w, name: "weight", kind: .weight),
      Parameter(w, name: "weight", kind: .weight)
    )
    frozen.isFrozen = true
    var optimizer = Optimizer<Double>(.adam(weightDecay: 0.1))
    optimizer.update([still, frozen, moving], gradients: [nil, dw, dw], learningRate: 0.1)
    #expect(still.value == w && frozen.value == w && moving.value != w)
  }

  @Test func thePenaltyLeavesGammaBetaAndBiasesAloneUnlessTold() {
    let kinds: [ParameterKind] = [.weight, .bias, .gamma, .beta]
    let parameters = kinds.map { Parameter(T([3, -4]), name: "weight", kind: $0) }
    func gradients(_ penalty: L2Penalty<Double>) -> [T?] {
      var gradients: [T?] = kinds.map { _ in T([1, 1]) }
      penalty.add(to: &gradients, of: parameters)
      return gradients
    }
    let weights = L2Penalty<Double>(strength: 0.5)
    #expect(weights.loss(of: parameters) == 0.25 * 25)
    for (kind, gradient) in zip(kinds, gradients(weights)) {
      #expect(gradient == (kind == .weight ? T([2.5, -1]) : T([1, 1])))
    }
    let all = L2Penalty<Double>(strength: 0.5, kinds: Set(kinds))
    #expect(all.loss(of: parameters) == Double(kinds.count) * 0.25 * 25)
    #expect(gradients(all).allSatisfy { $0 == T([2.5, -1]) })
  }
}
