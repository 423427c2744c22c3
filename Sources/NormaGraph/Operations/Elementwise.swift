import NormaTensor

/// A function of each element.
package struct ElementwiseOperation<Element: TensorElement>: TensorOperation {
  package let function: UnaryOperation<Element>

  package init(_ function: UnaryOperation<Element>) { self.function = function }

  package var name: String {
    switch function {
    case .negate: "negate"
    case .square: "square"
    case .squareRoot: "square root"
    case .reciprocal: "reciprocal"
    case .exponential: "exponential"
    case .logarithm: "logarithm"
    case .sigmoid: "sigmoid"
    case .hyperbolicTangent: "tanh"
    case .leakyReLU(let slope): slope == 0 ? "ReLU" : "leaky ReLU"
    case .scale(let factor): "scale by \(factor)"
    case .offset(let term): "offset by \(term)"
    case .subtracted(let number): "\(number) less"
    case .divided(let divisor): "divide by \(divisor)"
    case .dividing(let number): "\(number) divided by"
    case .absolute: "absolute value"
    case .power(let exponent): "power \(exponent)"
    case .clamp(let bounds): "clamp to \(bounds)"
    case .activation(let function): function.name
    }
  }

  package var rule: String {
    switch function {
    case .negate: "∂{0} = −∂{}"
    case .square: "∂{0} = 2·{0}·∂{}"
    case .squareRoot: "∂{0} = ∂{} / (2·{})"
    case .reciprocal: "∂{0} = −∂{} / {0}²"
    case .exponential: "∂{0} = ∂{}·{}"
    case .logarithm: "∂{0} = ∂{} / {0}"
    case .sigmoid: "∂{0} = ∂{}·{}·(1 − {})"
    case .hyperbolicTangent: "∂{0} = ∂{}·(1 − {}²)"
    case .leakyReLU(let slope):
      slope == 0 ? "∂{0} = ∂{} where {0} > 0, 0 elsewhere" : "∂{0} = ∂{} where {0} > 0, slope·∂{} elsewhere"
    case .scale(let factor): "∂{0} = \(factor)·∂{}"
    case .offset: "∂{0} = ∂{}"
    case .subtracted: "∂{0} = −∂{}"
    case .divided(let divisor): "∂{0} = ∂{} / \(divisor)"
    case .dividing(let number): "∂{0} = −∂{}·\(number) / {0}²"
    case .absolute: "∂{0} = ∂{}·sign({0})"
    case .power(let exponent): "∂{0} = \(exponent)·∂{}·{0}^\(exponent - 1)"
    case .clamp: "∂{0} = ∂{} within the bounds, 0 elsewhere"
    case .activation(let function): function.rule
    }
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].applying(function), ())
  }

  package func kept(for needs: Needs) -> KeptTensors {
    switch function {
    case .negate, .scale, .offset, .subtracted, .divided: []
    case .square, .logarithm, .dividing, .absolute, .power, .clamp, .activation: .input(0)
    case .squareRoot, .reciprocal, .exponential, .sigmoid, .hyperbolicTangent: .output
    // With a slope that is not negative the result has the sign of x.
    case .leakyReLU(let slope): slope >= 0 ? .output : .input(0)
    }
  }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    switch function {
    case .negate: [-g]
    case .square: [2 * (g * kept.input(0))]
    case .squareRoot: [g / (2 * kept.output)]
    case .reciprocal: [-(g * kept.output.applying(.square))]
    case .exponential: [g * kept.output]
    case .logarithm: [g / kept.input(0)]
    case .sigmoid: [kept.output.applying(.sigmoidGradient, g)]
    case .hyperbolicTangent: [kept.output.applying(.hyperbolicTangentGradient, g)]
    case .leakyReLU(let slope):
      [(slope >= 0 ? kept.output : kept.input(0)).applying(.leakyReLUGradient(slope: slope), g)]
    case .scale(let factor): [factor * g]
    case .offset: [g]
    case .subtracted: [-g]
    case .divided(let divisor): [g / divisor]
    case .dividing(let number): [-(g * (number / kept.input(0) / kept.input(0)))]
    case .absolute: [kept.input(0).applying(.absoluteGradient, g)]
    // No power of 0 is to be infinite where it counts for nothing.
    case .power(0): [.zeros(g.shape)]
    case .power(let exponent): [exponent * (g * kept.input(0).applying(.power(exponent - 1)))]
    case .clamp(let bounds): [kept.input(0).applying(.clampGradient(bounds), g)]
    case .activation(let function): [kept.input(0).applying(.activationGradient(function), g)]
    }
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    switch function {
    case .negate, .subtracted: [-g]
    case .square: [2 * (g * kept.input(0))]
    case .squareRoot: [g / (2 * kept.output)]
    case .reciprocal: [-(g * kept.output.squared())]
    case .exponential: [g * kept.output]
    case .logarithm: [g / kept.input(0)]
    case .sigmoid: [g * (kept.output - kept.output.squared())]
    case .hyperbolicTangent: [g * (1 - kept.output.squared())]
    case .leakyReLU(let slope):
      [g.gated(by: .leakyReLUGradient(slope: slope), at: slope >= 0 ? kept.values.output : kept.values.input(0))]
    case .scale(let factor): [factor * g]
    case .offset: [g]
    case .divided(let divisor): [g / divisor]
    case .dividing(let number): [-number * (g / kept.input(0).squared())]
    case .absolute: [g.gated(by: .absoluteGradient, at: kept.values.input(0))]
    case .power(0): [Variable(.zeros(g.shape))]
    case .power(1): [g]
    case .power(let exponent): [exponent * (g * kept.input(0).raised(to: exponent - 1))]
    case .clamp(let bounds): [g.gated(by: .clampGradient(bounds), at: kept.values.input(0))]
    case .activation(let function): [function.gradient(g, at: kept.input(0))]
    }
  }

  package var elementFunction: UnaryOperation<Element>? { function }
  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

