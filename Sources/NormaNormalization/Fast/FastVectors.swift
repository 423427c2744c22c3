import CKernels
import NormaTensor

/// The vectors `[C]` of one normalization of floats, as the kernels take them.
struct FastVectors {
  let pivot: UnsafeMutablePointer<Float>
  let scale: UnsafeMutablePointer<Float>
  let shift: UnsafeMutablePointer<Float>
  let mean: UnsafeMutablePointer<Double>
  let second: UnsafeMutablePointer<Double>
  let reciprocal: UnsafeMutablePointer<Double>
  let gamma: UnsafePointer<Float>?
  let beta: UnsafePointer<Float>?
  let epsilon: Double

  /// Computes them from the sums of `count` values around `base`, for the channels from `first` on.
  func finish(
    _ kernels: norma_kernels, base: UnsafePointer<Float>, sums: UnsafePointer<Double>,
    squares: UnsafePointer<Double>, first: Int, width: Int, count: Int
  ) {
    kernels.finish_moments(
      base, sums, squares, width, Double(count), epsilon, gamma.map { $0 + first }, beta.map { $0 + first },
      mean + first, second + first, reciprocal + first, pivot + first, scale + first, shift + first)
  }
}
