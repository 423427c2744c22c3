extension Tensor {
  /// The matrix product `[M, K] · [K, N] → [M, N]`, with either factor read transposed on request.
  ///
  /// - Parameters:
  ///   - other: the right factor.
  ///   - transposingSelf: whether this tensor is `[K, M]`.
  ///   - transposingOther: whether `other` is `[N, K]`.
  ///   - bias: what is added to each row of the product, `[N]`; nothing if nil.
  ///   - rectifies: whether ReLU is applied at the end.
  @specialized(where Element == Float)
  public func matrixProduct(
    _ other: Tensor, transposingSelf: Bool = false, transposingOther: Bool = false, bias: Tensor? = nil,
    rectifies: Bool = false
  ) -> Tensor {
    matrixProduct(
      other, transposingSelf: transposingSelf, transposingOther: transposingOther, bias: bias, rectifies: rectifies,
      panels: nil)
  }

  /// The same, where the panels of `other` may have been made before.
  @specialized(where Element == Float)
  func matrixProduct(
    _ other: Tensor, transposingSelf: Bool = false, transposingOther: Bool, bias: Tensor?, rectifies: Bool,
    panels: Tensor?
  ) -> Tensor {
    let (rows, inner) = matrixShape(transposed: transposingSelf)
    let (otherInner, columns) = other.matrixShape(transposed: transposingOther)
    require(
      inner == otherInner,
      "matrix product of shapes \(shape)\(transposingSelf ? "ᵀ" : "") and \(other.shape)\(transposingOther ? "ᵀ" : "")")
    require(bias.map { $0.count == columns } ?? true, "a bias of shape \(bias?.shape ?? []) for \(columns) columns")
    let (result, elements) = Tensor.unwritten([rows, columns])
    withExtendedLifetime((self, other, bias, panels)) {
      var product = MatrixProduct(
        rows: rows, columns: columns, inner: inner,
        left: .init(elements: address, rowStride: shape[1], isTransposed: transposingSelf),
        right: .init(elements: other.address, rowStride: other.shape[1], isTransposed: transposingOther),
        result: elements, resultStride: columns, bias: bias?.address, rectifies: rectifies)
      product.panels = panels?.address
      product.compute()
    }
    return result
  }

  private func matrixShape(transposed: Bool) -> (rows: Int, columns: Int) {
    require(rank == 2, "a tensor of shape \(shape) is not a matrix")
    return transposed ? (shape[1], shape[0]) : (shape[0], shape[1])
  }
}
