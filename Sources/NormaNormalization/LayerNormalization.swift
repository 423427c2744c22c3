import CKernels
import NormaTensor

/// Layer normalization over the last axis as pure functions (Ba, Kiros and Hinton 2016): each row of `[…, C]` is
/// normalized with its own mean and variance, then multiplied by gamma and added to beta, both `[C]`:
/// `y = gamma · (x − mean) / √(variance + epsilon) + beta`.
///
/// By definition it is group normalization of samples with one position and one group; short rows have kernels of their own. It
/// needs no batch and no running statistics, and is the same in training and inference.
public enum LayerNormalization {
  /// The forward pass `[…, C] → […, C]`.
  @specialized(where Element == Float)
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5
  ) -> (output: Tensor<Element>, saved: GroupStatistics<Element>) {
    let (output, y) = Tensor<Element>.unwritten(x.shape)
    let saved = withExtendedLifetime(x) {
      statistics(of: x.reading, x.shape, .full(y), gamma: gamma, beta: beta, epsilon: epsilon)
    }
    return (output, saved)
  }

  /// Finds the statistics and writes the output.
  @specialized(where Element == Float)
  static func statistics<Element: TensorElement>(
    of x: Reading<Element>, _ shape: Shape, _ y: Writing<Element>, gamma: Tensor<Element>?, beta: Tensor<Element>?,
    epsilon: Double
  ) -> GroupStatistics<Element> {
    let rows = RowPasses(shape, AffineParameters(gamma: gamma, beta: beta, channels: shape.channelCount))
    let isEmpty = shape.elementCount == 0
    return GroupStatistics(rows.parameters, shape: [rows.cut.rows], isEmpty: isEmpty) { mean, reciprocal in
      withExtendedLifetime(rows) {
        rows.forward(x, y, mean: mean, reciprocalDeviation: reciprocal, epsilon: epsilon)
      }
    }
  }

  /// The backward pass: with `h = g · gamma` and means over the row, as in ``BatchNormalization``,
  /// `dx = (h − mean(h) − x̂ · mean(h · x̂)) / s`, `dgamma = Σ g · x̂` and `dbeta = Σ g` over all rows.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, saved: GroupStatistics<Element>
  ) -> NormalizationGradients<Element> {
    requireGradient(gradient.shape, of: x.shape)
    guard x.count > 0 else { return .zeros(like: x, channels: x.shape.channelCount) }
    let (input, dx) = Tensor<Element>.unwritten(x.shape)
    let parts = withExtendedLifetime((gradient, x)) {
      writeGradient(gradient.reading, input: x.reading, x.shape, .full(dx), saved: saved)
    }
    return NormalizationGradients(input: input, parts: parts)
  }

  /// Writes the gradient of the input; returns parts of those of gamma and beta, `[parts, 2 · C]`.
  @specialized(where Element == Float)
  static func writeGradient<Element: TensorElement>(
    _ gradient: Reading<Element>, input x: Reading<Element>, _ shape: Shape, _ dx: Writing<Element>,
    saved: GroupStatistics<Element>
  ) -> Tensor<Double> {
    let rows = RowPasses(shape, saved.parameters)
    saved.requireCount(rows.cut.rows, of: shape)
    var parts = Tensor<Double>.zeros([rows.cut.blockCount, 2 * rows.cut.channels])
    parts.withUnsafeMutableElements { parts in
      guard let parts = parts.baseAddress else { return }
      withExtendedLifetime((saved, rows)) {
        rows.backward(
          gradient, x, dx, mean: saved.mean.address, reciprocalDeviation: saved.reciprocalDeviation.address,
          parts: parts)
      }
    }
    return parts
  }
}

/// Layer normalization of rows: on kernels, or as groups by definition.
private struct RowPasses<Element: TensorElement> {
  let kernels = Element.kernels
  let cut: RowCut
  let parameters: AffineParameters<Element>
  /// 1 and 0 where there is no gamma or beta: the kernels take both.
  private let gamma, beta: Tensor<Element>

  init(_ shape: Shape, _ parameters: AffineParameters<Element>) {
    cut = RowCut(shape)
    self.parameters = parameters
    (gamma, beta) = (parameters.gamma ?? .ones([cut.channels]), parameters.beta ?? .zeros([cut.channels]))
  }

