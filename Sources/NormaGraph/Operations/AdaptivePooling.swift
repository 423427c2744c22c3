import NormaConvolution
import NormaTensor

/// The largest value of as many windows as the result is to have pixels: `[N, H, W, C] → [N, height, width, C]`.
package struct AdaptiveMaxPoolingOperation<Element: TensorElement>: TensorOperation {
  package let extent: Extent2d

  package var name: String { "adaptive max pool" }
  package var rule: String { "∂{0} = ∂{} where {0} is its window's largest" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape { try extent.pooledShape(inputs[0]) }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (Pooling2d.adaptiveMaximum(inputs[0], to: extent), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [.input(0), .output] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    let x = kept.input(0)
    return [Pooling2d.adaptiveMaximumGradient(g, input: x, output: largest(kept, x))]
  }
  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    let x = kept.values.input(0)
    let places = Pooling2d.adaptiveMaximumPlaces(x, output: largest(kept.values, x))
    return [g.added(toPlaces: places, of: kept.shape(0))]
  }

  /// The result; where the input was rounded, that of what is left: the largest may be another.
  private func largest(_ kept: Kept<Element>, _ x: Tensor<Element>) -> Tensor<Element> {
    kept.isRounded ? Pooling2d.adaptiveMaximum(x, to: extent) : kept.output
  }

  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

/// The mean of as many windows as the result is to have pixels: `[N, H, W, C] → [N, height, width, C]`.
package struct AdaptiveAveragePoolingOperation<Element: TensorElement>: LinearMapping {
  package let extent: Extent2d

  package var name: String { "adaptive average pool" }
  package var rule: String { "∂{0} = Σ ∂{}/n over the windows that a value is in" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape { try extent.pooledShape(inputs[0]) }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (Pooling2d.adaptiveAverage(inputs[0], to: extent), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [Pooling2d.adaptiveAverageGradient(g, inputShape: kept.shape(0))]
  }

  package var isPerSample: Bool { true }
  package var featureOrder: FeatureOrder { .kept }
}

extension Extent2d {
  /// The shape of images pooled to this size.
  fileprivate func pooledShape(_ input: Shape) throws(ShapeError) -> Shape {
    guard input.rank == 4, input[1] > 0, input[2] > 0 else {
      throw ShapeError(expected: "[batch, height, width, channels] of at least one pixel", found: input)
    }
    return [input[0], height, width, input[3]]
  }
}

extension Variable {
  /// The largest value of each of as many windows as the result is to have pixels: `[N, H, W, C] → [N, height, width, C]`. See
  /// `Pooling2d.adaptiveWindow(_:of:length:)`.
  public func adaptivelyMaxPooled(to extent: Extent2d) -> Variable {
    Graph.apply(AdaptiveMaxPoolingOperation(extent: extent), to: [self]).output
  }

  /// The mean of each of as many windows as the result is to have pixels: `[N, H, W, C] → [N, height, width, C]`. See
  /// `Pooling2d.adaptiveWindow(_:of:length:)`.
  public func adaptivelyAveragePooled(to extent: Extent2d) -> Variable {
    Graph.apply(AdaptiveAveragePoolingOperation(extent: extent), to: [self]).output
  }
}
