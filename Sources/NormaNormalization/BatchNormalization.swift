import NormaTensor

/// Batch normalization as pure functions on tensors: `y = gamma · (x − mean) / √(variance + epsilon) + beta`, channel by
/// channel (Ioffe and Szegedy 2015).
///
/// Tensors are `[N, …, C]`, or `[N, C, …]` with ``ChannelLayout/channelsFirst``; gamma and beta are `[C]`, and 1 and 0
/// where they are nil. `rectifies` fuses the ReLU that follows; its mask is computed again in the backward pass rather
/// than kept. Shapes that do not fit stop the program, which says both.
///
/// Nothing here changes any running statistics: give the moments that the forward pass found to
/// ``RunningStatistics/update(with:)``.
public enum BatchNormalization {}

/// What the backward pass needs from the forward pass, besides the input itself: vectors `[C]` alone.
public struct NormalizedBatch<Element: TensorElement>: Sendable {
  /// The statistics of the batch.
  public let moments: BatchMoments
  /// `1 / √(variance + epsilon)`, `[C]`.
  public let reciprocalDeviation: Tensor<Double>
  let gamma: Tensor<Element>?
  let transform: ChannelVectors<Element>
  let layout: ChannelLayout
  let rectifies: Bool
}

/// The gradients of a normalization.
public struct NormalizationGradients<Element: TensorElement>: Sendable {
  /// With respect to the input, of its shape.
  public let input: Tensor<Element>
  /// With respect to gamma, `[C]`.
  public let gamma: Tensor<Element>
  /// With respect to beta, `[C]`.
  public let beta: Tensor<Element>
}

