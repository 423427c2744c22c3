import NormaNormalization
import NormaTensor

/// The three forms of batch normalization in a graph, equal to rounding.
public enum BatchNormalizationForm: String, Sendable, Codable, CaseIterable {
  /// Ten nodes of primitive operations, whose local gradients are chained.
  case staged
  /// One node with the simplified gradient.
  case closedForm
  /// The closed form that also takes in the ReLU that follows, where one does.
  case fused
}

/// Batch normalization by the batch's own statistics, in closed form: x `[N, …, C]` (or `[N, C, …]`), then gamma and beta `[C]`.
package struct BatchNormalizationOperation<Element: TensorElement>: TensorOperation {
  package let affine: AffineInputs
  package let epsilon: Double
  package let layout: ChannelLayout
  package let rectifies: Bool
  package let allowsSingleValue: Bool
  package let isRecomputed: Bool
  /// Which values share moments, and how much rows count.
  package let scope: StatisticsScope
  package let weights: Tensor<Element>?
  package let excluded: ExcludedOutput
  /// What leads to running statistics.
  package let renormalization: BatchRenormalization.Reference<Element>?
  /// What tells of the other shards, where the batch is one of several that share moments.
  package let exchange: (any ShardExchange)?

  package var name: String { (renormalization == nil ? "batch norm" : "batch renorm") + (rectifies ? " + ReLU" : "") }
  package var rule: String {
    "with g = ∂{}: ∂{0} = " + (affine.gamma.map { "{\($0)}" } ?? "1") + "/(N·s) · (N·g − Σg − x̂·Σ(g·x̂))" + affine.rule
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try checkChannels(inputs, layout, affine)
  }

  @specialized(where Element == Float)
  package func forward(
    _ inputs: [Tensor<Element>]
  ) throws(NormalizationError) -> (output: Tensor<Element>, saved: BatchStatistics<Element>) {
    let (output, batch) = try BatchNormalization.forward(
      inputs[0], gamma: affine.gamma(inputs), beta: affine.beta(inputs), epsilon: epsilon, layout: layout,
      rectifies: rectifies, allowsSingleValue: allowsSingleValue, scope: scope, weights: weights, excluded: excluded,
      renormalization: renormalization, exchange: exchange)
    return (output, batch)
  }

  package func kept(for needs: Needs) -> KeptTensors { affine.keptGamma.union(.input(0)) }

  @specialized(where Element == Float)
  package func backward(
    _ g: Tensor<Element>, _ kept: Kept<Element>, saved: BatchStatistics<Element>
  ) -> [Tensor<Element>?] {
    let found =
      kept.half(0).map { BatchNormalization.backward(g, input: $0, saved: saved) }
      ?? BatchNormalization.backward(g, input: kept.input(0), saved: saved)
    return affine.gradients(found, inputCount: kept.count)
  }

  package func backward(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, saved: BatchStatistics<Element>
  ) throws(DifferentiationError) -> [Variable<Element>?] {
    guard exchange == nil else { throw DifferentiationError(operation: "\(name) of a batch in shards") }
    let x = kept.input(0).channelsLast(layout)
    let g =
      (rectifies ? gradient.rectified(at: recompute(kept.values, saved: saved)) : gradient).channelsLast(layout)
    guard weights == nil, renormalization == nil, x.shape.elementCount > 0, scope.setCount(of: x.shape[0]) == 1 else {
      return try stagedGradients(g, x, kept)
    }
    let normalization = MomentNormalization(sets: .channels, epsilon: epsilon)
    return affine.gradients(g, kept) {
      normalization.normalized(x)
    } inputGradient: {
      x.momentNormalizationGradient($0, normalization).restoringChannels(layout)
    }
  }

  /// What the steps give that the staged form is made of: by other moments than those of the whole batch.
  private func stagedGradients(
    _ g: Variable<Element>, _ x: Variable<Element>, _ kept: KeptVariables<Element>
  ) throws(DifferentiationError) -> [Variable<Element>?] {
    let (gamma, beta) = (affine.gamma.map(kept.input), affine.beta.map { Variable<Element>(.zeros(kept.shape($0))) })
    let output: Variable<Element>
    do {
      output = try x.stagedBatchNormalized(
        gamma: gamma, beta: beta, epsilon: epsilon, allowsSingleValue: allowsSingleValue, scope: scope,
        weights: weights,
        excluded: excluded, renormalization: renormalization
      ).output
    } catch { fatalError("\(error), of a batch that was normalized") }
    var gradients = [Variable<Element>?](repeating: nil, count: kept.count)
    let found = try kept.gradients(of: output, seed: g, withRespectTo: [x] + [gamma].compactMap { $0 })
    gradients[0] = found[0]?.restoringChannels(layout)
    if let gamma = affine.gamma { gradients[gamma] = found[1] }
    if let beta = affine.beta {
      let counted = weights.map { g.excludingRows($0) } ?? g
      gradients[beta] = counted.sumOverRows().reshaped(to: kept.shape(beta))
    }
    return gradients
  }

  /// Of each set of values that share moments, mean, second moment and reciprocal deviation in double precision; pivot, scale and
  /// shift.
  package func savedBytes(for inputs: [Shape]) -> Int {
    scope.setCount(of: inputs[0][0]) * layout.channelCount(of: inputs[0]) * 3
      * (MemoryLayout<Double>.stride + MemoryLayout<Element>.stride)
  }

  package func recompute(_ kept: Kept<Element>, saved: BatchStatistics<Element>) -> Tensor<Element> {
    kept.half(0).map { BatchNormalization.output(for: $0, saved: saved) }
      ?? BatchNormalization.output(for: kept.input(0), saved: saved)
  }

  package var featureOrder: FeatureOrder { .kept }
  package var offsetCancellation: OffsetCancellation? { .byItself }
}

