import NormaTensor

extension Variable {
  /// Each channel multiplied by a number and another added, both of which are computed: `x · scale + shift`, x `[N, …, C]`.
  ///
  /// It is what conditioned normalizations have in common (FiLM, conditional batch normalization, AdaIN, SPADE).
  ///
  /// - Parameters:
  ///   - scale: what x is multiplied by; nothing is where it is nil.
  ///   - shift: what is added; nothing is where it is nil.
  ///   - broadcast: `perSample` for a number for each sample and channel, `[N, C]`; `none` for one for each place, `[N, …, C]`;
  ///     `perChannel` for one for all samples, `[C]`.
  ///   - addsOne: whether the scale is that beside 1, `x · (1 + scale) + shift`.
  public func modulated(
    scale: Variable?, shift: Variable?, broadcast: Broadcast = .perSample, addsOne: Bool = false
  ) -> Variable {
    var result = self
    if let scale { result = result.multiplied(by: addsOne ? scale + 1 : scale, broadcast: broadcast) }
    if let shift { result = result.adding(shift, broadcast: broadcast) }
    return result
  }

  /// The mean and the deviation of each channel of each sample over its positions, `√(variance + epsilon)`: x `[N, …, C]`, both
  /// results `[N, C]`. The variance is biased, and centred.
  public func channelStatistics(epsilon: Double = 1e-5) -> (mean: Variable, deviation: Variable) {
    let mean = globallyAveraged()
    let variance = subtracting(mean, broadcast: .perSample).squared().globallyAveraged()
    return (mean, variance.offset(by: Element(epsilon)).squareRoot())
  }
}
