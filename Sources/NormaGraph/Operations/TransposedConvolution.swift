import NormaConvolution
import NormaTensor

/// Transposed convolution of images, of which `TransposedConvolution2d` tells: x `[N, H, W, C]`, weight
/// `[C, outputs / groups, height, width]`, then a bias `[outputs]` if `hasBias`; and ReLU if `rectifies`.
package struct TransposedConvolutionOperation<Element: TensorElement>: TensorOperation {
  package let window: Window
  package let outputPadding: Extent2d
  package let groups: Int
  package let hasBias: Bool
  package var rectifies = false

  package var name: String { "transposed convolution" + (rectifies ? " + ReLU" : "") }
  package var rule: String {
    (rectifies ? "with g = ∂{} where {} > 0: " : "")
      + "∂{0} = ∂{} ⋆ {1}, ∂{1} = Σ {0}·∂{} over positions".replacing("∂{}", with: rectifies ? "g" : "∂{}")
      + (hasBias ? ", ∂{2} = Σ \(rectifies ? "g" : "∂{}")" : "")
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, weight) = (inputs[0], inputs[1])
    guard x.rank == 4, x[3] == weight[0],
      let output = TransposedConvolution2d.outputShape(
        for: x, outputs: weight[1] * groups, window: window, outputPadding: outputPadding)
    else {
      throw ShapeError(
        expected: "[batch, height, width, \(weight[0])], of which its padding leaves something", found: x)
    }
    return output
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let y = TransposedConvolution2d.forward(
      inputs[0], weight: inputs[1], bias: hasBias ? inputs[2] : nil, window: window, outputPadding: outputPadding,
      groups: groups, rectifies: rectifies)
    return (y, ())
  }

  package func kept(for needs: Needs) -> KeptTensors {
    [needs[0] ? .input(1) : [], needs[1] ? .input(0) : [], rectifies ? .output : []]
  }

  package func backward(_ gradient: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let g = rectifies ? kept.output.applying(.leakyReLUGradient(slope: 0), gradient) : gradient
    let gradients = [
      kept.needs[0]
        ? TransposedConvolution2d.inputGradient(
          g, inputShape: kept.shape(0), weight: kept.input(1), window: window, groups: groups) : nil,
      kept.needs[1]
        ? TransposedConvolution2d.weightGradient(
          g, input: kept.input(0), weightShape: kept.shape(1), window: window, groups: groups) : nil,
    ]
    return hasBias ? gradients + [kept.needs[2] ? g.sumOverRows() : nil] : gradients
  }

  package func backward(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void
  ) -> [Variable<Element>?] {
    let g = rectifies ? gradient.rectified(at: kept.values.output) : gradient
    var gradients: [Variable<Element>?] = [nil, nil]
    if kept.needs[0] {
      gradients[0] = g.convolved(weight: kept.input(1), window: window, groups: groups).framed(as: kept.shape(0))
    }
    if kept.needs[1] {
      let convolved = window.convolvedExtent(of: g.shape)
      let x = kept.input(0)
      gradients[1] = g.convolutionWeightGradient(
        x.framed(as: [x.shape[0], convolved.height, convolved.width, x.shape[3]]), shape: kept.shape(1), window: window,
        groups: groups)
    }
    if hasBias { gradients.append(kept.needs[2] ? g.sumOverRows() : nil) }
    return gradients
  }

  package var isPerSample: Bool { true }
  package var rectified: (any TensorOperation<Element>)? {
    guard !rectifies else { return nil }
    var operation = self
    operation.rectifies = true
    return operation
  }

  package func followed(by map: ChannelMap, _ constants: [Tensor<Element>?]) -> Folded<Element>? {
    guard !rectifies, let weight = constants[1], !hasBias || constants[2] != nil else { return nil }
    return Folded(
      TransposedConvolutionOperation(window: window, outputPadding: outputPadding, groups: groups, hasBias: true),
      constants: map.folded(intoTransposedWeight: weight, groups: groups, bias: hasBias ? constants[2] : nil))
  }
  package var lacksBias: Bool { !hasBias }
}

extension ChannelMap {
  /// The weight `[C, outputs / groups, height, width]` and bias of the transposed convolution that does what one with the given ones
  /// does and then this; computed in double precision.
  fileprivate func folded<Element: TensorElement>(
    intoTransposedWeight weight: Tensor<Element>, groups: Int, bias: Tensor<Element>?
  ) -> [Tensor<Element>] {
    let (ofGroup, area) = (weight.shape[1], weight.shape[2] * weight.shape[3])
    let outputs = ofGroup * groups
    require(scale.count == outputs, "a map of \(scale.count) channels after \(outputs) outputs")
    let foldedWeight = weight.elements.enumerated().map { index, value in
      let group = index / (ofGroup * area) * groups / weight.shape[0]
      return Element(Double(value) * scale[group * ofGroup + index / area % ofGroup])
    }
    let foldedBias = (0..<outputs).map { Element((Double(bias?[$0] ?? 0) - centre[$0]) * scale[$0] + shift[$0]) }
    return [Tensor(foldedWeight, shape: weight.shape), Tensor(foldedBias)]
  }
}

extension Variable {
  /// Transposed convolution of images: x `[N, H, W, C]`, weight `[C, outputs / groups, height, width]`, bias `[outputs]`.
  ///
  /// See `TransposedConvolution2d`.
  public func transposedConvolved(
    weight: Variable, bias: Variable? = nil, window: Window, outputPadding: Extent2d = 0, groups: Int = 1
  ) -> Variable {
    let operation = TransposedConvolutionOperation<Element>(
      window: window, outputPadding: outputPadding, groups: groups, hasBias: bias != nil)
    return Graph.apply(operation, to: bias.map { [self, weight, $0] } ?? [self, weight]).output
  }
}

extension Variable {
  /// Images of the height and the width of a shape: what is missing at the ends are zeros, what is too much is left out.
  fileprivate func framed(as shape: Shape) -> Variable {
    var result = self
    for axis in 1...2 {
      let (length, wanted) = (result.shape[axis], shape[axis])
      if wanted < length { result = result.sliced(0..<wanted, axis: axis) }
      if wanted > length { result = result.padded(axis: axis, before: 0, after: wanted - length) }
    }
    return result
  }
}
