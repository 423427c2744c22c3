import NormaTensor

/// The matrix product `[…, M, K] · […, K, N] → […, M, N]`, either factor read transposed.
package struct MatrixProductOperation<Element: TensorElement>: TensorOperation {
  package var transposesLeft = false
  package var transposesRight = false

  package var name: String { "matrix product" }
  package var rule: String {
    let (x, y) = (transposesLeft ? "{0}ᵀ" : "{0}", transposesRight ? "{1}ᵀ" : "{1}")
    let left = transposesLeft ? "\(y)·∂{}ᵀ" : transposesRight ? "∂{}·{1}" : "∂{}·{1}ᵀ"
    let right = transposesRight ? "∂{}ᵀ·\(x)" : transposesLeft ? "{0}·∂{}" : "{0}ᵀ·∂{}"
    return "∂{0} = \(left), ∂{1} = \(right)"
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, y) = (inputs[0], inputs[1])
    guard x.rank >= 2, y.rank == x.rank, x.dropLast(2).elementsEqual(y.dropLast(2)),
      x[x.rank - (transposesLeft ? 2 : 1)] == y[y.rank - (transposesRight ? 1 : 2)]
    else {
      throw ShapeError(
        expected: "a \(transposesRight ? "transposed " : "")matrix whose rows are as many as the columns of "
          + "\(x)\(transposesLeft ? ", transposed" : "")", found: y)
    }
    return Shape(x.dropLast(2) + [x[x.rank - (transposesLeft ? 1 : 2)], y[y.rank - (transposesRight ? 2 : 1)]])
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].matrixProduct(inputs[1], transposingSelf: transposesLeft, transposingOther: transposesRight), ())
  }

  package func kept(for needs: Needs) -> KeptTensors { [needs[0] ? .input(1) : [], needs[1] ? .input(0) : []] }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    var gradients: [Tensor<Element>?] = [nil, nil]
    if kept.needs[0] {
      gradients[0] =
        transposesLeft
        ? kept.input(1).matrixProduct(g, transposingSelf: transposesRight, transposingOther: true)
        : g.matrixProduct(kept.input(1), transposingOther: !transposesRight)
    }
    if kept.needs[1] {
      gradients[1] =
        transposesRight
        ? g.matrixProduct(kept.input(0), transposingSelf: true, transposingOther: transposesLeft)
        : kept.input(0).matrixProduct(g, transposingSelf: !transposesLeft)
    }
    return gradients
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    var gradients: [Variable<Element>?] = [nil, nil]
    if kept.needs[0] {
      gradients[0] =
        transposesLeft
        ? kept.input(1).matrixProduct(g, transposingSelf: transposesRight, transposingOther: true)
        : g.matrixProduct(kept.input(1), transposingOther: !transposesRight)
    }
    if kept.needs[1] {
      gradients[1] =
        transposesRight
        ? g.matrixProduct(kept.input(0), transposingSelf: true, transposingOther: transposesLeft)
        : kept.input(0).matrixProduct(g, transposingSelf: !transposesLeft)
    }
    return gradients
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

  package func backward(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void
  ) -> [Variable<Element>?] {
    let g = (rectifies ? gradient.rectified(at: kept.values.output) : gradient)
      .reshaped(to: [gradient.shape.rowCount, gradient.shape.channelCount])
    let (needs, shape) = (kept.needs, kept.shape(0))
    var gradients = [
      needs[0] ? g.matrixProduct(kept.input(1)).reshaped(to: shape) : nil,
      needs[1]
        ? g.matrixProduct(kept.input(0).reshaped(to: [shape.rowCount, shape.channelCount]), transposingSelf: true)
        : nil,
    ]
    if hasBias { gradients.append(needs[2] ? g.sumOverRows() : nil) }
    return gradients
  }

  package func prepared(_ constants: [Tensor<Element>?]) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element> {
    guard constants[0] == nil, let weight = constants[1], !hasBias || constants[2] != nil else {
      return unprepared(constants)
    }
    let linear = PreparedLinear(weight: weight, bias: hasBias ? constants[2] : nil)
    let rectifies = rectifies
    let (outputs, width) = (weight.shape[0], weight.shape[1])
    return { inputs in
      let shape = inputs[0].shape
      let y = linear(inputs[0].reshaped(to: [shape.rowCount, width]), rectifies: rectifies)
      return y.reshaped(to: shape.replacingLast(with: outputs))
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
  @specialized(where Element == Float)
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
  /// The matrix product `[…, M, K] · […, K, N] → […, M, N]`, for each place of the axes before the last two, which both have in common.
  ///
  /// - Parameters:
  ///   - other: the right factor.
  ///   - transposingSelf: whether this variable is `[…, K, M]`.
  ///   - transposingOther: whether `other` is `[…, N, K]`.
  public func matrixProduct(
    _ other: Variable, transposingSelf: Bool = false, transposingOther: Bool = false
  ) -> Variable {
    let operation = MatrixProductOperation<Element>(
      transposesLeft: transposingSelf, transposesRight: transposingOther)
    return Graph.apply(operation, to: [self, other]).output
  }

  /// `x · weightᵀ + bias`, one node: x `[…, inputs]`, weight `[outputs, inputs]`, bias `[outputs]` or none.
  @specialized(where Element == Float)
  public func linear(weight: Variable, bias: Variable?) -> Variable {
    Graph.apply(LinearOperation(hasBias: bias != nil), to: bias.map { [self, weight, $0] } ?? [self, weight]).output
  }
}
