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
    let width = kind == .logSumExp ? 1 : channels
    return Tensor(shape: kind == .logSumExp ? Shape(shape.dropLast()) : shape) { result in
      withUnsafeElements { x in
        guard let x = x.baseAddress, let y = result.baseAddress else { return }
        forEachTicket(rows, channels) { range in
          withScratch(channels, of: Element.self) { memory in
            for row in range { applyToRow(kind, x + row * channels, y + row * width, channels, memory) }
          }
        }
      }
    }
  }

  /// The gradient of the scores from that of the result, this tensor being the softmax: `y · (g − Σ g · y)`, of the logarithm
  /// `g − y · Σ g`.
  package func softmaxGradient(_ gradient: Tensor, isLogarithmic: Bool) -> Tensor {
    require(gradient.shape == shape, "gradients of shapes \(shape) and \(gradient.shape)")
    let (rows, channels) = (shape.rowCount, shape.channelCount)
    return Tensor(shape: shape) { result in
      withUnsafeElements { y in
        gradient.withUnsafeElements { g in
          guard let y = y.baseAddress, let g = g.baseAddress, let result = result.baseAddress else { return }
          forEachTicket(rows, channels) { range in
            for row in range {
              let start = row * channels
              applyGradientToRow(isLogarithmic, y + start, g + start, result + start, channels)
            }
          }
        }
      }
    }
  }
}

/// Deals out rows, some at a time.
private func forEachTicket(_ rows: Int, _ channels: Int, _ body: (Range<Int>) -> Void) {
  let rowsPerTicket = max(1, (1 << 13) / max(1, channels))
  Parallel.forEach((rows + rowsPerTicket - 1) / rowsPerTicket) { ticket in
    body(ticket * rowsPerTicket..<min(rows, (ticket + 1) * rowsPerTicket))
  }
}

/// One row; `memory` is lent for as many elements.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func applyToRow<Element: TensorElement>(
  _ kind: SoftmaxKind, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int,
  _ memory: UnsafeMutablePointer<Element>
) {
  var largest = -Element.infinity
  // A NaN reaches the sum by its own difference.
  for place in 0..<count where x[place] > largest { largest = x[place] }
  for place in 0..<count { memory[place] = x[place] - largest }
  apply(.exponential, memory, memory, count)
  let total = sum(memory, count)
  guard kind != .softmax else {
    for place in 0..<count { y[place] = Element(Double(memory[place]) / total) }
    return
  }
  // An infinite difference from itself would not be a number.
  let logarithm = largest.isInfinite ? Double(largest) : Double(largest) + Functions.logarithm(total)
  if kind == .logSumExp {
    y[0] = Element(logarithm)
  } else {
    for place in 0..<count { y[place] = Element(Double(x[place]) - logarithm) }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func applyGradientToRow<Element: TensorElement>(
  _ isLogarithmic: Bool, _ y: UnsafePointer<Element>, _ g: UnsafePointer<Element>,
  _ result: UnsafeMutablePointer<Element>, _ count: Int
) {
  if isLogarithmic {
    let total = Element(sum(g, count))
    for place in 0..<count { result[place] = g[place] - y[place] * total }
  } else {
    var product = 0.0
    for place in 0..<count { product += Double(y[place]) * Double(g[place]) }
    let mean = Element(product)
    for place in 0..<count { result[place] = y[place] * (g[place] - mean) }
  }
}
