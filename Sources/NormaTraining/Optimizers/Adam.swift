import CKernels
import NormaTensor

/// Adam (Kingma and Ba 2015), bias-corrected; with weight decay AdamW (Loshchilov and Hutter 2019), which shrinks weights by
/// `rate · weightDecay` apart from the gradient.
///
/// `m = β₁ · m + (1 − β₁) · g`, `v = β₂ · v + (1 − β₂) · g²`, then with `m̂ = m / (1 − β₁ᵗ)` and `v̂ = v / (1 − β₂ᵗ)`
/// `w −= rate · m̂ / (√v̂ + epsilon)`. With AMSGrad (Reddi et al. 2018) the largest v so far stands in the place of v.
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
  /// Whether the largest mean of squares so far is divided by, so that steps never grow again.
  public var usesLargest: Bool

  /// The rule by its settings; with `usesLargest` AMSGrad.
  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    usesLargest: Bool = false
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.usesLargest = usesLargest
  }

  public var slots: [String] { ["first_moment", "second_moment"] + (usesLargest ? ["largest_second_moment"] : []) }
  public var makesWholeSteps: Bool { true }

  public var description: String {
    (usesLargest ? "AMSGrad" : weightDecay == 0 ? "Adam" : "AdamW") + ", betas \(beta1) and \(beta2)"
      + (weightDecay == 0 ? "" : ", weight decay \(weightDecay)")
  }

  private enum CodingKeys: String, CodingKey { case beta1, beta2, epsilon, weightDecay, usesLargest }

  /// Settings from a file; an earlier version did not know AMSGrad.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    beta1 = try values.decode(Double.self, forKey: .beta1)
    beta2 = try values.decode(Double.self, forKey: .beta2)
    epsilon = try values.decode(Double.self, forKey: .epsilon)
    weightDecay = try values.decode(Double.self, forKey: .weightDecay)
    usesLargest = try values.decodeIfPresent(Bool.self, forKey: .usesLargest) ?? false
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(beta1, forKey: .beta1)
    try values.encode(beta2, forKey: .beta2)
    try values.encode(epsilon, forKey: .epsilon)
    try values.encode(weightDecay, forKey: .weightDecay)
    if usesLargest { try values.encode(usesLargest, forKey: .usesLargest) }
  }

  public func update<Element: TensorElement>(
    _ values: inout MutableSpan<Element>, gradients: Span<Element>, slots: inout OptimizerSlots<Element>,
    step: OptimizerStep
  ) {
    let (first, second) = (slots.pointer(0), slots.pointer(1))
    let largest = usesLargest ? slots.pointer(2) : nil
    let mean = step.averageWeight == nil ? nil : slots.pointer(self.slots.count)
    values.withUnsafeMutableBufferPointer { values in
      gradients.withUnsafeBufferPointer { gradients in
        guard let w = values.baseAddress, let g = gradients.baseAddress else { return }
        let (plain, factors) = (AdamFactors<Float>(self, step), AdamFactors<Element>(self, step))
        if usesLargest {
          return largestStep(w, g, first, second, largest!, mean, values.count, factors)
        }
        MeanSquare.step(
          values.count,
          kernel: Element.kernels.map { kernels in
            { start in
              kernels.table.pointee.adam(
                kernels(w + start), kernels(g + start), kernels(first + start), kernels(second + start),
                values.count - start, plain.beta1, plain.rest1, plain.beta2, plain.rest2, plain.rate, plain.rootScale,
                plain.epsilon, plain.shrink, MeanSquare.bound, plain.factor, mean.map { kernels($0 + start) },
                plain.weight)
            }
          }
        ) { start, count in
          adamStep(w + start, g + start, first + start, second + start, mean.map { $0 + start }, count, factors)
        }
      }
    }
  }
}

extension OptimizerRule where Self == Adam {
  /// Adam; AdamW with weight decay, AMSGrad with `usesLargest`.
  public static func adam(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    usesLargest: Bool = false
  ) -> Self {
    Self(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, usesLargest: usesLargest)
  }
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
  /// What gradients are multiplied by, and by how much the mean goes towards the weights.
  let factor, weight: Element

  init(_ rule: Adam, _ step: OptimizerStep) {
    beta1 = Element(rule.beta1)
    rest1 = Element(1 - rule.beta1)
    beta2 = Element(rule.beta2)
    rest2 = Element(1 - rule.beta2)
    epsilon = Element(rule.epsilon)
    rate = Element(step.learningRate / (1 - Functions.power(rule.beta1, step.number)))
    rootScale = Element(1 / (1 - Functions.power(rule.beta2, step.number)).squareRoot())
    shrink = Element(step.shrinkage)
    factor = Element(step.gradientFactor)
    weight = Element(step.averageWeight ?? 0)
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func adamStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ first: UnsafeMutablePointer<Element>,
  _ second: UnsafeMutablePointer<Element>, _ mean: UnsafeMutablePointer<Element>?, _ count: Int,
  _ factors: AdamFactors<Element>
) {
  // Copies in registers: the compiler cannot tell that the stores below leave the factors alone.
  let (beta1, rest1, beta2, rest2) = (factors.beta1, factors.rest1, factors.beta2, factors.rest2)
  let (rate, rootScale, epsilon, shrink) = (factors.rate, factors.rootScale, factors.epsilon, factors.shrink)
  let (factor, weight) = (factors.factor, factors.weight)
  for i in 0..<count {
    let gradient = factor * g[i]
    first[i] = beta1 * first[i] + rest1 * gradient
    let (root, isWide) = MeanSquare.add(gradient, to: &second[i], decay: beta2, rest: rest2)
    // The quotient first where the gradient is large: its product with the rate, or the corrected root, may be too large.
    let step =
      isWide
      ? rate * (first[i] / (root + epsilon / rootScale) / rootScale) : rate * first[i] / (root * rootScale + epsilon)
    w[i] = shrink * w[i] - step
    if let mean { mean[i] += weight * (w[i] - mean[i]) }
  }
}

/// Adam's step with the largest mean of squares so far. A wide mean, kept as less its root, is larger than any other.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func largestStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ first: UnsafeMutablePointer<Element>,
  _ second: UnsafeMutablePointer<Element>, _ largest: UnsafeMutablePointer<Element>,
  _ mean: UnsafeMutablePointer<Element>?, _ count: Int, _ factors: AdamFactors<Element>
) {
  let (beta1, rest1, beta2, rest2) = (factors.beta1, factors.rest1, factors.beta2, factors.rest2)
  let (rate, rootScale, epsilon, shrink) = (factors.rate, factors.rootScale, factors.epsilon, factors.shrink)
  let (factor, weight) = (factors.factor, factors.weight)
  for i in 0..<count {
    let gradient = factor * g[i]
    first[i] = beta1 * first[i] + rest1 * gradient
    _ = MeanSquare.add(gradient, to: &second[i], decay: beta2, rest: rest2)
    let root = max(MeanSquare.root(second[i]), MeanSquare.root(largest[i]))
    if MeanSquare.root(largest[i]) < root { largest[i] = second[i] }
    w[i] = shrink * w[i] - rate * (first[i] / (root + epsilon / rootScale) / rootScale)
    if let mean { mean[i] += weight * (w[i] - mean[i]) }
  }
}