extension Variable {
  @specialized(where Element == Float)
  func applying(_ function: UnaryOperation<Element>) -> Variable {
    Graph.apply(ElementwiseOperation(function), to: [self]).output
  }

  /// `max(0, x)`; its gradient at 0 is 0.
  public func relu() -> Variable { applying(.leakyReLU(slope: 0)) }
  /// `x` where positive, `slope · x` elsewhere.
  public func leakyReLU(slope: Element) -> Variable { applying(.leakyReLU(slope: slope)) }
  /// `1 / (1 + e⁻ˣ)`.
  public func sigmoid() -> Variable { applying(.sigmoid) }
  /// The hyperbolic tangent.
  public func hyperbolicTangent() -> Variable { applying(.hyperbolicTangent) }
  /// `factor · x`.
  public func scaled(by factor: Element) -> Variable { applying(.scale(factor)) }
  /// `x + term`.
  public func offset(by term: Element) -> Variable { applying(.offset(term)) }
  /// `x²`.
  public func squared() -> Variable { applying(.square) }
  /// `√x`.
  public func squareRoot() -> Variable { applying(.squareRoot) }
  /// `1 / x`.
  public func reciprocal() -> Variable { applying(.reciprocal) }
  /// `eˣ`.
  public func exponential() -> Variable { applying(.exponential) }
  /// The natural logarithm.
  public func logarithm() -> Variable { applying(.logarithm) }
  /// `|x|`; its gradient at 0 is 0.
  public func absoluteValue() -> Variable { applying(.absolute) }
  /// `xᵖ`, NaN of negative numbers unless the exponent is whole.
  public func raised(to exponent: Element) -> Variable { exponent == 2 ? squared() : applying(.power(exponent)) }
  /// `x`, but the bound that it is beyond; bounds may be infinite. The gradient is that of what lies within the bounds or on them.
  public func clamped(to bounds: ClosedRange<Element>) -> Variable { applying(.clamp(bounds)) }

  /// The Gaussian error linear unit `x · Φ(x)`, exact, by the error function.
  public func gelu() -> Variable { applying(.activation(.gelu)) }
  /// `x · σ(x)`, σ the logistic function.
  public func silu() -> Variable { applying(.activation(.silu)) }
  /// `ln(1 + eˣ)`.
  public func softplus() -> Variable { applying(.activation(.softplus)) }
  /// `ln σ(x)`, σ the logistic function.
  public func logarithmicSigmoid() -> Variable { -(-self).softplus() }
  /// `x · tanh(ln(1 + eˣ))`.
  public func mish() -> Variable { applying(.activation(.mish)) }
  /// `x` where positive, `alpha · (eˣ − 1)` elsewhere.
  public func elu(alpha: Element = 1) -> Variable { applying(.activation(.elu(alpha: alpha))) }
  /// `min(max(x + 3, 0), 6) / 6`; its gradient is 0 where that is 0 or 1.
  public func hardSigmoid() -> Variable { applying(.activation(.hardSigmoid)) }
  /// `x · min(max(x + 3, 0), 6) / 6`; its gradient is 0 from −3 down and 1 from 3 on.
  public func hardSwish() -> Variable { applying(.activation(.hardSwish)) }
}

