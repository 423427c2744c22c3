import CKernels
import NormaTensor

/// Batch normalization as pure functions on tensors (Ioffe and Szegedy 2015): channel by channel,
/// `y = gamma · (x − mean) / √(variance + epsilon) + beta`.
///
/// Tensors are `[N, …, C]`, or `[N, C, …]` with ``ChannelLayout/channelsFirst``; gamma and beta are `[C]`, and 1 and 0
/// where they are nil. `rectifies` fuses the ReLU that follows; its mask is computed again in the backward pass rather
/// than kept. Shapes that do not fit stop the program, which says both.
///
/// Nothing here changes any running statistics: give the moments that the forward pass found to
/// ``RunningStatistics/update(with:)``.
///
/// The gradient, derived: with `x̂ = (x − mean) / s`, `s = √(variance + epsilon)` and `h = gamma · g`, the input reaches the
/// loss by three ways. By x̂ itself: `h / s`. By the mean, whose share of each x is 1/N and on which every x̂ depends by
/// `−1/s`: `−Σh / (N·s)`; the variance does not depend on it, as distances from the mean sum to 0. By the variance, whose
/// derivative by x is `2·(x − mean)/N` and on which x̂ depends by `−x̂ / (2·s²)`: `−x̂ · Σ(h·x̂) / (N·s)`. Together:
/// `dx = (h − mean(h) − x̂ · mean(h · x̂)) / s`. With gamma and beta `y = gamma · x̂ + beta` gives `dgamma = Σ(g · x̂)` and
/// `dbeta = Σg`.
public enum BatchNormalization {
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
  /// - Returns: the output, of the shape of x, and what ``backward(_:input:saved:)`` needs.
  /// - Throws: ``NormalizationError/singleValuePerChannel(shape:)`` for such a batch otherwise.
  @specialized(where Element == Float)
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false, allowsSingleValue: Bool = false
  ) throws(NormalizationError) -> (output: Tensor<Element>, saved: BatchStatistics<Element>) {
    try forward(
      x, found: nil, gamma: gamma, beta: beta, epsilon: epsilon, layout: layout, rectifies: rectifies,
      allowsSingleValue: allowsSingleValue)
  }

  /// The forward pass in training by moments that were found before: those of parts of the batch, merged. Its gradient is that of a
  /// batch normalized by its own statistics, ``backward(_:input:saved:)``.
  ///
  /// - Parameters:
  ///   - x: the batch, as in ``forward(_:gamma:beta:epsilon:layout:rectifies:allowsSingleValue:)``.
  ///   - moments: the moments of x, see ``moments(of:layout:)``, of as many values a channel.
  /// - Throws: ``NormalizationError/channelCountMismatch(expected:found:)`` where the moments are of other channels, and as the other.
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, moments: BatchMoments, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil,
    epsilon: Double = 1e-5, layout: ChannelLayout = .channelsLast, rectifies: Bool = false,
    allowsSingleValue: Bool = false
  ) throws(NormalizationError) -> (output: Tensor<Element>, saved: BatchStatistics<Element>) {
    let extent = layout.extent(of: x.shape)
    guard moments.channelCount == extent.channels else {
      throw .channelCountMismatch(expected: extent.channels, found: moments.channelCount)
    }
    require(
      moments.count == extent.valuesPerChannel,
      "moments of \(moments.count) values a channel for a batch of \(extent.valuesPerChannel)")
    return try forward(
      x, found: moments, gamma: gamma, beta: beta, epsilon: epsilon, layout: layout, rectifies: rectifies,
      allowsSingleValue: allowsSingleValue)
  }

  /// The forward pass in training by the batch's own moments, found here or before.
  @specialized(where Element == Float)
  private static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, found moments: BatchMoments?, gamma: Tensor<Element>?, beta: Tensor<Element>?,
    epsilon: Double, layout: ChannelLayout, rectifies: Bool, allowsSingleValue: Bool
  ) throws(NormalizationError) -> (output: Tensor<Element>, saved: BatchStatistics<Element>) {
    let extent = layout.extent(of: x.shape)
    let count = extent.valuesPerChannel
    if count == 1 && !allowsSingleValue { throw .singleValuePerChannel(shape: Array(x.shape)) }
    let parameters = AffineParameters(
      gamma: gamma, beta: beta, channels: extent.channels, layout: layout, rectifies: rectifies)
    guard count > 0, extent.channels > 0 else { return (x, BatchStatistics(empty: extent, parameters, epsilon)) }
    let work = BatchPasses<Element>(cut: BatchCut(extent), rectifies: rectifies)
    let (output, y) = Tensor<Element>.unwritten(x.shape)
    let saved = BatchStatistics(parameters, work.cut.extent, count: count) { vectors in
      withExtendedLifetime(x) {
        if let moments { return work.forward(x.address, y, vectors, moments: moments, epsilon: epsilon) }
        return work.forward(x.address, y, vectors, epsilon: epsilon)
      }
    }
    return (output, saved)
  }

  /// The moments of a batch as the forward pass finds them, to the bit, without normalizing anything.
  public static func moments<Element: TensorElement>(
    of x: Tensor<Element>, layout: ChannelLayout = .channelsLast
  ) -> BatchMoments {
    let extent = layout.extent(of: x.shape)
    let parameters = AffineParameters<Element>(
      gamma: nil, beta: nil, channels: extent.channels, layout: layout, rectifies: false)
    guard extent.valuesPerChannel > 0, extent.channels > 0 else {
      return BatchStatistics(empty: extent, parameters, 0).moments
    }
    let work = BatchPasses<Element>(cut: BatchCut(extent), rectifies: false)
    return BatchStatistics(parameters, work.cut.extent, count: extent.valuesPerChannel) { vectors in
      withExtendedLifetime(x) { work.forward(x.address, nil, vectors, epsilon: 0) }
    }.moments
  }

  /// The output of a forward pass once more, to the bit, from its input and what it found: for who would rather compute it
  /// again than keep it.
  @specialized(where Element == Float)
  public static func output<Element: TensorElement>(
    for x: Tensor<Element>, saved: BatchStatistics<Element>
  ) -> Tensor<Element> {
    let work = saved.passes(over: x)
    let (output, y) = Tensor<Element>.unwritten(x.shape)
    guard output.count > 0 else { return output }
    withExtendedLifetime((x, saved)) { work.apply(x.address, y, saved.vectors, isOrdinary: saved.isOrdinary) }
    return output
  }

  /// The backward pass in closed form: from the gradient of the output, of the input's shape, to those of input, gamma
  /// and beta.
  ///
  /// `dx = gamma / (N · s) · (N · g − Σg − x̂ · Σ(g · x̂))`, `dgamma = Σ(g · x̂)`, `dbeta = Σg`: see ``BatchNormalization``.
  ///
  /// An empty batch gives gradients of 0.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, saved: BatchStatistics<Element>
  ) -> NormalizationGradients<Element> {
    let work = saved.passes(over: x)
    let channels = work.cut.extent.channels
    requireGradient(gradient, of: x)
    guard x.count > 0 else { return .zeros(like: x, channels: channels) }
    return .unwritten(x.shape, channels: channels) { dx, gamma, beta in
      withExtendedLifetime((gradient, x, saved)) {
        work.backward(
          gradient.address, x.address, dx, saved.vectors, isOrdinary: saved.isOrdinary,
          isInference: false, gamma: gamma, beta: beta)
      }
    }
  }

  /// The forward pass in inference: normalizes with given statistics, means and variances `[C]`.
  @specialized(where Element == Float)
  public static func inference<Element: TensorElement>(
    _ x: Tensor<Element>, mean: Tensor<Element>, variance: Tensor<Element>, gamma: Tensor<Element>? = nil,
    beta: Tensor<Element>? = nil, epsilon: Double = 1e-5, layout: ChannelLayout = .channelsLast,
    rectifies: Bool = false
  ) -> Tensor<Element> {
    let parameters = AffineParameters(
      gamma: gamma, beta: beta, channels: mean.count, layout: layout, rectifies: rectifies)
    let (output, y) = Tensor<Element>.unwritten(x.shape)
    withConstants(mean, variance, parameters, epsilon, for: x, isForward: true) { work, vectors, isOrdinary in
      work.apply(x.address, y, vectors, isOrdinary: isOrdinary)
    }
    return output
  }

  /// The backward pass of inference, where the statistics are constants: `dx = gamma / s · g`.
  @specialized(where Element == Float)
  public static func inferenceBackward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, mean: Tensor<Element>, variance: Tensor<Element>,
    gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> NormalizationGradients<Element> {
    let parameters = AffineParameters(
      gamma: gamma, beta: beta, channels: mean.count, layout: layout, rectifies: rectifies)
    requireGradient(gradient, of: x)
    return .unwritten(x.shape, channels: mean.count) { dx, gamma, beta in
      gamma.update(repeating: 0, count: mean.count)
      beta.update(repeating: 0, count: mean.count)
      withConstants(mean, variance, parameters, epsilon, for: x, isForward: false) { work, vectors, isOrdinary in
        withExtendedLifetime(gradient) {
          work.backward(
            gradient.address, x.address, dx, vectors, isOrdinary: isOrdinary, isInference: true, gamma: gamma,
            beta: beta)
        }
      }
    }
  }

  /// Lends the vectors of given statistics, if x is not empty.
  private static func withConstants<Element: TensorElement>(
    _ mean: Tensor<Element>, _ variance: Tensor<Element>, _ parameters: AffineParameters<Element>, _ epsilon: Double,
    for x: Tensor<Element>, isForward: Bool,
    _ body: (_ work: BatchPasses<Element>, _ vectors: ChannelVectors<Element>, _ isOrdinary: Bool) -> Void
  ) {
    let work = BatchPasses<Element>(
      cut: BatchCut(parameters.layout.extent(of: x.shape)), rectifies: parameters.rectifies)
    let (extent, channels) = (work.cut.extent, mean.count)
    require(variance.count == channels, "means of shape \(mean.shape) and variances of shape \(variance.shape)")
    requireChannels(extent.channels, of: x, statistics: channels, parameters.layout)
    guard x.count > 0 else { return }
    let spacedWidth = spaced(extent.width)
    withScratch(3 * channels, of: Double.self) { doubles in
      withScratch(3 * spacedWidth, of: Element.self) { transform in
        withExtendedLifetime((mean, variance, parameters, x)) {
          var vectors = parameters.vectors(
            transform, width: spacedWidth, mean: doubles, secondMoment: doubles + channels,
            reciprocalDeviation: doubles + 2 * channels)
          if extent.fold == 1 {
            // As they are, where they need not be written side by side.
            vectors.pivot = .init(mutating: mean.address)
            if let beta = vectors.beta { vectors.shift = .init(mutating: beta) }
          }
          let isOrdinary = vectors.setConstants(
            mean.address, variance.address, extent, epsilon: epsilon, work.passes.kernels, isForward: isForward)
          body(work, vectors, isOrdinary)
        }
      }
    }
  }
}