extension BatchNormalization {
  /// The forward pass in training: normalizes with the batch's own statistics.
  ///
  /// An empty batch gives an empty output.
  ///
  /// - Parameters:
  ///   - x: the batch, `[N, …, C]` or `[N, C, …]`.
  ///   - gamma: the scale `[C]`; 1 if nil.
  ///   - beta: the shift `[C]`; 0 if nil.
  ///   - epsilon: added to the variance before the square root.
  ///   - layout: which axis holds the channels.
  ///   - rectifies: whether the ReLU that follows is applied too.
  ///   - allowsSingleValue: whether a batch with one value per channel is normalized to 0, giving beta.
  /// - Returns: the output, of the shape of x, and what ``backward(_:input:batch:)`` needs.
  /// - Throws: ``NormalizationError/singleValuePerChannel(shape:)`` for such a batch otherwise.
  @specialized(where Element == Float)
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false, allowsSingleValue: Bool = false
  ) throws(NormalizationError) -> (output: Tensor<Element>, batch: NormalizedBatch<Element>) {
    let count = layout.extent(of: x.shape).valuesPerChannel
    if count == 1 && !allowsSingleValue { throw .singleValuePerChannel(shape: Array(x.shape)) }
    if let fast = FastBatchNormalization.forward(
      x, gamma: gamma, beta: beta, epsilon: epsilon, layout: layout, rectifies: rectifies)
    {
      return fast
    }
    let moments = BatchMoments(of: x, layout: layout)
    // An empty batch has no variance; any will do that gives gradients of 0, whatever epsilon is.
    let variance = moments.count > 0 ? moments.variance(.biased) : .ones(moments.mean.shape)
    let reciprocalDeviation = reciprocalDeviation(ofVariance: variance, epsilon: epsilon)
    let transform = ChannelVectors(
      mean: moments.mean, reciprocalDeviation: reciprocalDeviation, gamma: gamma, beta: beta)
    let batch = NormalizedBatch(
      moments: moments, reciprocalDeviation: reciprocalDeviation, gamma: gamma, transform: transform, layout: layout,
      rectifies: rectifies)
    return (transform.apply(to: x, layout: layout, rectifies: rectifies), batch)
  }

  /// The output of a forward pass once more, to the bit, from its input and what it found: for who would rather compute it
  /// again than keep it.
  public static func output<Element: TensorElement>(
    for x: Tensor<Element>, batch: NormalizedBatch<Element>
  ) -> Tensor<Element> {
    FastBatchNormalization.apply(batch.transform, to: x, layout: batch.layout, rectifies: batch.rectifies)
      ?? batch.transform.apply(to: x, layout: batch.layout, rectifies: batch.rectifies)
  }

  /// The backward pass in closed form: from the gradient of the output, of the input's shape, to those of input, gamma
  /// and beta.
  ///
  /// With `x̂ = (x − mean) / s` and `s = √(variance + epsilon)`:
  /// `dx = gamma / (N · s) · (N · g − Σg − x̂ · Σ(g · x̂))`, `dgamma = Σ(g · x̂)`, `dbeta = Σg`.
  ///
  /// An empty batch gives gradients of 0.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, batch: NormalizedBatch<Element>
  ) -> NormalizationGradients<Element> {
    if let fast = FastBatchNormalization.backward(gradient, input: x, batch: batch) { return fast }
    let extent = batch.layout.extent(of: x.shape)
    let sums = gradientSums(gradient, input: x, batch.moments.mean, batch.transform, batch.layout, batch.rectifies)
    let gammaGradient = sums.products * batch.reciprocalDeviation
    let share = extent.valuesPerChannel > 0 ? 1 / Double(extent.valuesPerChannel) : 0
    let factor =
      batch.gamma.map { $0.converted(to: Double.self) * batch.reciprocalDeviation } ?? batch.reciprocalDeviation
    let slope = share * (factor * batch.reciprocalDeviation * gammaGradient)
    let rest = batch.moments.mean - batch.transform.pivot.converted(to: Double.self)
    let offset = share * (factor * sums.gradient) - rest * slope
    let (slopes, offsets): (Tensor<Element>, Tensor<Element>) = (slope.converted(), offset.converted())
    let input = Tensor<Element>(shape: x.shape) { result in
      withElements(x, gradient, slopes, offsets) { x, gradient, slope, offset in
        batch.transform.withPointers { transform in
          guard let result = result.baseAddress else { return }
          Parallel.forEach(extent.blockCount) { block in
            inputGradient(
              gradient, x, result, extent: extent, block: extent.block(block), transform: transform, slope: slope,
              offset: offset, rectifies: batch.rectifies)
          }
        }
      }
    }
    return NormalizationGradients(input: input, gamma: gammaGradient.converted(), beta: sums.gradient.converted())
  }

  /// The forward pass in inference: normalizes with given statistics, means and variances `[C]`.
  @specialized(where Element == Float)
  public static func inference<Element: TensorElement>(
    _ x: Tensor<Element>, mean: Tensor<Element>, variance: Tensor<Element>, gamma: Tensor<Element>? = nil,
    beta: Tensor<Element>? = nil, epsilon: Double = 1e-5, layout: ChannelLayout = .channelsLast,
    rectifies: Bool = false
  ) -> Tensor<Element> {
    let transform = ChannelVectors(mean: mean, variance: variance, gamma: gamma, beta: beta, epsilon: epsilon)
    return FastBatchNormalization.apply(transform, to: x, layout: layout, rectifies: rectifies)
      ?? transform.apply(to: x, layout: layout, rectifies: rectifies)
  }

  /// The backward pass of inference, where the statistics are constants: `dx = gamma / s · g`.
  public static func inferenceBackward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, mean: Tensor<Element>, variance: Tensor<Element>,
    gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> NormalizationGradients<Element> {
    let reciprocalDeviation = reciprocalDeviation(ofVariance: variance.converted(), epsilon: epsilon)
    let transform = ChannelVectors(
      mean: mean.converted(), reciprocalDeviation: reciprocalDeviation, gamma: gamma, beta: beta)
    let sums = gradientSums(gradient, input: x, mean.converted(), transform, layout, rectifies)
    var active = gradient
    if rectifies {
      active = transform.apply(to: x, layout: layout, rectifies: false)
        .applying(.leakyReLUGradient(slope: 0), gradient)
    }
    // The same transform with mean and shift 0 multiplies by gamma / s alone.
    let scaling = ChannelVectors(
      mean: .zeros(sums.gradient.shape), reciprocalDeviation: reciprocalDeviation, gamma: gamma, beta: nil)
    return NormalizationGradients(
      input: scaling.apply(to: active, layout: layout, rectifies: false),
      gamma: (sums.products * reciprocalDeviation).converted(), beta: sums.gradient.converted())
  }

  private static func reciprocalDeviation(ofVariance variance: Tensor<Double>, epsilon: Double) -> Tensor<Double> {
    (variance + epsilon).applying(.squareRoot).applying(.reciprocal)
  }

  /// `Σg` and `Σ g · (x − mean)`, both `[C]`.
  private static func gradientSums<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, _ mean: Tensor<Double>,
    _ transform: ChannelVectors<Element>, _ layout: ChannelLayout, _ rectifies: Bool
  ) -> (gradient: Tensor<Double>, products: Tensor<Double>) {
    require(gradient.shape == x.shape, "a gradient of shape \(gradient.shape) for an input of shape \(x.shape)")
    let extent = layout.extent(of: x.shape)
    let channels = extent.channels
    transform.requireChannels(channels, of: x.shape, layout: layout)
    let sums = combiningBlocks(extent, sumsPerChannel: 2) { block, sums in
      x.withUnsafeElements { x in
        gradient.withUnsafeElements { gradient in
          transform.withPointers { transform in
            guard let x = x.baseAddress, let gradient = gradient.baseAddress else { return }
            addGradientSums(
              gradient, x, extent: extent, block: block, transform: transform, rectifies: rectifies, sums: sums,
              products: sums + channels)
          }
        }
      }
    }
    let gradientSum = sums[rows: 0..<1].reshaped(to: [channels])
    let rest = mean - transform.pivot.converted(to: Double.self)
    return (gradientSum, sums[rows: 1..<2].reshaped(to: [channels]) - rest * gradientSum)
  }
}

/// Lends the elements of four tensors at once, none of them empty.
func withElements<Element: TensorElement>(
  _ a: Tensor<Element>, _ b: Tensor<Element>, _ c: Tensor<Element>, _ d: Tensor<Element>,
  _ body: (UnsafePointer<Element>, UnsafePointer<Element>, UnsafePointer<Element>, UnsafePointer<Element>) -> Void
) {
  a.withUnsafeElements { a in
    b.withUnsafeElements { b in
      c.withUnsafeElements { c in
        d.withUnsafeElements { d in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress, let d = d.baseAddress else {
            return
          }
          body(a, b, c, d)
        }
      }
    }
  }
}
