import NormaTensor

// The optimizers' rules, element by element.

@specialized(where Element == Float)
@specialized(where Element == Double)
func sgdStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ count: Int, rate: Element
) {
  for i in 0..<count { w[i] -= rate * g[i] }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
func momentumStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ velocity: UnsafeMutablePointer<Element>,
  _ count: Int, rate: Element, momentum: Element, nesterov: Bool
) {
  if nesterov {
    for i in 0..<count {
      velocity[i] = momentum * velocity[i] + g[i]
      w[i] -= rate * (g[i] + momentum * velocity[i])
    }
  } else {
    for i in 0..<count {
      velocity[i] = momentum * velocity[i] + g[i]
      w[i] -= rate * velocity[i]
    }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
func rmsPropStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ square: UnsafeMutablePointer<Element>,
  _ count: Int, rate: Element, decay: Element, rest: Element, epsilon: Element
) {
  for i in 0..<count {
    square[i] = decay * square[i] + rest * g[i] * g[i]
    w[i] -= rate * g[i] / (square[i].squareRoot() + epsilon)
  }
}

/// What is the same for every element of one step of Adam.
struct AdamFactors<Element: TensorElement> {
  let beta1, rest1, beta2, rest2, epsilon: Element
  /// `rate / (1 − beta1ᵗ)`.
  let rate: Element
  /// `1 / √(1 − beta2ᵗ)`.
  let rootScale: Element
  /// `1 − rate · weightDecay`.
  let shrink: Element

  init(
    beta1: Double, beta2: Double, epsilon: Double, step: Int, learningRate: Double, weightDecay: Double
  ) {
    self.beta1 = Element(beta1)
    rest1 = Element(1 - beta1)
    self.beta2 = Element(beta2)
    rest2 = Element(1 - beta2)
    self.epsilon = Element(epsilon)
    rate = Element(learningRate / (1 - Double.pow(beta1, Double(step))))
    rootScale = Element(1 / (1 - Double.pow(beta2, Double(step))).squareRoot())
    shrink = Element(1 - learningRate * weightDecay)
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
func adamStep<Element: TensorElement>(
  _ w: UnsafeMutablePointer<Element>, _ g: UnsafePointer<Element>, _ first: UnsafeMutablePointer<Element>,
  _ second: UnsafeMutablePointer<Element>, _ count: Int, _ factors: AdamFactors<Element>
) {
  // Copies in registers: the compiler cannot tell that the stores below leave the factors alone.
  let (beta1, rest1, beta2, rest2) = (factors.beta1, factors.rest1, factors.beta2, factors.rest2)
  let (rate, rootScale, epsilon, shrink) = (factors.rate, factors.rootScale, factors.epsilon, factors.shrink)
  for i in 0..<count {
    first[i] = beta1 * first[i] + rest1 * g[i]
    second[i] = beta2 * second[i] + rest2 * g[i] * g[i]
    w[i] = shrink * w[i] - rate * first[i] / (second[i].squareRoot() * rootScale + epsilon)
  }
}
