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
    let rows = RowPasses(x, AffineParameters(gamma: gamma, beta: beta, channels: x.shape.channelCount))
    let (output, y) = Tensor<Element>.unwritten(x.shape)
    let saved = GroupStatistics(rows.parameters, shape: [rows.count], isEmpty: x.count == 0) { mean, reciprocal in
      withExtendedLifetime((x, rows)) {
        rows.forward(x.address, y, mean: mean, reciprocalDeviation: reciprocal, epsilon: epsilon)
      }
    }
    return (output, saved)
  }

  /// The backward pass: with `h = g · gamma` and means over the row, as in ``BatchNormalization``,
  /// `dx = (h − mean(h) − x̂ · mean(h · x̂)) / s`, `dgamma = Σ g · x̂` and `dbeta = Σ g` over all rows.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, saved: GroupStatistics<Element>
  ) -> NormalizationGradients<Element> {
    requireGradient(gradient, of: x)
    let rows = RowPasses(x, saved.parameters)
    saved.requireCount(rows.count, of: x)
    guard x.count > 0 else { return .zeros(like: x, channels: rows.channels) }
    let (input, dx) = Tensor<Element>.unwritten(x.shape)
    var parts = Tensor<Double>.zeros([rows.blockCount, 2 * rows.channels])
    parts.withUnsafeMutableElements { parts in
      withExtendedLifetime((gradient, x, saved, rows)) {
        rows.backward(
          gradient.address, x.address, dx, mean: saved.mean.address,
          reciprocalDeviation: saved.reciprocalDeviation.address, parts: parts.baseAddress!)
      }
    }
    return NormalizationGradients(input: input, parts: parts)
  }
}

/// Layer normalization of rows in blocks, each worth a ticket: on kernels, or as groups by definition.
private struct RowPasses<Element: TensorElement> {
  let kernels = Element.kernels
  let parameters: AffineParameters<Element>
  let count, channels: Int
  private let rowsPerBlock: Int
  private let streams: Bool
  /// 1 and 0 where there is no gamma or beta: the kernels take both.
  private let gamma, beta: Tensor<Element>

  init(_ x: Tensor<Element>, _ parameters: AffineParameters<Element>) {
    (count, channels) = (x.shape.rowCount, x.shape.channelCount)
    self.parameters = parameters
    rowsPerBlock = max(Int(NORMA_BLOCK), 16_384 / max(1, channels))
    // Not so where rows are short, which costs more than it saves: each is written in one piece, and what is not a whole line of
    // it one by one.
    streams =
      channels >= (channels % ChannelExtent.lanes == 0 ? 128 : 256)
      && writesPastCaches(count: count * channels, run: channels)
    (gamma, beta) = (parameters.gamma ?? .ones([channels]), parameters.beta ?? .zeros([channels]))
  }

  var blockCount: Int { (count + rowsPerBlock - 1) / rowsPerBlock }

  func forward(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, mean: UnsafeMutablePointer<Double>,
    reciprocalDeviation: UnsafeMutablePointer<Double>, epsilon: Double
  ) {
    forEachBlock { _, block in
      let start = block.lowerBound
      if let kernels,
        kernels.table.pointee.layer_normalize(
          kernels(x + start * channels), kernels(y + start * channels), block.count, channels, kernels(gamma.address),
          kernels(beta.address), epsilon, mean + start, reciprocalDeviation + start, streams)
      {
        return
      }
      forEachRun(of: block, reciprocalDeviation) { run, isOrdinary in
        if isOrdinary { return }
        asGroups(run.count).forward(
          x + run.lowerBound * channels, y + run.lowerBound * channels, mean: mean + run.lowerBound,
          reciprocalDeviation: reciprocalDeviation + run.lowerBound, epsilon: epsilon)
      }
    }
  }

  func backward(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>,
    mean: UnsafePointer<Double>, reciprocalDeviation: UnsafePointer<Double>, parts: UnsafeMutablePointer<Double>
  ) {
    forEachBlock { index, block in
      let parts = parts + 2 * index * channels
      // Sums in single precision stay short.
      for first in stride(from: block.lowerBound, to: block.upperBound, by: Int(NORMA_BLOCK)) {
        let rows = first..<min(block.upperBound, first + Int(NORMA_BLOCK))
        forEachRun(of: rows, reciprocalDeviation) { run, isOrdinary in
          let (row, start) = (run.lowerBound, run.lowerBound * channels)
          if let kernels, isOrdinary {
            withScratch(2 * channels, of: Element.self) { scratch in
              kernels.table.pointee.layer_gradient(
                kernels(g + start), kernels(x + start), kernels(dx + start), run.count, channels,
                kernels(gamma.address), mean + row, reciprocalDeviation + row, parts, parts + channels,
                kernels(scratch), streams)
            }
          } else {
            let groups = asGroups(run.count)
            var found = Tensor<Double>.zeros([groups.cut.runs, 2 * channels])
            found.withUnsafeMutableElements {
              groups.backward(
                g + start, x + start, dx + start, mean: mean + row, reciprocalDeviation: reciprocalDeviation + row,
                parts: $0.baseAddress!)
            }
            found.sumOverRows().withUnsafeElements {
              addVector($0.baseAddress!, to: parts, count: 2 * channels)
            }
          }
        }
      }
    }
  }

  private func forEachBlock(_ body: (_ index: Int, _ rows: Range<Int>) -> Void) {
    Parallel.forEach(blockCount) { body($0, $0 * rowsPerBlock..<min(count, ($0 + 1) * rowsPerBlock)) }
  }

  /// Calls `body` for the longest runs of rows that all are ordinary, or none of them.
  private func forEachRun(
    of rows: Range<Int>, _ reciprocalDeviation: UnsafePointer<Double>,
    _ body: (_ run: Range<Int>, _ isOrdinary: Bool) -> Void
  ) {
    func isOrdinary(_ row: Int) -> Bool {
      kernels != nil && NormaNormalization.isOrdinary(reciprocalDeviation[row], scale: reciprocalDeviation[row])
    }
    var start = rows.lowerBound
    while start < rows.upperBound {
      let kind = isOrdinary(start)
      var end = start + 1
      while end < rows.upperBound && isOrdinary(end) == kind { end += 1 }
      body(start..<end, kind)
      start = end
    }
  }

  /// So many rows as samples with one position and one group.
  private func asGroups(_ rows: Int) -> GroupPasses<Element> {
    let cut = GroupCut(samples: rows, channels: channels, positions: 1, groups: 1, isPlanes: false)
    return GroupPasses(cut: cut, parameters: parameters)
  }
}
