extension Double: TensorElement {
  /// A plain product: four rows of the result at a time, the inner loop along contiguous columns where there are any.
  public static func multiply(_ product: MatrixProduct<Double>) {
    let left = product.left.strides
    let right = product.right.strides
    let rowsPerPart = 16
    Parallel.forEach((product.rows + rowsPerPart - 1) / rowsPerPart) { part in
      for row in part * rowsPerPart..<Swift.min(product.rows, (part + 1) * rowsPerPart) {
        let result = product.result + row * product.resultStride
        if !product.accumulates { result.update(repeating: 0, count: product.columns) }
        let leftRow = product.left.elements + row * left.row
        if right.column == 1 {
          for inner in 0..<product.inner {
            let factor = leftRow[inner * left.column]
            let rightRow = product.right.elements + inner * right.row
            for column in 0..<product.columns { result[column] += factor * rightRow[column] }
          }
        } else {
          for column in 0..<product.columns {
            let rightColumn = product.right.elements + column * right.column
            var sum = 0.0
            for inner in 0..<product.inner { sum += leftRow[inner * left.column] * rightColumn[inner * right.row] }
            result[column] += sum
          }
        }
      }
    }
  }
}