/// Stops where a tensor has another number of channels than its statistics.
private func requireChannels<Element: TensorElement>(
  _ channels: Int, of x: Tensor<Element>, statistics: Int, _ layout: ChannelLayout
) {
  require(
    channels == statistics, "statistics of \(statistics) channels for a tensor of shape \(x.shape), \(layout)")
}

/// What the forward pass of batch normalization found, and its backward pass needs besides the input: vectors `[C]` alone.
public struct BatchStatistics<Element: TensorElement>: Sendable {
  /// The statistics of the batch.
  public let moments: BatchMoments
  /// `1 / √(variance + epsilon)`, `[C]`.
  public let reciprocalDeviation: Tensor<Double>
  let parameters: AffineParameters<Element>
  /// Pivot, scale and shift, `[3, width]`, see ``ChannelVectors``.
  private let transform: Tensor<Element>
  /// False if some channels are left to the definition.
  let isOrdinary: Bool

  /// Statistics that `find` writes; it returns whether all channels are ordinary.
  init(
    _ parameters: AffineParameters<Element>, _ extent: ChannelExtent, count: Int,
    find: (ChannelVectors<Element>) -> Bool
  ) {
    let channels = extent.channels
    let (mean, means) = Tensor<Double>.unwritten([channels])
    let (second, seconds) = Tensor<Double>.unwritten([channels])
    let (transform, transforms) = Tensor<Element>.unwritten([3, spaced(extent.width)])
    self.parameters = parameters
    self.transform = transform
    let (reciprocal, reciprocals) = Tensor<Double>.unwritten([channels])
    reciprocalDeviation = reciprocal
    isOrdinary = withExtendedLifetime(parameters) {
      find(
        parameters.vectors(
          transforms, width: transform.shape[1], mean: means, secondMoment: seconds, reciprocalDeviation: reciprocals))
    }
    moments = BatchMoments(count: count, mean: mean, centredSecondMoment: second)
  }

