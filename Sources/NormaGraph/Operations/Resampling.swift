import NormaConvolution
import NormaTensor

/// Images of another size: `[N, H, W, C] → [N, H', W', C]`.
package struct ResamplingOperation<Element: TensorElement>: LinearMapping {
  /// How large the results are.
  package enum Target: Sendable {
    /// So many times as large.
    case factor(Extent2d)
    /// So large.
    case size(Extent2d)
    /// By weights of one's own.
    case weights(Resampling2d)
  }

  package let target: Target
  package let interpolation: Interpolation

  package var name: String { "resample" }
  package var rule: String { "∂{0} = Σ weight·∂{} over the results that a value goes into" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let x = inputs[0]
    guard x.rank == 4, x[1] > 0, x[2] > 0 else {
      throw ShapeError(expected: "[batch, height, width, channels] of at least one pixel", found: x)
    }
    if case .weights(let weights) = target,
      weights.rows.sourceLength != x[1] || weights.columns.sourceLength != x[2]
    {
      throw ShapeError(
        expected: "[batch, \(weights.rows.sourceLength), \(weights.columns.sourceLength), channels]", found: x)
    }
    let extent = result(of: x)
    return [x[0], extent.height, extent.width, x[3]]
  }

  private func result(of shape: Shape) -> Extent2d {
    switch target {
    case .size(let extent): extent
    case .weights(let weights): Extent2d(height: weights.rows.resultLength, width: weights.columns.resultLength)
    case .factor(let factor): Extent2d(height: shape[1] * factor.height, width: shape[2] * factor.width)
    }
  }

  private func resampling(of shape: Shape) -> Resampling2d {
    if case .weights(let weights) = target { return weights }
    return Resampling2d(from: Extent2d(height: shape[1], width: shape[2]), to: result(of: shape), interpolation)
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (resampling(of: inputs[0].shape)(inputs[0]), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [resampling(of: kept.shape(0)).inputGradient(g)]
  }

  package var isPerSample: Bool { true }
}

extension Variable {
  /// Images so many times as large: `[N, H, W, C] → [N, H · height, W · width, C]`. See `Resampling2d`.
  public func upsampled(by factor: Extent2d, _ interpolation: Interpolation = .nearest) -> Variable {
    require(factor.height > 0 && factor.width > 0, "images \(factor) times as large")
    return Graph.apply(ResamplingOperation(target: .factor(factor), interpolation: interpolation), to: [self]).output
  }

  /// Images of the given size: `[N, H, W, C] → [N, height, width, C]`. See `Resampling2d`.
  public func resampled(to extent: Extent2d, _ interpolation: Interpolation = .nearest) -> Variable {
    require(extent.height > 0 && extent.width > 0, "images of a size of \(extent)")
    return Graph.apply(ResamplingOperation(target: .size(extent), interpolation: interpolation), to: [self]).output
  }

  /// Images whose rows and columns are weighted sums of these images': `[N, H, W, C] → [N, H', W', C]`.
  public func resampled(by weights: Resampling2d) -> Variable {
    Graph.apply(ResamplingOperation(target: .weights(weights), interpolation: .nearest), to: [self]).output
  }
}
