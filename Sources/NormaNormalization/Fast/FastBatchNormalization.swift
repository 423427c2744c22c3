import CKernels
import NormaTensor

/// Batch normalization on the C kernels, where there are any for the element type and the shape; nil where the plain
/// loops have to do it.
enum FastBatchNormalization {
  static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>?, beta: Tensor<Element>?, epsilon: Double, layout: ChannelLayout,
    rectifies: Bool
  ) -> (output: Tensor<Element>, batch: NormalizedBatch<Element>)? {
    guard let floats = asFloats(x), let work = Work(floats.shape, layout) else { return nil }
    requireAffine(gamma, beta, channels: work.extent.channels)
    let vectors = OwnedVectors(channels: work.extent.channels)
    let output = Tensor<Float>(shape: floats.shape) { output in
      vectors.withPointers(gamma: gamma.flatMap(asFloats), beta: beta.flatMap(asFloats), epsilon: epsilon) { vectors in
        floats.withUnsafeElements { x in
          work.forward(x.baseAddress!, output.baseAddress!, vectors, rectifies: rectifies)
        }
      }
    }
    let batch = NormalizedBatch(
      moments: BatchMoments(
        count: work.extent.valuesPerChannel, mean: vectors.mean, centredSecondMoment: vectors.second),
      reciprocalDeviation: vectors.reciprocal, gamma: gamma.flatMap(asFloats),
      transform: ChannelVectors(pivot: vectors.pivot, scale: vectors.scale, shift: vectors.shift), layout: layout,
      rectifies: rectifies)
    return (output as! Tensor<Element>, batch as! NormalizedBatch<Element>)
  }

  /// The tensor with its channels transformed, as in inference.
  static func apply<Element: TensorElement>(
    _ transform: ChannelVectors<Element>, to x: Tensor<Element>, layout: ChannelLayout, rectifies: Bool
  ) -> Tensor<Element>? {
    guard let floats = asFloats(x), let work = Work(floats.shape, layout) else { return nil }
    transform.requireChannels(work.extent.channels, of: x.shape, layout: layout)
    let output = Tensor<Float>(shape: floats.shape) { output in
      withElements(floats, asFloats(transform.pivot)!, asFloats(transform.scale)!, asFloats(transform.shift)!) {
        work.apply($0, output.baseAddress!, pivot: $1, scale: $2, shift: $3, rectifies: rectifies)
      }
    }
    return output as? Tensor<Element>
  }

  static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, batch: NormalizedBatch<Element>
  ) -> NormalizationGradients<Element>? {
    guard let g = asFloats(gradient), let floats = asFloats(x), let work = Work(floats.shape, batch.layout) else {
      return nil
    }
    let channels = work.extent.channels
    require(gradient.shape == x.shape, "a gradient of shape \(gradient.shape) for an input of shape \(x.shape)")
    batch.transform.requireChannels(channels, of: x.shape, layout: batch.layout)
    var betaGradient = Tensor<Float>.zeros([channels])
    var input: Tensor<Float>?
    let vectors = OwnedVectors(batch as! NormalizedBatch<Float>)
    let gammaGradient = Tensor<Float>(shape: [channels]) { gammaGradient in
      betaGradient.withUnsafeMutableElements { betaGradient in
        let gradients = FastRows.Gradients(gamma: gammaGradient.baseAddress!, beta: betaGradient.baseAddress!)
        input = Tensor<Float>(shape: floats.shape) { dx in
          vectors.withPointers(gamma: batch.gamma.flatMap(asFloats), beta: nil, epsilon: 0) { vectors in
            g.withUnsafeElements { g in
              floats.withUnsafeElements { x in
                work.backward(
                  g.baseAddress!, x.baseAddress!, dx.baseAddress!, vectors, gradients, rectifies: batch.rectifies)
              }
            }
          }
        }
      }
    }
    return NormalizationGradients(input: input!, gamma: gammaGradient, beta: betaGradient)
      as? NormalizationGradients<Element>
  }

  /// A tensor of floats as what it is, where generic code holds one; nil for another element type.
  private static func asFloats<Element: TensorElement>(_ tensor: Tensor<Element>) -> Tensor<Float>? {
    // The same type, which the compiler cannot see; a conditional cast would look it up each time.
    Element.self == Float.self ? unsafeBitCast(tensor, to: Tensor<Float>.self) : nil
  }
}