  /// Those of no values: any variance will do that gives gradients of 0, whatever epsilon is.
  init(empty extent: ChannelExtent, _ parameters: AffineParameters<Element>, _ epsilon: Double) {
    moments = BatchMoments(
      count: 0, mean: .zeros([extent.channels]), centredSecondMoment: .zeros([extent.channels]))
    reciprocalDeviation = Tensor(
      repeating: NormaNormalization.reciprocalDeviation(1, epsilon), shape: [extent.channels])
    self.parameters = parameters
    transform = .zeros([3, extent.channels])
    isOrdinary = true
  }

  /// The vectors, lent: they are not written to.
  var vectors: ChannelVectors<Element> {
    func mutable(_ tensor: Tensor<Double>) -> UnsafeMutablePointer<Double> { .init(mutating: tensor.address) }
    return parameters.vectors(
      .init(mutating: transform.address), width: transform.shape[1], mean: mutable(moments.mean),
      secondMoment: mutable(moments.centredSecondMoment),
      reciprocalDeviation: mutable(reciprocalDeviation))
  }

  /// The passes over a tensor that these are the statistics of.
  func passes(over x: Tensor<Element>) -> BatchPasses<Element> {
    let cut = BatchCut(parameters.layout.extent(of: x.shape))
    requireChannels(cut.extent.channels, of: x, statistics: moments.channelCount, parameters.layout)
    return BatchPasses(cut: cut, rectifies: parameters.rectifies)
  }
}
