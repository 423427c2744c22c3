import NormaConvolution
import NormaTensor

/// The largest value that a window takes in: `[N, H, W, C] → [N, H', W', C]`, or `[N, L, C] → [N, L', C]` if `isOfSignals`.
package struct MaxPoolingOperation<Element: TensorElement>: TensorOperation {
  package let window: Window
  package let isOfSignals: Bool
  package let countsPartialWindows: Bool

  package var name: String { "max pool" }
  package var rule: String { "∂{0} = ∂{} where {0} is its window's largest" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try window.pooledShape(inputs[0], isOfSignals, countsPartialWindows)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (maximum(inputs[0].asImages).asSignals(isOfSignals), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [.input(0), .output] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let x = kept.input(0).asImages
    let dx = Pooling2d.maximumGradient(
      g.asImages, input: x, output: largest(kept, x), window: window, countsPartialWindows: countsPartialWindows)
    return [dx.asSignals(isOfSignals)]
  }

  private func maximum(_ x: Tensor<Element>) -> Tensor<Element> {
    Pooling2d.maximum(x, window: window, countsPartialWindows: countsPartialWindows)
  }

  /// The result as images; where the input was rounded, that of what is left: the largest may be another.
  private func largest(_ kept: Kept<Element>, _ x: Tensor<Element>) -> Tensor<Element> {
    kept.isRounded ? maximum(x) : kept.output.asImages
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    let x = kept.values.input(0).asImages
    let places = Pooling2d.maximumPlaces(
      x, output: largest(kept.values, x), window: window, countsPartialWindows: countsPartialWindows)
    return [g.added(toPlaces: places, of: kept.shape(0))]
  }

  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

/// The mean of what a window takes in: `[N, H, W, C] → [N, H', W', C]`, or `[N, L, C] → [N, L', C]` if `isOfSignals`.
/// `countsPadding`: whether places outside the image count as zeros.
package struct AveragePoolingOperation<Element: TensorElement>: LinearMapping {
  package let window: Window
  package let countsPadding: Bool
  package let isOfSignals: Bool
  package let countsPartialWindows: Bool

  package var name: String { "average pool" }
  package var rule: String { "∂{0} = Σ ∂{}/n over the windows that a value is in" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try window.pooledShape(inputs[0], isOfSignals, countsPartialWindows)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let y = Pooling2d.average(
      inputs[0].asImages, window: window, countsPadding: countsPadding, countsPartialWindows: countsPartialWindows)
    return (y.asSignals(isOfSignals), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let dx = Pooling2d.averageGradient(
      g.asImages, inputShape: kept.shape(0).ofImages, window: window, countsPadding: countsPadding,
      countsPartialWindows: countsPartialWindows)
    return [dx.asSignals(isOfSignals)]
  }

  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

/// The mean of each channel over all positions of each sample: `[N, …, C] → [N, C]`.
package struct GlobalAverageOperation<Element: TensorElement>: LinearMapping {
  package init() {}

  package var name: String { "global average" }
  package var rule: String { "∂{0} = ∂{}/n" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank >= 2 else { throw ShapeError(expected: "[batch, …, channels]", found: inputs[0]) }
    return [inputs[0][0], inputs[0].channelCount]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (Pooling2d.globalAverage(inputs[0]), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [Pooling2d.globalAverageGradient(g, inputShape: kept.shape(0))]
  }

  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

extension Window {
  /// The shape of what a pooling gives.
  fileprivate func pooledShape(
    _ input: Shape, _ isOfSignals: Bool, _ countsPartialWindows: Bool
  ) throws(ShapeError) -> Shape {
    guard input.rank == (isOfSignals ? 3 : 4), padding.height <= size.height / 2, padding.width <= size.width / 2,
      let output = Pooling2d.outputShape(
        for: input.ofImages, window: self, countsPartialWindows: countsPartialWindows)
    else {
      let axes = isOfSignals ? "length" : "height, width"
      throw ShapeError(
        expected: "[batch, \(axes), channels] of at least its window, padded by at most half of it", found: input)
    }
    return output.ofSignals(isOfSignals)
  }
}

extension Variable {
  /// The largest value that a window takes in: `[N, H, W, C] → [N, H', W', C]`. `countsPartialWindows`: whether the last window along
  /// an axis may reach over the end, PyTorch's `ceil_mode`.
  public func maxPooled(_ window: Window, countsPartialWindows: Bool = false) -> Variable {
    maxPooled(window, countsPartialWindows, isOfSignals: false)
  }

  /// The mean of what a window takes in: `[N, H, W, C] → [N, H', W', C]`. `countsPadding`: whether places in the padding
  /// count as zeros; `countsPartialWindows`: whether the last window along an axis may reach over the end, PyTorch's `ceil_mode`.
  public func averagePooled(
    _ window: Window, countsPadding: Bool = true, countsPartialWindows: Bool = false
  ) -> Variable {
    averagePooled(window, countsPadding, countsPartialWindows, isOfSignals: false)
  }

  /// The largest value that a window along a signal takes in: `[N, L, C] → [N, L', C]`. `countsPartialWindows`: whether the last
  /// window may reach over the end, PyTorch's `ceil_mode`.
  public func maxPooledAlongSignals(_ window: Window, countsPartialWindows: Bool = false) -> Variable {
    maxPooled(window, countsPartialWindows, isOfSignals: true)
  }

  /// The mean of what a window along a signal takes in: `[N, L, C] → [N, L', C]`. `countsPadding`: whether places in the
  /// padding count as zeros; `countsPartialWindows`: whether the last window may reach over the end, PyTorch's `ceil_mode`.
  public func averagePooledAlongSignals(
    _ window: Window, countsPadding: Bool = true, countsPartialWindows: Bool = false
  ) -> Variable {
    averagePooled(window, countsPadding, countsPartialWindows, isOfSignals: true)
  }

  private func maxPooled(_ window: Window, _ countsPartialWindows: Bool, isOfSignals: Bool) -> Variable {
    require(!isOfSignals || window.isAlongSignals, "a pooling of signals by \(window)")
    let operation = MaxPoolingOperation<Element>(
      window: window, isOfSignals: isOfSignals, countsPartialWindows: countsPartialWindows)
    return Graph.apply(operation, to: [self]).output
  }

  private func averagePooled(
    _ window: Window, _ countsPadding: Bool, _ countsPartialWindows: Bool, isOfSignals: Bool
  ) -> Variable {
    require(!isOfSignals || window.isAlongSignals, "a pooling of signals by \(window)")
    let operation = AveragePoolingOperation<Element>(
      window: window, countsPadding: countsPadding, isOfSignals: isOfSignals,
      countsPartialWindows: countsPartialWindows)
    return Graph.apply(operation, to: [self]).output
  }

  /// The mean of each channel over all positions of each sample: `[N, …, C] → [N, C]`.
  public func globallyAveraged() -> Variable { Graph.apply(GlobalAverageOperation(), to: [self]).output }
}

extension Variable {
  /// A gradient of values that were taken from places of a tensor, by their numbers in row-major order, as one of that tensor.
  func added(toPlaces places: [Int], of shape: Shape) -> Variable {
    reshaped(to: [places.count])
      .applyingAdjoint(of: GatherOperation(indices: places, axis: 0), inputShape: [shape.elementCount])
      .reshaped(to: shape)
  }
}
