import NormaTensor

/// RMS normalization over the last axis as pure functions (Zhang and Sennrich 2019): each row of `[…, C]` is divided by the root
/// of the mean of its squares, then multiplied by gamma `[C]`: `y = gamma · x / √(mean(x²) + epsilon)`.
///
/// It is layer normalization without the mean: one pass less over each row, and no beta. As in PyTorch's `rms_norm` and ONNX's
/// `RMSNormalization`, epsilon stands under the root.
///
/// The gradient, derived: with `r = 1 / √(mean(x²) + epsilon)`, `x̂ = x · r` and `h = g · gamma`, the input reaches the loss by x̂
/// itself, `h · r`, and by r, whose derivative by x is `−r³ · x / C`: `−r³ · x / C · Σ(h · x) = −r · x̂ · mean(h · x̂)`.
public enum RMSNormalization {
  /// The forward pass `[…, C] → […, C]`. A row of zeros stays one, if epsilon is not 0.
  ///
  /// - Parameters:
  ///   - x: the rows.
  ///   - gamma: the scale `[C]`; 1 if nil.
  ///   - epsilon: added to the mean square before the root.
  /// - Returns: the output, and what ``backward(_:input:saved:)`` needs.
  @specialized(where Element == Float)
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, epsilon: Double = 1e-5
  ) -> (output: Tensor<Element>, saved: RootMeanSquares<Element>) {
    let cut = RowCut(x.shape)
    _ = AffineParameters(gamma: gamma, beta: nil, channels: cut.channels)
    let (factors, zeros) = (gamma ?? .ones([cut.channels]), Tensor<Element>.zeros([cut.channels]))
    let (output, y) = Tensor<Element>.unwritten(x.shape)
    guard x.count > 0 else { return (output, RootMeanSquares(reciprocal: .ones([cut.rows]), gamma: factors)) }
    let (reciprocals, reciprocal) = Tensor<Double>.unwritten([cut.rows])
    let kernels = Element.kernels
    withExtendedLifetime((x, factors, zeros)) {
      cut.forEachBlock { _, block in
        let (row, start) = (block.lowerBound, block.lowerBound * cut.channels)
        if let kernels,
          kernels.table.pointee.layer_normalize(
            kernels(x.address + start), kernels(y + start), block.count, cut.channels, kernels(factors.address),
            kernels(zeros.address), epsilon, nil, reciprocal + row, cut.streams)
        {
          return
        }
        cut.forEachRun(of: block, reciprocal, hasKernels: kernels != nil) { run, isOrdinary in
          for row in run where !isOrdinary {
            reciprocal[row] = normalizeByDefinition(
              x.address + row * cut.channels, y + row * cut.channels, cut.channels, factors.address, epsilon)
          }
        }
      }
    }
    return (output, RootMeanSquares(reciprocal: reciprocals, gamma: factors))
  }

  /// The backward pass: with `h = g · gamma` and means over the row, `dx = (h − x̂ · mean(h · x̂)) / √(mean(x²) + epsilon)` and
  /// `dgamma = Σ g · x̂` over all rows. `beta` holds `Σ g`, the gradient of a sum after it.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, saved: RootMeanSquares<Element>
  ) -> NormalizationGradients<Element> {
    requireGradient(gradient, of: x)
    let cut = RowCut(x.shape)
    let (rows, channels) = (cut.rows, cut.channels)
    require(
      saved.reciprocal.count == rows && saved.gamma.count == channels,
      "root mean squares of \(saved.reciprocal.count) rows of \(saved.gamma.count) for an input of shape \(x.shape)")
    guard x.count > 0 else { return .zeros(like: x, channels: channels) }
    let (input, dx) = Tensor<Element>.unwritten(x.shape)
    var parts = Tensor<Double>.zeros([cut.blockCount, 2 * channels])
    let kernels = Element.kernels
    parts.withUnsafeMutableElements { all in
      withExtendedLifetime((gradient, x, saved)) {
        let (g, x, gamma, reciprocal) = (
          gradient.address, x.address, saved.gamma.address, saved.reciprocal.address
        )
        cut.forEachBlock { index, block in
          let parts = all.baseAddress! + 2 * index * channels
          cut.forEachRun(of: block, reciprocal, hasKernels: kernels != nil) { run, isOrdinary in
            let start = run.lowerBound * channels
            if let kernels, isOrdinary {
              withScratch(2 * channels, of: Element.self) { scratch in
                kernels.table.pointee.layer_gradient(
                  kernels(g + start), kernels(x + start), kernels(dx + start), run.count, channels, kernels(gamma), nil,
                  reciprocal + run.lowerBound, parts, parts + channels, kernels(scratch), cut.streams)
              }
            } else {
              for row in run {
                let start = row * channels
                gradientByDefinition(
                  g + start, x + start, dx + start, channels, gamma, reciprocal[row], ofGamma: parts,
                  ofBeta: parts + channels)
              }
            }
          }
        }
      }
    }
    return NormalizationGradients(input: input, parts: parts)
  }

  /// One row, in double precision; returns the reciprocal of the root.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  private static func normalizeByDefinition<Element: TensorElement>(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ channels: Int, _ gamma: UnsafePointer<Element>,
    _ epsilon: Double
  ) -> Double {
    var square = 0.0
    for channel in 0..<channels { square += Double(x[channel]) * Double(x[channel]) }
    let reciprocal = reciprocalDeviation(square / Double(channels), epsilon)
    for channel in 0..<channels { y[channel] = Element(Double(x[channel]) * reciprocal * Double(gamma[channel])) }
    return reciprocal
  }

  /// The gradient of one row, in double precision; adds the row's part to the sums for gamma and beta.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  private static func gradientByDefinition<Element: TensorElement>(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>, _ channels: Int,
    _ gamma: UnsafePointer<Element>, _ reciprocal: Double, ofGamma: UnsafeMutablePointer<Double>,
    ofBeta: UnsafeMutablePointer<Double>
  ) {
    var product = 0.0
    for channel in 0..<channels {
      let (g, normalized) = (Double(g[channel]), Double(x[channel]) * reciprocal)
      ofGamma[channel] += g * normalized
      ofBeta[channel] += g
      product += g * Double(gamma[channel]) * normalized
    }
    for channel in 0..<channels {
      let h = Double(g[channel]) * Double(gamma[channel])
      dx[channel] = Element((h - Double(x[channel]) * reciprocal * (product / Double(channels))) * reciprocal)
    }
  }
}

/// What the forward pass of RMS normalization found, and its backward pass needs besides the input.
public struct RootMeanSquares<Element: TensorElement>: Sendable {
  /// `1 / √(mean(x²) + epsilon)` of each row, `[rows]`.
  public let reciprocal: Tensor<Double>
  let gamma: Tensor<Element>
}
