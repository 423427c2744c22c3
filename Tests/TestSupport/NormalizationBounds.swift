import NormaTensor

/// How far normalization and its gradients may be from PyTorch's double-precision results, derived from rounding.
///
/// With u the unit roundoff of the element type, v that of doubles, `x̂ = (x − m)/s`, `s = √(variance + epsilon)` and
/// `h = gamma·g`, each bound has two parts:
///
/// - The element-wise work rounds a known number of times (``Roundings``), relative to the terms it adds: |gamma·x̂| and
///   |beta| for the output, `max |h| / s · (1 + |x̂|)` for the input's gradient (where the terms nearly cancel, so nothing
///   can be said relative to the gradient itself), `Σ|g·x̂|` for gamma's.
/// - Both sides find the statistics in double precision. A mean of N values is off by at most `N·v·max|x|`; relative to s
///   this is `N·v·κ`, `κ = 1 + max|x|/s`, which also bounds the variance's relative error. Eight more roundings cover
///   deviation, reciprocal and factors. Single precision keeps what the mean's rounding left over, to `4·u²·κ`.
/// - The kernels for `Float` form sums of at most 64 terms in single precision before they go on in double precision. A
///   sum of n terms is then off by up to `λ·√n·u·Σ|terms|` with all but certainty for λ = 4 (Higham and Mary 2019): the
///   factor `β = 32·u`. The terms are distances from a pivot among the values, no more than `1 + x̂²` in all, relative to
///   the variance.
public struct NormalizationBounds: Sendable {
  /// How often the element-wise work rounds.
  public struct Roundings: Sendable {
    var output, inputGradient, sums: Double

    /// Closed-form batch or group normalization: the difference from the pivot, the scale, the shift, the product and the sum
    /// for the output. For the input's gradient twice that for the two products with x̂ and the scale, and one each for
    /// the two means and the final product, at most 12. For gamma's sum the difference and the conversion.
    public static let batch = Roundings(output: 5, inputGradient: 12, sums: 3)
    /// Layer normalization: one more for the product with gamma.
    public static let layer = Roundings(output: 6, inputGradient: 12, sums: 3)
    /// The staged form: ten nodes forward, two chains of as many backward.
    public static let staged = Roundings(output: 10, inputGradient: 24, sums: 9)
  }

  /// One bound for each element.
  public private(set) var output: [Double] = []
  public private(set) var inputGradient: [Double] = []
  /// One bound for each channel.
  public private(set) var gammaGradient: [Double]
  public private(set) var betaGradient: [Double]

  /// The statistics that a group of values was normalized with.
  struct Group {
    var mean, deviation: Double
    /// Bounds of the error of x̂: one that is the same for all, and one to be multiplied by |x̂|.
    var shiftError, scaleError: Double
    /// The largest |h|, where h of all values enters the gradient of each; nil where the statistics were given.
    var largestGradient: Double?
  }

  /// - Parameters:
  ///   - unit: the unit roundoff u of the element type.
  ///   - group: which statistics an element was normalized with.
  ///   - channel: which gamma and beta it has.
  init(
    unit: Double, roundings: Roundings, x: [Double], gradient: [Double], gamma: [Double], beta: [Double],
    groups: [Group], group: (Int) -> Int, channel: (Int) -> Int
  ) {
    let block = Self.blockError(unit: unit)
    gammaGradient = [Double](repeating: 0, count: gamma.count)
    betaGradient = gammaGradient
    var sums = gammaGradient
    for index in x.indices {
      let (statistics, channel) = (groups[group(index)], channel(index))
      let normalized = abs((x[index] - statistics.mean) / statistics.deviation)
      let error = statistics.shiftError + normalized * statistics.scaleError
      let (scale, g) = (abs(gamma[channel]), abs(gradient[index]))
      output.append(roundings.output * unit * (scale * normalized + abs(beta[channel])) + scale * error)
      if let largest = statistics.largestGradient {
        // The error of x̂ enters as such, through the mean of h·x̂ and through s.
        let part = roundings.inputGradient * unit + 2 * block + 2 * (statistics.shiftError + statistics.scaleError)
        inputGradient.append(largest / statistics.deviation * (1 + normalized) * part)
      } else {
        inputGradient.append(
          scale * g / statistics.deviation * (roundings.inputGradient * unit + statistics.scaleError))
      }
      gammaGradient[channel] += (roundings.sums * unit + block) * g * normalized + g * error
      sums[channel] += gradient[index]
      // Both sides add up as many terms in double precision.
      betaGradient[channel] += (2 * Double(x.count / gamma.count) * Double.unitRoundoff + block) * g
    }
    for channel in sums.indices { betaGradient[channel] += roundings.sums * unit * abs(sums[channel]) }
  }

