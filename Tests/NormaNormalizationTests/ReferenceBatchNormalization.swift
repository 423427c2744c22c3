import NormaTensor
import TestSupport

/// Batch normalization by plain loops over rows by channels, with sums in twice double precision; the gradients are
/// those of the chain rule as Ioffe and Szegedy (2015, section 3) write it, not the closed form.
///
/// Beside each result stands the magnitude its rounding errors are proportional to, see ``roundingFactor``.
struct ReferenceBatchNormalization {
  let rows: Int
  let channels: Int
  let x: [Double]
  let gamma: [Double]
  var mean: [Double] = []
  var secondMoment: [Double] = []
  var reciprocalDeviation: [Double] = []
  var normalized: [Double] = []
  var output: [Double] = []
  private let elementRoundoff: Double

  init<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5
  ) {
    (rows, channels) = (x.shape.rowCount, x.shape.channelCount)
    self.x = x.elements.map { Double($0) }
    self.gamma = (gamma ?? .ones([channels])).elements.map { Double($0) }
    elementRoundoff = Element.unitRoundoff
    for channel in 0..<channels {
      let values = (0..<rows).map { DoubleDouble(self.x[$0 * x.shape.channelCount + channel]) }
      let channelMean = values.reduce(DoubleDouble(0), +) / Double(rows)
      let moment = values.reduce(DoubleDouble(0)) { $0 + ($1 - channelMean) * ($1 - channelMean) }
      mean.append(channelMean.high)
      secondMoment.append(moment.high)
      reciprocalDeviation.append(1 / (moment.high / Double(rows) + epsilon).squareRoot())
    }
    let shift = (beta ?? .zeros([channels])).elements.map { Double($0) }
    for index in self.x.indices {
      let channel = index % channels
      normalized.append((self.x[index] - mean[channel]) * reciprocalDeviation[channel])
      output.append(self.gamma[channel] * normalized[index] + shift[channel])
    }
  }

  /// Bounds the errors of a channel's results, relative to the magnitudes below.
  ///
  /// A result takes fewer than eight roundings of its own type; its sums have N terms in double precision, in both
  /// implementations, and the square root doubles none of their errors. The mean is known to one rounding of a double or
  /// two roundings of an element, whichever is coarser, which counts in units of the deviation.
  private func roundingFactor(_ channel: Int) -> Double {
    8 * elementRoundoff + 4 * Double(rows + 10) * Double.unitRoundoff
      + 4 * max(elementRoundoff * elementRoundoff, Double.unitRoundoff) * abs(mean[channel])
      * reciprocalDeviation[channel]
  }

  var outputBound: [Double] {
    output.indices.map { index in
      let channel = index % channels
      return roundingFactor(channel) * (abs(gamma[channel]) * (abs(normalized[index]) + 1) + abs(output[index]))
    }
  }

  struct Gradients {
    var input: [Double]
    var gamma: [Double]
    var beta: [Double]
    var inputBound: [Double]
    var gammaBound: [Double]
    var betaBound: [Double]
  }

  func gradients<Element: TensorElement>(_ gradient: Tensor<Element>) -> Gradients {
    let g = gradient.elements.map { Double($0) }
    let zeros = [Double](repeating: 0, count: channels)
    var result = Gradients(
      input: Array(repeating: 0, count: g.count), gamma: zeros, beta: zeros,
      inputBound: Array(repeating: 0, count: g.count), gammaBound: zeros, betaBound: zeros)
    for channel in 0..<channels {
      let indices = (0..<rows).map { $0 * channels + channel }
      let r = reciprocalDeviation[channel]
      func sum(_ term: (Int) -> Double) -> Double {
        indices.reduce(DoubleDouble(0)) { $0 + DoubleDouble(term($1)) }.high
      }
      result.beta[channel] = sum { g[$0] }
      result.gamma[channel] = sum { g[$0] * normalized[$0] }
      let ofVariance = sum { g[$0] * gamma[channel] * (x[$0] - mean[channel]) } * -0.5 * r * r * r
      let ofMean =
        sum { -g[$0] * gamma[channel] * r } + ofVariance * sum { -2 * (x[$0] - mean[channel]) } / Double(rows)
      let meanMagnitude = sum { abs(g[$0]) } / Double(rows)
      let productMagnitude = sum { abs(g[$0]) * (abs(normalized[$0]) + 1) } / Double(rows)
      for index in indices {
        result.input[index] =
          g[index] * gamma[channel] * r + ofVariance * 2 * (x[index] - mean[channel]) / Double(rows)
          + ofMean / Double(rows)
        result.inputBound[index] =
          roundingFactor(channel) * abs(gamma[channel]) * r
          * (abs(g[index]) + meanMagnitude + (abs(normalized[index]) + 1) * productMagnitude)
      }
      result.gammaBound[channel] = roundingFactor(channel) * productMagnitude * Double(rows)
      result.betaBound[channel] = roundingFactor(channel) * meanMagnitude * Double(rows)
    }
    return result
  }
}
