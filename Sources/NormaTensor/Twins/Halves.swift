import CKernels

// The twins of CKernels/loops/halves.h, and of the loops of stored.h for numbers of half width: these do what those for floats do, to the
// numbers expanded, and round what comes out.

func narrowTwin(
  _ precision: HalfPrecision, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ count: Int
) {
  for index in 0..<count { y[index] = precision.bits(of: x[index]) }
}

func widenTwin(_ precision: HalfPrecision, _ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
  for index in 0..<count { y[index] = precision.value(of: x[index]) }
}

/// Rows as floats, in memory of their own.
private struct WideRows {
  let precision: HalfPrecision
  let stride, rows, width: Int

  /// The rows, expanded.
  func expanded(_ x: UnsafePointer<UInt16>) -> [Float] {
    var result = [Float](repeating: 0, count: rows * stride)
    for row in 0..<rows {
      for place in row * stride..<row * stride + width { result[place] = precision.value(of: x[place]) }
    }
    return result
  }

  /// Lets floats be written, and rounds those within the rows.
  func write<Value>(_ y: UnsafeMutablePointer<UInt16>, _ body: (UnsafeMutablePointer<Float>) -> Value) -> Value {
    var result = [Float](repeating: 0, count: max(1, rows * stride))
    let value = result.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    for row in 0..<rows {
      for place in row * stride..<row * stride + width { y[place] = precision.bits(of: result[place]) }
    }
    return value
  }
}

func rowMomentsTwin(
  _ precision: HalfPrecision, _ x: UnsafePointer<UInt16>, _ stride: Int, _ rows: Int, _ width: Int,
  _ base: UnsafeMutablePointer<Float>, _ sums: UnsafeMutablePointer<Double>, _ squares: UnsafeMutablePointer<Double>,
  _ scratch: UnsafeMutablePointer<Float>
) {
  let wide = WideRows(precision: precision, stride: stride, rows: rows, width: width)
  rowMomentsTwin(wide.expanded(x), stride, rows, width, base, sums, squares, scratch)
}

func rowNormalizeTwin(
  _ precision: HalfPrecision, _ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<UInt16>, _ stride: Int, _ rows: Int,
  _ width: Int, _ pivot: UnsafePointer<Float>, _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>,
  _ rectifies: Bool, _ streams: Bool
) {
  let wide = WideRows(precision: precision, stride: stride, rows: rows, width: width)
  wide.write(y) {
    rowNormalizeTwin(wide.expanded(x), $0, stride, rows, width, pivot, scale, shift, rectifies, streams)
  }
}

func rowGradientSumsTwin(
  _ precision: HalfPrecision, _ g: UnsafePointer<UInt16>, _ x: UnsafePointer<UInt16>, _ stride: Int, _ rows: Int,
  _ width: Int, _ pivot: UnsafePointer<Float>, _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>,
  _ rectifies: Bool, _ sums: UnsafeMutablePointer<Double>, _ products: UnsafeMutablePointer<Double>,
  _ scratch: UnsafeMutablePointer<Float>
) {
  let wide = WideRows(precision: precision, stride: stride, rows: rows, width: width)
  rowGradientSumsTwin(
    wide.expanded(g), wide.expanded(x), stride, rows, width, pivot, scale, shift, rectifies, sums, products, scratch)
}

func rowInputGradientTwin(
  _ precision: HalfPrecision, _ g: UnsafePointer<UInt16>, _ x: UnsafePointer<UInt16>,
  _ dx: UnsafeMutablePointer<UInt16>, _ stride: Int, _ rows: Int, _ width: Int, _ pivot: UnsafePointer<Float>,
  _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>, _ slope: UnsafePointer<Float>,
  _ offset: UnsafePointer<Float>, _ rectifies: Bool, _ streams: Bool
) {
  let wide = WideRows(precision: precision, stride: stride, rows: rows, width: width)
  wide.write(dx) {
    rowInputGradientTwin(
      wide.expanded(g), wide.expanded(x), $0, stride, rows, width, pivot, scale, shift, slope, offset, rectifies,
      streams)
  }
}

func layerNormalizeTwin(
  _ precision: HalfPrecision, _ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<UInt16>, _ rows: Int,
  _ channels: Int, _ gamma: UnsafePointer<Float>, _ beta: UnsafePointer<Float>, _ epsilon: Double,
  _ mean: UnsafeMutablePointer<Double>?, _ reciprocal: UnsafeMutablePointer<Double>, _ streams: Bool
) -> Bool {
  let wide = WideRows(precision: precision, stride: channels, rows: rows, width: channels)
  return wide.write(y) {
    layerNormalizeTwin(wide.expanded(x), $0, rows, channels, gamma, beta, epsilon, mean, reciprocal, streams)
  }
}

func layerGradientTwin(
  _ precision: HalfPrecision, _ g: UnsafePointer<UInt16>, _ x: UnsafePointer<UInt16>,
  _ dx: UnsafeMutablePointer<UInt16>, _ rows: Int, _ channels: Int, _ gamma: UnsafePointer<Float>,
  _ mean: UnsafePointer<Double>?, _ reciprocal: UnsafePointer<Double>, _ gammaSums: UnsafeMutablePointer<Double>,
  _ betaSums: UnsafeMutablePointer<Double>, _ scratch: UnsafeMutablePointer<Float>, _ begins: Bool, _ ends: Bool,
  _ streams: Bool
) {
  let wide = WideRows(precision: precision, stride: channels, rows: rows, width: channels)
  wide.write(dx) {
    layerGradientTwin(
      wide.expanded(g), wide.expanded(x), $0, rows, channels, gamma, mean, reciprocal, gammaSums, betaSums, scratch,
      begins, ends, streams)
  }
}
