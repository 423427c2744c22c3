import NormaTensor

// Normalizations that read and write half width. Numbers are expanded and rounded a few rows at a time, in the nearest cache; statistics and
// arithmetic are those of `Float`. So all of this has the bits of expanding the whole tensor, normalizing, and rounding the result,
// in half of the traffic with memory.

/// The gradients of a normalization whose input and output are of half width.
public struct HalfWidthGradients: Sendable {
  /// With respect to the input, of its shape and in the gradient's format.
  public let input: HalfTensor
  /// With respect to gamma, `[C]`.
  public let gamma: Tensor<Float>
  /// With respect to beta, `[C]`.
  public let beta: Tensor<Float>
}

extension BatchNormalization {
  /// The forward pass in training on a batch of half width, see
  /// `forward(_:gamma:beta:epsilon:layout:rectifies:allowsSingleValue:scope:weights:excluded:renormalization:exchange:)`: the bits of
  /// expanding it, normalizing and rounding.
  ///
  /// - Returns: the output, of the shape and format of x, and what `backward(_:input:saved:)` needs.
  public static func forward(
    _ x: HalfTensor, gamma: Tensor<Float>? = nil, beta: Tensor<Float>? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false, allowsSingleValue: Bool = false,
    scope: StatisticsScope = .batch, weights: Tensor<Float>? = nil, excluded: ExcludedOutput = .zero,
    renormalization: BatchRenormalization.Reference<Float>? = nil
  ) throws(NormalizationError) -> (output: HalfTensor, saved: BatchStatistics<Float>) {
    let (output, y) = HalfTensor.unwritten(x.shape, x.precision, as: Float.self)
    let saved = try withExtendedLifetime(x) { () throws(NormalizationError) in
      try statistics(
        of: x.reading(), x.shape, y, gamma, beta, epsilon, layout, rectifies, allowsSingleValue, scope, weights,
        excluded, renormalization)
    }
    return (output, saved)
  }

  /// The output of a forward pass, from its input in half width and what it found.
  @specialized(where Element == Float)
  public static func output<Element: TensorElement>(
    for x: HalfTensor, saved: BatchStatistics<Element>
  ) -> Tensor<Element> {
    withExtendedLifetime(x) { output(for: x.reading(), x.shape, saved: saved) }
  }

  /// The backward pass from a gradient and an input of half width.
  ///
  /// - Returns: the gradient of the input in the format of the gradient, and those of gamma and beta.
  public static func backward(
    _ gradient: HalfTensor, input x: HalfTensor, saved: BatchStatistics<Float>
  ) -> HalfWidthGradients {
    requireGradient(gradient.shape, of: x.shape)
    let (input, dx) = HalfTensor.unwritten(x.shape, gradient.precision, as: Float.self)
    let (gamma, beta) = withExtendedLifetime((gradient, x)) {
      writeGradient(gradient.reading(), input: x.reading(), x.shape, dx, saved: saved)
    }
    return HalfWidthGradients(input: input, gamma: gamma, beta: beta)
  }

  /// The backward pass from a gradient in full width and an input that was kept in half width.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: HalfTensor, saved: BatchStatistics<Element>
  ) -> NormalizationGradients<Element> {
    requireGradient(gradient.shape, of: x.shape)
    let (input, dx) = Tensor<Element>.unwritten(x.shape)
    let (gamma, beta) = withExtendedLifetime((gradient, x)) {
      writeGradient(gradient.reading, input: x.reading(), x.shape, .full(dx), saved: saved)
    }
    return NormalizationGradients(input: input, gamma: gamma, beta: beta)
  }

  /// The forward pass in inference on a batch of half width: normalizes with given statistics, means and variances `[C]`.
  public static func inference(
    _ x: HalfTensor, mean: Tensor<Float>, variance: Tensor<Float>, gamma: Tensor<Float>? = nil,
    beta: Tensor<Float>? = nil, epsilon: Double = 1e-5, layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> HalfTensor {
    let parameters = AffineParameters(
      gamma: gamma, beta: beta, channels: mean.count, layout: layout, rectifies: rectifies)
    let (output, y) = HalfTensor.unwritten(x.shape, x.precision, as: Float.self)
    withConstants(mean, variance, parameters, epsilon, for: x.shape, isForward: true) { work, vectors, isOrdinary in
      withExtendedLifetime(x) { work.apply(x.reading(), y, vectors, isOrdinary: isOrdinary) }
    }
    return output
  }
}

