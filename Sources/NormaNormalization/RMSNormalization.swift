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
  /// - Returns: the output, and what `backward(_:input:saved:)` needs.
  @specialized(where Element == Float)
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, epsilon: Double = 1e-5
  ) -> (output: Tensor<Element>, saved: RootMeanSquares<Element>) {
    let (output, y) = Tensor<Element>.unwritten(x.shape)
    let saved = withExtendedLifetime(x) {
      statistics(of: x.reading, x.shape, .full(y), gamma: gamma, epsilon: epsilon)
    }
    return (output, saved)
  }

  /// Finds the roots and writes the output.
  @specialized(where Element == Float)
  static func statistics<Element: TensorElement>(
    of x: Reading<Element>, _ shape: Shape, _ y: Writing<Element>, gamma: Tensor<Element>?, epsilon: Double
  ) -> RootMeanSquares<Element> {
    let cut = RowCut(shape)
    _ = AffineParameters(gamma: gamma, beta: nil, channels: cut.channels)
    let (factors, zeros) = (gamma ?? .ones([cut.channels]), Tensor<Element>.zeros([cut.channels]))
    guard shape.elementCount > 0 else { return RootMeanSquares(reciprocal: .ones([cut.rows]), gamma: factors) }
    let (reciprocals, reciprocal) = Tensor<Double>.unwritten([cut.rows])
    let kernels = Element.kernels
    withExtendedLifetime((factors, zeros)) {
      cut.forEachBlock(of: nil, x, y) { _, block, scratch in
        if let kernels, let (x, precision) = x.bits, let (y, written) = y.bits, precision == written,
          cut.readsHalves(subtractingMean: false)
        {
          let (row, start) = (block.lowerBound, block.lowerBound * cut.channels)
          let k = kernels.table.pointee
          let normalize = precision == .float16 ? k.layer_normalize_float16! : k.layer_normalize_bfloat16!
          if normalize(
            x + start, y + start, block.count, cut.channels, kernels(factors.address), kernels(zeros.address), epsilon,
            nil, reciprocal + row, cut.streamsHalves)
          {
            return
          }
        }
        cut.forEachPiece(of: block, isHalf: scratch.isThere) { rows, _, _ in
          let (row, lent) = (rows.lowerBound, scratch.lend(rows, x: x, y: y))
          defer { scratch.store(lent, rows, to: y) }
          if let kernels,
            kernels.table.pointee.layer_normalize(
              kernels(lent.x), kernels(lent.y), rows.count, cut.channels, kernels(factors.address),
              kernels(zeros.address), epsilon, nil, reciprocal + row, lent.streams)
          {
            return
          }
          cut.forEachRun(of: rows, reciprocal, hasKernels: kernels != nil) { run, isOrdinary in
            for row in run where !isOrdinary {
              let start = (row - rows.lowerBound) * cut.channels
              reciprocal[row] = normalizeByDefinition(
                lent.x + start, lent.y + start, cut.channels, factors.address, epsilon)
            }
          }
        }
      }
    }
    return RootMeanSquares(reciprocal: reciprocals, gamma: factors)
  }

  /// The backward pass: with `h = g · gamma` and means over the row, `dx = (h − x̂ · mean(h · x̂)) / √(mean(x²) + epsilon)` and
  /// `dgamma = Σ g · x̂` over all rows. `beta` holds `Σ g`, the gradient of a sum after it.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, saved: RootMeanSquares<Element>
  ) -> NormalizationGradients<Element> {
    requireGradient(gradient.shape, of: x.shape)
    guard x.count > 0 else { return .zeros(like: x, channels: x.shape.channelCount) }
    let (input, dx) = Tensor<Element>.unwritten(x.shape)
    let parts = withExtendedLifetime((gradient, x)) {
      writeGradient(gradient.reading, input: x.reading, x.shape, .full(dx), saved: saved)
    }
    return NormalizationGradients(input: input, parts: parts)
  }

  /// Writes the gradient of the input; returns parts of those of gamma and of a sum after it, `[parts, 2 · C]`.
  @specialized(where Element == Float)
  static func writeGradient<Element: TensorElement>(
    _ g: Reading<Element>, input x: Reading<Element>, _ shape: Shape, _ dx: Writing<Element>,
    saved: RootMeanSquares<Element>
  ) -> Tensor<Double> {
    let cut = RowCut(shape)
    let channels = cut.channels
    require(
      saved.reciprocal.count == cut.rows && saved.gamma.count == channels,
      "root mean squares of \(saved.reciprocal.count) rows of \(saved.gamma.count) for an input of shape \(shape)")
    var parts = Tensor<Double>.zeros([cut.blockCount, 2 * channels])
    let kernels = Element.kernels
    parts.withUnsafeMutableElements { all in
      guard let all = all.baseAddress else { return }
      withExtendedLifetime(saved) {
        let (gamma, reciprocal) = (saved.gamma.address, saved.reciprocal.address)
        cut.forEachBlock(of: g, x, dx) { index, block, scratch in
          let parts = all + 2 * index * channels
          cut.forEachRun(of: block, reciprocal, hasKernels: kernels != nil) { run, isOrdinary in
            withScratch(2 * channels, of: Element.self) { sums in
              if let kernels, isOrdinary,
                cut.findGradient(
                  g, x, dx, run, kernels(gamma), mean: nil, reciprocal, parts, kernels(sums), kernels.table)
              {
                return
              }
              cut.forEachPiece(of: run, isHalf: scratch.isThere) { rows, isFirst, isLast in
                let lent = scratch.lend(rows, g: g, x: x, y: dx)
                if let kernels, isOrdinary {
                  kernels.table.pointee.layer_gradient(
                    kernels(lent.g!), kernels(lent.x), kernels(lent.y), rows.count, channels, kernels(gamma), nil,
                    reciprocal + rows.lowerBound, parts, parts + channels, kernels(sums), isFirst, isLast,
                    lent.streams)
                } else {
                  for row in rows {
                    let start = (row - rows.lowerBound) * channels
                    gradientByDefinition(
                      lent.g! + start, lent.x + start, lent.y + start, channels, gamma, reciprocal[row],
                      ofGamma: parts, ofBeta: parts + channels)
                  }
                }
                scratch.store(lent, rows, to: dx)
              }
            }
          }
        }
      }
    }
    return parts
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
