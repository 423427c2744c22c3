import CKernels
import NormaTensor

/// Layer normalization over the last axis as pure functions (Ba, Kiros and Hinton 2016): each row of `[…, C]` is
/// normalized with its own mean and variance, then multiplied by gamma and added to beta, both `[C]`.
///
/// It needs no batch and no running statistics, and is the same in training and inference.
public enum LayerNormalization {}

/// What the backward pass needs from the forward pass, besides the input itself: two numbers a row.
public struct NormalizedRows: Sendable {
  /// The mean of each row, `[R]`.
  public let mean: Tensor<Double>
  /// `1 / √(variance + epsilon)` of each row, `[R]`.
  public let reciprocalDeviation: Tensor<Double>
}

extension LayerNormalization {
  /// The forward pass `[…, C] → […, C]`.
  @specialized(where Element == Float)
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5
  ) -> (output: Tensor<Element>, rows: NormalizedRows) {
    let (rows, channels) = (x.shape.rowCount, x.shape.channelCount)
    let gamma = gamma ?? .ones([channels])
    let beta = beta ?? .zeros([channels])
    require(
      gamma.count == channels && beta.count == channels,
      "gamma of shape \(gamma.shape) and beta of shape \(beta.shape) for \(channels) channels")
    // Rows without values have no statistics; any will do.
    func statistics() -> Tensor<Double> { channels > 0 ? Tensor(shape: [rows]) { _ in } : .zeros([rows]) }
    var (mean, reciprocalDeviation) = (statistics(), statistics())
    let output = Tensor<Element>(shape: x.shape) { y in
      mean.withUnsafeMutableElements { mean in
        reciprocalDeviation.withUnsafeMutableElements { deviation in
          x.withUnsafeElements { x in
            gamma.withUnsafeElements { gamma in
              beta.withUnsafeElements { beta in
                guard rows > 0, channels > 0, let x = x.baseAddress, let y = y.baseAddress,
                  let gamma = gamma.baseAddress, let beta = beta.baseAddress
                else { return }
                let (mean, deviation) = (mean.baseAddress!, deviation.baseAddress!)
                let extent = rowExtent(rows, channels)
                let streams = streamsRows(y, rows, channels)
                Parallel.forEach(extent.blockCount) { block in
                  normalizeRows(
                    x, y, extent.block(block), channels, gamma: gamma, beta: beta, epsilon: epsilon, mean: mean,
                    reciprocalDeviation: deviation, streams: streams)
                }
              }
            }
          }
        }
      }
    }
    return (output, NormalizedRows(mean: mean, reciprocalDeviation: reciprocalDeviation))
  }

  /// The backward pass: with `h = g · gamma` and means over the row,
  /// `dx = (h − mean(h) − x̂ · mean(h · x̂)) / s`, `dgamma = Σ g · x̂` and `dbeta = Σ g` over all rows.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, rows normalized: NormalizedRows,
    gamma: Tensor<Element>? = nil
  ) -> NormalizationGradients<Element> {
    require(gradient.shape == x.shape, "a gradient of shape \(gradient.shape) for an input of shape \(x.shape)")
    let (rows, channels) = (x.shape.rowCount, x.shape.channelCount)
    let gamma = gamma ?? .ones([channels])
    require(
      gamma.count == channels && normalized.mean.count == rows,
      "gamma of shape \(gamma.shape) and statistics of \(normalized.mean.count) rows for an input of shape \(x.shape)")
    let extent = rowExtent(rows, channels)
    var sums = Tensor<Double>.zeros([2, channels])
    let input = Tensor<Element>(shape: x.shape) { result in
      gradient.withUnsafeElements { gradient in
        x.withUnsafeElements { x in
          gamma.withUnsafeElements { gamma in
            normalized.mean.withUnsafeElements { mean in
              normalized.reciprocalDeviation.withUnsafeElements { deviation in
                guard rows > 0, channels > 0, let gradient = gradient.baseAddress, let x = x.baseAddress,
                  let gamma = gamma.baseAddress, let result = result.baseAddress
                else { return }
                let streams = streamsRows(result, rows, channels)
                sums = combiningBlocks(extent, sumsPerChannel: 2) { block, sums in
                  rowGradients(
                    gradient, x, result, block, channels, gamma: gamma, mean: mean.baseAddress!,
                    reciprocalDeviation: deviation.baseAddress!, betaSums: sums, gammaSums: sums + channels,
                    streams: streams)
                }
              }
            }
          }
        }
      }
    }
    return NormalizationGradients(
      input: input, gamma: sums[rows: 1..<2].reshaped(to: [channels]).converted(),
      beta: sums[rows: 0..<1].reshaped(to: [channels]).converted())
  }
}

/// Rows in blocks that are worth a ticket each.
private func rowExtent(_ rows: Int, _ channels: Int) -> ChannelExtent {
  ChannelExtent(
    outer: rows, channels: channels, inner: 1,
    outerPerBlock: max(Int(NORMA_BLOCK), 16_384 / max(1, channels)))
}

