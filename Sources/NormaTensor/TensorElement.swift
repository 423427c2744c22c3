/// A number a tensor can hold: `Float` for work, `Double` for gradient checks and reference results.
///
/// Each type brings its own routines where they differ; everything else is one generic loop, compiled for both.
public protocol TensorElement: BinaryFloatingPoint, BitwiseCopyable, Sendable {
  /// `C = A·B`, or `C += A·B`, for row-major matrices.
  static func multiply(_ product: MatrixProduct<Self>)

  /// The compiled kernels for the type, where it has any and they are in use; nil where the loops that define them serve.
  static var kernels: KernelSet<Self>? { get }
}

extension TensorElement {
  public static var kernels: KernelSet<Self>? { nil }
}

/// The operands of one matrix product `[rows, inner] · [inner, columns] → [rows, columns]`, as pointers and strides.
public struct MatrixProduct<Element> {
  /// One factor: its first element, the distance between its stored rows, and whether it is read transposed.
  public struct Factor {
    /// The first element in memory.
    public var elements: UnsafePointer<Element>
    /// The distance between rows as they are stored, in elements.
    public var rowStride: Int
    /// Whether the stored matrix is the factor's transpose.
    public var isTransposed: Bool

    /// A factor stored at `elements`.
    public init(elements: UnsafePointer<Element>, rowStride: Int, isTransposed: Bool) {
      self.elements = elements
      self.rowStride = rowStride
      self.isTransposed = isTransposed
    }

    /// The distance in memory from the factor's element (i, j) to (i + 1, j) and to (i, j + 1).
    var strides: (row: Int, column: Int) { isTransposed ? (1, rowStride) : (rowStride, 1) }
  }

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
  /// Whether the product is added to what `result` holds instead of replacing it.
  public var accumulates: Bool

  /// A product by its operands; all memory must outlive the call it is made for.
  public init(
    rows: Int, columns: Int, inner: Int, left: Factor, right: Factor, result: UnsafeMutablePointer<Element>,
    resultStride: Int, accumulates: Bool
  ) {
    self.rows = rows
    self.columns = columns
    self.inner = inner
    self.left = left
    self.right = right
    self.result = result
    self.resultStride = resultStride
    self.accumulates = accumulates
  }

  /// The same product for a part of the result.
  func part(rows rowRange: Range<Int>, columns columnRange: Range<Int>) -> MatrixProduct {
    var part = self
    part.rows = rowRange.count
    part.columns = columnRange.count
    part.left.elements += rowRange.lowerBound * left.strides.row
    part.right.elements += columnRange.lowerBound * right.strides.column
    part.result += rowRange.lowerBound * resultStride + columnRange.lowerBound
    return part
  }

  /// The part of the product that a range of the inner dimension gives.
  func part(inner range: Range<Int>) -> MatrixProduct {
    var part = self
    part.inner = range.count
    part.left.elements += range.lowerBound * left.strides.column
    part.right.elements += range.lowerBound * right.strides.row
    return part
  }
}
