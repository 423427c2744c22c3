import NormaTensor

/// The matrix product `[M, K] · [K, N] → [M, N]`.
package struct MatrixProductOperation<Element: TensorElement>: TensorOperation {
  package var name: String { "matrix product" }
  package var rule: String { "∂{0} = ∂{}·{1}ᵀ, ∂{1} = {0}ᵀ·∂{}" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank == 2, inputs[1].rank == 2, inputs[0][1] == inputs[1][0] else {
      throw ShapeError(expected: "a matrix whose rows are as many as the columns of \(inputs[0])", found: inputs[1])
    }
    return [inputs[0][0], inputs[1][1]]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].matrixProduct(inputs[1]), ())
  }

  package func kept(for needs: Needs) -> KeptTensors { [needs[0] ? .input(1) : [], needs[1] ? .input(0) : []] }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [
      kept.needs[0] ? g.matrixProduct(kept.input(1), transposingOther: true) : nil,
      kept.needs[1] ? kept.input(0).matrixProduct(g, transposingSelf: true) : nil,
    ]
  }
}

/// `x · weightᵀ + bias`, and ReLU if `rectifies`: x `[…, inputs]`, weight `[outputs, inputs]`, bias `[outputs]` if `hasBias`.
package struct LinearOperation<Element: TensorElement>: TensorOperation {
  package let hasBias: Bool
  package var rectifies = false

  package var name: String { rectifies ? "linear + ReLU" : "linear" }
  package var rule: String {
    (rectifies ? "with g = ∂{} where {} > 0: " : "")
      + "∂{0} = ∂{}·{1}, ∂{1} = ∂{}ᵀ·{0}".replacing("∂{}", with: rectifies ? "g" : "∂{}")
      + (hasBias ? ", ∂{2} = Σ \(rectifies ? "g" : "∂{}")" : "")
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, weight) = (inputs[0], inputs[1])
    guard x.rank >= 2, x.channelCount == weight.channelCount else {
      throw ShapeError(expected: "[batch, …, \(weight.channelCount)]", found: x)
    }
    return x.replacingLast(with: weight[0])
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let (x, weight) = (inputs[0], inputs[1])
    require(
      x.shape.channelCount == weight.shape[1],
      "a linear map of \(weight.shape[1]) inputs applied to a tensor of shape \(x.shape)")
    let y = x.reshaped(to: [x.shape.rowCount, weight.shape[1]]).matrixProduct(
      weight, transposingOther: true, bias: hasBias ? inputs[2] : nil, rectifies: rectifies)
    return (y.reshaped(to: x.shape.replacingLast(with: weight.shape[0])), ())
  }

  package func kept(for needs: Needs) -> KeptTensors {
    [needs[0] ? .input(1) : [], needs[1] ? .input(0) : [], rectifies ? .output : []]
  }

  @specialized(where Element == Float)
  package func backward(_ gradient: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let g = (rectifies ? kept.output.applying(.leakyReLUGradient(slope: 0), gradient) : gradient)
      .reshaped(to: [gradient.shape.rowCount, gradient.shape.channelCount])
    let (needs, shape) = (kept.needs, kept.shape(0))
    var gradients = [
      needs[0] ? g.matrixProduct(kept.input(1)).reshaped(to: shape) : nil,
      needs[1]
        ? g.matrixProduct(
          kept.input(0).reshaped(to: [shape.rowCount, shape.channelCount]), transposingSelf: true) : nil,
    ]
    if hasBias { gradients.append(needs[2] ? g.sumOverRows() : nil) }
    return gradients
  }

  package func prepared(_ constants: [Tensor<Element>?]) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element> {
    guard let weight = constants[1], !hasBias || constants[2] != nil else { return { forward($0).output } }
    let linear = PreparedLinear(weight: weight, bias: hasBias ? constants[2] : nil)
    let rectifies = rectifies
    return { inputs in
      let shape = inputs[0].shape
      let y = linear(inputs[0].reshaped(to: [shape.rowCount, weight.shape[1]]), rectifies: rectifies)
      return y.reshaped(to: shape.replacingLast(with: weight.shape[0]))
    }
  }

  package var isPerSample: Bool { true }
  package var rectified: (any TensorOperation<Element>)? {
    rectifies ? nil : LinearOperation(hasBias: hasBias, rectifies: true)
  }
  package func followed(by map: ChannelMap, _ constants: [Tensor<Element>?]) -> Folded<Element>? {
    guard !rectifies, let weight = constants[1], !hasBias || constants[2] != nil else { return nil }
    return Folded(
      LinearOperation(hasBias: true), constants: map.folded(intoWeight: weight, bias: hasBias ? constants[2] : nil))
  }
  package var featureOrder: FeatureOrder { .consumed(weight: 1) }
  package var lacksBias: Bool { !hasBias }
}

extension ChannelMap {
  /// The weight, whose first axis are the channels, and bias of the map that does what a map with the given ones does and
  /// then this; computed in double precision.
  func folded<Element: TensorElement>(intoWeight weight: Tensor<Element>, bias: Tensor<Element>?) -> [Tensor<Element>] {
    let (outputs, inputs) = (weight.shape[0], weight.count / weight.shape[0])
    require(scale.count == outputs, "a map of \(scale.count) channels after \(outputs) outputs")
    let foldedWeight = Tensor<Element>(shape: weight.shape) { result in
      weight.withUnsafeElements { weight in
        for index in 0..<outputs * inputs {
          result.initializeElement(at: index, to: Element(Double(weight[index]) * scale[index / inputs]))
        }
      }
    }
    let foldedBias = (0..<outputs).map { Element((Double(bias?[$0] ?? 0) - centre[$0]) * scale[$0] + shift[$0]) }
    return [foldedWeight, Tensor(foldedBias)]
  }
}

extension Variable {
  /// The matrix product `[M, K] · [K, N] → [M, N]`.
  public func matrixProduct(_ other: Variable) -> Variable {
    Graph.apply(MatrixProductOperation(), to: [self, other]).output
  }

  /// `x · weightᵀ + bias`, one node: x `[…, inputs]`, weight `[outputs, inputs]`, bias `[outputs]` or none.
  @specialized(where Element == Float)
  public func linear(weight: Variable, bias: Variable?) -> Variable {
    Graph.apply(LinearOperation(hasBias: bias != nil), to: bias.map { [self, weight, $0] } ?? [self, weight]).output
  }
}
