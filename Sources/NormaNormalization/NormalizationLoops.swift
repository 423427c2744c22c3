import NormaTensor

// The loops of batch and group normalization, which define what is computed. Pointers and lengths only.

/// What is done to each value of a channel: `(x − pivot) · scale + shift`, three vectors `[C]`.
///
/// The pivot is the mean rounded to an element; what the rounding left over, times the scale, is in the shift: a large
/// mean costs no digits.
struct ChannelTransform<Element> {
  var pivot: UnsafePointer<Element>
  var scale: UnsafePointer<Element>
  var shift: UnsafePointer<Element>
}

/// Adds `Σ (x − pivot)` and `Σ (x − pivot)²` of one block to the sums of each channel.
@specialized(where Element == Float)
@specialized(where Element == Double)
func addPivotedMoments<Element: TensorElement>(
  _ x: UnsafePointer<Element>, extent: ChannelExtent, block: Range<Int>, pivot: UnsafePointer<Double>,
  sums: UnsafeMutablePointer<Double>, squares: UnsafeMutablePointer<Double>
) {
  let channels = extent.channels
  let inner = extent.inner
  if inner == 1 {
    for row in block {
      let values = x + row * channels
      for channel in 0..<channels {
        let distance = Double(values[channel]) - pivot[channel]
        sums[channel] += distance
        squares[channel] += distance * distance
      }
    }
  } else {
    for outer in block {
      for channel in 0..<channels {
        let values = x + (outer * channels + channel) * inner
        var sum = 0.0
        var square = 0.0
        for index in 0..<inner {
          let distance = Double(values[index]) - pivot[channel]
          sum += distance
          square += distance * distance
        }
        sums[channel] += sum
        squares[channel] += square
      }
    }
  }
}

/// Normalizes one block, with the following ReLU if `rectifies`.
@specialized(where Element == Float)
@specialized(where Element == Double)
func normalize<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, extent: ChannelExtent, block: Range<Int>,
  transform: ChannelTransform<Element>, rectifies: Bool
) {
  let channels = extent.channels
  let inner = extent.inner
  let (pivot, scale, shift) = (transform.pivot, transform.scale, transform.shift)
  // In comparisons with 0 a NaN is passed on.
  if inner == 1 {
    for row in block {
      let values = x + row * channels
      let results = y + row * channels
      if rectifies {
        for channel in 0..<channels {
          let value = (values[channel] - pivot[channel]) * scale[channel] + shift[channel]
          results[channel] = value <= 0 ? 0 : value
        }
      } else {
        for channel in 0..<channels {
          results[channel] = (values[channel] - pivot[channel]) * scale[channel] + shift[channel]
        }
      }
    }
  } else {
    for outer in block {
      for channel in 0..<channels {
        let values = x + (outer * channels + channel) * inner
        let results = y + (outer * channels + channel) * inner
        let (pivot, scale, shift) = (pivot[channel], scale[channel], shift[channel])
        for index in 0..<inner {
          let value = (values[index] - pivot) * scale + shift
          results[index] = rectifies && value <= 0 ? 0 : value
        }
      }
    }
  }
}

/// Adds `Σ g` and `Σ g · (x − pivot)` of one block to the sums of each channel; `g` is the gradient, 0 where the following
/// ReLU was not active.
@specialized(where Element == Float)
@specialized(where Element == Double)
func addGradientSums<Element: TensorElement>(
  _ gradient: UnsafePointer<Element>, _ x: UnsafePointer<Element>, extent: ChannelExtent, block: Range<Int>,
  transform: ChannelTransform<Element>, rectifies: Bool, sums: UnsafeMutablePointer<Double>,
  products: UnsafeMutablePointer<Double>
) {
  let channels = extent.channels
  let inner = extent.inner
  let (pivot, scale, shift) = (transform.pivot, transform.scale, transform.shift)
  @inline(__always) func one(_ index: Int, _ channel: Int) -> (g: Double, product: Double) {
    let distance = x[index] - pivot[channel]
    let isOff = rectifies && distance * scale[channel] + shift[channel] <= 0
    let g = isOff ? 0 : Double(gradient[index])
    return (g, g * Double(distance))
  }
  if inner == 1 {
    for row in block {
      for channel in 0..<channels {
        let (g, product) = one(row * channels + channel, channel)
        sums[channel] += g
        products[channel] += product
      }
    }
  } else {
    for outer in block {
      for channel in 0..<channels {
        let start = (outer * channels + channel) * inner
        var sum = 0.0
        var total = 0.0
        for index in start..<start + inner {
          let (g, product) = one(index, channel)
          sum += g
          total += product
        }
        sums[channel] += sum
        products[channel] += total
      }
    }
  }
}

/// The gradient of one block's input: `g · scale − (x − pivot) · slope − offset`, the closed form with the factors of each
/// channel taken together.
@specialized(where Element == Float)
@specialized(where Element == Double)
func inputGradient<Element: TensorElement>(
  _ gradient: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ result: UnsafeMutablePointer<Element>,
  extent: ChannelExtent, block: Range<Int>, transform: ChannelTransform<Element>,
  slope: UnsafePointer<Element>, offset: UnsafePointer<Element>, rectifies: Bool
) {
  let channels = extent.channels
  let inner = extent.inner
  let (pivot, scale, shift) = (transform.pivot, transform.scale, transform.shift)
  @inline(__always) func one(_ index: Int, _ channel: Int) -> Element {
    let distance = x[index] - pivot[channel]
    let isOff = rectifies && distance * scale[channel] + shift[channel] <= 0
    let g = isOff ? 0 : gradient[index]
    return (g * scale[channel] - distance * slope[channel]) - offset[channel]
  }
  if inner == 1 {
    for row in block {
      for channel in 0..<channels { result[row * channels + channel] = one(row * channels + channel, channel) }
    }
  } else {
    for outer in block {
      for channel in 0..<channels {
        let start = (outer * channels + channel) * inner
        for index in start..<start + inner { result[index] = one(index, channel) }
      }
    }
  }
}
