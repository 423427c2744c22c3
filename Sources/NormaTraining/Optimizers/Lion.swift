import NormaTensor

/// Lion (Chen et al. 2023): steps by the sign of a running mean of the gradients, all of one length, with weight decay apart from the
/// gradient.
///
/// `w −= rate · sign(β₁ · m + (1 − β₁) · g)`, then `m = β₂ · m + (1 − β₂) · g`. Its learning rate is 3 to 10 times smaller than
/// Adam's, and its weight decay as much larger.
public struct Lion: OptimizerRule {
  public static let name = "lion"
  /// What the step's direction keeps of the running mean.
  public var beta1: Double
  /// What the running mean keeps at each step.
  public var beta2: Double
  /// By how much weights shrink at each step, times the learning rate.
  public var weightDecay: Double

  /// The rule by its settings.
  public init(beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
  }

  public var slots: [String] { ["momentum"] }

  public var description: String {
    "Lion, betas \(beta1) and \(beta2)" + (weightDecay == 0 ? "" : ", weight decay \(weightDecay)")
  }

  public func update<Element: TensorElement>(
    _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
    step: OptimizerStep
  ) {
    let momentum = slots.pointer(0)
    values.withUnsafeMutableBufferPointer { values in
      gradients.withUnsafeBufferPointer { gradients in
        guard let w = values.baseAddress, let g = gradients.baseAddress else { return }
        lionStep(
          w, g, momentum, values.count, rate: Element(step.learningRate), beta1: Element(beta1),
          rest1: Element(1 - beta1), beta2: Element(beta2), rest2: Element(1 - beta2))
      }
    }
  }
}

extension OptimizerRule where Self == Lion {
  /// Lion.
  public static func lion(beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0) -> Self {
    Self(beta1: beta1, beta2: beta2, weightDecay: weightDecay)
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func lionStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ momentum: UnsafeMutablePointer<Element>,
  _ count: Int, rate: Element, beta1: Element, rest1: Element, beta2: Element, rest2: Element
) {
  for i in 0..<count {
    let direction = beta1 * momentum[i] + rest1 * g[i]
    momentum[i] = beta2 * momentum[i] + rest2 * g[i]
    w[i] -= direction > 0 ? rate : direction < 0 ? -rate : rate * direction
  }
}
