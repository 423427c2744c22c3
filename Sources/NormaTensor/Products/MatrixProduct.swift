import CKernels

/// One matrix product `[rows, inner] · [inner, columns] → [rows, columns]`, as pointers and strides, and what follows it: a bias
/// for each column, ReLU.
///
/// An element is a sum of `inner` terms, in their order: blocks of 256 terms (``termsOfBlock``), in a block one chain
/// `sum.addingTerm(x, w)` from 0, the sum of each block added to those before it. Then comes the bias, then ReLU. That is all there is to
/// say about its bits: they are the same on every instruction set, for every number of threads, and whatever other rows and
/// columns the product has. An error is at most some (256 + inner / 256) · u · Σ |x · w|, where u is 2⁻²⁴ for `Float`.
public struct MatrixProduct<Element: TensorElement> {
  /// One factor: its first element, the distance between its stored rows, and whether it is read transposed.
  public struct Factor {
    /// The first element in memory.
    public var elements: UnsafePointer<Element>
    /// The distance between rows as they are stored, in elements.
    public var rowStride: Int
    /// Whether the stored matrix is the factor's transpose.
    public var isTransposed: Bool

    /// A factor stored at `elements`.
    public init(elements: UnsafePointer<Element>, rowStride: Int, isTransposed: Bool = false) {
      self.elements = elements
      self.rowStride = rowStride
      self.isTransposed = isTransposed
    }

    /// The distance in memory from the factor's element (i, j) to (i + 1, j) and to (i, j + 1).
    var strides: (row: Int, column: Int) { isTransposed ? (1, rowStride) : (rowStride, 1) }
  }

  /// The terms of a sum that are one chain.
  public static var termsOfBlock: Int { Int(NORMA_TERMS) }

  /// The rows of the left factor and of the result.
  public var rows: Int
  /// The columns of the right factor and of the result.
  public var columns: Int
  /// The columns of the left factor and the rows of the right one.
  public var inner: Int
  /// `[rows, inner]`.
  public var left: Factor
  /// `[inner, columns]`.
  public var right: Factor
  /// The result's first element, `[rows, columns]`; its memory must not overlap with the factors'.
  public var result: UnsafeMutablePointer<Element>
  /// The distance between the result's rows, in elements.
  public var resultStride: Int
  /// What is added to each column, `[columns]`; nothing if nil.
  public var bias: UnsafePointer<Element>?
  /// Whether ReLU is applied at the end.
  public var rectifies: Bool
  /// The right factor's panels, see ``PackedMatrix``, where they have been made before.
  var panels: UnsafePointer<Element>?

  /// A product by its operands; all memory must outlive the call it is made for.
  public init(
    rows: Int, columns: Int, inner: Int, left: Factor, right: Factor, result: UnsafeMutablePointer<Element>,
    resultStride: Int, bias: UnsafePointer<Element>? = nil, rectifies: Bool = false
  ) {
    self.rows = rows
    self.columns = columns
    self.inner = inner
    self.left = left
    self.right = right
    self.result = result
    self.resultStride = resultStride
    self.bias = bias
    self.rectifies = rectifies
  }

  /// Computes the product.
  public func compute() {
    guard rows > 0, columns > 0 else { return }
    if let kernels = Element.kernels {
      KernelProduct(self, kernels).compute()
    } else {
      computeByDefinition()
    }
  }

  /// The definition, as loops: a row of sums at a time. `Double` runs on it.
  func computeByDefinition() {
    let rowsPerTicket = 8
    Parallel.forEach((rows + rowsPerTicket - 1) / rowsPerTicket) { ticket in
      withScratch(columns, of: Element.self) { sums in
        for row in ticket * rowsPerTicket..<Swift.min(rows, (ticket + 1) * rowsPerTicket) {
          multiplyRow(
            left.elements + row * left.strides.row, left.strides.column, right, into: result + row * resultStride, sums,
            columns: columns, inner: inner)
          finishRow(result + row * resultStride, bias, columns, rectifies)
        }
      }
    }
  }
}

/// One row of a product: `row[k]` for each term stands `step` after the last. `sums` lends memory for a row.
@specialized(where Element == Double)
private func multiplyRow<Element: TensorElement>(
  _ row: UnsafePointer<Element>, _ step: Int, _ right: MatrixProduct<Element>.Factor,
  into result: UnsafeMutablePointer<Element>, _ sums: UnsafeMutablePointer<Element>, columns: Int, inner: Int
) {
  for column in 0..<columns { result[column] = 0 }
  let terms = MatrixProduct<Element>.termsOfBlock
  for first in stride(from: 0, to: inner, by: terms) {
    for column in 0..<columns { sums[column] = 0 }
    let end = min(first + terms, inner)
    if right.isTransposed {
      for column in 0..<columns {
        let values = right.elements + column * right.rowStride
        var sum: Element = 0
        for k in first..<end { sum = sum.addingTerm(row[k * step], values[k]) }
        sums[column] = sum
      }
    } else {
      for k in first..<end {
        let (x, values) = (row[k * step], right.elements + k * right.rowStride)
        for column in 0..<columns { sums[column] = sums[column].addingTerm(x, values[column]) }
      }
    }
    // The first block is the result as it is: 0 + (−0) would not be.
    if first == 0 {
      for column in 0..<columns { result[column] = sums[column] }
    } else {
      for column in 0..<columns { result[column] += sums[column] }
    }
  }
}

@specialized(where Element == Double)
private func finishRow<Element: TensorElement>(
  _ row: UnsafeMutablePointer<Element>, _ bias: UnsafePointer<Element>?, _ columns: Int, _ rectifies: Bool
) {
  if let bias {
    for column in 0..<columns { row[column] += bias[column] }
  }
  if rectifies {
    for column in 0..<columns where row[column] <= 0 { row[column] = 0 }
  }
}