  /// The group of values that are normalized with their own statistics, in double precision on both sides.
  static func ownStatistics(
    unit: Double, values: [Double], gradients: [Double], mean: Double, variance: Double, epsilon: Double
  ) -> Group {
    let deviation = (variance + epsilon).squareRoot()
    let error = momentError(unit: unit, values: values, deviation: deviation)
    return Group(
      mean: mean, deviation: deviation, shiftError: 2 * error, scaleError: 2 * error,
      largestGradient: gradients.map(abs).max() ?? 0)
  }

  /// The error of x̂ that one side's rounding of the moments makes, relative to 1 + |x̂|.
  static func momentError(unit: Double, values: [Double], deviation: Double) -> Double {
    let condition = 1 + (values.map(abs).max() ?? 0) / deviation
    let mean = values.reduce(0, +) / Double(max(1, values.count))
    let farthest = (values.map { abs($0 - mean) }.max() ?? 0) / deviation
    return (Double(values.count + 8) * Double.unitRoundoff + 4 * unit * unit) * condition
      + blockError(unit: unit) * (1 + farthest * farthest)
  }

  /// The relative error of a sum of up to 64 terms in single precision; 0 where all is done in double precision.
  public static func blockError(unit: Double) -> Double { unit > Double.unitRoundoff ? 32 * unit : 0 }
}

extension ParityCase<BatchNormSettings> {
  /// The layout's way from an element to its channel, for a batch of the given shape.
  private func channel(of shape: Shape) -> (Int) -> Int {
    let isFirst = settings.layout == "NCHW"
    let inner = isFirst ? shape.dropFirst(2).reduce(1, *) : 1
    let channels = isFirst ? shape[1] : shape.channelCount
    return { $0 / inner % channels }
  }

  private func byChannel(_ tensor: Tensor<Double>) -> [[Double]] {
    let channel = channel(of: tensor.shape)
    var result = [[Double]](repeating: [], count: channelCount)
    for (index, value) in tensor.elements.enumerated() { result[channel(index)].append(value) }
    return result
  }

  /// The number of channels.
  public var channelCount: Int {
    settings.layout == "NCHW" ? settings.shape[1] : settings.shape[settings.shape.count - 1]
  }

  /// The gradient that reaches the normalization: where ReLU follows, only what passes it. No value is near its corner.
  private func gradient(ofBatch batch: String) -> Tensor<Double> {
    let gradient: Tensor<Double> = input("\(batch).dy")
    guard settings.relu else { return gradient }
    return expected("\(batch).y").applying(.leakyReLUGradient(slope: 0), gradient)
  }

  private var gammaAndBeta: (gamma: [Double], beta: [Double]) {
    guard settings.affine else {
      return ([Double](repeating: 1, count: channelCount), [Double](repeating: 0, count: channelCount))
    }
    return (input("gamma").elements, input("beta").elements)
  }

  /// The bounds for one training batch.
  public func trainingBounds(
    unit: Double, batch: Int, roundings: NormalizationBounds.Roundings = .batch
  ) -> NormalizationBounds {
    let (x, gradient): (Tensor<Double>, Tensor<Double>) = (input("\(batch).x"), gradient(ofBatch: "\(batch)"))
    let (gamma, beta) = gammaAndBeta
    let (values, gradients) = (byChannel(x), byChannel(gradient))
    let (mean, variance) = (expected("\(batch).mean").elements, expected("\(batch).variance").elements)
    let groups = (0..<channelCount).map { channel in
      NormalizationBounds.ownStatistics(
        unit: unit, values: values[channel], gradients: gradients[channel].map { gamma[channel] * $0 },
        mean: mean[channel], variance: variance[channel], epsilon: settings.epsilon)
    }
    let channel = channel(of: x.shape)
    return NormalizationBounds(
      unit: unit, roundings: roundings, x: x.elements, gradient: gradient.elements, gamma: gamma, beta: beta,
      groups: groups, group: channel, channel: channel)
  }

  /// The bounds for one batch's own mean and variance `[C]`.
  public func momentBounds(unit: Double, batch: Int) -> (mean: [Double], variance: [Double]) {
    let values = byChannel(input("\(batch).x"))
    let variance = expected("\(batch).variance").elements
    return (0..<channelCount).reduce(into: ([], [])) { result, channel in
      let deviation = (variance[channel] + settings.epsilon).squareRoot()
      let error = NormalizationBounds.momentError(unit: unit, values: values[channel], deviation: deviation)
      result.0.append(2 * error * deviation)
      result.1.append(2 * error * deviation * deviation)
    }
  }

