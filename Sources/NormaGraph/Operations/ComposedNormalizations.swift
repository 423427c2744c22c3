import NormaTensor

// Normalizations that are made of other operations, which differentiate, serve and export them.

// Statistics of a sample's channels.
extension Variable {
  /// The mean of each group of neighbouring channels over a sample's positions, for each of its channels: `[N, …, C] → [N, C]`.
  func groupMeans(groups: Int, channels: Int) -> Variable {
    let means = globallyAveraged()
    guard groups != channels else { return means }
    return means.channelsSplit(into: groups).mean(over: [-1]).gathering(
      (0..<channels).map { $0 / (channels / groups) }, axis: 1)
  }

  /// The biased variance of each group of neighbouring channels over a sample's positions, for each of its channels:
  /// `[N, …, C] → [N, C]`. A mean that is rounded moves it by the square of what it is off by.
  func groupVariances(groups: Int, channels: Int) -> Variable {
    subtracting(groupMeans(groups: groups, channels: channels), broadcast: .perSample).squared()
      .groupMeans(groups: groups, channels: channels)
  }

  /// The biased variance of each channel over all rows: `[…, C] → [C]`.
  public func varianceOverRows() -> Variable {
    subtracting(meanOverRows(), broadcast: .perChannel).squared().meanOverRows()
  }

  /// A single number `[1]` as a vector of a number for each channel.
  private func repeated(_ channels: Int) -> Variable {
    gathering([Int](repeating: 0, count: channels), axis: 0)
  }

  /// `gamma · x + beta`, `[C]` both.
  private func scaled(by gamma: Variable?, adding beta: Variable?) -> Variable {
    let scaled = gamma.map { multiplied(by: $0, broadcast: .perChannel) } ?? self
    return beta.map { scaled.adding($0, broadcast: .perChannel) } ?? scaled
  }
}

extension Variable {
  /// RMS normalization by the first channels alone (Zhang and Sennrich 2019, partial RMSNorm): `[…, C] → […, C]`, each row divided by
  /// the root of the mean square of its first `count` values, then multiplied by gamma `[C]`.
  public func rmsNormalized(byFirst count: Int, gamma: Variable? = nil, epsilon: Double = 1e-5) -> Variable {
    let square = sliced(0..<count, axis: -1).squared().mean(over: [-1], keepsAxes: true)
    let reciprocal = square.offset(by: Element(epsilon)).squareRoot().reciprocal()
    return multiplied(by: reciprocal, broadcast: .perRow).scaled(by: gamma, adding: nil)
  }

  /// RMS normalization by groups: x `[N, …, C]`, each sample's channels by groups of neighbours over all positions; gamma and beta
  /// `[C]`. The sister of ``groupNormalized(groups:gamma:beta:epsilon:layout:rectifies:channels:)`` that subtracts no mean.
  ///
  /// `groups` is how many groups the channels are divided into, a divisor of their number; `channels` is C.
  public func rmsGroupNormalized(
    groups: Int, channels: Int, gamma: Variable? = nil, beta: Variable? = nil, epsilon: Double = 1e-5
  ) -> Variable {
    let squares = squared().groupMeans(groups: groups, channels: channels)
    let reciprocal = squares.offset(by: Element(epsilon)).squareRoot().reciprocal()
    return multiplied(by: reciprocal, broadcast: .perSample).scaled(by: gamma, adding: beta)
  }

  /// Filter response normalization with a thresholded linear unit (Singh and Krishnan 2019, arXiv:1911.09737): x `[N, …, C]`, each
  /// channel of a sample divided by its root mean square over the positions; gamma, beta and the threshold `[C]`:
  /// `y = max(gamma · x / √(mean(x²) + epsilon) + beta, threshold)`.
  ///
  /// `threshold`: nil for no threshold.
  public func filterResponseNormalized(
    channels: Int, gamma: Variable, beta: Variable, threshold: Variable?, epsilon: Double = 1e-6
  ) -> Variable {
    let response = rmsGroupNormalized(
      groups: channels, channels: channels, gamma: gamma, beta: beta, epsilon: epsilon)
    guard let threshold else { return response }
    return response.subtracting(threshold, broadcast: .perChannel).relu().adding(threshold, broadcast: .perChannel)
  }

