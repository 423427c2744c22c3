// The twins of CKernels/loops/convolution.h: products of shifted rows, which convolutions consist of, on any element.
//
// A row of the factor is the values that a kernel window covers at one position: segments, which lie at the same
// distances from the position's own place in memory for every position.

/// What becomes of a sum: it is added to what the result holds if it `accumulates`, then bias and residual are added,
/// each where there is one, then ReLU is applied, then the nearer of two bounds where it is beyond them.
@inline(__always)
func finished<Element: TensorElement>(
  _ sum: Element, _ held: Element?, _ bias: Element?, _ residual: Element?, _ rectifies: Bool,
  _ bounds: UnsafePointer<Element>? = nil
) -> Element {
  var value = sum
  if let held { value = held + value }
  if let bias { value += bias }
  if let residual { value += residual }
  if rectifies && value <= 0 { value = 0 }
  guard let bounds else { return value }
  return value < bounds[0] ? bounds[0] : value > bounds[1] ? bounds[1] : value
}

/// `y[results[r] + c] = Σ x[places[r] + segment + k] · weights[…][c]` for `columns` columns c, at most sixteen: one
/// chain over all segments and their k. `weights` holds sixteen columns for each k. What follows the sum is told by
/// `finished`.
@specialized(where Element == Float)
@specialized(where Element == Double)
package func shiftedRowsTwin<Element: TensorElement>(
  _ x: UnsafePointer<Element>!, _ places: UnsafePointer<Int32>!, _ results: UnsafePointer<Int32>!, _ rows: Int,
  _ segments: UnsafePointer<Int32>!, _ lengths: UnsafePointer<Int32>!, _ segmentCount: Int,
  _ weights: UnsafePointer<Element>!, _ y: UnsafeMutablePointer<Element>!, _ columns: Int,
  _ bias: UnsafePointer<Element>?, _ residual: UnsafePointer<Element>?, _ accumulates: Bool, _ rectifies: Bool,
  _ bounds: UnsafePointer<Element>?
) {
  withUnsafeTemporaryAllocation(of: Element.self, capacity: lanesOfGroup) { sums in
    for row in 0..<rows {
      sums.initialize(repeating: 0)
      var factors = weights!
      for segment in 0..<segmentCount {
        let values = x + Int(places[row] + segments[segment])
        for k in 0..<Int(lengths[segment]) {
          for column in 0..<columns { sums[column] = sums[column].addingTerm(values[k], factors[column]) }
          factors += lanesOfGroup
        }
      }
      for column in 0..<columns {
        let place = Int(results[row]) + column
        y[place] = finished(
          sums[column], accumulates ? y[place] : nil, bias?[column], residual?[place], rectifies, bounds)
      }
    }
  }
}

/// `sums[j][c] += Σ x[places[r] + segment + k] · g[results[r] + c]`, one chain over rows r, for sixteen columns c,
/// where j counts the k of all segments, and row j of `sums` begins at `j · stride`.
@specialized(where Element == Float)
@specialized(where Element == Double)
package func shiftedRowsGradientTwin<Element: TensorElement>(
  _ x: UnsafePointer<Element>!, _ places: UnsafePointer<Int32>!, _ g: UnsafePointer<Element>!,
  _ results: UnsafePointer<Int32>!, _ rows: Int, _ segments: UnsafePointer<Int32>!, _ lengths: UnsafePointer<Int32>!,
  _ segmentCount: Int, _ sums: UnsafeMutablePointer<Element>!, _ stride: Int
) {
  withUnsafeTemporaryAllocation(of: Element.self, capacity: lanesOfGroup) { chains in
    var target = sums!
    for segment in 0..<segmentCount {
      for k in 0..<Int(lengths[segment]) {
        chains.initialize(repeating: 0)
        for row in 0..<rows {
          let (value, gradients) = (x[Int(places[row] + segments[segment]) + k], g + Int(results[row]))
          for column in 0..<lanesOfGroup { chains[column] = chains[column].addingTerm(value, gradients[column]) }
        }
        for column in 0..<lanesOfGroup { target[column] += chains[column] }
        target += stride
      }
    }
  }
}

/// Depthwise: `y[results[r] + c] = Σ x[places[r] + taps[t] + c] · weights[t · channels + c]` for all channels c, one
/// chain over taps t, and what follows the sum.
@specialized(where Element == Float)
@specialized(where Element == Double)
package func depthwiseTwin<Element: TensorElement>(
  _ x: UnsafePointer<Element>!, _ places: UnsafePointer<Int32>!, _ results: UnsafePointer<Int32>!, _ rows: Int,
  _ taps: UnsafePointer<Int32>!, _ tapCount: Int, _ weights: UnsafePointer<Element>!,
  _ y: UnsafeMutablePointer<Element>!, _ channels: Int, _ bias: UnsafePointer<Element>?,
  _ residual: UnsafePointer<Element>?, _ accumulates: Bool, _ rectifies: Bool, _ bounds: UnsafePointer<Element>?
) {
  for row in 0..<rows {
    for channel in 0..<channels {
      var sum: Element = 0
      for tap in 0..<tapCount {
        sum = sum.addingTerm(x[Int(places[row] + taps[tap]) + channel], weights[tap * channels + channel])
      }
      let place = Int(results[row]) + channel
      y[place] = finished(sum, accumulates ? y[place] : nil, bias?[channel], residual?[place], rectifies, bounds)
    }
  }
}

/// Depthwise: `sums[t · channels + c] += Σ x[places[r] + taps[t] + c] · g[results[r] + c]`, one chain over rows r.
@specialized(where Element == Float)
@specialized(where Element == Double)
package func depthwiseGradientTwin<Element: TensorElement>(
  _ x: UnsafePointer<Element>!, _ places: UnsafePointer<Int32>!, _ g: UnsafePointer<Element>!,
  _ results: UnsafePointer<Int32>!, _ rows: Int, _ taps: UnsafePointer<Int32>!, _ tapCount: Int,
  _ sums: UnsafeMutablePointer<Element>!, _ channels: Int
) {
  for tap in 0..<tapCount {
    for channel in 0..<channels {
      var sum: Element = 0
      for row in 0..<rows {
        sum = sum.addingTerm(x[Int(places[row] + taps[tap]) + channel], g[Int(results[row]) + channel])
      }
      sums[tap * channels + channel] += sum
    }
  }
}
