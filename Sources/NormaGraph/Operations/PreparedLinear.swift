import NormaTensor

/// A linear map whose weights have been brought into the order that the kernels read: to be applied again and again,
/// from several threads at once if wanted.
struct PreparedLinear<Element: TensorElement>: Sendable {
  private let bias: Tensor<Element>?
  private let packed: PackedMatrix<Element>

  /// `x · weightᵀ + bias`.
  init(weight: Tensor<Element>, bias: Tensor<Element>?) {
    packed = PackedMatrix(weight, transposing: true)
    self.bias = bias
  }

  /// The outputs `[rows, outputs]` for rows `[rows, inputs]`, rectified if asked.
  func callAsFunction(_ x: Tensor<Element>, rectifies: Bool) -> Tensor<Element> {
    packed.product(x, bias: bias, rectifies: rectifies)
  }
}
