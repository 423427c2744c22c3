import NormaTensor

// The loops that define what is computed, in double precision, whatever the kernels make of it. They serve `Double`, and floats
// where the kernels' single precision is not wide enough. All of them do some channels of an extent.

/// The mean of all values of some channels together, and their centred second moment, by the corrected two-pass algorithm (Chan,
/// Golub and LeVeque 1983): the second pass finds the sums that the rounding of the first one's mean left over.
@specialized(where Element == Float)
@specialized(where Element == Double)
func definedMoments<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ extent: ChannelExtent, _ channels: Range<Int>
) -> (mean: Double, secondMoment: Double) {
  let count = Double(extent.valuesPerChannel * channels.count)
  var (centre, second) = (Double(x[channels.lowerBound * extent.inner]), 0.0)
  for _ in 0..<2 {
    var (sum, square) = (0.0, 0.0)
    for outer in 0..<extent.outers {
      let values = x + outer * extent.stride
      for index in channels.lowerBound * extent.inner..<channels.upperBound * extent.inner {
        let distance = Double(values[index]) - centre
        sum += distance
        square += distance * distance
      }
    }
    centre += sum / count
    second = square - sum / count * sum
  }
  return (centre, second)
}

/// Writes `Σ (x − base)` and `Σ (x − base)²` of each channel, the base being its mean, to an element: that of a constant channel is
/// its value, from which every distance is 0.
func findMomentsByDefinition<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ extent: ChannelExtent, base: UnsafeMutablePointer<Element>,
  sums: UnsafeMutablePointer<Double>, squares: UnsafeMutablePointer<Double>
) {
  for isSecond in [false, true] {
    for channel in 0..<extent.channels {
      base[channel] =
        isSecond
        ? Element(Double(base[channel]) + sums[channel] / Double(extent.valuesPerChannel))
        : x[channel * extent.inner]
      (sums[channel], squares[channel]) = (0, 0)
    }
    addMoments(x, extent, base: base, sums: sums, squares: squares)
  }
}

/// Adds `Σ (x − base)` and `Σ (x − base)²` to the sums of each channel.
@specialized(where Element == Float)
@specialized(where Element == Double)
func addMoments<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ extent: ChannelExtent, base: UnsafePointer<Element>,
  sums: UnsafeMutablePointer<Double>, squares: UnsafeMutablePointer<Double>
) {
  for outer in 0..<extent.outers {
    for channel in 0..<extent.channels {
      let values = x + outer * extent.stride + channel * extent.inner
      let base = Double(base[channel])
      var (sum, square) = (0.0, 0.0)
      for index in 0..<extent.inner {
        let distance = Double(values[index]) - base
        sum += distance
        square += distance * distance
      }
      sums[channel] += sum
      squares[channel] += square
    }
  }
}

/// `y = gamma · (x − mean) / s + beta`, and ReLU, for which a NaN is not below 0.
@specialized(where Element == Float)
@specialized(where Element == Double)
func normalizeByDefinition<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ extent: ChannelExtent, _ channels: Range<Int>,
  _ vectors: ChannelVectors<Element>, rectifies: Bool
) {
  for outer in 0..<extent.outers {
    for channel in channels {
      let start = outer * extent.stride + channel * extent.inner
      let line = DefiningLine(vectors, channel)
      for index in start..<start + extent.inner {
        let value: Element = line(x[index])
        y[index] = rectifies && value <= 0 ? 0 : value
      }
    }
  }
}

/// Adds `Σ h` and `Σ h · (x − mean)` to the sums of each channel; h is the gradient, 0 where a ReLU that followed was not active.
@specialized(where Element == Float)
@specialized(where Element == Double)
func addGradientSumsByDefinition<Element: TensorElement>(
  _ gradient: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ extent: ChannelExtent, _ channels: Range<Int>,
  _ vectors: ChannelVectors<Element>, rectifies: Bool, sums: UnsafeMutablePointer<Double>,
  products: UnsafeMutablePointer<Double>
) {
  for outer in 0..<extent.outers {
    for channel in channels {
      let start = outer * extent.stride + channel * extent.inner
      let line = DefiningLine(vectors, channel)
      var (sum, product) = (0.0, 0.0)
      for index in start..<start + extent.inner where !(rectifies && line(x[index]) <= (0 as Element)) {
        sum += Double(gradient[index])
        product += Double(gradient[index]) * (Double(x[index]) - line.mean)
      }
      sums[channel] += sum
      products[channel] += product
    }
  }
}

/// `dx = gamma / s · h − (x − mean) · slope − offset`.
@specialized(where Element == Float)
@specialized(where Element == Double)
func inputGradientByDefinition<Element: TensorElement>(
  _ gradient: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ result: UnsafeMutablePointer<Element>,
  _ extent: ChannelExtent, _ channels: Range<Int>, _ vectors: ChannelVectors<Element>, rectifies: Bool,
  slope: UnsafePointer<Double>, offset: UnsafePointer<Double>
) {
  for outer in 0..<extent.outers {
    for channel in channels {
      let start = outer * extent.stride + channel * extent.inner
      let line = DefiningLine(vectors, channel)
      for index in start..<start + extent.inner {
        let isOff = rectifies && line(x[index]) <= (0 as Element)
        let h = isOff ? 0 : Double(gradient[index]) * line.factor
        result[index] = Element((h - (Double(x[index]) - line.mean) * slope[channel]) - offset[channel])
      }
    }
  }
}

/// What normalizes one channel by definition.
private struct DefiningLine {
  let mean, factor, beta: Double

  @inline(__always) init<Element: TensorElement>(_ vectors: ChannelVectors<Element>, _ channel: Int) {
    mean = vectors.mean[channel]
    factor = vectors.gamma(channel) * vectors.reciprocalDeviation[channel]
    beta = vectors.beta(channel)
  }

  @inline(__always) func callAsFunction<Element: TensorElement>(_ x: Element) -> Element {
    Element((Double(x) - mean) * factor + beta)
  }
}

/// Writes the weighted mean and centred second moment of each channel, for a weight of each outer.
@specialized(where Element == Float)
@specialized(where Element == Double)
func findWeightedMoments<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ extent: ChannelExtent, weights: UnsafePointer<Double>, total: Double,
  mean: UnsafeMutablePointer<Double>, second: UnsafeMutablePointer<Double>
) {
  withScratch(2 * extent.channels, of: Double.self) { sums in
    let squares = sums + extent.channels
    for channel in 0..<extent.channels { mean[channel] = Double(x[channel * extent.inner]) }
    for _ in 0..<2 {
      sums.update(repeating: 0, count: 2 * extent.channels)
      for outer in 0..<extent.outers {
        let (values, weight) = (x + outer * extent.stride, weights[outer])
        for channel in 0..<extent.channels {
          for index in 0..<extent.inner {
            let distance = Double(values[channel * extent.inner + index]) - mean[channel]
            sums[channel] += weight * distance
            squares[channel] += weight * distance * distance
          }
        }
      }
      for channel in 0..<extent.channels {
        mean[channel] += sums[channel] / total
        second[channel] = squares[channel] - sums[channel] / total * sums[channel]
      }
    }
  }
}