  /// The bounds for the running mean and variance `[C]` after the given batch: each update takes in the error of the
  /// batch's moments (twice that where the variance is divided by N − 1) and rounds once.
  public func runningBounds(unit: Double, through batch: Int) -> (mean: [Double], variance: [Double]) {
    var mean = [Double](repeating: 0, count: channelCount)
    var variance = mean
    for batch in 0...batch {
      let moments = momentBounds(unit: unit, batch: batch)
      let (runningMean, runningVariance) = (expected("\(batch).running_mean"), expected("\(batch).running_var"))
      for channel in mean.indices {
        mean[channel] += (unit + 4 * Double.unitRoundoff) * abs(runningMean[channel]) + moments.mean[channel]
        variance[channel] += (unit + 4 * Double.unitRoundoff) * runningVariance[channel] + 2 * moments.variance[channel]
      }
    }
    return (mean, variance)
  }

  /// The bounds for the inference batch, normalized with running statistics that are as exact as ``runningBounds``.
  public func inferenceBounds(unit: Double) -> NormalizationBounds {
    let (x, gradient): (Tensor<Double>, Tensor<Double>) = (input("inference.x"), gradient(ofBatch: "inference"))
    let (gamma, beta) = gammaAndBeta
    let last = settings.batches - 1
    let (mean, variance) = (expected("\(last).running_mean"), expected("\(last).running_var"))
    let errors = runningBounds(unit: unit, through: last)
    let groups = (0..<channelCount).map { channel in
      let deviation = (variance[channel] + settings.epsilon).squareRoot()
      return NormalizationBounds.Group(
        mean: mean[channel], deviation: deviation,
        shiftError: (errors.mean[channel] + 4 * unit * unit * abs(mean[channel])) / deviation
          + 8 * Double.unitRoundoff,
        scaleError: errors.variance[channel] / (2 * deviation * deviation) + 8 * Double.unitRoundoff,
        largestGradient: nil)
    }
    let channel = channel(of: x.shape)
    return NormalizationBounds(
      unit: unit, roundings: .batch, x: x.elements, gradient: gradient.elements, gamma: gamma, beta: beta,
      groups: groups, group: channel, channel: channel)
  }
}

extension ParityCase<LayerNormSettings> {
  /// The bounds for the case.
  public func bounds(unit: Double) -> NormalizationBounds {
    let (x, gradient): (Tensor<Double>, Tensor<Double>) = (input("x"), input("dy"))
    let channels = x.shape.channelCount
    let gamma = settings.affine ? input("gamma", Double.self).elements : [Double](repeating: 1, count: channels)
    let beta = settings.affine ? input("beta", Double.self).elements : [Double](repeating: 0, count: channels)
    let groups = (0..<x.shape.rowCount).map { row in
      let values = Array(x.elements[row * channels..<(row + 1) * channels])
      let gradients = (0..<channels).map { gradient.elements[row * channels + $0] * gamma[$0] }
      let mean = values.reduce(0, +) / Double(channels)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(channels)
      return NormalizationBounds.ownStatistics(
        unit: unit, values: values, gradients: gradients, mean: mean, variance: variance, epsilon: settings.epsilon)
    }
    return NormalizationBounds(
      unit: unit, roundings: .layer, x: x.elements, gradient: gradient.elements, gamma: gamma, beta: beta,
      groups: groups, group: { $0 / channels }, channel: { $0 % channels })
  }
}

extension ParityCase<GroupNormSettings> {
  /// The bounds for the case. As in batch normalization, what passes a ReLU is the gradient that reaches it.
  public func bounds(unit: Double) -> NormalizationBounds {
    let (x, shape): (Tensor<Double>, Shape) = (input("x"), Shape(settings.shape))
    var gradient: Tensor<Double> = input("dy")
    if settings.relu { gradient = expected("y").applying(.leakyReLUGradient(slope: 0), gradient) }
    let isFirst = settings.layout == "NCHW"
    let (channels, inner) = (isFirst ? shape[1] : shape.channelCount, isFirst ? shape.dropFirst(2).reduce(1, *) : 1)
    let gamma = settings.affine ? input("gamma", Double.self).elements : [Double](repeating: 1, count: channels)
    let beta = settings.affine ? input("beta", Double.self).elements : [Double](repeating: 0, count: channels)
    let (perSample, perGroup) = (x.count / shape[0], channels / settings.groups)
    func channel(_ index: Int) -> Int { index / inner % channels }
    func group(_ index: Int) -> Int { index / perSample * settings.groups + channel(index) / perGroup }

    var members = [[Int]](repeating: [], count: shape[0] * settings.groups)
    for index in 0..<x.count { members[group(index)].append(index) }
    let (allValues, allGradients) = (x.elements, gradient.elements)
    let groups = members.map { members in
      let values = members.map { allValues[$0] }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      return NormalizationBounds.ownStatistics(
        unit: unit, values: values, gradients: members.map { gamma[channel($0)] * allGradients[$0] }, mean: mean,
        variance: variance, epsilon: settings.epsilon)
    }
    return NormalizationBounds(
      unit: unit, roundings: .batch, x: allValues, gradient: allGradients, gamma: gamma, beta: beta, groups: groups,
      group: group, channel: channel)
  }
}
