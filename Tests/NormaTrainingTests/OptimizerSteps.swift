import Norma

extension Optimizer {
  /// What the rule's first slot holds, and its second; nothing where there is none.
  var first: Tensor<Element> { rule.slots.first.flatMap { slots[$0] } ?? .zeros([0]) }
  var second: Tensor<Element> { rule.slots.dropFirst().first.flatMap { slots[$0] } ?? .zeros([0]) }

  /// One step of the given parameters, with a rate and with decay of the given kinds.
  mutating func update(
    _ parameters: [Parameter<Element>], gradients: [Tensor<Element>?], learningRate: Double,
    decays: Set<ParameterKind> = [.weight]
  ) {
    self.learningRate = learningRate
    decayedKinds = decays
    update(parameters, gradients: gradients)
  }
}
