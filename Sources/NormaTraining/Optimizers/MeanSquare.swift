import NormaTensor

/// A running mean of squares, as optimizers keep it: the mean itself, or where that is more than an element holds, less its root.
///
/// A gradient of 1e25 is a `Float`, and its square is not. The root always is one, and the mean is never below 0, so that the
/// sign is free to say which of the two is kept. Means that an element holds are computed as they always were.
enum MeanSquare {
  /// What a gradient's magnitude must be below for the plain formula: a mean of the squares of such is a `Float`.
  static var bound: Float { Float(sign: .plus, exponent: Float.greatestFiniteMagnitude.exponent / 2, significand: 1) }

  /// Makes a step of numbers by kernels, and of those that do not fit the plain formula, or where there are no kernels, by the loop
  /// that defines it.
  ///
  /// - Parameters:
  ///   - kernel: makes it from a number on, and returns how many of the rest it was made for; nil where there are no kernels.
  ///   - loop: makes it for so many numbers from one on.
  static func step(_ count: Int, kernel: ((Int) -> Int)?, loop: (_ start: Int, _ count: Int) -> Void) {
    guard let kernel else { return loop(0, count) }
    var done = 0
    while true {
      done += kernel(done)
      guard done < count else { return }
      let length = min(64, count - done)
      loop(done, length)
      done += length
    }
  }

  /// The root of a mean.
  @inline(__always)
  static func root<Element: TensorElement>(_ mean: Element) -> Element { mean < 0 ? -mean : mean.squareRoot() }

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
