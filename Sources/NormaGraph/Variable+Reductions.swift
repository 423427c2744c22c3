import NormaTensor

extension Variable {
  /// The sum of all elements, `[]`.
  public func sum() -> Variable {
    let shape = shape
    return Graph.record("sum", rule: "∂{0} = ∂{} everywhere", inputs: [self], value: .scalar(value.sum())) { g in
      [Tensor(repeating: g.item, shape: shape)]
    }
  }

  /// The mean of all elements, `[]`.
  public func mean() -> Variable {
    let shape = shape
    return Graph.record("mean", rule: "∂{0} = ∂{} / n everywhere", inputs: [self], value: .scalar(value.mean())) { g in
      [Tensor(repeating: g.item / Element(shape.elementCount), shape: shape)]
    }
  }

  /// The sum of each channel over all rows: `[…, C] → [C]`.
  public func sumOverRows() -> Variable {
    let shape = shape
    return Graph.record("sum over rows", rule: "∂{0} = ∂{} in every row", inputs: [self], value: value.sumOverRows()) {
      g in
      [Tensor.zeros(shape).applying(.add, g, broadcast: .perChannel)]
    }
  }

  /// The mean of each channel over all rows: `[…, C] → [C]`.
  public func meanOverRows() -> Variable {
    let shape = shape
    let factor = 1 / Element(shape.rowCount)
    return Graph.record(
      "mean over rows", rule: "∂{0} = ∂{} / N in every row", inputs: [self], value: factor * value.sumOverRows()
    ) { g in
      [Tensor.zeros(shape).applying(.add, factor * g, broadcast: .perChannel)]
    }
  }

  /// The same elements under another shape.
  public func reshaped(to newShape: Shape) -> Variable {
    let shape = shape
    return Graph.record("reshape", rule: "∂{0} = ∂{}, reshaped", inputs: [self], value: value.reshaped(to: newShape)) {
      g in
      [g.reshaped(to: shape)]
    }
  }

  /// `[N, …] → [N, product of the rest]`.
  public func flattened() -> Variable { reshaped(to: value.flattened().shape) }

  /// The matrix product `[M, K] · [K, N] → [M, N]`.
  public func matrixProduct(_ other: Variable) -> Variable {
    let (a, b) = (value, other.value)
    let needs = (requiresGradient, other.requiresGradient)
    return Graph.record(
      "matrix product", rule: "∂{0} = ∂{}·{1}ᵀ, ∂{1} = {0}ᵀ·∂{}", inputs: [self, other], value: a.matrixProduct(b)
    ) { g in
      [
        needs.0 ? g.matrixProduct(b, transposingOther: true) : nil,
        needs.1 ? a.matrixProduct(g, transposingSelf: true) : nil,
      ]
    }
  }

  /// `x · weightᵀ + bias`, one node: x `[…, inputs]`, weight `[outputs, inputs]`, bias `[outputs]` or none.
  @specialized(where Element == Float)
  public func linear(weight: Variable, bias: Variable?) -> Variable {
    let (inputs, outputs) = (weight.shape[1], weight.shape[0])
    require(
      shape.channelCount == inputs, "a linear map of \(inputs) inputs applied to a tensor of shape \(shape)")
    let x = value.reshaped(to: [shape.rowCount, inputs])
    let w = weight.value
    var y = x.matrixProduct(w, transposingOther: true)
    y.addToRows(bias?.value)
    let shape = shape
    let needs = (requiresGradient, weight.requiresGradient, bias?.requiresGradient ?? false)
    let input = needs.1 ? kept : nil
    return Graph.record(
      "linear", rule: "∂{0} = ∂{}·{1}, ∂{1} = ∂{}ᵀ·{0}" + (bias == nil ? "" : ", ∂{2} = Σ ∂{}"),
      inputs: bias.map { [self, weight, $0] } ?? [self, weight],
      value: y.reshaped(to: shape.replacingLast(with: outputs))
    ) { g in
      let g = g.reshaped(to: [g.shape.rowCount, outputs])
      return [
        needs.0 ? g.matrixProduct(w).reshaped(to: shape) : nil,
        input.map { g.matrixProduct($0().reshaped(to: [g.shape[0], inputs]), transposingSelf: true) },
        needs.2 ? g.sumOverRows() : nil,
      ]
    }
  }
}
