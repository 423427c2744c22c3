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
    let saved = GroupStatistics(rows.parameters, shape: [rows.cut.rows], isEmpty: x.count == 0) { mean, reciprocal in
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
    saved.requireCount(rows.cut.rows, of: x)
    guard x.count > 0 else { return .zeros(like: x, channels: rows.cut.channels) }
    let (input, dx) = Tensor<Element>.unwritten(x.shape)
    var parts = Tensor<Double>.zeros([rows.cut.blockCount, 2 * rows.cut.channels])
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

/// Layer normalization of rows: on kernels, or as groups by definition.
private struct RowPasses<Element: TensorElement> {
  let kernels = Element.kernels
  let cut: RowCut
  let parameters: AffineParameters<Element>
  /// 1 and 0 where there is no gamma or beta: the kernels take both.
  private let gamma, beta: Tensor<Element>

  init(_ x: Tensor<Element>, _ parameters: AffineParameters<Element>) {
    cut = RowCut(x.shape)
    self.parameters = parameters
    (gamma, beta) = (parameters.gamma ?? .ones([cut.channels]), parameters.beta ?? .zeros([cut.channels]))
  }

  func forward(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, mean: UnsafeMutablePointer<Double>,
    reciprocalDeviation: UnsafeMutablePointer<Double>, epsilon: Double
  ) {
    cut.forEachBlock { _, block in
      let (row, start) = (block.lowerBound, block.lowerBound * cut.channels)
      if let kernels,
        kernels.table.pointee.layer_normalize(
          kernels(x + start), kernels(y + start), block.count, cut.channels, kernels(gamma.address),
          kernels(beta.address), epsilon, mean + row, reciprocalDeviation + row, cut.streams)
      {
        return
      }
      cut.forEachRun(of: block, reciprocalDeviation, hasKernels: kernels != nil) { run, isOrdinary in
        let (row, start) = (run.lowerBound, run.lowerBound * cut.channels)
        if isOrdinary { return }
        asGroups(run.count).forward(
          x + start, y + start, mean: mean + row, reciprocalDeviation: reciprocalDeviation + row, epsilon: epsilon)
      }
    }
  }

  func backward(
    _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>,
    mean: UnsafePointer<Double>, reciprocalDeviation: UnsafePointer<Double>, parts: UnsafeMutablePointer<Double>
  ) {
    cut.forEachBlock { index, block in
      let parts = parts + 2 * index * cut.channels
      cut.forEachRun(of: block, reciprocalDeviation, hasKernels: kernels != nil) { run, isOrdinary in
        let (row, start) = (run.lowerBound, run.lowerBound * cut.channels)
        if let kernels, isOrdinary {
          withScratch(2 * cut.channels, of: Element.self) { scratch in
            kernels.table.pointee.layer_gradient(
              kernels(g + start), kernels(x + start), kernels(dx + start), run.count, cut.channels,
              kernels(gamma.address), mean + row, reciprocalDeviation + row, parts, parts + cut.channels,
              kernels(scratch), cut.streams)
          }
        } else {
          let groups = asGroups(run.count)
          var found = Tensor<Double>.zeros([groups.cut.runs, 2 * cut.channels])
          found.withUnsafeMutableElements {
            groups.backward(
              g + start, x + start, dx + start, mean: mean + row, reciprocalDeviation: reciprocalDeviation + row,
              parts: $0.baseAddress!)
          }
          found.sumOverRows().withUnsafeElements { addVector($0.baseAddress!, to: parts, count: 2 * cut.channels) }
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