/// Batch normalization by given statistics, as in inference: x `[N, …, C]` (or `[N, C, …]`), mean and variance `[C]`, then gamma
/// and beta `[C]`.
package struct FixedBatchNormalizationOperation<Element: TensorElement>: TensorOperation {
  package let affine: AffineInputs
  package let epsilon: Double
  package let layout: ChannelLayout
  package var rectifies: Bool

  package var name: String { rectifies ? "batch norm, inference + ReLU" : "batch norm, inference" }
  package var rule: String {
    "with g = ∂{}: ∂{0} = " + (affine.gamma.map { "{\($0)}/s·g" } ?? "g/s") + affine.rule
  }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    try checkChannels(inputs, layout, affine, vectors: [1, 2])
  }

  @specialized(where Element == Float)
  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    let output = BatchNormalization.inference(
      inputs[0], mean: inputs[1], variance: inputs[2], gamma: affine.gamma(inputs), beta: affine.beta(inputs),
      epsilon: epsilon, layout: layout, rectifies: rectifies)
    return (output, ())
  }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    affine.gradients(
      BatchNormalization.inferenceBackward(
        g, input: kept.input(0), mean: kept.input(1), variance: kept.input(2), gamma: affine.gamma.map(kept.input),
        beta: affine.beta.map(kept.input), epsilon: epsilon, layout: layout, rectifies: rectifies),
      inputCount: kept.count)
  }

  package func backward(
    _ gradient: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void
  ) -> [Variable<Element>?] {
    let values = (0..<kept.count).map(kept.values.input)
    let g = (rectifies ? gradient.rectified(at: forward(values).output) : gradient).channelsLast(layout)
    let reciprocal = Variable(
      Tensor(values[2].elements.map { Element(1 / (Double($0) + epsilon).squareRoot()) }, shape: values[2].shape))
    return affine.gradients(g, kept) {
      kept.input(0).channelsLast(layout).subtracting(Variable(values[1]), broadcast: .perChannel)
        .multiplied(by: reciprocal, broadcast: .perChannel)
    } inputGradient: {
      $0.multiplied(by: reciprocal, broadcast: .perChannel).restoringChannels(layout)
    }
  }

  package func kept(for needs: Needs) -> KeptTensors {
    var kept = KeptTensors.everything
    kept.remove(.output)
    return kept
  }

  package var isPerSample: Bool { true }
  package var rectified: (any TensorOperation<Element>)? {
    var operation = self
    operation.rectifies = true
    return rectifies ? nil : operation
  }

  package func channelMap(_ constants: [Tensor<Element>?]) -> ChannelMap? {
    guard !rectifies, let mean = constants[1], let variance = constants[2] else { return nil }
    let channels = 0..<mean.count
    func numbers(_ place: Int?, _ value: Double) -> [Double]? {
      guard let place else { return channels.map { _ in value } }
      return constants[place].map { $0.elements.map(Double.init) }
    }
    guard let gamma = numbers(affine.gamma, 1), let beta = numbers(affine.beta, 0) else { return nil }
    return ChannelMap(
      centre: mean.elements.map(Double.init),
      scale: channels.map { gamma[$0] / (Double(variance[$0]) + epsilon).squareRoot() }, shift: beta)
  }

  package var featureOrder: FeatureOrder { .kept }
  package var offsetCancellation: OffsetCancellation? { .byMean(input: 1) }
  package var givenStatistics: GivenStatistics? {
    GivenStatistics(
      mean: 1, variance: 2, gamma: affine.gamma, beta: affine.beta, epsilon: epsilon, layout: layout)
  }
}