  func forward(
    _ x: Reading<Element>, _ y: Writing<Element>, mean: UnsafeMutablePointer<Double>,
    reciprocalDeviation: UnsafeMutablePointer<Double>, epsilon: Double
  ) {
    if let kernels, let (x, precision) = x.bits, let (y, written) = y.bits, precision == written,
      cut.readsHalves(subtractingMean: true)
    {
      return cut.forEachBlock { _, block in
        let (row, start) = (block.lowerBound, block.lowerBound * cut.channels)
        let k = kernels.table.pointee
        let normalize = precision == .float16 ? k.layer_normalize_float16! : k.layer_normalize_bfloat16!
        if normalize(
          x + start, y + start, block.count, cut.channels, kernels(gamma.address), kernels(beta.address), epsilon,
          mean + row, reciprocalDeviation + row, cut.streamsHalves)
        {
          return
        }
        cut.forEachRun(of: block, reciprocalDeviation, hasKernels: true) { run, isOrdinary in
          if isOrdinary { return }
          cut.withScratch(forRows: run.count, isHalf: true) { (scratch: RowScratch<Element>) in
            let lent = scratch.lend(run, x: .half(x, precision), y: .half(y, precision))
            asGroups(run.count).forward(
              lent.x, lent.y, mean: mean + run.lowerBound, reciprocalDeviation: reciprocalDeviation + run.lowerBound,
              epsilon: epsilon)
            scratch.store(lent, run, to: .half(y, precision))
          }
        }
      }
    }
    cut.forEachBlock(of: nil, x, y) { _, block, scratch in
      cut.forEachPiece(of: block, isHalf: scratch.isThere) { rows, _, _ in
        let lent = scratch.lend(rows, x: x, y: y)
        forward(lent.x, lent.y, rows, mean, reciprocalDeviation, epsilon, streams: lent.streams)
        scratch.store(lent, rows, to: y)
      }
    }
  }

  /// Some rows, the first of which stands where x and y say.
  private func forward(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ rows: Range<Int>,
    _ mean: UnsafeMutablePointer<Double>, _ reciprocalDeviation: UnsafeMutablePointer<Double>, _ epsilon: Double,
    streams: Bool
  ) {
    if let kernels,
      kernels.table.pointee.layer_normalize(
        kernels(x), kernels(y), rows.count, cut.channels, kernels(gamma.address), kernels(beta.address), epsilon,
        mean + rows.lowerBound, reciprocalDeviation + rows.lowerBound, streams)
    {
      return
    }
    cut.forEachRun(of: rows, reciprocalDeviation, hasKernels: kernels != nil) { run, isOrdinary in
      let (row, start) = (run.lowerBound, (run.lowerBound - rows.lowerBound) * cut.channels)
      if isOrdinary { return }
      asGroups(run.count).forward(
        x + start, y + start, mean: mean + row, reciprocalDeviation: reciprocalDeviation + row, epsilon: epsilon)
    }
  }

  func backward(
    _ g: Reading<Element>, _ x: Reading<Element>, _ dx: Writing<Element>, mean: UnsafePointer<Double>,
    reciprocalDeviation: UnsafePointer<Double>, parts: UnsafeMutablePointer<Double>
  ) {
    cut.forEachBlock(of: g, x, dx) { index, block, scratch in
      let parts = parts + 2 * index * cut.channels
      cut.forEachRun(of: block, reciprocalDeviation, hasKernels: kernels != nil) { run, isOrdinary in
        if let kernels, isOrdinary {
          withScratch(2 * cut.channels, of: Element.self) { sums in
            if cut.findGradient(
              g, x, dx, run, kernels(gamma.address), mean: mean, reciprocalDeviation, parts, kernels(sums),
              kernels.table)
            {
              return
            }
            cut.forEachPiece(of: run, isHalf: scratch.isThere) { rows, isFirst, isLast in
              let (row, lent) = (rows.lowerBound, scratch.lend(rows, g: g, x: x, y: dx))
              kernels.table.pointee.layer_gradient(
                kernels(lent.g!), kernels(lent.x), kernels(lent.y), rows.count, cut.channels, kernels(gamma.address),
                mean + row, reciprocalDeviation + row, parts, parts + cut.channels, kernels(sums), isFirst, isLast,
                lent.streams)
              scratch.store(lent, rows, to: dx)
            }
          }
        } else {
          // The run as a whole, as its rows are added up.
          cut.withScratch(forRows: run.count, isHalf: scratch.isThere) { scratch in
            let (row, lent) = (run.lowerBound, scratch.lend(run, g: g, x: x, y: dx))
            let groups = asGroups(run.count)
            var found = Tensor<Double>.zeros([groups.cut.runs, 2 * cut.channels])
            found.withUnsafeMutableElements {
              groups.backward(
                lent.g!, lent.x, lent.y, mean: mean + row, reciprocalDeviation: reciprocalDeviation + row,
                parts: $0.baseAddress!)
            }
            scratch.store(lent, run, to: dx)
            found.sumOverRows().withUnsafeElements { addVector($0.baseAddress!, to: parts, count: 2 * cut.channels) }
          }
        }
      }
    }
  }

  /// So many rows as samples with one position and one group.
  private func asGroups(_ rows: Int) -> GroupPasses<Element> {
    let cut = GroupCut(samples: rows, channels: cut.channels, positions: 1, groups: 1, isPlanes: false)
    return GroupPasses(cut: cut, parameters: parameters)
  }
}
