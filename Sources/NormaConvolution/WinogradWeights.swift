import NormaTensor

/// What Winograd's convolution does to weights: see ``WinogradConvolution``.
enum WinogradWeights {
  private typealias Block = SIMD16<Float>

  /// GgG' of weights `[outputs, inputs, 3, 3]` for each pair of channels: for each block of sixteen result channels and
  /// each of the sixteen values, a row of sixteen for each source channel. Channels beyond the last are zero.
  ///
  /// Forward, the source's channels are the inputs and the result's the outputs; `isBackward` turns them, and the
  /// window, round.
  static func transformed(_ weight: Tensor<Float>, sources: Int, results: Int, isBackward: Bool) -> Tensor<Float> {
    let blocks = blockCount(results)
    let (sourceStride, resultStride) = isBackward ? (results * 9, 9) : (9, sources * 9)
    return Tensor(shape: [blocks, 16, sources, columnsOfBlock]) { packed in
      weight.withUnsafeElements { weight in
        guard let weight = weight.baseAddress, let packed = packed.baseAddress else { return }
        Parallel.forEach(blocks) { block in
          let columns = min(columnsOfBlock, results - block * columnsOfBlock)
          withUnsafeTemporaryAllocation(of: Block.self, capacity: 9) { taps in
            taps.initialize(repeating: .zero)
            taps.withMemoryRebound(to: Float.self) { values in
              for source in 0..<sources {
                let first = weight + block * columnsOfBlock * resultStride + source * sourceStride
                for column in 0..<columns {
                  for tap in 0..<9 {
                    values[tap * columnsOfBlock + column] = first[column * resultStride + (isBackward ? 8 - tap : tap)]
                  }
                }
                let target = UnsafeMutableRawPointer(packed + (block * 16 * sources + source) * columnsOfBlock)
                write(taps.baseAddress!, to: target, step: sources * columnsOfBlock * MemoryLayout<Float>.stride)
              }
            }
          }
        }
      }
    }
  }

  /// GgG' for the nine taps g, its sixteen values `step` bytes apart.
  private static func write(_ g: UnsafePointer<Block>, to target: UnsafeMutableRawPointer, step: Int) {
    for row in 0..<4 {
      func tap(_ column: Int) -> Block {
        let (first, second, third) = (g[column], g[3 + column], g[6 + column])
        switch row {
        case 0: return first
        case 1: return ((first + third) + second) * 0.5
        case 2: return ((first + third) - second) * 0.5
        default: return third
        }
      }
      let (first, second, third) = (tap(0), tap(1), tap(2))
      let outer = first + third
      let target = target + 4 * row * step
      target.storeBytes(of: first, as: Block.self)
      (target + step).storeBytes(of: (outer + second) * 0.5, as: Block.self)
      (target + 2 * step).storeBytes(of: (outer - second) * 0.5, as: Block.self)
      (target + 3 * step).storeBytes(of: third, as: Block.self)
    }
  }

  /// G'sG for one source channel, from sums s of sixteen values `[16, sources, resultWidth]` to gradients
  /// `[results, sources, 3, 3]`.
  static func writeGradient(
    of source: Int, from sums: UnsafePointer<Float>, sources: Int, resultWidth: Int, results: Int,
    into gradient: UnsafeMutablePointer<Float>
  ) {
    for block in stride(from: 0, to: results, by: columnsOfBlock) {
      let first = UnsafeRawPointer(sums + source * resultWidth + block)
      let step = sources * resultWidth * MemoryLayout<Float>.stride
      for row in 0..<3 {
        func value(_ column: Int) -> Block {
          func sum(_ row: Int) -> Block { (first + (4 * row + column) * step).loadUnaligned(as: Block.self) }
          switch row {
          case 0: return sum(0) + (sum(1) + sum(2)) * 0.5
          case 1: return (sum(1) - sum(2)) * 0.5
          default: return (sum(1) + sum(2)) * 0.5 + sum(3)
          }
        }
        let (second, third) = (value(1), value(2))
        let half = (second + third) * 0.5
        let taps = (value(0) + half, (second - third) * 0.5, half + value(3))
        for channel in block..<min(block + columnsOfBlock, results) {
          let target = gradient + (channel * sources + source) * 9 + 3 * row
          target[0] = taps.0[channel - block]
          target[1] = taps.1[channel - block]
          target[2] = taps.2[channel - block]
        }
      }
    }
  }
}
