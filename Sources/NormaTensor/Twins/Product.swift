// The twins of CKernels/loops/product.h: matrix products, and the orders in which factors are kept.

import CKernels

/// The sum of `terms` products: one chain of fused multiply-adds from zero, in their order.
@inline(__always)
private func chain(_ terms: Int, _ a: UnsafePointer<Float>, _ aStep: Int, _ b: UnsafePointer<Float>, _ bStep: Int)
  -> Float
{
  var sum: Float = 0
  for k in 0..<terms { sum = sum.addingTerm(a[k * aStep], b[k * bStep]) }
  return sum
}

/// `c = a·b` for a block of terms, or `c += a·b` if `accumulates`; then the bias is added to each row, and ReLU
/// applied. Row r and term k of the left factor stand at `a[r · rowStep + k · innerStep]`; term k and column j of the
/// right one, which is read in panels of sixteen columns, at `b[j / 16 · panelStep + k · termStep + j % 16]`.
func productTwin(
  _ a: UnsafePointer<Float>!, _ rowStep: Int, _ innerStep: Int, _ b: UnsafePointer<Float>!, _ panelStep: Int,
  _ termStep: Int, _ c: UnsafeMutablePointer<Float>!, _ stride: Int, _ rows: Int, _ terms: Int, _ columns: Int,
  _ accumulates: Bool, _ bias: UnsafePointer<Float>?, _ rectifies: Bool
) {
  for row in 0..<rows {
    for column in 0..<columns {
      let factor = b + (column / lanesOfGroup * panelStep + column % lanesOfGroup)
      var value = chain(terms, a + row * rowStep, innerStep, factor, termStep)
      if accumulates { value = c[row * stride + column] + value }
      if let bias { value += bias[column] }
      c[row * stride + column] = rectified(value, rectifies)
    }
  }
}

/// A product with a right factor that is stored transposed, term k of column j at `b[j · stride + k]`: a chain for each block of terms,
/// which are added in their order.
func productOfColumnsTwin(
  _ a: UnsafePointer<Float>!, _ rowStep: Int, _ b: UnsafePointer<Float>!, _ stride: Int,
  _ c: UnsafeMutablePointer<Float>!, _ resultStride: Int, _ rows: Int, _ terms: Int, _ columns: Int
) {
  let termsOfBlock = Int(NORMA_TERMS)
  for row in 0..<rows {
    for column in 0..<columns {
      let (left, right) = (a + row * rowStep, b + column * stride)
      var sum = chain(min(terms, termsOfBlock), left, 1, right, 1)
      for first in Swift.stride(from: termsOfBlock, to: terms, by: termsOfBlock) {
        sum += chain(min(terms - first, termsOfBlock), left + first, 1, right + first, 1)
      }
      c[row * resultStride + column] = sum
    }
  }
}

/// A matrix that was computed transposed: `to[i][j] = from[j][i] + bias[j]`, and ReLU.
func writeTransposedTwin(
  _ from: UnsafePointer<Float>!, _ stride: Int, _ to: UnsafeMutablePointer<Float>!, _ resultStride: Int, _ rows: Int,
  _ columns: Int, _ bias: UnsafePointer<Float>?, _ rectifies: Bool
) {
  for row in 0..<rows {
    for column in 0..<columns {
      let value = from[column * stride + row]
      to[row * resultStride + column] = rectified(bias.map { value + $0[column] } ?? value, rectifies)
    }
  }
}

/// Panels of a matrix, `to[p][k][j]` being term k of column `16 · p + j`, and zero beyond the last column.
@inline(__always)
private func pack(
  _ terms: Int, _ columns: Int, _ to: UnsafeMutablePointer<Float>, element: (_ term: Int, _ column: Int) -> Float
) {
  for first in stride(from: 0, to: columns, by: lanesOfGroup) {
    for term in 0..<terms {
      for lane in 0..<lanesOfGroup {
        to[first * terms + term * lanesOfGroup + lane] = first + lane < columns ? element(term, first + lane) : 0
      }
    }
  }
}

/// Panels of a matrix whose columns of terms stand side by side.
func packRowsTwin(
  _ from: UnsafePointer<Float>!, _ stride: Int, _ terms: Int, _ columns: Int, _ to: UnsafeMutablePointer<Float>!
) {
  pack(terms, columns, to) { from[$0 * stride + $1] }
}

/// Panels of a matrix that is stored transposed.
func packColumnsTwin(
  _ from: UnsafePointer<Float>!, _ stride: Int, _ terms: Int, _ columns: Int, _ to: UnsafeMutablePointer<Float>!
) {
  pack(terms, columns, to) { from[$1 * stride + $0] }
}
