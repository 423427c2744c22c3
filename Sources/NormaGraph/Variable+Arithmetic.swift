import NormaTensor

extension Variable {
  /// Sums a gradient of the full shape down to that of a broadcast operand.
  private static func reduced(_ gradient: Tensor<Element>, to shape: Shape, _ broadcast: Broadcast) -> Tensor<Element> {
    switch broadcast {
    case .none: gradient
    case .perChannel: gradient.sumOverRows().reshaped(to: shape)
    case .perRow: gradient.sumOverChannels().reshaped(to: shape)
    }
  }

  /// `x + y`, y of the same shape, one a channel `[C]` or one a row.
  public func adding(_ other: Variable, broadcast: Broadcast = .none) -> Variable {
    let shape = other.shape
    let needs = (requiresGradient, other.requiresGradient)
    return Graph.record(
      "add", rule: broadcast == .none ? "∂{0} = ∂{}, ∂{1} = ∂{}" : "∂{0} = ∂{}, ∂{1} = Σ ∂{}", inputs: [self, other],
      value: value.applying(.add, other.value, broadcast: broadcast)
    ) { g in
      [needs.0 ? g : nil, needs.1 ? Variable.reduced(g, to: shape, broadcast) : nil]
    }
  }

  /// `x − y`, y of the same shape, one a channel `[C]` or one a row.
  public func subtracting(_ other: Variable, broadcast: Broadcast = .none) -> Variable {
    let shape = other.shape
    let needs = (requiresGradient, other.requiresGradient)
    return Graph.record(
      "subtract", rule: broadcast == .none ? "∂{0} = ∂{}, ∂{1} = −∂{}" : "∂{0} = ∂{}, ∂{1} = −Σ ∂{}",
      inputs: [self, other],
      value: value.applying(.subtract, other.value, broadcast: broadcast)
    ) { g in
      [needs.0 ? g : nil, needs.1 ? -Variable.reduced(g, to: shape, broadcast) : nil]
    }
  }

  /// `x · y` element by element, y of the same shape, one a channel `[C]` or one a row.
  public func multiplied(by other: Variable, broadcast: Broadcast = .none) -> Variable {
    let (x, y) = (value, other.value)
    let needs = (requiresGradient, other.requiresGradient)
    return Graph.record(
      "multiply", rule: broadcast == .none ? "∂{0} = ∂{}·{1}, ∂{1} = ∂{}·{0}" : "∂{0} = ∂{}·{1}, ∂{1} = Σ ∂{}·{0}",
      inputs: [self, other],
      value: x.applying(.multiply, y, broadcast: broadcast)
    ) { g in
      [
        needs.0 ? g.applying(.multiply, y, broadcast: broadcast) : nil,
        needs.1 ? Variable.reduced(g * x, to: y.shape, broadcast) : nil,
      ]
    }
  }

  /// `x / y` element by element, y of the same shape, one a channel `[C]` or one a row.
  public func divided(by other: Variable, broadcast: Broadcast = .none) -> Variable {
    let y = other.value
    let quotient = value.applying(.divide, y, broadcast: broadcast)
    let needs = (requiresGradient, other.requiresGradient)
    return Graph.record(
      "divide",
      rule: broadcast == .none
        ? "∂{0} = ∂{}/{1}, ∂{1} = −∂{}·{0}/{1}²" : "∂{0} = ∂{}/{1}, ∂{1} = −Σ ∂{}·{0}/{1}²",
      inputs: [self, other], value: quotient
    ) { g in
      let part = g.applying(.divide, y, broadcast: broadcast)
      return [needs.0 ? part : nil, needs.1 ? -Variable.reduced(part * quotient, to: y.shape, broadcast) : nil]
    }
  }

  /// ``adding(_:broadcast:)`` of variables of the same shape.
  public static func + (left: Variable, right: Variable) -> Variable { left.adding(right) }
  /// ``subtracting(_:broadcast:)`` of variables of the same shape.
  public static func - (left: Variable, right: Variable) -> Variable { left.subtracting(right) }
  /// ``multiplied(by:broadcast:)``, element by element, of variables of the same shape.
  public static func * (left: Variable, right: Variable) -> Variable { left.multiplied(by: right) }
  /// ``divided(by:broadcast:)``, element by element, of variables of the same shape.
  public static func / (left: Variable, right: Variable) -> Variable { left.divided(by: right) }

  /// `factor · x`.
  public func scaled(by factor: Element) -> Variable {
    Graph.record("scale by \(factor)", rule: "∂{0} = \(factor)·∂{}", inputs: [self], value: factor * value) {
      [factor * $0]
    }
  }

  /// `x + term`.
  public func offset(by term: Element) -> Variable {
    Graph.record("offset by \(term)", rule: "∂{0} = ∂{}", inputs: [self], value: value + term) { [$0] }
  }

  /// `x²`.
  public func squared() -> Variable {
    let x = value
    return Graph.record("square", rule: "∂{0} = 2·{0}·∂{}", inputs: [self], value: x.applying(.square)) { g in
      [2 * (g * x)]
    }
  }

  /// `√x`.
  public func squareRoot() -> Variable {
    let root = value.applying(.squareRoot)
    return Graph.record("square root", rule: "∂{0} = ∂{} / (2·{})", inputs: [self], value: root) { g in
      [g / (2 * root)]
    }
  }

  /// `1 / x`.
  public func reciprocal() -> Variable {
    let result = value.applying(.reciprocal)
    return Graph.record("reciprocal", rule: "∂{0} = −∂{} / {0}²", inputs: [self], value: result) { g in
      [-(g * result.applying(.square))]
    }
  }

  /// `eˣ`.
  public func exponential() -> Variable {
    let result = value.applying(.exponential)
    return Graph.record("exponential", rule: "∂{0} = ∂{}·{}", inputs: [self], value: result) { [$0 * result] }
  }

  /// The natural logarithm.
  public func logarithm() -> Variable {
    let x = value
    return Graph.record("logarithm", rule: "∂{0} = ∂{} / {0}", inputs: [self], value: x.applying(.logarithm)) {
      [$0 / x]
    }
  }
}
