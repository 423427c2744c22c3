import CKernels
import NormaTensor

/// Any convolution, as products of shifted rows.
final class ShiftedRowConvolution: KernelConvolution {
  let product: ShiftedRowProduct
  let isBackward: Bool
  let phases: [Phase]

  /// Rows of weights whose part of a block stays in the first cache while the rows of a ticket go by.
  private static let rowsOfChunk = 256

  /// The segments of a pair of phases that are multiplied at once, and the rows of weights before them.
  struct Chunk: Sendable {
    var places: [Int32] = []
    var lengths: [Int32] = []
    var firstRow = 0
    var rowCount = 0
  }

  /// What is done alike in each ticket for one pair of phases.
  struct Phase: Sendable {
    let rowPhase, columnPhase: AxisPhase
    let places, results: [Int32]
    let chunks: [Chunk]

    /// Where the values of a window lie, which is all there is to know where channels are computed side by side.
    var taps: [Int32] { chunks.flatMap(\.places) }
  }

  /// - Parameter isBackward: whether the product is that of the gradient of the input.
  init(_ product: ShiftedRowProduct, isBackward: Bool) {
    self.product = product
    self.isBackward = isBackward
    phases = product.rowPhases.flatMap { rowPhase in
      product.columnPhases.map { columnPhase in
        let (places, results) = product.rows(rowPhase, columnPhase)
        return Phase(
          rowPhase: rowPhase, columnPhase: columnPhase, places: places, results: results,
          chunks: Self.chunks(of: product.segments(rowPhase, columnPhase)))
      }
    }
  }

  /// At least one, so that results without a tap become zeros.
  private static func chunks(of segments: [Segment]) -> [Chunk] {
    var chunks = [Chunk()]
    for segment in segments {
      var (place, left) = (segment.place, segment.length)
      while left > 0 {
        if chunks[chunks.count - 1].rowCount == rowsOfChunk {
          chunks.append(Chunk(firstRow: chunks[chunks.count - 1].firstRow + rowsOfChunk))
        }
        let length = min(left, rowsOfChunk - chunks[chunks.count - 1].rowCount)
        chunks[chunks.count - 1].places.append(Int32(place))
        chunks[chunks.count - 1].lengths.append(Int32(length))
        chunks[chunks.count - 1].rowCount += length
        place += length
        left -= length
      }
    }
    return chunks
  }

  var isDepthwise: Bool { product.isDepthwise }

  func packed(_ weight: Tensor<Float>) -> PackedWeights {
    PackedWeights(weight, for: product, isBackward: isBackward)
  }

  func multiply(
    _ kernels: norma_kernels, _ source: UnsafePointer<Float>, _ weights: PackedWeights,
    into result: UnsafeMutablePointer<Float>,
    bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?, rectifies: Bool
  ) {
    guard !product.isDepthwise else {
      return multiplyDepthwise(
        kernels, source, weights, into: result, bias: bias, residual: residual, rectifies: rectifies)
    }
    let channels = product.resultChannelsOfGroup
    let blocks = blockCount(channels)
    let parts = product.blockParts
    weights.elements.withUnsafeElements { packed in
      Parallel.forEach(product.tickets * parts) { number in
        let ticket = product.ticket(number / parts)
        let part = number % parts
        let start = product.resultStart(ticket)
        product.withSource(ticket, of: source) { values in
          for (phase, place) in zip(phases, weights.phases) {
            let rows = product.rowCount(of: ticket, phase.rowPhase, phase.columnPhase)
            for group in 0..<product.groups {
              for block in part * blocks / parts..<(part + 1) * blocks / parts {
                let number = group * blocks + block
                let first = start + group * channels + block * columnsOfBlock
                for (index, chunk) in phase.chunks.enumerated() {
                  let isLast = index == phase.chunks.count - 1
                  let row = number * place.rows + chunk.firstRow
                  kernels.shifted_rows(
                    values + group * product.sourceChannelsOfGroup, phase.places, phase.results, rows, chunk.places,
                    chunk.lengths, chunk.places.count,
                    packed.baseAddress.map { $0 + place.start + row * columnsOfBlock },
                    result + first, min(columnsOfBlock, channels - block * columnsOfBlock),
                    isLast ? bias.map { $0 + number * columnsOfBlock } : nil,
                    isLast ? residual.map { $0 + first } : nil,
                    index > 0, isLast && rectifies)
                }
              }
            }
          }
        }
      }
    }
  }

