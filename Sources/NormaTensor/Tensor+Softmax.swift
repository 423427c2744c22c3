// Over the last axis, the channels: each row is moved so that its largest element is 0, so no exponential overflows; the
// exponentials are added up in double precision.

/// What a row of scores becomes.
package enum SoftmaxKind: Sendable {
  /// `eˣ` by the sum of the row's.
  case softmax
  /// The logarithm of that.
  case logSoftmax
  /// The logarithm of the row's sum of `eˣ`.
  case logSumExp
}

extension Tensor {
  /// The exponentials by their sum over the channels: `[…, C] → […, C]`.
  public func softmax() -> Tensor { applying(.softmax) }

  /// The logarithm of the softmax: `x − ln Σ eˣ` over the channels, `[…, C] → […, C]`.
  public func logSoftmax() -> Tensor { applying(.logSoftmax) }

  /// The logarithm of the sum of exponentials over the channels: `[…, C] → […]`; −∞ where there are none.
  public func logSumExp() -> Tensor { applying(.logSumExp) }

  package func applying(_ kind: SoftmaxKind) -> Tensor {
    require(rank >= 1, "a scalar has no channels")
    let (rows, channels) = (shape.rowCount, shape.channelCount)
    return Tensor(shape: kind == .logSumExp ? Shape(shape.dropLast()) : shape) { result in
      withUnsafeElements { x in
        guard let x = x.baseAddress, let y = result.baseAddress else { return }
        forEachRow(rows, channels) { row in
          withScratch(channels, of: Element.self) { exponentials in
            switch kind {
            case .softmax: softmaxRow(x + row * channels, y + row * channels, channels)
            case .logSoftmax:
              let sum = logarithmOfSum(x + row * channels, exponentials, channels)
              for place in 0..<channels {
                y[row * channels + place] = Element(Double(x[row * channels + place]) - sum)
              }
            case .logSumExp: y[row] = Element(logarithmOfSum(x + row * channels, exponentials, channels))
            }
          }
        }
      }
    }
  }

  /// The gradient of the scores from that of the softmax, this tensor being the softmax: `y · (g − Σ g · y)`.
  package func softmaxGradient(_ gradient: Tensor) -> Tensor {
    let (rows, channels) = (shape.rowCount, shape.channelCount)
    return combiningRows(with: gradient) { y, g, result in
      forEachRow(rows, channels) { row in
        let start = row * channels
        softmaxGradientRow(y + start, g + start, result + start, channels)
      }
    }
  }

  /// The gradient of the scores from that of their logarithmic softmax, this tensor being the softmax: `g − y · Σ g`.
  package func logSoftmaxGradient(_ gradient: Tensor) -> Tensor {
    let (rows, channels) = (shape.rowCount, shape.channelCount)
    return combiningRows(with: gradient) { y, g, result in
      forEachRow(rows, channels) { row in
        let start = row * channels
        let total = Element(NormaTensor.sum(g + start, channels))
        for place in start..<start + channels { result[place] = g[place] - y[place] * total }
      }
    }
  }

  private func combiningRows(
    with other: Tensor,
    _ body: (UnsafePointer<Element>, UnsafePointer<Element>, UnsafeMutablePointer<Element>) -> Void
  ) -> Tensor {
    require(other.shape == shape, "gradients of shapes \(shape) and \(other.shape)")
    return Tensor(shape: shape) { result in
      withUnsafeElements { x in
        other.withUnsafeElements { y in
          guard let x = x.baseAddress, let y = y.baseAddress, let result = result.baseAddress else { return }
          body(x, y, result)
        }
      }
    }
  }
}

/// Deals out rows, some at a time.
private func forEachRow(_ rows: Int, _ channels: Int, _ body: (Int) -> Void) {
  let rowsPerTicket = max(1, (1 << 13) / max(1, channels))
  Parallel.forEach((rows + rowsPerTicket - 1) / rowsPerTicket) { ticket in
    for row in ticket * rowsPerTicket..<min(rows, (ticket + 1) * rowsPerTicket) { body(row) }
  }
}

/// The exponentials of a row less its largest element; their sum.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func exponentials<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int
) -> (largest: Element, sum: Double) {
  var largest = -Element.infinity
  // A NaN reaches the sum by its own difference.
  for place in 0..<count where x[place] > largest { largest = x[place] }
  for place in 0..<count { y[place] = x[place] - largest }
  apply(.exponential, y, y, count)
  return (largest, sum(y, count))
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func softmaxRow<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int
) {
  let (_, sum) = exponentials(x, y, count)
  for place in 0..<count { y[place] = Element(Double(y[place]) / sum) }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func logarithmOfSum<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ memory: UnsafeMutablePointer<Element>, _ count: Int
) -> Double {
  let (largest, sum) = exponentials(x, memory, count)
  // An infinite difference from itself would not be a number.
  return largest.isInfinite ? Double(largest) : Double(largest) + Functions.logarithm(sum)
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func softmaxGradientRow<Element: TensorElement>(
  _ y: UnsafePointer<Element>, _ g: UnsafePointer<Element>, _ result: UnsafeMutablePointer<Element>, _ count: Int
) {
  var total = 0.0
  for place in 0..<count { total += Double(y[place]) * Double(g[place]) }
  let mean = Element(total)
  for place in 0..<count { result[place] = y[place] * (g[place] - mean) }
}
