import NormaNormalization
import NormaTensor

extension Variable {
  /// Whitening by the batch's own statistics (IterNorm; Huang and others 2019, arXiv:1904.03441): the channels of a group have mean 0,
  /// and as far as the iterations go variance 1 and covariance 0, x `[N, …, C]`.
  ///
  /// With the covariance `Σ = cᵀ·c / M + epsilon·I` of the centred values c of all M rows, `W = P_T / √(trace Σ)`, where
  /// `P₀ = I` and `P_{k+1} = (3·P_k − P_k³·Σ / trace Σ) / 2` come near the inverse root of `Σ / trace Σ` (Newton and Schulz), found in
  /// the coupled form (Higham 2008, section 6.3), in which rounding does not grow. It is built of products, and so is its gradient.
  ///
  /// - Parameters:
  ///   - groups: how many groups the channels are divided into, of `D = C / groups` each.
  ///   - iterations: the number T; with 0 it divides by the root of the trace alone.
  ///   - epsilon: added to each variance.
  /// - Returns: the result, the mean of the rows `[C]`, and the matrix W of each group, `[groups, D, D]`.
  /// - Throws: `NormalizationError.singleValuePerChannel` for one row.
  public func whitened(
    groups: Int = 1, iterations: Int = 5, epsilon: Double = 1e-5
  ) throws(NormalizationError) -> (output: Variable, mean: Variable, whitening: Variable) {
    let (rows, channels) = (shape.rowCount, shape.channelCount)
    require(groups > 0 && channels.isMultiple(of: groups), "whitening of \(channels) channels in \(groups) groups")
    if rows == 1 && tensor != nil { throw .singleValuePerChannel(shape: Array(shape)) }
    let width = channels / groups
    let rough = meanOverRows()
    let around = subtracting(rough, broadcast: .perChannel)
    // What the rounding of a large mean left over.
    let rest = around.meanOverRows()
    let centred = around.subtracting(rest, broadcast: .perChannel)
      .reshaped(to: [rows, groups, width]).transposed([1, 0, 2]).named("c = x − μ, by groups")
    let unit = Variable(Tensor<Element>.unitMatrices(groups, width))
    let covariance = centred.matrixProduct(centred, transposingSelf: true)
      .scaled(by: 1 / Element(Swift.max(1, rows))).adding(unit.scaled(by: Element(epsilon))).named("Σ").keptExactly()
    let whitening = covariance.whiteningMatrices(iterations: iterations)
    let output = centred.matrixProduct(whitening).transposed([1, 0, 2]).reshaped(to: shape)
    return (output, rough.adding(rest), whitening)
  }

  /// The matrix `W` of each covariance matrix Σ, `[groups, D, D] → [groups, D, D]`, with which ``whitened(groups:iterations:epsilon:)``
  /// multiplies centred values.
  package func whiteningMatrices(iterations: Int) -> Variable {
    let (groups, width) = (shape[0], shape[1])
    let unit = Variable(Tensor<Element>.unitMatrices(groups, width))
    let trace = multiplied(by: unit).sum(over: [1, 2]).named("t = trace Σ")
    let normalized = reshaped(to: [groups, width * width]).divided(by: trace, broadcast: .perRow)
      .reshaped(to: [groups, width, width]).named("Σ/t")
    // P and Σ/t·P side by side, each from the other: P³·Σ/t is the same, but its rounding grows with every iteration.
    var (root, product) = (unit, normalized)
    for iteration in 0..<iterations {
      let meeting = iteration == 0 ? normalized : root.matrixProduct(product)
      let factor = unit.scaled(by: 1.5).subtracting(meeting.scaled(by: 0.5)).keptExactly()
      root = iteration == 0 ? factor : factor.matrixProduct(root)
      if iteration < iterations - 1 { product = product.matrixProduct(factor) }
      root = root.named("P\(iteration + 1)")
    }
    return root.reshaped(to: [groups, width * width]).divided(by: trace.squareRoot(), broadcast: .perRow)
      .reshaped(to: [groups, width, width]).named("W")
  }

  /// Whitening by given statistics, as in inference: the mean `[C]`, and the matrix of all channels `[C, C]`, which is symmetric.
  public func whitened(mean: Variable, whitening: Variable) -> Variable {
    subtracting(mean, broadcast: .perChannel).linear(weight: whitening, bias: nil)
  }
}

extension Tensor {
  /// A unit matrix for each group, `[count, width, width]`.
  package static func unitMatrices(_ count: Int, _ width: Int) -> Tensor {
    Tensor(shape: [count, width, width]) { result in
      result.initialize(repeating: 0)
      for index in 0..<count * width { result[index * width + index % width] = 1 }
    }
  }

  /// Matrices of groups `[groups, D, D]` as one of all channels, `[C, C]`, with zeros between groups.
  package func blockDiagonal() -> Tensor {
    let (groups, width) = (shape[0], shape[1])
    let channels = groups * width
    return Tensor(shape: [channels, channels]) { result in
      result.initialize(repeating: 0)
      withUnsafeElements { blocks in
        for row in 0..<channels {
          for column in 0..<width {
            result[row * channels + row / width * width + column] = blocks[row * width + column]
          }
        }
      }
    }
  }
}
