import COneDNN

extension Float: TensorElement {
  public static var kernels: KernelSet<Float>? { .selected }

  /// oneDNN's product, cut into parts that depend on the shape alone, so that the bits do not depend on the number of
  /// threads: each part is computed by one thread.
  public static func multiply(_ product: MatrixProduct<Float>) {
    let (rows, columns, inner) = (product.rows, product.columns, product.inner)
    let parts = partCount(of: product)
    if parts == 1 {
      multiplyPart(product)
    } else if inner >= 2 * Swift.max(rows, columns) {
      multiplyCuttingInner(product, parts: parts)
    } else {
      let cutsRows = rows >= columns
      let length = cutsRows ? rows : columns
      let partLength = roundedUp((length + parts - 1) / parts)
      Parallel.forEach((length + partLength - 1) / partLength) { part in
        let range = part * partLength..<Swift.min(length, (part + 1) * partLength)
        multiplyPart(
          cutsRows
            ? product.part(rows: range, columns: 0..<columns) : product.part(rows: 0..<rows, columns: range))
      }
    }
  }

  /// A power of two. Every part packs the factor that is not cut again, so they are few and not narrow.
  private static func partCount(of product: MatrixProduct<Float>) -> Int {
    // A matrix times one vector is as slow as memory: it counts for more.
    let operations = product.rows * product.columns * product.inner * (product.rows == 1 ? 4 : 1)
    // Some 15 µs of one core: less is not worth sharing.
    guard operations >= 1 << 20 else { return 1 }
    let narrowest = 48
    let longest = Swift.max(product.rows, product.columns, product.inner / 2)
    let most = Swift.max(1, Swift.min(16, longest / narrowest))
    let wanted = Swift.min(most, Swift.max(2, operations >> 23))
    return 1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount)
  }

  /// A whole multiple of 16, the width of the library's register blocks.
  private static func roundedUp(_ length: Int) -> Int { (length + 15) / 16 * 16 }

  /// Cuts the sums themselves, where they are long and the result is small, and adds up the parts in their order.
  private static func multiplyCuttingInner(_ product: MatrixProduct<Float>, parts: Int) {
    let (rows, columns) = (product.rows, product.columns)
    let partLength = roundedUp((product.inner + parts - 1) / parts)
    let count = (product.inner + partLength - 1) / partLength
    let size = rows * columns
    withScratch((count - 1) * size, of: Float.self) { others in
      Parallel.forEach(count) { part in
        let range = part * partLength..<Swift.min(product.inner, (part + 1) * partLength)
        var piece = product.part(inner: range)
        if part > 0 {
          piece.result = others + (part - 1) * size
          piece.resultStride = columns
          piece.accumulates = false
        }
        multiplyPart(piece)
      }
      for part in 0..<count - 1 {
        for row in 0..<rows {
          accumulate(
            others + part * size + row * columns, into: product.result + row * product.resultStride, columns)
        }
      }
    }
  }

  /// One part, on the calling thread.
  private static func multiplyPart(_ product: MatrixProduct<Float>) {
    withSpreadRows(of: product.left, rows: product.inner, columns: product.rows, where: product.left.isTransposed) {
      left in
      withSpreadRows(
        of: product.right, rows: product.inner, columns: product.columns, where: !product.right.isTransposed
      ) { right in
        var spread = product
        spread.left = left
        spread.right = right
        callLibrary(spread)
      }
    }
  }

  /// Lends a factor whose stored rows the library reads by columns, copied to another distance between rows where they
  /// are a multiple of a kibibyte apart: such rows fight for the same few places of the caches, and the product takes up
  /// to twice as long.
  private static func withSpreadRows(
    of factor: MatrixProduct<Float>.Factor, rows: Int, columns: Int, where isReadByColumns: Bool,
    _ body: (MatrixProduct<Float>.Factor) -> Void
  ) {
    guard isReadByColumns, factor.rowStride % 256 == 0, rows >= 16, columns >= 16 else { return body(factor) }
    let stride = roundedUp(columns) + 16
    withScratch(rows * stride, of: Float.self) { copy in
      for row in 0..<rows {
        (copy + row * stride).update(from: factor.elements + row * factor.rowStride, count: columns)
      }
      body(.init(elements: copy, rowStride: stride, isTransposed: factor.isTransposed))
    }
  }

  private static func callLibrary(_ product: MatrixProduct<Float>) {
    let status = norma_onednn_sgemm(
      product.left.isTransposed, product.right.isTransposed, product.rows, product.columns, product.inner,
      product.left.elements, product.left.rowStride, product.right.elements, product.right.rowStride,
      product.accumulates, product.result, product.resultStride)
    require(
      status == 0,
      "oneDNN refused a matrix product [\(product.rows), \(product.inner)]·[\(product.inner), \(product.columns)]: \(status)"
    )
  }
}
