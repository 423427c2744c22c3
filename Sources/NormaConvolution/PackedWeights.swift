import NormaTensor

/// The columns that a kernel computes at once.
let columnsOfBlock = 16

/// The blocks that so many channels take, the last one filled up.
func blockCount(_ channels: Int) -> Int { (channels + columnsOfBlock - 1) / columnsOfBlock }

/// A convolution's weights in the order in which they are read.
///
/// Those of shifted rows, for each pair of phases, group and block of sixteen result channels: a row of sixteen for
/// each tap and source channel. Channels beyond the last are zero. Those of a depthwise convolution are a row of all
/// channels for each tap.
struct PackedWeights<Element: TensorElement>: Sendable {
  /// All rows, one after the other.
  let elements: Tensor<Element>
  /// Where the rows of each pair of phases begin, in elements, and how many there are in each block; empty where there
  /// are no phases.
  let phases: [(start: Int, rows: Int)]

  init(elements: Tensor<Element>) {
    self.elements = elements
    phases = []
  }

  /// The weights `[outputs, inputs / groups, height, width]` for a product. Forward, the source's channels are the
  /// inputs and the result's the outputs; `isBackward` turns them round.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  init(_ weight: Tensor<Element>, for product: ShiftedRowProduct, isBackward: Bool) {
    let (area, width) = (weight.shape[2] * weight.shape[3], weight.shape[3])
    if product.isDepthwise {
      (elements, phases) = Self.depthwise(weight, for: product)
      return
    }
    let perOutput = weight.shape[1] * area
    let (sources, results) = (product.sourceChannelsOfGroup, product.resultChannelsOfGroup)
    let blocks = blockCount(results)
    let groupLength = (isBackward ? sources : results) * perOutput
    let (sourceStride, resultStride) = isBackward ? (perOutput, area) : (area, perOutput)

    var phases: [(start: Int, rows: Int)] = []
    var count = 0
    for rowPhase in product.rowPhases {
      for columnPhase in product.columnPhases {
        let rows = rowPhase.taps.count * columnPhase.taps.count * sources
        phases.append((start: count, rows: rows))
        count += product.groups * blocks * rows * columnsOfBlock
      }
    }
    self.phases = phases
    elements = Tensor(shape: [count]) { packed in
      weight.withUnsafeElements { weight in
        guard let weight = weight.baseAddress, var target = packed.baseAddress else { return }
        for rowPhase in product.rowPhases {
          for columnPhase in product.columnPhases {
            for group in 0..<product.groups {
              for block in 0..<blocks {
                let columns = min(columnsOfBlock, results - block * columnsOfBlock)
                let first = weight + group * groupLength + block * columnsOfBlock * resultStride
                for row in rowPhase.taps {
                  for column in columnPhase.taps {
                    let tap = first + row.kernel * width + column.kernel
                    for source in 0..<sources {
                      let values = tap + source * sourceStride
                      for index in 0..<columns { target[index] = values[index * resultStride] }
                      for index in columns..<columnsOfBlock { target[index] = 0 }
                      target += columnsOfBlock
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  private static func depthwise(
    _ weight: Tensor<Element>, for product: ShiftedRowProduct
  ) -> (elements: Tensor<Element>, phases: [(start: Int, rows: Int)]) {
    let (area, width, channels) = (weight.shape[2] * weight.shape[3], weight.shape[3], weight.shape[0])
    var phases: [(start: Int, rows: Int)] = []
    var packed: [Element] = []
    weight.withUnsafeElements { weight in
      for rowPhase in product.rowPhases {
        for columnPhase in product.columnPhases {
          phases.append((start: packed.count, rows: rowPhase.taps.count * columnPhase.taps.count))
          for row in rowPhase.taps {
            for column in columnPhase.taps {
              let tap = row.kernel * width + column.kernel
              for channel in 0..<channels { packed.append(weight[channel * area + tap]) }
            }
          }
        }
      }
    }
    return (Tensor(packed), phases)
  }
}
