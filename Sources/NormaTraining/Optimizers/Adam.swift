import CKernels
import NormaTensor

/// Adam (Kingma and Ba 2015), bias-corrected; with weight decay AdamW (Loshchilov and Hutter 2019), which shrinks weights by
/// `rate · weightDecay` apart from the gradient.
///
/// `m = β₁ · m + (1 − β₁) · g`, `v = β₂ · v + (1 − β₂) · g²`, then with `m̂ = m / (1 − β₁ᵗ)` and `v̂ = v / (1 − β₂ᵗ)`
/// `w −= rate · m̂ / (√v̂ + epsilon)`.
public struct Adam: OptimizerRule {
  public static let name = "adam"
  /// What the running mean of the gradients keeps at each step.
  public var beta1: Double
  /// What that of their squares keeps.
  public var beta2: Double
  /// What is added to the root, so that nothing is divided by 0.
  public var epsilon: Double
  /// By how much weights shrink at each step, times the learning rate.
  public var weightDecay: Double

  /// The rule by its settings.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public var slots: [String] { ["first_moment", "second_moment"] }

  public var description: String {
    "\(weightDecay == 0 ? "Adam" : "AdamW"), betas \(beta1) and \(beta2)"
      + (weightDecay == 0 ? "" : ", weight decay \(weightDecay)")
  }

  public func update<Element: TensorElement>(
    _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
    step: OptimizerStep
  ) {
    let (first, second) = (slots.pointer(0), slots.pointer(1))
    values.withUnsafeMutableBufferPointer { values in
      gradients.withUnsafeBufferPointer { gradients in
        guard let w = values.baseAddress, let g = gradients.baseAddress else { return }
        let (plain, factors) = (AdamFactors<Float>(self, step), AdamFactors<Element>(self, step))
        MeanSquare.step(
          values.count,
          kernel: Element.kernels.map { kernels in
            { start in
              kernels.table.pointee.adam(
                kernels(w + start), kernels(g + start), kernels(first + start), kernels(second + start),
                values.count - start, plain.beta1, plain.rest1, plain.beta2, plain.rest2, plain.rate, plain.rootScale,
                plain.epsilon, plain.shrink, MeanSquare.bound)
            }
          }
        ) { start, count in
          adamStep(w + start, g + start, first + start, second + start, count, factors)
        }
      }
    }
  }
}

extension OptimizerRule where Self == Adam {
  /// Adam; AdamW with weight decay.
  public static func adam(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0
  ) -> Self { Self(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay) }
}

/// What is the same for every number of one step of Adam.
private struct AdamFactors<Element: TensorElement> {
  let beta1, rest1, beta2, rest2, epsilon: Element
  /// `rate / (1 − beta1ᵗ)`.
  let rate: Element
  /// `1 / √(1 − beta2ᵗ)`.
  let rootScale: Element
  /// `1 − rate · weightDecay`.
  let shrink: Element

  init(_ rule: Adam, _ step: OptimizerStep) {
    beta1 = Element(rule.beta1)
    rest1 = Element(1 - rule.beta1)
    beta2 = Element(rule.beta2)
    rest2 = Element(1 - rule.beta2)
    epsilon = Element(rule.epsilon)
    rate = Element(step.learningRate / (1 - Functions.power(rule.beta1, step.number)))
    rootScale = Element(1 / (1 - Functions.power(rule.beta2, step.number)).squareRoot())
    shrink = Element(1 - step.learningRate * (step.decays ? rule.weightDecay : 0))
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func adamStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ first: UnsafeMutablePointer<Element>,
  _ second: UnsafeMutablePointer<Element>, _ count: Int, _ factors: AdamFactors<Element>
) {
  // Copies in registers: the compiler cannot tell that the stores below leave the factors alone.
  let (beta1, rest1, beta2, rest2) = (factors.beta1, factors.rest1, factors.beta2, factors.rest2)
  let (rate, rootScale, epsilon, shrink) = (factors.rate, factors.rootScale, factors.epsilon, factors.shrink)
  for i in 0..<count {
    first[i] = beta1 * first[i] + rest1 * g[i]
    let (root, isWide) = MeanSquare.add(g[i], to: &second[i], decay: beta2, rest: rest2)
    // The quotient first where the gradient is large: its product with the rate, or the corrected root, may be too large.
    let step =
      isWide
      ? rate * (first[i] / (root + epsilon / rootScale) / rootScale) : rate * first[i] / (root * rootScale + epsilon)
    w[i] = shrink * w[i] - step
  }
}