/// Whether a result of rows is written past the caches, which costs more than it saves where the rows are short: each is
/// written in one piece, and what is not a whole line of it one by one.
private func streamsRows<Element: TensorElement>(
  _ result: UnsafeMutablePointer<Element>, _ rows: Int, _ channels: Int
) -> Bool {
  floats(result) != nil && channels >= (channels % RowPlan.lanes == 0 ? 128 : 256)
    && streams(count: rows * channels, width: channels)
}

/// Normalizes one block of rows, on the kernels where they are for the element type.
private func normalizeRows<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ block: Range<Int>, _ channels: Int,
  gamma: UnsafePointer<Element>, beta: UnsafePointer<Element>, epsilon: Double, mean: UnsafeMutablePointer<Double>,
  reciprocalDeviation: UnsafeMutablePointer<Double>, streams: Bool
) {
  let start = block.lowerBound
  if let kernels = Kernels.table, let x = floats(x + start * channels), let y = floats(y + start * channels),
    let gamma = floats(gamma), let beta = floats(beta)
  {
    kernels.pointee.layer_normalize(
      x, y, block.count, channels, gamma, beta, epsilon, mean + start, reciprocalDeviation + start, streams)
  } else {
    for row in block {
      (mean[row], reciprocalDeviation[row]) = normalizeRow(
        x + row * channels, y + row * channels, channels, gamma: gamma, beta: beta, epsilon: epsilon)
    }
  }
}

/// The gradients of one block of rows, on the kernels where they are for the element type.
private func rowGradients<Element: TensorElement>(
  _ gradient: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ result: UnsafeMutablePointer<Element>,
  _ block: Range<Int>, _ channels: Int, gamma: UnsafePointer<Element>, mean: UnsafePointer<Double>,
  reciprocalDeviation: UnsafePointer<Double>, betaSums: UnsafeMutablePointer<Double>,
  gammaSums: UnsafeMutablePointer<Double>, streams: Bool
) {
  if let kernels = Kernels.table, let g = floats(gradient), let x = floats(x), let result = floats(result),
    let gamma = floats(gamma)
  {
    withScratch(2 * channels, of: Float.self) { scratch in
      // Sums in single precision stay short.
      for start in stride(from: block.lowerBound, to: block.upperBound, by: Int(NORMA_BLOCK)) {
        kernels.pointee.layer_gradient(
          g + start * channels, x + start * channels, result + start * channels,
          min(Int(NORMA_BLOCK), block.upperBound - start), channels, gamma, mean + start, reciprocalDeviation + start,
          gammaSums, betaSums, scratch, streams)
      }
    }
  } else {
    for row in block {
      rowGradient(
        gradient + row * channels, x + row * channels, result + row * channels, channels, gamma: gamma,
        mean: mean[row], reciprocalDeviation: reciprocalDeviation[row], betaSums: betaSums, gammaSums: gammaSums)
    }
  }
}

/// Normalizes one row and returns its mean and reciprocal deviation.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func normalizeRow<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int, gamma: UnsafePointer<Element>,
  beta: UnsafePointer<Element>, epsilon: Double
) -> (mean: Double, reciprocalDeviation: Double) {
  let pivot = Double(x[0])
  var sum = 0.0
  for index in 0..<count { sum += Double(x[index]) - pivot }
  let centre = pivot + sum / Double(count)
  var rest = 0.0
  var squares = 0.0
  for index in 0..<count {
    let distance = Double(x[index]) - centre
    rest += distance
    squares += distance * distance
  }
  let mean = centre + rest / Double(count)
  let variance = (squares - rest * rest / Double(count)) / Double(count)
  let reciprocalDeviation = 1 / (variance + epsilon).squareRoot()
  for index in 0..<count {
    y[index] = Element((Double(x[index]) - mean) * reciprocalDeviation) * gamma[index] + beta[index]
  }
  return (mean, reciprocalDeviation)
}

/// The gradient of one row; adds the row's part to the sums for gamma and beta.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func rowGradient<Element: TensorElement>(
  _ gradient: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ result: UnsafeMutablePointer<Element>,
  _ count: Int, gamma: UnsafePointer<Element>, mean: Double, reciprocalDeviation: Double,
  betaSums: UnsafeMutablePointer<Double>, gammaSums: UnsafeMutablePointer<Double>
) {
  var sum = 0.0
  var product = 0.0
  for index in 0..<count {
    let normalized = (Double(x[index]) - mean) * reciprocalDeviation
    let g = Double(gradient[index])
    betaSums[index] += g
    gammaSums[index] += g * normalized
    sum += g * Double(gamma[index])
    product += g * Double(gamma[index]) * normalized
  }
  sum /= Double(count)
  product /= Double(count)
  for index in 0..<count {
    let normalized = (Double(x[index]) - mean) * reciprocalDeviation
    let g = Double(gradient[index]) * Double(gamma[index])
    result[index] = Element((g - sum - normalized * product) * reciprocalDeviation)
  }
}
