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
    }
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].applying(function), ())
  }

  package func kept(for needs: Needs) -> KeptTensors {
    switch function {
    case .negate, .scale, .offset: []
    case .square, .logarithm: .input(0)
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
    }
  }

  package var isReLU: Bool { if case .leakyReLU(slope: 0) = function { true } else { false } }
  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

extension Variable {
  @specialized(where Element == Float)
  private func applying(_ function: UnaryOperation<Element>) -> Variable {
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
}
