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

extension Variable {
  /// Batch normalization in training, in closed form: x `[N, …, C]` (or `[N, C, …]`), gamma and beta `[C]`.
  ///
  /// Returns the moments of the batch beside the result, for the running statistics. With `isRecomputed`, convolutions,
  /// linear maps and poolings that take the result compute it again for their gradients, to the bit, instead of keeping it:
  /// one pass over the data, for half of the memory.
  ///
  /// - Throws: `NormalizationError.singleValuePerChannel` unless `allowsSingleValue`.
  @specialized(where Element == Float)
  public func batchNormalized(
    gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5, layout: ChannelLayout = .channelsLast,
    rectifies: Bool = false, allowsSingleValue: Bool = false, isRecomputed: Bool = false
  ) throws(NormalizationError) -> (output: Variable, moments: BatchMoments) {
    let x = value
    // Values alone: a variable in a pullback would hold the graph that holds the pullback, for ever.
    let (scale, shift) = (gamma?.value, beta?.value)
    let (output, batch) = try BatchNormalization.forward(
      x, gamma: scale, beta: shift, epsilon: epsilon, layout: layout, rectifies: rectifies,
      allowsSingleValue: allowsSingleValue)
    var variable = Graph.record(
      rectifies ? "batch norm + ReLU" : "batch norm",
      rule: "with g = ∂{}: ∂{0} = "
        + (gamma == nil ? "1/(N·s) · (N·g − Σg − x̂·Σ(g·x̂))" : "{1}/(N·s) · (N·g − Σg − x̂·Σ(g·x̂))")
        + parameterRule(gamma, beta),
      inputs: [self] + [gamma, beta].compactMap { $0 }, value: output
    ) { g in
      let gradients = BatchNormalization.backward(g, input: x, saved: batch)
      return [gradients.input] + (scale == nil ? [] : [gradients.gamma]) + (shift == nil ? [] : [gradients.beta])
    }
    if isRecomputed { variable.recomputation = { BatchNormalization.output(for: x, saved: batch) } }
    return (variable, batch.moments)
  }

  /// Batch normalization in training, built from primitive operations: each node is a step of the computation.
  ///
  /// x `[N, …, C]`; gamma and beta `[C]`. The moments for the running statistics are computed apart from the graph.
  public func stagedBatchNormalized(
    gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5, allowsSingleValue: Bool = false
  ) throws(NormalizationError) -> (output: Variable, moments: BatchMoments) {
    let moments = BatchMoments(of: value)
    if moments.count == 1 && !allowsSingleValue { throw .singleValuePerChannel(shape: Array(shape)) }
    // The mean of no rows is not a number, and would make a gradient of one.
    guard moments.count > 0 else {
      return try batchNormalized(gamma: gamma, beta: beta, epsilon: epsilon)
    }
    let mean = meanOverRows().named("μ = mean of x")
    let centred = subtracting(mean, broadcast: .perChannel).named("c = x − μ")
    let variance = centred.squared().named("q = c²").meanOverRows().named("v = mean of q")
    let deviation = variance.offset(by: Element(epsilon)).named("u = v + ε").squareRoot().named("s = √u")
    let normalized = centred.multiplied(by: deviation.reciprocal().named("r = 1/s"), broadcast: .perChannel)
    var output = normalized.named("x̂ = c·r")
    if let gamma { output = output.multiplied(by: gamma, broadcast: .perChannel).named("t = γ·x̂") }
    if let beta { output = output.adding(beta, broadcast: .perChannel).named("y = t + β") }
    return (output, moments)
  }

  /// Batch normalization in inference, with given statistics `[C]`.
  @specialized(where Element == Float)
  public func batchNormalized(
    mean: Tensor<Element>, variance: Tensor<Element>, gamma: Variable? = nil, beta: Variable? = nil,
    epsilon: Double = 1e-5, layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> Variable {
    let x = value
    // Values alone: a variable in a pullback would hold the graph that holds the pullback, for ever.
    let (scale, shift) = (gamma?.value, beta?.value)
    let output = BatchNormalization.inference(
      x, mean: mean, variance: variance, gamma: scale, beta: shift, epsilon: epsilon, layout: layout,
      rectifies: rectifies)
    return Graph.record(
      "batch norm, inference",
      rule: (gamma == nil ? "with g = ∂{}: ∂{0} = g/s" : "with g = ∂{}: ∂{0} = {1}/s·g") + parameterRule(gamma, beta),
      inputs: [self] + [gamma, beta].compactMap { $0 }, value: output
    ) { g in
      let gradients = BatchNormalization.inferenceBackward(
        g, input: x, mean: mean, variance: variance, gamma: scale, beta: shift, epsilon: epsilon, layout: layout,
        rectifies: rectifies)
      return [gradients.input] + (scale == nil ? [] : [gradients.gamma]) + (shift == nil ? [] : [gradients.beta])
    }
  }

  /// Layer normalization over the last axis: x `[…, C]`, gamma and beta `[C]`.
  public func layerNormalized(gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5) -> Variable {
    let x = value
    // Values alone: a variable in a pullback would hold the graph that holds the pullback, for ever.
    let (scale, shift) = (gamma?.value, beta?.value)
    let (output, rows) = LayerNormalization.forward(x, gamma: scale, beta: shift, epsilon: epsilon)
    return Graph.record(
      "layer norm",
      rule: (gamma == nil ? "with h = g = ∂{}" : "with g = ∂{}, h = g·{1}")
        + ": ∂{0} = (h − mean h − x̂·mean(h·x̂))/s" + parameterRule(gamma, beta),
      inputs: [self] + [gamma, beta].compactMap { $0 }, value: output
    ) { g in
      let gradients = LayerNormalization.backward(g, input: x, saved: rows)
      return [gradients.input] + (scale == nil ? [] : [gradients.gamma]) + (shift == nil ? [] : [gradients.beta])
    }
  }

  /// Group normalization: x `[N, …, C]` (or `[N, C, …]`), gamma and beta `[C]`, C a multiple of `groups`. As many groups as
  /// channels make it instance normalization.
  public func groupNormalized(
    groups: Int, gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> Variable {
    let x = value
    // Values alone: a variable in a pullback would hold the graph that holds the pullback, for ever.
    let (scale, shift) = (gamma?.value, beta?.value)
    let (output, statistics) = GroupNormalization.forward(
      x, groups: groups, gamma: scale, beta: shift, epsilon: epsilon, layout: layout, rectifies: rectifies)
    return Graph.record(
      rectifies ? "group norm + ReLU" : "group norm",
      rule: (gamma == nil ? "with h = g = ∂{}" : "with g = ∂{}, h = g·{1}")
        + ": ∂{0} = (h − mean h − x̂·mean(h·x̂))/s by group" + parameterRule(gamma, beta),
      inputs: [self] + [gamma, beta].compactMap { $0 }, value: output
    ) { g in
      let gradients = GroupNormalization.backward(g, input: x, saved: statistics)
      return [gradients.input] + (scale == nil ? [] : [gradients.gamma]) + (shift == nil ? [] : [gradients.beta])
    }
  }

  /// The part of a rule that tells of gamma and beta, the inputs after the first, where they are there.
  private func parameterRule(_ gamma: Variable?, _ beta: Variable?) -> String {
    switch (gamma == nil, beta == nil) {
    case (false, false): ", ∂{1} = Σ g·x̂, ∂{2} = Σ g"
    case (false, true): ", ∂{1} = Σ g·x̂"
    case (true, false): ", ∂{1} = Σ g"
    case (true, true): ""
    }
  }
}
