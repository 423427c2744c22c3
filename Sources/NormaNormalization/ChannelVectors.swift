import CKernels
import NormaTensor

/// The three vectors `[C]` of a ``ChannelTransform``.
struct ChannelVectors<Element: TensorElement>: Sendable {
  let pivot: Tensor<Element>
  let scale: Tensor<Element>
  let shift: Tensor<Element>

  init(pivot: Tensor<Element>, scale: Tensor<Element>, shift: Tensor<Element>) {
    self.pivot = pivot
    self.scale = scale
    self.shift = shift
  }

  /// What subtracts the mean, divides by the deviation, multiplies by gamma and adds beta.
  init(
    mean: Tensor<Double>, reciprocalDeviation: Tensor<Double>, gamma: Tensor<Element>?, beta: Tensor<Element>?
  ) {
    requireAffine(gamma, beta, channels: mean.count)
    let factor = gamma.map { $0.converted(to: Double.self) * reciprocalDeviation } ?? reciprocalDeviation
    let pivot: Tensor<Element> = mean.converted()
    let rest = mean - pivot.converted(to: Double.self)
    let shift = (beta?.converted(to: Double.self) ?? .zeros(mean.shape)) - rest * factor
    self.init(pivot: pivot, scale: factor.converted(), shift: shift.converted())
  }

  /// The same for statistics that are given in the tensor's own type: the mean is the pivot, and leaves no rest.
  init(
    mean: Tensor<Element>, variance: Tensor<Element>, gamma: Tensor<Element>?, beta: Tensor<Element>?, epsilon: Double
  ) {
    let channels = mean.count
    requireAffine(gamma, beta, channels: channels)
    require(variance.count == channels, "means of shape \(mean.shape) and variances of shape \(variance.shape)")
    let scale = Tensor<Element>(shape: [channels]) { scale in
      variance.withUnsafeElements { variance in
        guard let scale = scale.baseAddress, let variance = variance.baseAddress else { return }
        Tensor.withUnsafeElements(of: gamma) { scaleChannels(scale, variance, $0, channels, epsilon) }
      }
    }
    self.init(pivot: mean, scale: scale, shift: beta ?? .zeros([channels]))
  }

  /// The transformed tensor, with the following ReLU if `rectifies`.
  func apply(to x: Tensor<Element>, layout: ChannelLayout, rectifies: Bool) -> Tensor<Element> {
    let extent = layout.extent(of: x.shape)
    requireChannels(extent.channels, of: x.shape, layout: layout)
    return Tensor(shape: x.shape) { result in
      x.withUnsafeElements { x in
        withPointers { transform in
          guard let x = x.baseAddress, let result = result.baseAddress else { return }
          Parallel.forEach(extent.blockCount) { block in
            normalize(
              x, result, extent: extent, block: extent.block(block), transform: transform, rectifies: rectifies)
          }
        }
      }
    }
  }

  /// Stops where a tensor has another number of channels than these vectors.
  func requireChannels(_ channels: Int, of shape: Shape, layout: ChannelLayout) {
    require(
      channels == pivot.count, "statistics of \(pivot.count) channels for a tensor of shape \(shape), \(layout)")
  }

  func withPointers(_ body: (ChannelTransform<Element>) -> Void) {
    pivot.withUnsafeElements { pivot in
      scale.withUnsafeElements { scale in
        shift.withUnsafeElements { shift in
          guard let pivot = pivot.baseAddress, let scale = scale.baseAddress, let shift = shift.baseAddress else {
            return
          }
          body(ChannelTransform(pivot: pivot, scale: scale, shift: shift))
        }
      }
    }
  }
}

/// Stops where gamma or beta have another number of channels than the tensor.
func requireAffine<Element: TensorElement>(_ gamma: Tensor<Element>?, _ beta: Tensor<Element>?, channels: Int) {
  require(gamma.map { $0.count == channels } ?? true, "gamma of shape \(gamma!.shape) for \(channels) channels")
  require(beta.map { $0.count == channels } ?? true, "beta of shape \(beta!.shape) for \(channels) channels")
}

/// `gamma / √(variance + epsilon)` for each channel, gamma being 1 where it is nil; on the kernels where they are for the
/// element type.
private func scaleChannels<Element: TensorElement>(
  _ scale: UnsafeMutablePointer<Element>, _ variance: UnsafePointer<Element>, _ gamma: UnsafePointer<Element>?,
  _ channels: Int, _ epsilon: Double
) {
  if let kernels = Kernels.table, let scale = floats(scale), let variance = floats(variance) {
    return kernels.pointee.channel_scales(variance, gamma.flatMap { floats($0) }, channels, epsilon, scale)
  }
  scaleChannelsLoop(scale, variance, gamma, channels, epsilon)
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func scaleChannelsLoop<Element: TensorElement>(
  _ scale: UnsafeMutablePointer<Element>, _ variance: UnsafePointer<Element>, _ gamma: UnsafePointer<Element>?,
  _ channels: Int, _ epsilon: Double
) {
  for channel in 0..<channels {
    let reciprocal = 1 / (Double(variance[channel]) + epsilon).squareRoot()
    scale[channel] = Element((gamma.map { Double($0[channel]) } ?? 1) * reciprocal)
  }
}
