import NormaTensor

/// `x` where positive, `slope · x` elsewhere: x `[…, C]`, slope `[C]` or `[1]`.
package struct ParametricReLUOperation<Element: TensorElement>: TensorOperation {
  package var name: String { "parametric ReLU" }
  package var rule: String { "∂{0} = ∂{} where {0} > 0, {1}·∂{} elsewhere, ∂{1} = Σ ∂{}·min({0}, 0)" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, slope) = (inputs[0], inputs[1])
    guard slope.rank == 1, slope[0] == 1 || slope[0] == x.channelCount else {
      throw ShapeError(expected: "a slope for each of the \(x.channelCount) channels of \(x), or one", found: slope)
    }
    return x
  }

  /// A slope for each channel.
  private func slopes(_ slope: Tensor<Element>, _ shape: Shape) -> Tensor<Element> {
    slope.count == 1 ? Tensor(repeating: slope.item, shape: [shape.channelCount]) : slope
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let slopes = slopes(inputs[1], inputs[0].shape)
    return (inputs[0].applying(.rectifyBySlope, slopes, broadcast: .perChannel), ())
  }

  package func kept(for needs: Needs) -> KeptTensors { [.input(0), needs[0] ? .input(1) : []] }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let x = kept.input(0)
    // What comes through where x is positive, and the rest, each 0 where the other is not.
    let passed = x.applying(.leakyReLUGradient(slope: 0), g)
    let rest = g.applying(.exceptWherePositive, x)
    var gradients: [Tensor<Element>?] = [nil, nil]
    if kept.needs[0] {
      gradients[0] = passed + rest.applying(.multiply, slopes(kept.input(1), x.shape), broadcast: .perChannel)
    }
    if kept.needs[1] {
      let product = rest * x.applying(.clamp(-.infinity...0))
      gradients[1] = kept.shape(1) == [1] ? Tensor([product.sum()]) : product.sumOverRows()
    }
    return gradients
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    let x = kept.input(0)
    let rest = g.gated(by: .clampGradient(-.infinity...0), at: x.value)
    var gradients: [Variable<Element>?] = [nil, nil]
    if kept.needs[0] {
      let slope = kept.input(1)
      let slopes =
        slope.shape == [1] ? slope.gathering([Int](repeating: 0, count: x.shape.channelCount), axis: 0) : slope
      gradients[0] = g.rectified(at: x.value) + rest.multiplied(by: slopes, broadcast: .perChannel)
    }
    if kept.needs[1] {
      let product = rest * x.clamped(to: -.infinity...0)
      gradients[1] = kept.shape(1) == [1] ? product.sum().reshaped(to: [1]) : product.sumOverRows()
    }
    return gradients
  }

  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

extension Variable {
  /// `x` where positive, `slope · x` elsewhere: x `[…, C]`, a slope for each channel `[C]`, or one for all `[1]` (He and others 2015).
  public func parametricReLU(slope: Variable) -> Variable {
    Graph.apply(ParametricReLUOperation(), to: [self, slope]).output
  }
}
