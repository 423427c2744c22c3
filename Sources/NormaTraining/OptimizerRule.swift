/// How an optimizer turns gradients into steps. `g` is the gradient, `w` the parameter, `rate` the learning rate.
public enum OptimizerRule: Hashable, Sendable, Codable {
  /// Stochastic gradient descent: `v = momentum · v + g`, then `w −= rate · v`, or with Nesterov's look ahead
  /// `w −= rate · (g + momentum · v)`; momentum 0 is the plain rule.
  case sgd(momentum: Double = 0, nesterov: Bool = false)
  /// RMSProp (Hinton 2012): `c = decay · c + (1 − decay) · g²`, then `w −= rate · g / (√c + epsilon)`.
  case rmsProp(decay: Double = 0.99, epsilon: Double = 1e-8)
  /// Adam (Kingma and Ba 2015), bias-corrected; with `weightDecay` AdamW (Loshchilov and Hutter 2019), which shrinks
  /// weights by `rate · weightDecay` apart from the gradient.
  case adam(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0)

  /// How many numbers it remembers for each parameter.
  var slotCount: Int {
    switch self {
    case .sgd(let momentum, _): momentum == 0 ? 0 : 1
    case .rmsProp: 1
    case .adam: 2
    }
  }
}

extension OptimizerRule: CustomStringConvertible {
  /// The rule and its numbers in words.
  public var description: String {
    switch self {
    case .sgd(0, _): "SGD"
    case .sgd(let momentum, let nesterov): "SGD, \(nesterov ? "Nesterov " : "")momentum \(momentum)"
    case .rmsProp(let decay, _): "RMSProp, decay \(decay)"
    case .adam(let beta1, let beta2, _, let weightDecay):
      "\(weightDecay == 0 ? "Adam" : "AdamW"), betas \(beta1) and \(beta2)"
        + (weightDecay == 0 ? "" : ", weight decay \(weightDecay)")
    }
  }
}