extension LayerNormalization {
  /// The forward pass `[…, C] → […, C]` on half width: the bits of expanding it, normalizing and rounding.
  public static func forward(
    _ x: HalfTensor, gamma: Tensor<Float>? = nil, beta: Tensor<Float>? = nil, epsilon: Double = 1e-5
  ) -> (output: HalfTensor, saved: GroupStatistics<Float>) {
    normalizedRows(x) { statistics(of: $0, x.shape, $1, gamma: gamma, beta: beta, epsilon: epsilon) }
  }

  /// The backward pass from a gradient and an input of half width.
  ///
  /// - Returns: the gradient of the input in the format of the gradient, and those of gamma and beta.
  public static func backward(
    _ gradient: HalfTensor, input x: HalfTensor, saved: GroupStatistics<Float>
  ) -> HalfWidthGradients {
    rowGradients(gradient, x) { writeGradient($0, input: $1, x.shape, $2, saved: saved) }
  }

  /// The backward pass from a gradient in full width and an input that was kept in half width.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: HalfTensor, saved: GroupStatistics<Element>
  ) -> NormalizationGradients<Element> {
    rowGradients(gradient, x) { writeGradient($0, input: $1, x.shape, $2, saved: saved) }
  }
}

extension RMSNormalization {
  /// The forward pass `[…, C] → […, C]` on half width: the bits of expanding it, normalizing and rounding.
  public static func forward(
    _ x: HalfTensor, gamma: Tensor<Float>? = nil, epsilon: Double = 1e-5
  ) -> (output: HalfTensor, saved: RootMeanSquares<Float>) {
    normalizedRows(x) { statistics(of: $0, x.shape, $1, gamma: gamma, epsilon: epsilon) }
  }

  /// The backward pass from a gradient and an input of half width.
  ///
  /// - Returns: the gradient of the input in the format of the gradient, and those of gamma and of a sum after it.
  public static func backward(
    _ gradient: HalfTensor, input x: HalfTensor, saved: RootMeanSquares<Float>
  ) -> HalfWidthGradients {
    rowGradients(gradient, x) { writeGradient($0, input: $1, x.shape, $2, saved: saved) }
  }

  /// The backward pass from a gradient in full width and an input that was kept in half width.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: HalfTensor, saved: RootMeanSquares<Element>
  ) -> NormalizationGradients<Element> {
    rowGradients(gradient, x) { writeGradient($0, input: $1, x.shape, $2, saved: saved) }
  }
}

// What the normalizations of rows have in common: each gives the parts of the gradients of gamma and beta.

private func normalizedRows<Saved>(
  _ x: HalfTensor, _ write: (Reading<Float>, Writing<Float>) -> Saved
) -> (output: HalfTensor, saved: Saved) {
  let (output, y) = HalfTensor.unwritten(x.shape, x.precision, as: Float.self)
  return (output, withExtendedLifetime(x) { write(x.reading(), y) })
}

private func rowGradients(
  _ gradient: HalfTensor, _ x: HalfTensor,
  _ write: (_ gradient: Reading<Float>, _ x: Reading<Float>, _ dx: Writing<Float>) -> Tensor<Double>
) -> HalfWidthGradients {
  requireGradient(gradient.shape, of: x.shape)
  let (input, dx) = HalfTensor.unwritten(x.shape, gradient.precision, as: Float.self)
  let parts = withExtendedLifetime((gradient, x)) { write(gradient.reading(), x.reading(), dx) }
  let (gamma, beta) = NormalizationGradients<Float>.sums(of: parts)
  return HalfWidthGradients(input: input, gamma: gamma, beta: beta)
}

@inline(__always)
private func rowGradients<Element: TensorElement>(
  _ gradient: Tensor<Element>, _ x: HalfTensor,
  _ write: (_ gradient: Reading<Element>, _ x: Reading<Element>, _ dx: Writing<Element>) -> Tensor<Double>
) -> NormalizationGradients<Element> {
  requireGradient(gradient.shape, of: x.shape)
  let (input, dx) = Tensor<Element>.unwritten(x.shape)
  let parts = withExtendedLifetime((gradient, x)) { write(gradient.reading, x.reading(), .full(dx)) }
  return NormalizationGradients(input: input, parts: parts)
}
