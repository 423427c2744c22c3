import NormaTensor

extension Variable {
  /// `max(0, x)`; its gradient at 0 is 0.
  public func relu() -> Variable { leakyReLU(slope: 0) }

  /// `x + y` of the same shape, and ReLU if `rectifies`.
  public func adding(_ other: Variable, rectifies: Bool) -> Variable {
    guard rectifies else { return adding(other) }
    let y = value.adding(other.value, rectifies: true)
    let needs = (requiresGradient, other.requiresGradient)
    return Graph.record("add + ReLU", rule: "∂{0} = ∂{1} = ∂{} where {0} + {1} > 0", inputs: [self, other], value: y) {
      g in
      let active = y.applying(.leakyReLUGradient(slope: 0), g)
      return [needs.0 ? active : nil, needs.1 ? active : nil]
    }
  }

  /// `x` where positive, `slope · x` elsewhere.
  public func leakyReLU(slope: Element) -> Variable {
    let y = value.applying(.leakyReLU(slope: slope))
    // With a slope that is not negative the result has the sign of x, and x need not be kept.
    let sign = slope >= 0 ? y : value
    return Graph.record(
      slope == 0 ? "ReLU" : "leaky ReLU",
      rule: slope == 0 ? "∂{0} = ∂{} where {0} > 0, 0 elsewhere" : "∂{0} = ∂{} where {0} > 0, slope·∂{} elsewhere",
      inputs: [self], value: y
    ) { g in [sign.applying(.leakyReLUGradient(slope: slope), g)] }
  }

  /// `1 / (1 + e⁻ˣ)`.
  public func sigmoid() -> Variable {
    let y = value.applying(.sigmoid)
    return Graph.record("sigmoid", rule: "∂{0} = ∂{}·{}·(1 − {})", inputs: [self], value: y) { g in
      [y.applying(.sigmoidGradient, g)]
    }
  }

  /// The hyperbolic tangent.
  public func hyperbolicTangent() -> Variable {
    let y = value.applying(.hyperbolicTangent)
    return Graph.record("tanh", rule: "∂{0} = ∂{}·(1 − {}²)", inputs: [self], value: y) { g in
      [y.applying(.hyperbolicTangentGradient, g)]
    }
  }

  /// Inverted dropout: keeps each element with the given probability and divides it by that, else sets it to 0, so that
  /// nothing need be done in inference.
  ///
  /// - Parameters:
  ///   - keepProbability: in (0, 1].
  ///   - generator: what decides which elements are kept; one draw for each.
  public func dropout(keepProbability: Double, using generator: inout RandomGenerator) -> Variable {
    require(keepProbability > 0 && keepProbability <= 1, "\(keepProbability) is no probability to keep")
    let factor = Element(1 / keepProbability)
    let mask = Tensor<Element>(shape: shape) { mask in
      for index in 0..<mask.count {
        mask.initializeElement(at: index, to: generator.uniform() < keepProbability ? factor : 0)
      }
    }
    return Graph.record("dropout", rule: "∂{0} = ∂{} / p where kept", inputs: [self], value: value * mask) {
      [$0 * mask]
    }
  }
}
