import NormaConvolution
import NormaTensor

/// Convolution of images, of which `Convolution2d` tells: x `[N, H, W, C]`, weight `[outputs, C / groups, height, width]`, then
/// a bias `[outputs]` if `hasBias`, then values of the result's shape that are added to it if `addsResidual`; and ReLU if
/// `rectifies`. Or one of signals: x `[N, L, C]`, weight `[outputs, C / groups, size]`, and a window along signals.
package struct ConvolutionOperation<Element: TensorElement>: TensorOperation {
  package let window: Window
  package let groups: Int
  package let hasBias: Bool
  package var addsResidual = false
  package var rectifies = false

  package var name: String { "convolution" + (addsResidual ? " + add" : "") + (rectifies ? " + ReLU" : "") }
  package var rule: String {
    "∂{0} = ∂{} ⋆ {1} turned round, ∂{1} = Σ {0}·∂{} over positions" + (hasBias ? ", ∂{2} = Σ ∂{}" : "")
      + (addsResidual ? ", ∂{\(hasBias ? 3 : 2)} = ∂{}" : "")
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, weight) = (inputs[0], inputs[1])
    let isOfSignals = weight.rank == 3
    guard x.rank == weight.rank, x.channelCount == weight[1] * groups,
      let images = Convolution2d.outputShape(for: x.ofImages, outputs: weight[0], window: window)
    else {
      throw ShapeError(
        expected: "[batch, \(isOfSignals ? "length" : "height, width"), \(weight[1] * groups)] of at least its window",
        found: x)
    }
    let output = images.ofSignals(isOfSignals)
    if addsResidual, let residual = inputs.last, residual != output {
      throw ShapeError(expected: "\(output), to be added to a convolution's result", found: residual)
    }
    return output
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let convolution = prepared(weight: inputs[1], bias: hasBias ? inputs[2] : nil)
    return (apply(convolution, to: inputs[0], adding: addsResidual ? inputs.last : nil), ())
  }

  private func prepared(weight: Tensor<Element>, bias: Tensor<Element>?) -> PreparedConvolution<Element> {
    PreparedConvolution(weight: weight.asImageWeights, bias: bias, window: window, groups: groups)
  }

  private func apply(
    _ convolution: PreparedConvolution<Element>, to x: Tensor<Element>, adding residual: Tensor<Element>?,
    then function: UnaryOperation<Element>? = nil
  ) -> Tensor<Element> {
    convolution(x.asImages, residual: residual?.asImages, rectifies: rectifies, then: function).asSignals(x.rank == 3)
  }

  package func kept(for needs: Needs) -> KeptTensors {
    [needs[0] ? .input(1) : [], needs[1] ? .input(0) : [], rectifies ? .output : []]
  }

  package func backward(_ gradient: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let g = rectifies ? kept.output.applying(.leakyReLUGradient(slope: 0), gradient) : gradient
    let (input, weight) = (kept.shape(0), kept.shape(1))
    // First that of the weight: an input that is computed again or expanded for it is gone when that of the input takes memory.
    let ofWeight =
      kept.needs[1]
      ? Convolution2d.weightGradient(
        g.asImages, input: kept.input(0).asImages, weightShape: weight.ofImageWeights, window: window, groups: groups
      ).reshaped(to: weight) : nil
    let ofInput =
      kept.needs[0]
      ? Convolution2d.inputGradient(
        g.asImages, inputShape: input.ofImages, weight: kept.input(1).asImageWeights, window: window, groups: groups
      ).reshaped(to: input) : nil
    var gradients = [ofInput, ofWeight]
    if hasBias { gradients.append(kept.needs[2] ? g.sumOverRows() : nil) }
    if addsResidual { gradients.append(g) }
    return gradients
  }

  package func backward(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void
  ) -> [Variable<Element>?] {
    let g = rectifies ? gradient.rectified(at: kept.values.output) : gradient
    var gradients = [
      kept.needs[0]
        ? kept.input(1).convolutionInputGradient(g, shape: kept.shape(0), window: window, groups: groups) : nil,
      kept.needs[1]
        ? kept.input(0).convolutionWeightGradient(g, shape: kept.shape(1), window: window, groups: groups) : nil,
    ]
    if hasBias { gradients.append(kept.needs[2] ? g.sumOverRows() : nil) }
    if addsResidual { gradients.append(g) }
    return gradients
  }

  package func prepared(_ constants: [Tensor<Element>?]) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element> {
    prepared(constants, then: nil)
  }
  package func prepared(
    _ constants: [Tensor<Element>?], then function: UnaryOperation<Element>
  ) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element> { prepared(constants, then: function as Optional) }

  private func prepared(
    _ constants: [Tensor<Element>?], then function: UnaryOperation<Element>?
  ) -> @Sendable ([Tensor<Element>]) throws -> Tensor<Element> {
    guard constants[0] == nil, let weight = constants[1], !hasBias || constants[2] != nil else {
      let first = unprepared(constants)
      return { inputs in
        var result = try first(inputs)
        if let function { result.apply(function) }
        return result
      }
    }
    let convolution = prepared(weight: weight, bias: hasBias ? constants[2] : nil)
    let residual = addsResidual ? constants.last ?? nil : nil
    let addsResidual = addsResidual
    return { inputs in
      apply(convolution, to: inputs[0], adding: addsResidual ? residual ?? inputs[1] : nil, then: function)
    }
  }

  package var isPerSample: Bool { true }
  package var rectified: (any TensorOperation<Element>)? { rectifies ? nil : with(\.rectifies) }
  package var addingResidual: (any TensorOperation<Element>)? { rectifies || addsResidual ? nil : with(\.addsResidual) }

  private func with(_ flag: WritableKeyPath<ConvolutionOperation, Bool>) -> ConvolutionOperation {
    var operation = self
    operation[keyPath: flag] = true
    return operation
  }

  package func followed(by map: ChannelMap, _ constants: [Tensor<Element>?]) -> Folded<Element>? {
    guard !rectifies, !addsResidual, let weight = constants[1], !hasBias || constants[2] != nil else { return nil }
    return Folded(
      ConvolutionOperation(window: window, groups: groups, hasBias: true),
      constants: map.folded(intoWeight: weight, bias: hasBias ? constants[2] : nil))
  }
  package var lacksBias: Bool { !hasBias }
}

