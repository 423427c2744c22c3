import NormaConvolution
import NormaTensor

/// The largest value or the mean of as many windows as the result is to have pixels: `[N, H, W, C] → [N, height, width, C]`.
package struct AdaptivePoolingOperation<Element: TensorElement>: TensorOperation {
  package let extent: Extent2d
  package let isMaximum: Bool

  package var name: String { isMaximum ? "adaptive max pool" : "adaptive average pool" }
  package var rule: String {
    isMaximum ? "∂{0} = ∂{} where {0} is its window's largest" : "∂{0} = Σ ∂{}/n over the windows that a value is in"
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let x = inputs[0]
    guard x.rank == 4, x[1] > 0, x[2] > 0 else {
      throw ShapeError(expected: "[batch, height, width, channels] of at least one pixel", found: x)
    }
    return [x[0], extent.height, extent.width, x[3]]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (
      isMaximum
        ? Pooling2d.adaptiveMaximum(inputs[0], to: extent) : Pooling2d.adaptiveAverage(inputs[0], to: extent), ()
    )
  }
  package func kept(for needs: Needs) -> KeptTensors { isMaximum ? [.input(0), .output] : [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    guard isMaximum else { return [Pooling2d.adaptiveAverageGradient(g, inputShape: kept.shape(0))] }
    let x = kept.input(0)
    // The largest of what is rounded, or computed again from that, may be another.
    let y = kept.isRounded ? Pooling2d.adaptiveMaximum(x, to: extent) : kept.output
    return [Pooling2d.adaptiveMaximumGradient(g, input: x, output: y)]
  }

  package var isPerSample: Bool { true }
}

extension Variable {
  /// The largest value of each of as many windows as the result is to have pixels: `[N, H, W, C] → [N, height, width, C]`. See
  /// `Pooling2d.adaptiveWindow(_:of:length:)`.
  public func adaptivelyMaxPooled(to extent: Extent2d) -> Variable {
    Graph.apply(AdaptivePoolingOperation(extent: extent, isMaximum: true), to: [self]).output
  }

  /// The mean of each of as many windows as the result is to have pixels: `[N, H, W, C] → [N, height, width, C]`. See
  /// `Pooling2d.adaptiveWindow(_:of:length:)`.
  public func adaptivelyAveragePooled(to extent: Extent2d) -> Variable {
    Graph.apply(AdaptivePoolingOperation(extent: extent, isMaximum: false), to: [self]).output
  }
}
