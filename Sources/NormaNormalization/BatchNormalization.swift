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
  ///   - scope: which values share moments.
  ///   - weights: how much each row counts in the moments: of the shape of x's axes but the channels, or of the first of them, `[N]`
  ///     or `[N, …]`, not below 0; only ratios matter. A row of weight 0 does not count: whatever it holds, its gradient is 0. Rows of
  ///     the same weight give the bits that they give packed into a batch of their own. Nil where all count.
  ///   - excluded: the output of rows that do not count.
  ///   - renormalization: what leads to running statistics, for batch renormalization.
  ///   - exchange: where x is a shard of a batch, what tells it of the others: moments are those of the whole batch then, and the
  ///     backward pass takes part in the exchange too. The scope must be the batch, or ghost batches, which are then those of each shard.
  /// - Returns: the output, of the shape of x, and what `backward(_:input:saved:)` needs.
  /// - Throws: ``NormalizationError/singleValuePerChannel(shape:)`` where one value a channel counts,
  ///   ``NormalizationError/invalidWeight(value:place:)``.
  @specialized(where Element == Float)
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false, allowsSingleValue: Bool = false,
    scope: StatisticsScope = .batch, weights: Tensor<Element>? = nil, excluded: ExcludedOutput = .zero,
    renormalization: BatchRenormalization.Reference<Element>? = nil, exchange: (any ShardExchange)? = nil
  ) throws(NormalizationError) -> (output: Tensor<Element>, saved: BatchStatistics<Element>) {
    let (output, y) = Tensor<Element>.unwritten(x.shape)
    let saved = try withExtendedLifetime(x) { () throws(NormalizationError) in
      try statistics(
        of: x.reading, x.shape, .full(y), gamma, beta, epsilon, layout, rectifies, allowsSingleValue, scope, weights,
        excluded, renormalization, exchange)
    }
    return (output, saved)
  }

  /// Finds the statistics and writes the output.
  @specialized(where Element == Float)
  static func statistics<Element: TensorElement>(
    of x: Reading<Element>, _ shape: Shape, _ y: Writing<Element>, _ gamma: Tensor<Element>?, _ beta: Tensor<Element>?,
    _ epsilon: Double, _ layout: ChannelLayout, _ rectifies: Bool, _ allowsSingleValue: Bool, _ scope: StatisticsScope,
    _ weights: Tensor<Element>?, _ excluded: ExcludedOutput,
    _ renormalization: BatchRenormalization.Reference<Element>?,
    _ exchange: (any ShardExchange)? = nil
  ) throws(NormalizationError) -> BatchStatistics<Element> {
    let parameters = AffineParameters(
      gamma: gamma, beta: beta, channels: layout.extent(of: shape).channels, layout: layout, rectifies: rectifies)
    // Ghost batches are each shard's own, and ask nobody.
    let exchange = scope.spansShards ? exchange : nil
    let cut = try BatchSets(shape, layout, exchange == nil ? scope : .parts(1), weights)
    if let exchange {
      return try shardStatistics(
        of: x, cut, y, parameters, epsilon, allowsSingleValue, excluded, renormalization, exchange)
    }
    if !allowsSingleValue {
      for set in cut.sets where set.rows.extent.valuesPerChannel == 1 {
        throw .singleValuePerChannel(shape: set.shape(of: shape, layout))
      }
    }
    let vectors = cut.vectors(Element.self)
    let sets = withExtendedLifetime((parameters, vectors)) {
      let lent = vectors.lent(parameters)
      return cut.map(width: vectors.width, Element.self) { index, set, memory in
        SharedStatistics(
          of: x, set, y, parameters, lent[index], memory, epsilon: epsilon, renormalization: renormalization)
      }
    }
    cut.excluded.fill(y, parameters, excluded)
    return BatchStatistics(sets, vectors, cut.excluded, excluded, parameters)
  }

  /// The statistics of a shard of a batch, which are those of the whole batch.
  @specialized(where Element == Float)
  private static func shardStatistics<Element: TensorElement>(
    of x: Reading<Element>, _ cut: BatchSets, _ y: Writing<Element>, _ parameters: AffineParameters<Element>,
    _ epsilon: Double, _ allowsSingleValue: Bool, _ excluded: ExcludedOutput,
    _ renormalization: BatchRenormalization.Reference<Element>?, _ exchange: any ShardExchange
  ) throws(NormalizationError) -> BatchStatistics<Element> {
    let moments = exchange.merged(cut.sets[0].moments(of: x))
    if moments.count == 1 && !allowsSingleValue {
      throw .singleValuePerChannel(shape: [1, parameters.channels])
    }
    let vectors = cut.vectors(Element.self)
    let statistics = withExtendedLifetime((parameters, vectors)) {
      SharedStatistics(
        of: x, cut.sets[0], y, parameters, vectors.lent(parameters)[0], nil, epsilon: epsilon,
        renormalization: renormalization, known: moments)
    }
    cut.excluded.fill(y, parameters, excluded)
    return BatchStatistics([statistics], vectors, cut.excluded, excluded, parameters, exchange: exchange)
  }

  /// The moments of a batch as the forward pass finds them, to the bit, without normalizing anything.
  ///
  /// - Throws: ``NormalizationError/invalidWeight(value:place:)``.
  public static func moments<Element: TensorElement>(
    of x: Tensor<Element>, layout: ChannelLayout = .channelsLast, scope: StatisticsScope = .batch,
    weights: Tensor<Element>? = nil
  ) throws(NormalizationError) -> BatchMoments {
    let sets = try BatchSets(x.shape, layout, scope, weights)
    return try withExtendedLifetime(x) { () throws(NormalizationError) in
      let x = x.reading
      return try .merging(sets.map(width: 0, Element.self) { _, set, _ in set.moments(of: x) })
    }
  }

  /// The output of a forward pass once more, to the bit, from its input and what it found: for who would rather compute it
  /// again than keep it.
  @specialized(where Element == Float)
  public static func output<Element: TensorElement>(
    for x: Tensor<Element>, saved: BatchStatistics<Element>
  ) -> Tensor<Element> {
    withExtendedLifetime(x) { output(for: x.reading, x.shape, saved: saved) }
  }

  @specialized(where Element == Float)
  static func output<Element: TensorElement>(
    for x: Reading<Element>, _ shape: Shape, saved: BatchStatistics<Element>
  ) -> Tensor<Element> {
    saved.requireInput(shape)
    let (output, y) = Tensor<Element>.unwritten(shape)
    let rectifies = saved.parameters.rectifies
    saved.forEachSet { _, set, vectors, _ in set.writeOutput(for: x, .full(y), rectifies: rectifies, vectors) }
    saved.excluded.fill(.full(y), saved.parameters, saved.excludedOutput)
    return output
  }

  /// The backward pass in closed form: from the gradient of the output, of the input's shape, to those of input, gamma
  /// and beta.
  ///
  /// `dx = gamma / (N · s) · (N · g − Σg − x̂ · Σ(g · x̂))`, `dgamma = Σ(g · x̂)`, `dbeta = Σg`: see ``BatchNormalization``. With
  /// weights w of sum W, `dx = gamma / s · (g − w/W · (Σg + x̂ · Σ(g · x̂)))`, where sums are over rows of weight above 0, w not
  /// among their factors: the weights are of the moments, not of the loss.
  ///
  /// An empty batch gives gradients of 0.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, saved: BatchStatistics<Element>
  ) -> NormalizationGradients<Element> {
    requireGradient(gradient.shape, of: x.shape)
    let (input, dx) = Tensor<Element>.unwritten(x.shape)
    let (gamma, beta) = withExtendedLifetime((gradient, x)) {
      writeGradient(gradient.reading, input: x.reading, x.shape, .full(dx), saved: saved)
    }
    return NormalizationGradients(input: input, gamma: gamma, beta: beta)
  }

  /// Writes the gradient of the input; returns those of gamma and beta.
  @specialized(where Element == Float)
  static func writeGradient<Element: TensorElement>(
    _ gradient: Reading<Element>, input x: Reading<Element>, _ shape: Shape, _ dx: Writing<Element>,
    saved: BatchStatistics<Element>
  ) -> (gamma: Tensor<Element>, beta: Tensor<Element>) {
    saved.requireInput(shape)
    let channels = saved.parameters.channels
    let (gamma, gammas) = Tensor<Element>.unwritten([channels])
    let (beta, betas) = Tensor<Element>.unwritten([channels])
    withScratch(2 * channels * saved.setCount, of: Element.self) { parts in
      let rectifies = saved.parameters.rectifies
      saved.forEachSet { index, set, vectors, memory in
        let gamma = parts + 2 * channels * index
        set.writeGradient(
          gradient, input: x, dx, rectifies: rectifies, vectors, memory, gamma: gamma, beta: gamma + channels,
          exchange: saved.exchange)
      }
      // In the order of the sets, as gradients of batches are added up.
      gammas.update(from: parts, count: channels)
      betas.update(from: parts + channels, count: channels)
      for set in 1..<saved.setCount {
        let part = parts + 2 * channels * set
        for channel in 0..<channels {
          gammas[channel] += part[channel]
          betas[channel] += part[channels + channel]
        }
      }
    }
    saved.excluded.fill(dx, saved.parameters, .zero)
    return (gamma, beta)
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
    withConstants(mean, variance, parameters, epsilon, for: x.shape, isForward: true) { work, vectors, isOrdinary in
      withExtendedLifetime(x) { work.apply(x.reading, .full(y), vectors, isOrdinary: isOrdinary) }
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
    requireGradient(gradient.shape, of: x.shape)
    return .unwritten(x.shape, channels: mean.count) { dx, gamma, beta in
      gamma.update(repeating: 0, count: mean.count)
      beta.update(repeating: 0, count: mean.count)
      withConstants(mean, variance, parameters, epsilon, for: x.shape, isForward: false) { work, vectors, isOrdinary in
        withExtendedLifetime((gradient, x)) {
          work.backward(
            gradient.reading, x.reading, .full(dx), vectors, isOrdinary: isOrdinary, isInference: true, gamma: gamma,
            beta: beta)
        }
      }
    }
  }

  /// Lends the vectors of given statistics, if x is not empty.
  static func withConstants<Element: TensorElement>(
    _ mean: Tensor<Element>, _ variance: Tensor<Element>, _ parameters: AffineParameters<Element>, _ epsilon: Double,
    for shape: Shape, isForward: Bool,
    _ body: (_ work: BatchPasses<Element>, _ vectors: ChannelVectors<Element>, _ isOrdinary: Bool) -> Void
  ) {
    let whole = parameters.layout.extent(of: shape)
    let work = BatchPasses<Element>(
      over: SelectedRows(whole, outers: 0..<whole.outers), rectifies: parameters.rectifies)
    let (extent, channels) = (work.cut.extent, mean.count)
    require(variance.count == channels, "means of shape \(mean.shape) and variances of shape \(variance.shape)")
    requireChannels(extent.channels, of: shape, statistics: channels, parameters.layout)
    guard shape.elementCount > 0 else { return }
    let spacedWidth = spaced(extent.width)
    withScratch(3 * channels, of: Double.self) { doubles in
      withScratch(3 * spacedWidth, of: Element.self) { transform in
        withExtendedLifetime((mean, variance, parameters)) {
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
func requireChannels(_ channels: Int, of shape: Shape, statistics: Int, _ layout: ChannelLayout) {
  require(
    channels == statistics, "statistics of \(statistics) channels for a tensor of shape \(shape), \(layout)")
}