  /// Tickets are cut into parts by the shape alone; each adds into sums of its own, which are added up in their order.
  func weightGradient(
    _ kernels: norma_kernels, _ gradient: UnsafePointer<Float>, input: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) {
    guard let phase = phases.first else { return }
    guard !product.isDepthwise else { return depthwiseWeightGradient(kernels, gradient, input: input, into: result) }
    let (sources, channels) = (product.sourceChannelsOfGroup, product.resultChannelsOfGroup)
    let blocks = blockCount(channels)
    let taps = phase.rowPhase.taps.count * phase.columnPhase.taps.count
    let (rows, stride) = (taps * sources, blocks * columnsOfBlock)
    let length = product.groups * rows * stride
    let parts = max(1, min(product.tickets, length <= 1 << 14 ? 16 : (length <= 1 << 19 ? 8 : 4)))
    // Rows whose values, and gradients, stay in the first cache while they are multiplied.
    let rowsAtOnce = max(32, min(128, (1 << 11) / max(1, max(product.sourceChannels, product.resultChannels))))

    withScratch(parts * length, of: Float.self) { sums in
      Parallel.forEach(parts) { part in
        let sums = sums + part * length
        sums.update(repeating: 0, count: length)
        for number in part * product.tickets / parts..<(part + 1) * product.tickets / parts {
          let ticket = product.ticket(number)
          let count = product.rowCount(of: ticket, phase.rowPhase, phase.columnPhase)
          let start = product.resultStart(ticket)
          product.withSource(ticket, of: input) { values in
            withWholeBlocks(gradient + start, phase.results, count, blocks: blocks) { gradients, places in
              for first in Swift.stride(from: 0, to: count, by: rowsAtOnce) {
                for group in 0..<product.groups {
                  for block in 0..<blocks {
                    var row = group * rows
                    for chunk in phase.chunks {
                      phase.places.withUnsafeBufferPointer { rowPlaces in
                        kernels.shifted_rows_gradient(
                          values + group * sources, rowPlaces.baseAddress! + first,
                          gradients
                            + (channels % columnsOfBlock == 0 ? group * channels : group * stride)
                            + block * columnsOfBlock,
                          places + first, min(rowsAtOnce, count - first), chunk.places, chunk.lengths,
                          chunk.places.count, sums + row * stride + block * columnsOfBlock, stride)
                      }
                      row += chunk.rowCount
                    }
                  }
                }
              }
            }
          }
        }
      }
      // From [group, tap, input, output] to [output, input, tap].
      Parallel.forEach(product.groups * sources) { number in
        let (group, source) = (number / sources, number % sources)
        for tap in 0..<taps {
          let first = sums + ((group * taps + tap) * sources + source) * stride
          for part in 1..<max(1, parts) {
            let other = first + part * length
            for channel in 0..<channels { first[channel] += other[channel] }
          }
          for channel in 0..<channels {
            result[((group * channels + channel) * sources + source) * taps + tap] = first[channel]
          }
        }
      }
    }
  }

  /// Lends gradients whose channels fill whole blocks in each group: as they are if they do, otherwise a copy with
  /// zeros between groups.
  private func withWholeBlocks(
    _ gradient: UnsafePointer<Float>, _ results: [Int32], _ count: Int, blocks: Int,
    _ body: (UnsafePointer<Float>, UnsafePointer<Int32>) -> Void
  ) {
    let channels = product.resultChannelsOfGroup
    guard channels % columnsOfBlock != 0 else {
      results.withUnsafeBufferPointer { if let places = $0.baseAddress { body(gradient, places) } }
      return
    }
    let stride = blocks * columnsOfBlock
    withScratch(count * product.groups * stride, of: Float.self) { copy in
      withScratch(count, of: Int32.self) { places in
        for row in 0..<count {
          places[row] = Int32(row * product.groups * stride)
          for group in 0..<product.groups {
            let target = copy + (row * product.groups + group) * stride
            target.update(from: gradient + Int(results[row]) + group * channels, count: channels)
            (target + channels).update(repeating: 0, count: stride - channels)
          }
        }
        body(copy, places)
      }
    }
  }
}