/// How one tensor's batch normalization is done on the kernels.
private struct Work {
  let extent: ChannelExtent
  private let rows: FastRows?
  private let planes: FastPlanes?

  init?(_ shape: Shape, _ layout: ChannelLayout) {
    extent = layout.extent(of: shape)
    guard let kernels = Kernels.table?.pointee, extent.valuesPerChannel > 0, extent.channels > 0 else { return nil }
    if extent.inner == 1, let plan = RowPlan(rows: extent.outer, channels: extent.channels) {
      rows = FastRows(kernels: kernels, plan: plan, rows: extent.outer)
      planes = nil
    } else {
      // Too few values to fill a row of the kernels are planes of one value each.
      rows = nil
      planes = FastPlanes(kernels: kernels, extent: extent)
    }
  }

  func forward(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ vectors: FastVectors, rectifies: Bool
  ) {
    rows?.forward(x, y, vectors, rectifies: rectifies)
    planes?.forward(x, y, vectors, rectifies: rectifies)
  }

  func apply(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, pivot: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, rectifies: Bool
  ) {
    rows?.apply(x, y, pivot: pivot, scale: scale, shift: shift, rectifies: rectifies)
    planes?.apply(x, y, pivot: pivot, scale: scale, shift: shift, rectifies: rectifies)
  }

  func backward(
    _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ vectors: FastVectors,
    _ gradients: FastRows.Gradients, rectifies: Bool
  ) {
    rows?.backward(g, x, dx, vectors, gradients, rectifies: rectifies)
    planes?.backward(g, x, dx, vectors, gradients, rectifies: rectifies)
  }
}

/// The memory behind ``FastVectors``: tensors that the kernels fill once, and that are then handed out.
private final class OwnedVectors {
  private(set) var pivot, scale, shift: Tensor<Float>
  private(set) var mean, second, reciprocal: Tensor<Double>

  /// Vectors to be computed.
  init(channels: Int) {
    func floats() -> Tensor<Float> { Tensor(shape: [channels]) { _ in } }
    func doubles() -> Tensor<Double> { Tensor(shape: [channels]) { _ in } }
    (pivot, scale, shift) = (floats(), floats(), floats())
    (mean, second, reciprocal) = (doubles(), doubles(), doubles())
  }

  /// Those of a batch that was normalized.
  init(_ batch: NormalizedBatch<Float>) {
    (pivot, scale, shift) = (batch.transform.pivot, batch.transform.scale, batch.transform.shift)
    (mean, second) = (batch.moments.mean, batch.moments.centredSecondMoment)
    reciprocal = batch.reciprocalDeviation
  }

  func withPointers(
    gamma: Tensor<Float>?, beta: Tensor<Float>?, epsilon: Double, _ body: (FastVectors) -> Void
  ) {
    func floats(_ tensor: Tensor<Float>) -> UnsafeMutablePointer<Float> {
      tensor.withUnsafeElements { UnsafeMutablePointer(mutating: $0.baseAddress!) }
    }
    func doubles(_ tensor: Tensor<Double>) -> UnsafeMutablePointer<Double> {
      tensor.withUnsafeElements { UnsafeMutablePointer(mutating: $0.baseAddress!) }
    }
    Tensor.withUnsafeElements(of: gamma) { gamma in
      Tensor.withUnsafeElements(of: beta) { beta in
        body(
          FastVectors(
            pivot: floats(pivot), scale: floats(scale), shift: floats(shift), mean: doubles(mean),
            second: doubles(second), reciprocal: doubles(reciprocal), gamma: gamma, beta: beta, epsilon: epsilon))
      }
    }
    withExtendedLifetime(self) {}
  }
}