  /// Global response normalization (Woo and others 2023, ConvNeXt V2, arXiv:2301.00808): x `[N, …, C]`, each channel of a sample
  /// weighed by its length over the positions beside the mean length of all channels, gamma and beta `[C]`:
  /// `y = gamma · x · ‖x‖ / (mean‖x‖ + epsilon) + beta + x`.
  public func globalResponseNormalized(gamma: Variable, beta: Variable, epsilon: Double = 1e-6) -> Variable {
    // 1e-30, so that the gradient of the length of a channel of zeros is 0, not 0 · ∞.
    let lengths = squared().sumOverPositions().offset(by: 1e-30).squareRoot()
    let divisors = lengths.mean(over: [-1], keepsAxes: true).offset(by: Element(epsilon))
    let shares = lengths.divided(by: divisors, broadcast: .perRow)
    return multiplied(by: shares, broadcast: .perSample).scaled(by: gamma, adding: beta) + self
  }

  /// The dynamic hyperbolic tangent (Zhu and others 2025, arXiv:2503.10622): x `[…, C]`, gamma and beta `[C]`, alpha `[1]`:
  /// `y = gamma · tanh(alpha · x) + beta`.
  public func dynamicHyperbolicTangent(alpha: Variable, channels: Int, gamma: Variable, beta: Variable) -> Variable {
    multiplied(by: alpha.repeated(channels), broadcast: .perChannel).hyperbolicTangent()
      .scaled(by: gamma, adding: beta)
  }

  /// Scale normalization (Nguyen and Salazar 2019, arXiv:1910.05895): each row of x `[…, C]` at the length that the scale `[1]` says,
  /// `y = scale · x / √(‖x‖² + epsilon)`. It is RMS normalization by one gamma for all channels, and done as that.
  public func scaleNormalized(scale: Variable, channels: Int, epsilon: Double = 1e-10) -> Variable {
    let count = Double(channels)
    return rmsNormalized(
      gamma: scale.scaled(by: Element(1 / count.squareRoot())).repeated(channels), epsilon: epsilon / count,
      channels: channels)
  }

  /// EvoNorm-B0 (Liu and others 2020, arXiv:2004.02967): x `[N, …, C]`, the variance over batch and positions, v, gamma and beta
  /// `[C]`: `y = x / max(√(variance + epsilon), v · x + √(variance of the instance + epsilon)) · gamma + beta`.
  ///
  /// `v`: nil for no nonlinearity: then x is divided by `√(variance + epsilon)`.
  public func evoNormalized(
    variance: Variable, v: Variable?, channels: Int, gamma: Variable, beta: Variable, epsilon: Double = 1e-5
  ) -> Variable {
    let deviation = variance.offset(by: Element(epsilon)).squareRoot()
    guard let v else { return divided(by: deviation, broadcast: .perChannel).scaled(by: gamma, adding: beta) }
    let instances = groupVariances(groups: channels, channels: channels).offset(by: Element(epsilon)).squareRoot()
    let sum = multiplied(by: v, broadcast: .perChannel).adding(instances, broadcast: .perSample)
    // The larger of the two.
    let divisor = sum.subtracting(deviation, broadcast: .perChannel).relu().adding(deviation, broadcast: .perChannel)
    return divided(by: divisor).scaled(by: gamma, adding: beta)
  }

  /// EvoNorm-S0 (Liu and others 2020, arXiv:2004.02967): x `[N, …, C]`, each sample's channels by groups of neighbours; v, gamma and
  /// beta `[C]`: `y = x · σ(v · x) / √(variance of the group + epsilon) · gamma + beta`, σ the logistic function.
  ///
  /// `v`: nil for no nonlinearity: then there is no factor σ.
  public func evoNormalized(
    groups: Int, v: Variable?, channels: Int, gamma: Variable, beta: Variable, epsilon: Double = 1e-5
  ) -> Variable {
    let deviation = groupVariances(groups: groups, channels: channels).offset(by: Element(epsilon)).squareRoot()
    let gated = v.map { self * multiplied(by: $0, broadcast: .perChannel).sigmoid() } ?? self
    return gated.divided(by: deviation, broadcast: .perSample).scaled(by: gamma, adding: beta)
  }
}