/// The shape of a batch whose channels have a number each in all vectors.
private func checkChannels(
  _ inputs: [Shape], _ layout: ChannelLayout, _ affine: AffineInputs, vectors: [Int] = []
) throws(ShapeError) -> Shape {
  let x = inputs[0]
  let expected = layout == .channelsLast ? "[batch, …, {C}]" : "[batch, {C}, …]"
  guard x.rank >= 2 else { throw ShapeError(expected: expected.replacing("{C}", with: "channels"), found: x) }
  try affine.check(inputs, channels: layout.channelCount(of: x), expected: expected, vectors: vectors)
  return x
}

extension ChannelLayout {
  /// The number of channels of a batch, whose rank is at least 2.
  fileprivate func channelCount(of shape: Shape) -> Int { self == .channelsLast ? shape.channelCount : shape[1] }
}

extension Variable {
  /// Batch normalization in training, in closed form: x `[N, …, C]` (or `[N, C, …]`), gamma and beta `[C]`.
  ///
  /// Returns the moments of the batch beside the result, for the running statistics; where the computation is only followed,
  /// moments of nothing with the batch's count of values, if that is known. With `isRecomputed`, operations that take the
  /// result compute it again for their gradients, to the bit, instead of keeping it: one pass over the data, for half of the
  /// memory. Which values share moments, which rows count, and what an exchange is for: `BatchNormalization.forward`.
  ///
  /// - Throws: `NormalizationError.singleValuePerChannel` unless `allowsSingleValue`, `NormalizationError.invalidWeight`.
  @specialized(where Element == Float)
  public func batchNormalized(
    gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5, layout: ChannelLayout = .channelsLast,
    rectifies: Bool = false, allowsSingleValue: Bool = false, isRecomputed: Bool = false,
    scope: StatisticsScope = .batch, weights: Tensor<Element>? = nil, excluded: ExcludedOutput = .zero,
    renormalization: BatchRenormalization.Reference<Element>? = nil, exchange: (any ShardExchange)? = nil
  ) throws(NormalizationError) -> (output: Variable, moments: BatchMoments) {
    let operation = BatchNormalizationOperation<Element>(
      affine: AffineInputs(after: 1, gamma, beta), epsilon: epsilon, layout: layout, rectifies: rectifies,
      allowsSingleValue: allowsSingleValue, isRecomputed: isRecomputed, scope: scope, weights: weights,
      excluded: excluded, renormalization: renormalization, exchange: exchange)
    var inputs = [self]
    if let gamma { inputs.append(gamma) }
    if let beta { inputs.append(beta) }
    let (output, saved) = try Graph.apply(operation, to: inputs)
    return (output, saved?.moments ?? followedMoments(layout))
  }

  /// The moments of its values by channels; where the computation is only followed, moments of nothing with the batch's count of
  /// values, if that is known.
  package var moments: BatchMoments { tensor.map { BatchMoments(of: $0) } ?? followedMoments(.channelsLast) }

  /// Moments that hold how many values a channel has, as far as shapes tell, and nothing else.
  private func followedMoments(_ layout: ChannelLayout) -> BatchMoments {
    guard let shape = knownShape, shape.rank >= 2 else {
      return BatchMoments(count: 0, mean: .zeros([0]), centredSecondMoment: .zeros([0]))
    }
    let channels = layout.channelCount(of: shape)
    return BatchMoments(
      count: channels > 0 ? shape.elementCount / channels : 0, mean: .zeros([channels]),
      centredSecondMoment: .zeros([channels]))
  }

