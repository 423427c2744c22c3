import CKernels
import NormaTensor

/// A running mean of squares, as optimizers keep it: the mean itself, or where that is more than an element holds, less its root.
///
/// A gradient of 1e25 is a `Float`, and its square is not. The root always is one, and the mean is never below 0, so that the
/// sign is free to say which of the two is kept. Means that an element holds are computed as they always were.
enum MeanSquare {
  /// The kernels for a range of gradients and means, if the plain formula serves all of them: no square may be more than a `Float`
  /// holds, and no mean is kept as its root.
  static func kernels<Element: TensorElement>(
    for g: UnsafePointer<Element>, _ mean: UnsafePointer<Element>, _ count: Int
  ) -> KernelSet<Element>? {
    guard let kernels = Element.kernels else { return nil }
    // A mean of what is below this stays below its square, which a float holds.
    let bound = Float(sign: .plus, exponent: Float.greatestFiniteMagnitude.exponent / 2, significand: 1)
    return kernels.table.pointee.squares_fit(kernels(g), kernels(mean), count, bound) ? kernels : nil
  }

  /// Takes a number into a mean: `mean = decay · mean + rest · g²`.
  ///
  /// - Returns: the root of the mean, and whether it is the mean's place that holds it.
  @inline(__always)
  static func add<Element: TensorElement>(
    _ g: Element, to mean: inout Element, decay: Element, rest: Element
  ) -> (root: Element, isWide: Bool) {
    if mean >= 0 {
      let new = decay * mean + rest * g * g
      if new <= .greatestFiniteMagnitude {
        mean = new
        return (new.squareRoot(), false)
      }
    }
    let old = (mean < 0 ? -mean : mean.squareRoot()) * decay.squareRoot()
    let added = g.magnitude * rest.squareRoot()
    // √(a² + b²) without the squares.
    let (larger, smaller) = old > added ? (old, added) : (added, old)
    let ratio = smaller / larger
    let root = larger * (1 + ratio * ratio).squareRoot()
    mean = root * root <= .greatestFiniteMagnitude ? root * root : -root
    return (root, true)
  }
}
