/// A function that stands between the linear parts of a network, smooth or made of pieces, with its derivative. ReLU, the sigmoid and the
/// hyperbolic tangent are ``UnaryOperation``s of their own.
///
/// Each is an exponential, or another of ``Functions``, and a few roundings more. What is infinite may give a NaN, as 0 · ∞ does.
public enum ActivationFunction<Element: TensorElement>: Sendable {
  /// The Gaussian error linear unit `x · Φ(x)`, Φ the share of the normal distribution below x: exact, by the error function
  /// (Hendrycks and Gimpel 2016).
  case gelu
  /// `x · σ(x)`, σ the logistic function; also called swish (Elfwing, Uchibe and Doya 2018).
  case silu
  /// `ln(1 + eˣ)`, which never overflows.
  case softplus
  /// `x · tanh(ln(1 + eˣ))` (Misra 2019).
  case mish
  /// `x` where positive, `alpha · (eˣ − 1)` elsewhere (Clevert, Unterthiner and Hochreiter 2016).
  case elu(alpha: Element)
  /// `min(max(x + 3, 0), 6) / 6`.
  case hardSigmoid
  /// `x · min(max(x + 3, 0), 6) / 6` (Howard and others 2019).
  case hardSwish

  /// Whether it takes a function of ``Functions``.
  var isElementary: Bool {
    switch self {
    case .hardSigmoid, .hardSwish: false
    default: true
    }
  }
}

/// Elements that are worked on at a time, so that what an elementary function gives of them stays on the stack.
private let elementsOfBlock = 128

/// Calls `body` for block after block of elements: with the first, their number, and memory for as many, twice.
@inline(__always)
private func forEachBlock<Element: TensorElement>(
  of count: Int, _ body: (Int, Int, UnsafeMutablePointer<Element>, UnsafeMutablePointer<Element>) -> Void
) {
  withUnsafeTemporaryAllocation(of: Element.self, capacity: 2 * elementsOfBlock) { memory in
    let memory = memory.baseAddress!
    for first in stride(from: 0, to: count, by: elementsOfBlock) {
      body(first, min(elementsOfBlock, count - first), memory, memory + elementsOfBlock)
    }
  }
}

/// `min(max(x + 3, 0), 6)`.
@inline(__always)
func hardStep<Element: TensorElement>(_ x: Element) -> Element {
  let moved = x + 3
  return moved < 0 ? 0 : moved > 6 ? 6 : moved
}

/// `y = f(x)` of contiguous elements; y may be x.
@specialized(where Element == Float)
@specialized(where Element == Double)
func applyActivation<Element: TensorElement>(
  _ function: ActivationFunction<Element>, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int
) {
  if applyOnKernels(function, x, y, count) { return }
  switch function {
  case .gelu: for i in 0..<count { y[i] = Functions.gaussianErrorLinearUnit(x[i]) }
  case .hardSigmoid: for i in 0..<count { y[i] = hardStep(x[i]) / 6 }
  case .hardSwish: for i in 0..<count { y[i] = x[i] * (hardStep(x[i]) / 6) }
  case .silu:
    forEachBlock(of: count) { first, length, s, _ in
      let (x, y) = (x + first, y + first)
      apply(.sigmoid, x, s, length)
      for i in 0..<length { y[i] = x[i] * s[i] }
    }
  case .softplus:
    // max(x, 0) + ln(1 + t), t = e^(−|x|). With u = 1 + t rounded, ln(1 + t) is ln(u) · t / (u − 1), to a few roundings (Kahan),
    // and t where u is 1.
    forEachBlock(of: count) { first, length, t, u in
      let (x, y) = (x + first, y + first)
      for i in 0..<length { t[i] = -x[i].magnitude }
      apply(.exponential, t, t, length)
      for i in 0..<length { u[i] = 1 + t[i] }
      for i in 0..<length { t[i] = u[i] == 1 ? t[i] : t[i] / (u[i] - 1) }
      apply(.logarithm, u, u, length)
      for i in 0..<length { y[i] = (x[i] <= 0 ? 0 : x[i]) + (u[i] == 0 ? t[i] : u[i] * t[i]) }
    }
  case .mish:
    forEachBlock(of: count) { first, length, t, _ in
      let (x, y) = (x + first, y + first)
      for i in 0..<length { t[i] = -x[i].magnitude }
      apply(.exponential, t, t, length)
      for i in 0..<length {
        // tanh(ln(1 + eˣ)) is n / (n + 2), n = eˣ · (eˣ + 2): by t = e^(−|x|), so that nothing overflows.
        let above = x[i] > 0 ? 1 + 2 * t[i] : t[i] * (t[i] + 2)
        let rest = x[i] > 0 ? 2 * t[i] * t[i] : 2
        y[i] = x[i] * (above / (above + rest))
      }
    }
  case .elu(let alpha):
    forEachBlock(of: count) { first, length, t, _ in
      let (x, y) = (x + first, y + first)
      for i in 0..<length { t[i] = x[i] / 2 }
      apply(.hyperbolicTangent, t, t, length)
      // eˣ − 1 is 2t / (1 − t), t = tanh(x / 2): no digits are lost near 0.
      for i in 0..<length { y[i] = x[i] > 0 ? x[i] : alpha * (2 * t[i] / (1 - t[i])) }
    }
  }
}