extension ActivationFunction {
  /// What it is called where a computation is looked at.
  fileprivate var name: String {
    switch self {
    case .gelu: "GELU"
    case .silu: "SiLU"
    case .softplus: "softplus"
    case .mish: "Mish"
    case .elu: "ELU"
    case .hardSigmoid: "hard sigmoid"
    case .hardSwish: "hard swish"
    }
  }

  fileprivate var rule: String {
    switch self {
    case .gelu: "∂{0} = ∂{}·(Φ({0}) + {0}·φ({0}))"
    case .silu: "∂{0} = ∂{}·σ({0})·(1 + {0}·(1 − σ({0})))"
    case .softplus: "∂{0} = ∂{}·σ({0})"
    case .mish: "with w = {}/{0}: ∂{0} = ∂{}·(w + {0}·σ({0})·(1 − w²))"
    case .elu(let alpha): "∂{0} = ∂{} where {0} > 0, \(alpha)·∂{}·exp({0}) elsewhere"
    case .hardSigmoid: "∂{0} = ∂{}/6 where |{0}| < 3, 0 elsewhere"
    case .hardSwish: "∂{0} = ∂{}·({0}/3 + 1/2) where |{0}| < 3, 0 below, ∂{} above"
    }
  }
}

extension ActivationFunction {
  /// The gradient of x from that of the result.
  fileprivate func gradient(_ g: Variable<Element>, at x: Variable<Element>) -> Variable<Element> {
    switch self {
    case .gelu: return Graph.apply(GELUGradientOperation(), to: [g, x]).output
    case .silu:
      let sigmoid = x.sigmoid()
      return g * (sigmoid * (1 + x * (1 - sigmoid)))
    case .softplus: return g * x.sigmoid()
    case .mish:
      let weight = x.softplus().hyperbolicTangent()
      return g * (weight + x * x.sigmoid() * (1 - weight.squared()))
    case .elu(let alpha):
      let exponential = x.clamped(to: -.infinity...0).exponential()
      return g.rectified(at: x.value) + alpha * (g.gated(by: .clampGradient(-.infinity...0), at: x.value) * exponential)
    case .hardSigmoid: return g.gated(by: .activationGradient(.hardSigmoid), at: x.value)
    case .hardSwish:
      // x/3 + 1/2 between the ends, that is a sixth of 2x + 3, and 1 above.
      return g.gated(by: .activationGradient(.hardSigmoid), at: x.value) * (2 * x + 3)
        + g.gated(by: .clampGradient(3 ... .infinity), at: x.value)
    }
  }
}

/// The gradient of the Gaussian error linear unit, `g · (Φ(x) + x · φ(x))`, from g and x.
private struct GELUGradientOperation<Element: TensorElement>: TensorOperation {
  var name: String { "gradient of GELU" }
  var rule: String { "∂{0} = ∂{}·(Φ({1}) + {1}·φ({1})), ∂{1} = ∂{}·{0}·φ({1})·(2 − {1}²)" }

  func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[1].applying(.activationGradient(.gelu), inputs[0]), ())
  }
  func kept(for needs: Needs) -> KeptTensors { [.input(1), needs[1] ? .input(0) : []] }
  func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let x = kept.input(1)
    return [
      x.applying(.activationGradient(.gelu), g),
      kept.needs[1] ? Self.slope(Variable(g), Variable(kept.input(0)), Variable(x)).value : nil,
    ]
  }
  func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    let x = kept.input(1)
    return [
      kept.needs[0] ? Graph.apply(self, to: [g, x]).output : nil,
      kept.needs[1] ? Self.slope(g, kept.input(0), x) : nil,
    ]
  }

  private static func slope(
    _ g: Variable<Element>, _ first: Variable<Element>, _ x: Variable<Element>
  ) -> Variable<Element> {
    let square = x.squared()
    let density = Element(1 / (2 * Double.pi).squareRoot()) * (square * -0.5).exponential()
    return g * first * (density * (2 - square))
  }
}