  /// Batch normalization in training, built from primitive operations: each node is a step of the computation.
  ///
  /// x `[N, …, C]`; gamma and beta `[C]`. The moments for the running statistics are computed apart from the graph. Ghost batches are
  /// slices, each normalized by itself; the moments of parts are those of the batch.
  public func stagedBatchNormalized(
    gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5, allowsSingleValue: Bool = false,
    scope: StatisticsScope = .batch, weights: Tensor<Element>? = nil, excluded: ExcludedOutput = .zero,
    renormalization: BatchRenormalization.Reference<Element>? = nil
  ) throws(NormalizationError) -> (output: Variable, moments: BatchMoments) {
    let moments =
      try tensor.map { (x) throws(NormalizationError) in
        try BatchNormalization.moments(of: x, scope: scope, weights: weights)
      } ?? followedMoments(.channelsLast)
    if case .ghosts = scope, tensor != nil, shape[0] > 0 {
      var parts: [Variable] = []
      for range in scope.ranges(of: shape[0]) {
        parts.append(
          try sliced(range, axis: 0).stagedBatchNormalized(
            gamma: gamma, beta: beta, epsilon: epsilon, allowsSingleValue: allowsSingleValue,
            weights: weights.map { $0[rows: range] }, excluded: excluded, renormalization: renormalization
          ).output)
      }
      // As many as one operation takes, again and again.
      while parts.count > 1 {
        parts = stride(from: 0, to: parts.count, by: 63).map {
          .concatenating(Array(parts[$0..<Swift.min(parts.count, $0 + 63)]), axis: 0)
        }
      }
      return (parts[0], moments)
    }
    if tensor != nil {
      if moments.count == 1 && !allowsSingleValue { throw .singleValuePerChannel(shape: Array(shape)) }
      // The mean of no rows is not a number, and would make a gradient of one.
      guard moments.count > 0 else {
        return try batchNormalized(gamma: gamma, beta: beta, epsilon: epsilon, weights: weights, excluded: excluded)
      }
    }
    // What does not count may be anything.
    let x = weights.map { excludingRows($0) } ?? self
    let mean = try x.weightedMeanOverRows(weights).named("μ = mean of x")
    let centred = x.subtracting(mean, broadcast: .perChannel).named("c = x − μ")
    let variance = try centred.squared().named("q = c²").weightedMeanOverRows(weights).named("v = mean of q")
    let deviation = variance.offset(by: Element(epsilon)).named("u = v + ε").squareRoot().named("s = √u")
    var normalized = centred.multiplied(by: deviation.reciprocal().named("r = 1/s"), broadcast: .perChannel)
      .named("x̂ = c·r")
    if let renormalization {
      let (ratio, distance) = renormalization.ratioAndDistance(for: moments, epsilon: epsilon)
      normalized = normalized.multiplied(by: Variable(ratio), broadcast: .perChannel)
        .adding(Variable(distance), broadcast: .perChannel).named("x̂' = x̂·r + d")
    }
    var output = normalized
    if let gamma { output = output.multiplied(by: gamma, broadcast: .perChannel).named("t = γ·x̂") }
    if let beta { output = output.adding(beta, broadcast: .perChannel).named("y = t + β") }
    if let weights { output = output.excludingRows(weights, output: excluded, beta: beta) }
    return (output, moments)
  }

  /// The mean over all rows, or by weights of rows.
  private func weightedMeanOverRows(_ weights: Tensor<Element>?) throws(NormalizationError) -> Variable {
    guard let weights else { return meanOverRows() }
    let shares = try RowWeights(weights, of: shape, layout: .channelsLast).shares.map { Element($0) }
    return multiplied(by: Variable(Tensor(shares, shape: [shares.count])), broadcast: .perRow).sumOverRows()
  }

  /// Batch normalization in inference, with given statistics `[C]`, which must be constants.
  @specialized(where Element == Float)
  public func batchNormalized(
    mean: Variable, variance: Variable, gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> Variable {
    require(
      mean.tensor == nil || !mean.requiresGradient && !variance.requiresGradient,
      "given statistics are constants, and have no gradients")
    let operation = FixedBatchNormalizationOperation<Element>(
      affine: AffineInputs(after: 3, gamma, beta), epsilon: epsilon, layout: layout, rectifies: rectifies)
    return Graph.apply(operation, to: [self, mean, variance] + [gamma, beta].compactMap { $0 }).output
  }
}
