import NormaTensor

/// The gradients of a normalization.
public struct NormalizationGradients<Element: TensorElement>: Sendable {
  /// With respect to the input, of its shape.
  public let input: Tensor<Element>
  /// With respect to gamma, `[C]`.
  public let gamma: Tensor<Element>
  /// With respect to beta, `[C]`.
  public let beta: Tensor<Element>
}

extension NormalizationGradients {
  /// Gradients that `find` writes.
  static func unwritten(
    _ shape: Shape, channels: Int,
    find: (
      _ input: UnsafeMutablePointer<Element>, _ gamma: UnsafeMutablePointer<Element>,
      _ beta: UnsafeMutablePointer<Element>
    ) -> Void
  ) -> NormalizationGradients {
    let input = Tensor<Element>.unwritten(shape)
    let gamma = Tensor<Element>.unwritten([channels])
    let beta = Tensor<Element>.unwritten([channels])
    find(input.address, gamma.address, beta.address)
    return NormalizationGradients(input: input.tensor, gamma: gamma.tensor, beta: beta.tensor)
  }

  /// Gradients of which those of gamma and beta are the sums of parts, `[parts, 2 · C]`, in their order.
  init(input: Tensor<Element>, parts: Tensor<Double>) {
    let (gamma, beta) = Self.sums(of: parts)
    self.init(input: input, gamma: gamma, beta: beta)
  }

  /// Those of gamma and beta.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  static func sums(of parts: Tensor<Double>) -> (gamma: Tensor<Element>, beta: Tensor<Element>) {
    var parts = parts
    let (count, channels) = (parts.shape[0], parts.shape[1] / 2)
    let (gamma, beta) = (Tensor<Element>.unwritten([channels]), Tensor<Element>.unwritten([channels]))
    guard count > 0 else { return (.zeros([channels]), .zeros([channels])) }
    parts.withUnsafeMutableElements { parts in
      guard let sums = parts.baseAddress else { return }
      for part in 1..<max(1, count) { addVector(sums + part * 2 * channels, to: sums, count: 2 * channels) }
      for channel in 0..<channels {
        gamma.address[channel] = Element(sums[channel])
        beta.address[channel] = Element(sums[channels + channel])
      }
    }
    return (gamma.tensor, beta.tensor)
  }

  /// The gradients of an empty tensor.
  static func zeros(like x: Tensor<Element>, channels: Int) -> NormalizationGradients {
    NormalizationGradients(input: .zeros(x.shape), gamma: .zeros([channels]), beta: .zeros([channels]))
  }
}

/// Stops where a gradient has another shape than what it is the gradient of.
func requireGradient(_ gradient: Shape, of x: Shape) {
  require(gradient == x, "a gradient of shape \(gradient) for an input of shape \(x)")
}

/// What a normalization is given besides its input.
struct AffineParameters<Element: TensorElement>: Sendable {
  let gamma: Tensor<Element>?
  /// In the backward pass the mask of a ReLU depends on it.
  let beta: Tensor<Element>?
  let channels: Int
  let layout: ChannelLayout
  let rectifies: Bool

  /// Stops where gamma or beta have another number of channels than the tensor.
  init(
    gamma: Tensor<Element>?, beta: Tensor<Element>?, channels: Int, layout: ChannelLayout = .channelsLast,
    rectifies: Bool = false
  ) {
    require(gamma.map { $0.count == channels } ?? true, "gamma of shape \(gamma!.shape) for \(channels) channels")
    require(beta.map { $0.count == channels } ?? true, "beta of shape \(beta!.shape) for \(channels) channels")
    (self.gamma, self.beta, self.channels) = (gamma, beta, channels)
    (self.layout, self.rectifies) = (layout, rectifies)
  }

  /// The vectors over the channels, with pivot, scale and shift in `transform`, each of so many numbers.
  func vectors(
    _ transform: UnsafeMutablePointer<Element>, width: Int, mean: UnsafeMutablePointer<Double>,
    secondMoment: UnsafeMutablePointer<Double>,
    reciprocalDeviation: UnsafeMutablePointer<Double>
  ) -> ChannelVectors<Element> {
    ChannelVectors(
      mean: mean, secondMoment: secondMoment, reciprocalDeviation: reciprocalDeviation, gamma: gamma?.address,
      beta: beta?.address, pivot: transform, scale: transform + width, shift: transform + 2 * width)
  }
}
