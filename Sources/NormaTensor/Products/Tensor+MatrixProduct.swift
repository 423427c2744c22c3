extension Tensor {
  /// The matrix product `[…, M, K] · […, K, N] → […, M, N]`, with either factor read transposed on request: one product for each
  /// place of the axes before the last two, which both have in common.
  ///
  /// - Parameters:
  ///   - other: the right factor.
  ///   - transposingSelf: whether this tensor is `[…, K, M]`.
  ///   - transposingOther: whether `other` is `[…, N, K]`.
  ///   - bias: what is added to each row of the product, `[N]`; nothing if nil.
  ///   - rectifies: whether ReLU is applied at the end.
  @specialized(where Element == Float)
  public func matrixProduct(
    _ other: Tensor, transposingSelf: Bool = false, transposingOther: Bool = false, bias: Tensor? = nil,
    rectifies: Bool = false
  ) -> Tensor {
    let (rows, inner) = matrixShape(transposed: transposingSelf)
    let (otherInner, columns) = other.matrixShape(transposed: transposingOther)
    require(
      inner == otherInner && rank == other.rank
        && (rank == 2 || shape.dropLast(2).elementsEqual(other.shape.dropLast(2))),
      "matrix product of shapes \(shape)\(transposingSelf ? "ᵀ" : "") and \(other.shape)\(transposingOther ? "ᵀ" : "")")
    require(bias.map { $0.count == columns } ?? true, "a bias of shape \(bias?.shape ?? []) for \(columns) columns")
    let (result, elements) = Tensor.unwritten(
      shape.rank == 2 ? [rows, columns] : Shape(shape.dropLast(2) + [rows, columns]))
    withExtendedLifetime((self, other, bias)) {
      let product = MatrixProduct(
        rows: rows, columns: columns, inner: inner,
        left: .init(elements: address, rowStride: shape[rank - 1], isTransposed: transposingSelf),
        right: .init(elements: other.address, rowStride: other.shape[rank - 1], isTransposed: transposingOther),
        result: elements, resultStride: columns, bias: bias?.address, rectifies: rectifies)
      product.compute(times: shape.rank == 2 ? 1 : shape.dropLast(2).reduce(1, *))
    }
    return result
  }

  /// The product of this matrix with one of so many columns that is there as panels, see ``PackedMatrix``; for the kernels alone.
  func matrixProduct(panels: Tensor, columns: Int, bias: Tensor?, rectifies: Bool) -> Tensor {
    let (rows, inner) = matrixShape(transposed: false)
    require(
      rank == 2 && inner == panels.shape[1], "matrix product of shape \(shape) and a matrix of \(panels.shape[1]) rows")
    require(bias.map { $0.count == columns } ?? true, "a bias of shape \(bias?.shape ?? []) for \(columns) columns")
    let (result, elements) = Tensor.unwritten([rows, columns])
    withExtendedLifetime((self, panels, bias)) {
      var product = MatrixProduct(
        rows: rows, columns: columns, inner: inner,
        left: .init(elements: address, rowStride: inner, isTransposed: false),
        right: .init(elements: panels.address, rowStride: columns, isTransposed: false), result: elements,
        resultStride: columns, bias: bias?.address, rectifies: rectifies)
      product.panels = panels.address
      product.compute()
    }
    return result
  }

  private func matrixShape(transposed: Bool) -> (rows: Int, columns: Int) {
    require(rank >= 2, "a tensor of shape \(shape) is not a matrix")
    let (rows, columns) = (shape[rank - 2], shape[rank - 1])
    return transposed ? (columns, rows) : (rows, columns)
  }
}

extension MatrixProduct {
  /// So many products, of factors that lie one after the other; small ones are shared out among threads, large ones share out their own
  /// work.
  fileprivate func compute(times count: Int) {
    guard count > 1 else {
      if count == 1 { compute() }
      return
    }
    func computeOne(_ index: Int) {
      var one = self
      one.left.elements += index * rows * inner
      one.right.elements += index * inner * columns
      one.result += index * rows * columns
      one.compute()
    }
    let work = max(1, rows * columns * inner)
    if work >= 1 << 21 { return (0..<count).forEach(computeOne) }
    let productsOfTicket = max(1, (1 << 18) / work)
    Parallel.forEach((count + productsOfTicket - 1) / productsOfTicket) { ticket in
      for index in ticket * productsOfTicket..<min(count, (ticket + 1) * productsOfTicket) { computeOne(index) }
    }
  }
}
