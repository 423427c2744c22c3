import COneDNN
import RealModule

extension Float: TensorElement {
  public static var typeName: String { "F32" }

  /// oneDNN's product, cut into parts that depend on the shape alone, so that the bits do not depend on the number of
  /// threads: each part is computed by one thread.
  public static func multiply(_ product: MatrixProduct<Float>) {
    // About 25 µs of one core: less is not worth sharing.
    let operationsPerPart = 1 << 21
    let smallestPart = 32
    let operations = product.rows * product.columns * product.inner
    let splitsRows = product.rows >= product.columns
    let length = splitsRows ? product.rows : product.columns
    let wanted = Swift.min(16, operations / operationsPerPart, length / smallestPart)
    guard wanted > 1 else { return multiplyPart(product) }
    // Whole multiples of 16, the width of the library's register blocks.
    let partLength = ((length + wanted - 1) / wanted + 15) / 16 * 16
    let partCount = (length + partLength - 1) / partLength
    Parallel.forEach(partCount) { part in
      let range = part * partLength..<Swift.min(length, (part + 1) * partLength)
      multiplyPart(
        splitsRows
          ? product.part(rows: range, columns: 0..<product.columns)
          : product.part(rows: 0..<product.rows, columns: range))
    }
  }

  private static func multiplyPart(_ product: MatrixProduct<Float>) {
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
