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
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5
  ) -> (output: Tensor<Element>, rows: NormalizedRows) {
    let (rows, channels) = (x.shape.rowCount, x.shape.channelCount)
    let gamma = gamma ?? .ones([channels])
    let beta = beta ?? .zeros([channels])
    require(
      gamma.count == channels && beta.count == channels,
      "gamma of shape \(gamma.shape) and beta of shape \(beta.shape) for \(channels) channels")
    var mean = Tensor<Double>.zeros([rows])
    var reciprocalDeviation = Tensor<Double>.zeros([rows])
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
                let extent = ChannelExtent(outer: rows, channels: channels, inner: 1)
                Parallel.forEach(extent.blockCount) { block in
                  for row in extent.block(block) {
                    (mean[row], deviation[row]) = normalizeRow(
                      x + row * channels, y + row * channels, channels, gamma: gamma, beta: beta, epsilon: epsilon)
                  }
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
    let extent = ChannelExtent(outer: rows, channels: channels, inner: 1)
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
                sums = combiningBlocks(extent, sumsPerChannel: 2) { block, sums in
                  for row in block {
                    rowGradient(
                      gradient + row * channels, x + row * channels, result + row * channels, channels, gamma: gamma,
                      mean: mean[row], reciprocalDeviation: deviation[row], betaSums: sums,
                      gammaSums: sums + channels)
                  }
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
