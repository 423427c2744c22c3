import CKernels

extension Tensor {
  /// Adds a vector `[C]` to each row of `[…, C]`, in place, and applies ReLU if `rectifies`.
  package mutating func addToRows(_ vector: Tensor?, rectifies: Bool = false) {
    let (rows, channels) = (shape.rowCount, shape.channelCount)
    require(
      vector.map { $0.count == channels } ?? true, "a vector of shape \(vector!.shape) for rows of \(channels)")
    guard rows > 0, channels > 0, vector != nil || rectifies else { return }
    let rowsPerTicket = Swift.max(1, (1 << 15) / channels)
    withUnsafeMutableElements { y in
      let y = y.baseAddress!
      Tensor.withUnsafeElements(of: vector) { bias in
        Parallel.forEach((rows + rowsPerTicket - 1) / rowsPerTicket) { ticket in
          let start = ticket * rowsPerTicket
          addBias(bias, to: y + start * channels, Swift.min(rowsPerTicket, rows - start), channels, rectifies)
        }
      }
    }
  }
}

/// `y += bias` for each row, and ReLU, on the kernels where they are for the element type.
private func addBias<Element: TensorElement>(
  _ bias: UnsafePointer<Element>?, to y: UnsafeMutablePointer<Element>, _ rows: Int, _ channels: Int,
  _ rectifies: Bool
) {
  if let kernels = Element.kernels {
    return kernels.table.pointee.row_bias(kernels(y), rows, channels, kernels(ifAny: bias), rectifies)
  }
  addBiasLoop(bias, to: y, rows, channels, rectifies)
}

@specialized(where Element == Double)
private func addBiasLoop<Element: TensorElement>(
  _ bias: UnsafePointer<Element>?, to y: UnsafeMutablePointer<Element>, _ rows: Int, _ channels: Int,
  _ rectifies: Bool
) {
  for row in 0..<rows {
    let values = y + row * channels
    if let bias {
      for channel in 0..<channels { values[channel] += bias[channel] }
    }
    if rectifies {
      for channel in 0..<channels where values[channel] <= 0 { values[channel] = 0 }
    }
  }
}
