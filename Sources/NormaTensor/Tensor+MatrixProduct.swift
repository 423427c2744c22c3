extension Tensor {
  /// The matrix product `[M, K] · [K, N] → [M, N]`, with either factor read transposed on request.
  @specialized(where Element == Float)
  public func matrixProduct(
    _ other: Tensor, transposingSelf: Bool = false, transposingOther: Bool = false
  ) -> Tensor {
    let (rows, inner) = matrixShape(transposed: transposingSelf)
    let (otherInner, columns) = other.matrixShape(transposed: transposingOther)
    require(
      inner == otherInner,
      "matrix product of shapes \(shape)\(transposingSelf ? "ᵀ" : "") and \(other.shape)\(transposingOther ? "ᵀ" : "")")
    guard inner > 0 else { return .zeros([rows, columns]) }
    return Tensor(shape: [rows, columns]) { result in
      withUnsafeElements { left in
        other.withUnsafeElements { right in
          guard let left = left.baseAddress, let right = right.baseAddress, let result = result.baseAddress,
            rows > 0, columns > 0
          else { return }
          Element.multiply(
            MatrixProduct(
              rows: rows, columns: columns, inner: inner,
              left: .init(elements: left, rowStride: shape[1], isTransposed: transposingSelf),
              right: .init(elements: right, rowStride: other.shape[1], isTransposed: transposingOther),
              result: result, resultStride: columns, accumulates: false))
        }
      }
    }
  }

  private func matrixShape(transposed: Bool) -> (rows: Int, columns: Int) {
    require(rank == 2, "a tensor of shape \(shape) is not a matrix")
    return transposed ? (shape[1], shape[0]) : (shape[0], shape[1])
  }
}
