import NormaLayers
import NormaTensor

/// Changes parameters by their gradients, remembering what its rule needs between steps.
public struct Optimizer<Element: TensorElement>: Sendable {
  /// How gradients become steps.
  public let rule: OptimizerRule
  /// How many steps were made.
  public private(set) var stepCount = 0
  /// What it remembers, for each parameter in the order given to ``update(_:gradients:learningRate:)``: momentum for
  /// SGD, the mean square for RMSProp, first and second moments for Adam. Empty before the first step.
  public private(set) var slots: [[Tensor<Element>]] = []

  /// An optimizer before its first step.
  public init(_ rule: OptimizerRule) { self.rule = rule }

  /// Makes one step.
  ///
  /// - Parameters:
  ///   - parameters: the same parameters in the same order at every step.
  ///   - gradients: one for each, of its shape; nil leaves the parameter alone.
  ///   - learningRate: the rate of this step.
  ///   - decays: which kinds of parameter AdamW's weight decay shrinks.
  public mutating func update(
    _ parameters: [Parameter<Element>], gradients: [Tensor<Element>?], learningRate: Double,
    decays: Set<Parameter<Element>.Kind> = [.weight]
  ) {
    precondition(
      parameters.count == gradients.count, "\(gradients.count) gradients for \(parameters.count) parameters")
    if slots.isEmpty {
      slots = parameters.map { parameter in
        (0..<rule.slotCount).map { _ in Tensor.zeros(parameter.value.shape) }
      }
    }
    precondition(slots.count == parameters.count, "\(parameters.count) parameters, and \(slots.count) the step before")
    stepCount += 1
    for (index, parameter) in parameters.enumerated() {
      guard let gradient = gradients[index], !parameter.isFrozen else { continue }
      step(
        parameter, gradient: gradient, slots: &slots[index], learningRate: learningRate,
        decays: decays.contains(parameter.kind))
    }
  }

  private func step(
    _ parameter: Parameter<Element>, gradient: Tensor<Element>, slots: inout [Tensor<Element>], learningRate: Double,
    decays: Bool
  ) {
    precondition(
      gradient.shape == parameter.value.shape,
      "a gradient of shape \(gradient.shape) for a parameter of shape \(parameter.value.shape)")
    // Each slot is taken out of the array while it changes, so that it is the only one to hold its memory.
    func changing(_ slot: Int, _ body: (UnsafeMutablePointer<Element>) -> Void) {
      slots[slot].withUnsafeMutableElements { body($0.baseAddress!) }
    }
    guard gradient.count > 0 else { return }
    parameter.value.withUnsafeMutableElements { weights in
      gradient.withUnsafeElements { gradient in
        let (w, g, count) = (weights.baseAddress!, gradient.baseAddress!, gradient.count)
        switch rule {
        case .sgd(let momentum, let nesterov):
          guard momentum != 0 else { return sgdStep(w, g, count, rate: Element(learningRate)) }
          changing(0) {
            momentumStep(
              w, g, $0, count, rate: Element(learningRate), momentum: Element(momentum), nesterov: nesterov)
          }
        case .rmsProp(let decay, let epsilon):
          changing(0) {
            rmsPropStep(
              w, g, $0, count, rate: Element(learningRate), decay: Element(decay), rest: Element(1 - decay),
              epsilon: Element(epsilon))
          }
        case .adam(let beta1, let beta2, let epsilon, let weightDecay):
          let factors = AdamFactors<Element>(
            beta1: beta1, beta2: beta2, epsilon: epsilon, step: stepCount, learningRate: learningRate,
            weightDecay: decays ? weightDecay : 0)
          changing(0) { first in changing(1) { second in adamStep(w, g, first, second, count, factors) } }
        }
      }
    }
  }
}
