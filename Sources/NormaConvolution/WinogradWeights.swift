import NormaTensor

/// What Winograd's convolution does to weights: see ``WinogradConvolution``.
enum WinogradWeights {
  /// GgG' of weights `[outputs, inputs, 3, 3]` for each pair of channels: for each block of sixteen result channels and
  /// each of the sixteen values, a row of sixteen for each source channel. Channels beyond the last are zero.
  ///
  /// Forward, the source's channels are the inputs and the result's the outputs; `isBackward` turns them, and the
  /// window, round.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  static func transformed<Element: TensorElement>(
    _ weight: Tensor<Element>, sources: Int, results: Int, isBackward: Bool
  ) -> Tensor<Element> {
    let blocks = blockCount(results)
    let (sourceStride, resultStride) = isBackward ? (results * 9, 9) : (9, sources * 9)
    let (transformed, packed) = Tensor<Element>.unwritten([blocks, 16, sources, columnsOfBlock])
    withExtendedLifetime(weight) {
      let weight = weight.address
      Parallel.forEach(blocks) { block in
        let columns = min(columnsOfBlock, results - block * columnsOfBlock)
        withTaps(of: Element.self) { taps, values in
          taps.update(repeating: 0, count: 9 * columnsOfBlock)
          for source in 0..<sources {
            let first = weight + block * columnsOfBlock * resultStride + source * sourceStride
            for column in 0..<columns {
              for tap in 0..<9 {
                taps[tap * columnsOfBlock + column] = first[column * resultStride + (isBackward ? 8 - tap : tap)]
              }
            }
            transform(taps, to: values)
            for k in 0..<16 {
              (packed + ((block * 16 + k) * sources + source) * columnsOfBlock)
                .update(from: values + k * columnsOfBlock, count: columnsOfBlock)
            }
          }
        }
      }
    }
    return transformed
  }

  /// Lends memory for a block's nine taps, and for the sixteen values behind them.
  private static func withTaps<Element: TensorElement>(
    of type: Element.Type,
    _ body: (_ taps: UnsafeMutablePointer<Element>, _ values: UnsafeMutablePointer<Element>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: Element.self, capacity: 25 * columnsOfBlock) { memory in
      guard let taps = memory.baseAddress else { return }
      body(taps, taps + 9 * columnsOfBlock)
    }
  }

  /// GgG' of a block's taps g.
  @inline(__always)
  private static func transform<Element: TensorElement>(
    _ taps: UnsafePointer<Element>, to values: UnsafeMutablePointer<Element>
  ) {
    for column in 0..<columnsOfBlock {
      let (taps, values) = (taps + column, values + column)
      func tap(_ row: Int, _ column: Int) -> Element {
        let first = taps[column * columnsOfBlock]
        let (second, third) = (taps[(3 + column) * columnsOfBlock], taps[(6 + column) * columnsOfBlock])
        return switch row {
        case 0: first
        case 1: ((first + third) + second) * 0.5
        case 2: ((first + third) - second) * 0.5
        default: third
        }
      }
      for row in 0..<4 {
        let (first, second, third) = (tap(row, 0), tap(row, 1), tap(row, 2))
        let target = values + 4 * row * columnsOfBlock
        target[0] = first
        target[columnsOfBlock] = ((first + third) + second) * 0.5
        target[2 * columnsOfBlock] = ((first + third) - second) * 0.5
        target[3 * columnsOfBlock] = third
      }
    }
  }

  /// G'sG for one source channel, from sums s of sixteen values `[16, sources, resultWidth]` to gradients
  /// `[results, sources, 3, 3]`.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  static func writeGradient<Element: TensorElement>(
    of source: Int, from sums: UnsafePointer<Element>, sources: Int, resultWidth: Int, results: Int,
    into gradient: UnsafeMutablePointer<Element>
  ) {
    withTaps(of: Element.self) { taps, values in
      for block in stride(from: 0, to: results, by: columnsOfBlock) {
        for k in 0..<16 {
          (values + k * columnsOfBlock)
            .update(from: sums + (k * sources + source) * resultWidth + block, count: columnsOfBlock)
        }
        transformGradient(values, to: taps)
        for channel in block..<min(block + columnsOfBlock, results) {
          let target = gradient + (channel * sources + source) * 9
          for tap in 0..<9 { target[tap] = taps[tap * columnsOfBlock + channel - block] }
        }
      }
    }
  }

  /// G'sG of a block's sums s.
  @inline(__always)
  private static func transformGradient<Element: TensorElement>(
    _ sums: UnsafePointer<Element>, to taps: UnsafeMutablePointer<Element>
  ) {
    for column in 0..<columnsOfBlock {
      let (sums, taps) = (sums + column, taps + column)
      func value(_ row: Int, _ column: Int) -> Element {
        func sum(_ row: Int) -> Element { sums[(4 * row + column) * columnsOfBlock] }
        return switch row {
        case 0: sum(0) + (sum(1) + sum(2)) * 0.5
        case 1: (sum(1) - sum(2)) * 0.5
        default: (sum(1) + sum(2)) * 0.5 + sum(3)
        }
      }
      for row in 0..<3 {
        let (second, third) = (value(row, 1), value(row, 2))
        let half = (second + third) * 0.5
        let target = taps + 3 * row * columnsOfBlock
        target[0] = value(row, 0) + half
        target[columnsOfBlock] = (second - third) * 0.5
        target[2 * columnsOfBlock] = half + value(row, 3)
      }
    }
  }
}