/// What of a function the kernels do; false where the plain loops are to do it.
@inline(__always)
private func applyOnKernels<Element: TensorElement>(
  _ function: ActivationFunction<Element>, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int
) -> Bool {
  guard let kernels = Element.kernels else { return false }
  switch function {
  case .gelu: kernels.table.pointee.gelu(kernels(x), kernels(y), count)
  case .silu: kernels.table.pointee.silu(kernels(x), kernels(y), count)
  case .hardSigmoid: kernels.table.pointee.hard_sigmoid(kernels(x), kernels(y), count)
  case .hardSwish: kernels.table.pointee.hard_swish(kernels(x), kernels(y), count)
  default: return false
  }
  return true
}

/// `y = f′(x) · g` of contiguous elements; y may be g.
@specialized(where Element == Float)
@specialized(where Element == Double)
func applyActivationGradient<Element: TensorElement>(
  _ function: ActivationFunction<Element>, _ x: UnsafePointer<Element>, _ g: UnsafePointer<Element>,
  _ y: UnsafeMutablePointer<Element>, _ count: Int
) {
  switch function {
  case .hardSigmoid: for i in 0..<count { y[i] = x[i] > -3 && x[i] < 3 ? g[i] / 6 : 0 }
  case .hardSwish:
    for i in 0..<count { y[i] = x[i] <= -3 ? 0 : x[i] < 3 ? g[i] * (x[i] / 3 + 0.5) : g[i] }
  case .gelu:
    // Φ(x) + x · φ(x), φ the density. Φ is gelu(x) / x, which has all its digits where 1 + erf would have lost them.
    let reciprocalRoot = Element(0.398_942_280_401_432_7)
    forEachBlock(of: count) { first, length, density, value in
      let (x, g, y) = (x + first, g + first, y + first)
      for i in 0..<length { density[i] = -0.5 * (x[i] * x[i]) }
      apply(.exponential, density, density, length)
      applyActivation(.gelu, x, value, length)
      for i in 0..<length {
        let share = x[i].magnitude < 0x1p-60 ? 0.5 : value[i] / x[i]
        y[i] = g[i] * (share + x[i] * (density[i] * reciprocalRoot))
      }
    }
  case .silu:
    forEachBlock(of: count) { first, length, s, _ in
      let (x, g, y) = (x + first, g + first, y + first)
      apply(.sigmoid, x, s, length)
      for i in 0..<length { y[i] = g[i] * (s[i] * (1 + x[i] * (1 - s[i]))) }
    }
  case .softplus:
    forEachBlock(of: count) { first, length, s, _ in
      let (x, g, y) = (x + first, g + first, y + first)
      apply(.sigmoid, x, s, length)
      for i in 0..<length { y[i] = g[i] * s[i] }
    }
  case .mish:
    // w + x · σ(x) · (1 − w²), w = n / (n + 2) as in the function: 1 − w² is 4(n + 1) / (n + 2)².
    forEachBlock(of: count) { first, length, t, _ in
      let (x, g, y) = (x + first, g + first, y + first)
      for i in 0..<length { t[i] = -x[i].magnitude }
      apply(.exponential, t, t, length)
      for i in 0..<length {
        let isPositive = x[i] > 0
        let above = isPositive ? 1 + 2 * t[i] : t[i] * (t[i] + 2)
        let below = above + (isPositive ? 2 * t[i] * t[i] : 2)
        let half = (1 + t[i]) / below
        // σ(x) · (1 − w²), both factors by t.
        let slope = isPositive ? 4 * t[i] * t[i] * half / below : 4 * t[i] * half / below
        y[i] = g[i] * (above / below + x[i] * slope)
      }
    }
  case .elu(let alpha):
    forEachBlock(of: count) { first, length, t, _ in
      let (x, g, y) = (x + first, g + first, y + first)
      apply(.exponential, x, t, length)
      for i in 0..<length { y[i] = x[i] > 0 ? g[i] : g[i] * (alpha * t[i]) }
    }
  }
}
