import NormaTensor

/// Normalization by mean and variance over any axes as pure functions, as ONNX's `MeanVarianceNormalization`:
/// `y = (x − mean) / √variance`, without parameters.
///
/// Over the last axis it is ``LayerNormalization``, over the positions of a channel ``InstanceNormalization``, over batch and
/// positions ``BatchNormalization``; what is the same for all of them is done by the first, to which the axes are brought. Where
/// values are all equal the result is 0: 1e-18 is added to the variance. ONNX adds 1e-9 to its root.
public enum MeanVarianceNormalization {
  package static let epsilon = 1e-18

  /// The forward pass. Axes count from the end where they are negative.
  ///
  /// - Returns: the output, of the shape of x, and what ``backward(_:input:axes:saved:)`` needs.
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, axes: [Int]
  ) -> (output: Tensor<Element>, saved: GroupStatistics<Element>) {
    let order = AxesAsRows(x.shape, axes)
    let (output, saved) = LayerNormalization.forward(order.rows(of: x), epsilon: epsilon)
    return (order.restored(output), saved)
  }

  /// The backward pass: with `x̂ = (x − mean) / s`, s the deviation, and means over the axes,
  /// `dx = (g − mean(g) − x̂ · mean(g · x̂)) / s`.
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, axes: [Int], saved: GroupStatistics<Element>
  ) -> Tensor<Element> {
    requireGradient(gradient.shape, of: x.shape)
    let order = AxesAsRows(x.shape, axes)
    let rows = LayerNormalization.backward(order.rows(of: gradient), input: order.rows(of: x), saved: saved)
    return order.restored(rows.input)
  }
}

/// Normalization by a norm along one axis as pure functions, as ONNX's `LpNormalization` and PyTorch's `normalize`: `y = x / ‖x‖`, the
/// sum of absolute values or the Euclidean length; 0 where all values are 0.
public enum LpNormalization {
  /// Which norm values are divided by.
  public enum Norm: Int, Sendable, Hashable, CaseIterable {
    /// `Σ |x|`.
    case absolute = 1
    /// `√Σ x²`.
    case euclidean = 2
  }

  /// The forward pass. The axis counts from the end where it is negative.
  ///
  /// - Returns: the output, of the shape of x, and the norms along the axis, which ``backward(_:input:norm:axis:norms:)`` needs.
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, norm: Norm, axis: Int
  ) -> (output: Tensor<Element>, norms: Tensor<Double>) {
    let order = AxesAsRows(x.shape, [axis])
    let rows = order.rows(of: x)
    let cut = RowCut(rows.shape)
    let (output, y) = Tensor<Element>.unwritten(rows.shape)
    let (norms, found) = Tensor<Double>.unwritten([cut.rows])
    withExtendedLifetime(rows) {
      cut.forEachBlock { _, block in
        for row in block {
          let start = row * cut.channels
          found[row] = normalizeByNorm(rows.address + start, y + start, cut.channels, norm)
        }
      }
    }
    return (order.restored(output), norms)
  }

  /// The backward pass: with sums along the axis, `dx = (g − y · Σ(g · y)) / ‖x‖` for the Euclidean norm and
  /// `dx = (g − sign(x) · Σ(g · y)) / ‖x‖` for the other; 0 where the norm is.
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, norm: Norm, axis: Int, norms: Tensor<Double>
  ) -> Tensor<Element> {
    requireGradient(gradient.shape, of: x.shape)
    let order = AxesAsRows(x.shape, [axis])
    let (rows, gradients) = (order.rows(of: x), order.rows(of: gradient))
    let cut = RowCut(rows.shape)
    require(norms.count == cut.rows, "\(norms.count) norms for \(cut.rows) rows")
    let (input, dx) = Tensor<Element>.unwritten(rows.shape)
    withExtendedLifetime((rows, gradients, norms)) {
      cut.forEachBlock { _, block in
        for row in block {
          let start = row * cut.channels
          differentiateByNorm(
            gradients.address + start, rows.address + start, dx + start, cut.channels, norm, norms.address[row])
        }
      }
    }
    return order.restored(input)
  }
}

/// One row in double precision; returns its norm.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func normalizeByNorm<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int, _ norm: LpNormalization.Norm
) -> Double {
  var sum = 0.0
  switch norm {
  case .absolute: for index in 0..<count { sum += abs(Double(x[index])) }
  case .euclidean:
    for index in 0..<count { sum += Double(x[index]) * Double(x[index]) }
    sum = sum.squareRoot()
  }
  let divisor = sum == 0 ? 1 : sum
  for index in 0..<count { y[index] = Element(Double(x[index]) / divisor) }
  return sum
}

/// The gradient of one row in double precision.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func differentiateByNorm<Element: TensorElement>(
  _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>, _ count: Int,
  _ norm: LpNormalization.Norm, _ length: Double
) {
  guard length != 0 else { return dx.initialize(repeating: 0, count: count) }
  var product = 0.0
  for index in 0..<count { product += Double(g[index]) * (Double(x[index]) / length) }
  for index in 0..<count {
    let x = Double(x[index])
    let direction = norm == .euclidean ? x / length : x > 0 ? 1 : x < 0 ? -1 : 0
    dx[index] = Element((Double(g[index]) - direction * product) / length)
  }
}

/// Some axes of a tensor behind the others, so that the values along them are rows.
package struct AxesAsRows: Sendable {
  /// The axes in their new order.
  package let order: [Int]
  /// The order that leads back.
  package var restoredOrder: [Int] { order.indices.map { order.firstIndex(of: $0)! } }
  /// The lengths of the axes in their new order, and of all as rows `[R, W]`.
  package let movedShape: Shape, rowsShape: Shape

  /// Axes that count from the end where they are negative.
  package init(_ shape: Shape, _ axes: [Int]) {
    let axes = Set(axes.map(shape.axis)).sorted()
    order = (0..<shape.rank).filter { !axes.contains($0) } + axes
    movedShape = Shape(order.map { shape[$0] })
    let width = axes.reduce(1) { $0 * shape[$1] }
    rowsShape = [width == 0 ? 0 : shape.elementCount / width, width]
  }

  /// Whether nothing changes places.
  package var isInOrder: Bool { order == Array(order.indices) }

  /// The values as rows `[R, W]`.
  func rows<Element: TensorElement>(of x: Tensor<Element>) -> Tensor<Element> {
    (isInOrder ? x : x.transposed(order)).reshaped(to: rowsShape)
  }

  /// Rows in the place they came from.
  func restored<Element: TensorElement>(_ rows: Tensor<Element>) -> Tensor<Element> {
    let moved = rows.reshaped(to: movedShape)
    return isInOrder ? moved : moved.transposed(restoredOrder)
  }
}
