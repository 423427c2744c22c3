import NormaNormalization
import NormaTensor

/// Normalization by mean and variance over some axes.
package struct MeanVarianceNormalizationOperation<Element: TensorElement>: TensorOperation {
  package let axes: [Int]

  package var name: String { "mean-variance norm" }
  package var rule: String { "with g = ∂{}: ∂{0} = (g − mean g − x̂·mean(g·x̂))/s along the axes" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    for axis in axes { try inputs[0].check(axis, for: name) }
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: GroupStatistics<Element>) {
    let (output, saved) = MeanVarianceNormalization.forward(inputs[0], axes: axes)
    return (output, saved)
  }

  package func kept(for needs: Needs) -> KeptTensors { .input(0) }

  package func backward(
    _ g: Tensor<Element>, _ kept: Kept<Element>, saved: GroupStatistics<Element>
  ) -> [Tensor<Element>?] {
    [MeanVarianceNormalization.backward(g, input: kept.input(0), axes: axes, saved: saved)]
  }

  package func backward(
    _ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: GroupStatistics<Element>
  ) -> [Variable<Element>?] {
    let (rows, restored) = kept.input(0).asRows(over: axes)
    let normalization = MomentNormalization(sets: .rows, epsilon: MeanVarianceNormalization.epsilon)
    return [restored(rows.momentNormalizationGradient(g.asRows(over: axes).rows, normalization))]
  }

  /// A mean and a deviation for each place of the other axes.
  package func savedBytes(for inputs: [Shape]) -> Int {
    inputs[0].count(besides: axes) * 2 * MemoryLayout<Double>.stride
  }

  package var isPerSample: Bool { axes.allSatisfy { $0 > 0 } }
}

/// Normalization by a norm along one axis.
package struct LpNormalizationOperation<Element: TensorElement>: TensorOperation {
  package let norm: LpNormalization.Norm
  package let axis: Int

  package var name: String { "L\(norm.rawValue) norm" }
  package var rule: String {
    "with g = ∂{}: ∂{0} = (g − \(norm == .euclidean ? "{}" : "sign({0})")·Σ(g·{}))/‖{0}‖ along the axis"
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try inputs[0].check(axis, for: name)
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Tensor<Double>) {
    let (output, norms) = LpNormalization.forward(inputs[0], norm: norm, axis: axis)
    return (output, norms)
  }

  package func kept(for needs: Needs) -> KeptTensors { .input(0) }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Tensor<Double>) -> [Tensor<Element>?] {
    [LpNormalization.backward(g, input: kept.input(0), norm: norm, axis: axis, norms: saved)]
  }

  package func backward(
    _ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Tensor<Double>
  ) -> [Variable<Element>?] {
    let (x, restored) = kept.input(0).asRows(over: [axis])
    let g = g.asRows(over: [axis]).rows
    // A row of zeros has no direction, and no gradient.
    let isZero = Tensor(saved.elements.map { Element($0 == 0 ? 1 : 0) }, shape: [saved.count])
    let length: Variable<Element> =
      switch norm {
      case .absolute: x.absoluteValue().sum(over: [-1]) + Variable(isZero)
      case .euclidean: (x.squared().sum(over: [-1]) + Variable(isZero)).squareRoot()
      }
    let y = x.divided(by: length, broadcast: .perRow)
    let product = (g * y).sum(over: [-1])
    let direction =
      norm == .euclidean
      ? y.multiplied(by: product, broadcast: .perRow)
      : Variable(Tensor.zeros(x.shape)).adding(product, broadcast: .perRow)
        .gated(by: .absoluteGradient, at: x.value)
    return [
      restored(
        (g - direction).divided(by: length, broadcast: .perRow)
          .multiplied(by: Variable(1 - isZero), broadcast: .perRow))
    ]
  }

  /// A norm for each place of the other axes.
  package func savedBytes(for inputs: [Shape]) -> Int { inputs[0].count(besides: [axis]) * MemoryLayout<Double>.stride }

  package var isPerSample: Bool { axis > 0 }
}

extension Shape {
  /// How many places there are along all axes but some.
  fileprivate func count(besides axes: [Int]) -> Int {
    let axes = axes.map(axis)
    return indices.reduce(1) { axes.contains($1) ? $0 : $0 * self[$1] }
  }
}

extension Variable {
  /// Normalization by mean and variance over some axes, which count from the end where they are negative; see
  /// `MeanVarianceNormalization`.
  public func meanVarianceNormalized(over axes: [Int]) -> Variable {
    Graph.apply(MeanVarianceNormalizationOperation(axes: axes), to: [self]).output
  }

  /// Normalization by a norm along one axis, which counts from the end where it is negative; see `LpNormalization`.
  public func normalized(by norm: LpNormalization.Norm, axis: Int = -1) -> Variable {
    Graph.apply(LpNormalizationOperation(norm: norm, axis: axis), to: [self]).output
  }
}
