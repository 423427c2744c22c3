import NormaTensor

extension OperatorCall {
  /// `Gemm`: `alpha · A · B + beta · C`, where A and B may be read transposed and C is repeated to the result's shape.
  func gemm() throws(ONNXError) -> [ONNXTensor] {
    let (a, b) = (try floats(0), try floats(1))
    let (transposesA, transposesB) = (try integer("transA", or: 0) != 0, try integer("transB", or: 0) != 0)
    guard a.rank == 2, b.rank == 2, a.shape[transposesA ? 0 : 1] == b.shape[transposesB ? 1 : 0] else {
      throw malformed("no product of shapes \(a.shape) and \(b.shape)")
    }
    let lengths = [a.shape[transposesA ? 1 : 0], b.shape[transposesB ? 0 : 1]]
    let shape = try shape(lengths)
    var product = a.matrixProduct(b, transposingSelf: transposesA, transposingOther: transposesB)
    let (alpha, beta) = (Element(try number("alpha", or: 1)), Element(try number("beta", or: 1)))
    if alpha != 1 { product = product.applying(.scale(alpha)) }
    guard let c = try optionalFloats(2) else { return [.numbers(product)] }
    guard commonShape(c.shape, shape) == lengths else { throw malformed("C of shape \(c.shape) does not fit \(shape)") }
    let addend = c.broadcast(to: shape)
    return [.numbers(product + (beta == 1 ? addend : addend.applying(.scale(beta))))]
  }

  /// `MatMul`, by NumPy's rules: of the last two axes, for each place of those before, which are repeated where one of the
  /// factors has them alone; a vector is a row on the left and a column on the right.
  func matrixProduct() throws(ONNXError) -> [ONNXTensor] {
    var (a, b) = (try floats(0), try floats(1))
    guard a.rank > 0, b.rank > 0 else { throw malformed("a product with a single number") }
    let (isRow, isColumn) = (a.rank == 1, b.rank == 1)
    if isRow { a = a.reshaped(to: [1, a.count]) }
    if isColumn { b = b.reshaped(to: [b.count, 1]) }
    let (rows, inner, columns) = (a.shape[a.rank - 2], a.shape[a.rank - 1], b.shape[b.rank - 1])
    guard b.shape[b.rank - 2] == inner,
      let batch = commonShape(Shape(a.shape.dropLast(2)), Shape(b.shape.dropLast(2)))
    else { throw malformed("no product of shapes \(a.shape) and \(b.shape)") }
    let lengths = batch + (isRow ? [] : [rows]) + (isColumn ? [] : [columns])
    let shape = try shape(lengths)
    // One matrix for all rows.
    if b.rank == 2, inner > 0 {
      return [.numbers(a.reshaped(to: [a.count / inner, inner]).matrixProduct(b).reshaped(to: shape))]
    }
    let left = try matrices(a, batch), right = try matrices(b, batch)
    let products = zip(left, right).map { $0.matrixProduct($1) }
    guard !products.isEmpty else { return [.numbers(Tensor<Element>.zeros(shape))] }
    return [.numbers(Tensor<Element>.concatenating(rows: products).reshaped(to: shape))]
  }

  /// The matrices in the last two axes of a tensor, repeated for each place of the given axes before them.
  private func matrices(_ x: Tensor<Element>, _ batch: [Int]) throws(ONNXError) -> [Tensor<Element>] {
    let (rows, columns) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
    let repeated = try shape(batch + [rows, columns])
    let stacked = x.broadcast(to: repeated).reshaped(to: [batch.reduce(1, *) * rows, columns])
    return (0..<batch.reduce(1, *)).map { stacked[rows: $0 * rows..<($0 + 1) * rows] }
  }

  /// `Det`: the determinants of matrices, by elimination in double precision.
  func determinant() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard x.rank >= 2, x.shape[x.rank - 1] == x.shape[x.rank - 2] else { throw malformed("matrices of \(x.shape)") }
    let size = x.shape[x.rank - 1]
    let result = try shape(Array(x.shape.dropLast(2)))
    try limit(Double(x.count) * Double(size))
    let all = x.elements
    let values = (0..<result.elementCount).map { index -> Element in
      var matrix = all[index * size * size..<(index + 1) * size * size].map { Double($0) }
      var product = 1.0
      for column in 0..<size {
        let pivot =
          (column..<size).max {
            matrix[$0 * size + column].magnitude < matrix[$1 * size + column].magnitude
          } ?? column
        if pivot != column {
          for place in 0..<size { matrix.swapAt(pivot * size + place, column * size + place) }
          product = -product
        }
        let largest = matrix[column * size + column]
        product *= largest
        guard largest != 0 else { return 0 }
        for row in column + 1..<max(size, column + 1) {
          let factor = matrix[row * size + column] / largest
          for place in column..<size { matrix[row * size + place] -= factor * matrix[column * size + place] }
        }
      }
      return Element(product)
    }
    return [.numbers(Tensor(values, shape: result))]
  }
}