/// The gradient of a convolution's input, of the given shape, from that of its result and from its weight: linear in either, so that its
/// gradients are the convolution and the other gradient.
package struct ConvolutionInputGradientOperation<Element: TensorElement>: TensorOperation {
  package let window: Window
  package let groups: Int
  package let inputShape: Shape

  package var name: String { "gradient of convolution's input" }
  package var rule: String { "∂{0} = ∂{} ⋆ {1}, ∂{1} = Σ ∂{}·{0} over positions" }
  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape { inputShape }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let dx = Convolution2d.inputGradient(
      inputs[0].asImages, inputShape: inputShape.ofImages, weight: inputs[1].asImageWeights, window: window,
      groups: groups)
    return (dx.reshaped(to: inputShape), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [needs[0] ? .input(1) : [], needs[1] ? .input(0) : []] }
  package func backward(_ v: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [
      kept.needs[0]
        ? Convolution2d.forward(v.asImages, weight: kept.input(1).asImageWeights, window: window, groups: groups)
          .reshaped(to: kept.shape(0)) : nil,
      kept.needs[1]
        ? Convolution2d.weightGradient(
          kept.input(0).asImages, input: v.asImages, weightShape: kept.shape(1).ofImageWeights, window: window,
          groups: groups
        ).reshaped(to: kept.shape(1)) : nil,
    ]
  }
  package func backward(_ v: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    [
      kept.needs[0] ? v.convolved(weight: kept.input(1), window: window, groups: groups) : nil,
      kept.needs[1]
        ? v.convolutionWeightGradient(kept.input(0), shape: kept.shape(1), window: window, groups: groups) : nil,
    ]
  }
}

/// The gradient of a convolution's weight, of the given shape, from that of its result and from its input: linear in either.
package struct ConvolutionWeightGradientOperation<Element: TensorElement>: TensorOperation {
  package let window: Window
  package let groups: Int
  package let weightShape: Shape

  package var name: String { "gradient of convolution's weight" }
  package var rule: String { "∂{0} = {1} ⋆ ∂{}, ∂{1} = {0} ⋆ ∂{} turned round" }
  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape { weightShape }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let dweight = Convolution2d.weightGradient(
      inputs[0].asImages, input: inputs[1].asImages, weightShape: weightShape.ofImageWeights, window: window,
      groups: groups)
    return (dweight.reshaped(to: weightShape), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [needs[0] ? .input(1) : [], needs[1] ? .input(0) : []] }
  package func backward(_ v: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [
      kept.needs[0]
        ? Convolution2d.forward(kept.input(1).asImages, weight: v.asImageWeights, window: window, groups: groups)
          .reshaped(to: kept.shape(0)) : nil,
      kept.needs[1]
        ? Convolution2d.inputGradient(
          kept.input(0).asImages, inputShape: kept.shape(1).ofImages, weight: v.asImageWeights, window: window,
          groups: groups
        ).reshaped(to: kept.shape(1)) : nil,
    ]
  }
  package func backward(_ v: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    [
      kept.needs[0] ? kept.input(1).convolved(weight: v, window: window, groups: groups) : nil,
      kept.needs[1]
        ? v.convolutionInputGradient(kept.input(0), shape: kept.shape(1), window: window, groups: groups) : nil,
    ]
  }
}

extension Variable {
  /// The gradient of the input, of a convolution with this weight, from that of its result.
  func convolutionInputGradient(_ gradient: Variable, shape: Shape, window: Window, groups: Int) -> Variable {
    let operation = ConvolutionInputGradientOperation<Element>(window: window, groups: groups, inputShape: shape)
    return Graph.apply(operation, to: [gradient, self]).output
  }

  /// The gradient of the weight, of a convolution of this input, from that of its result.
  func convolutionWeightGradient(_ gradient: Variable, shape: Shape, window: Window, groups: Int) -> Variable {
    let operation = ConvolutionWeightGradientOperation<Element>(window: window, groups: groups, weightShape: shape)
    return Graph.apply(operation, to: [gradient, self]).output
  }

  /// Convolution of images: x `[N, H, W, C]`, weight `[outputs, C / groups, height, width]`, bias `[outputs]`; or of signals
  /// `[N, L, C]` with a weight `[outputs, C / groups, size]` and a window along signals, such as `Window(length: 3)`.
  ///
  /// See `Convolution2d`.
  @specialized(where Element == Float)
  public func convolved(weight: Variable, bias: Variable? = nil, window: Window, groups: Int = 1) -> Variable {
    let operation = ConvolutionOperation<Element>(window: window, groups: groups, hasBias: bias != nil)
    return Graph.apply(operation, to: bias.map { [self, weight, $0] } ?? [self, weight]).output
  }
}
