import RealModule

/// A number a tensor can hold: `Float` for work, `Double` for gradient checks and reference results.
///
/// Each type brings its own routines where they differ; everything else is one generic loop, compiled for both.
public protocol TensorElement: Real, BinaryFloatingPoint, Sendable {
  /// The type's name in safetensors files, such as `F32`.
  static var typeName: String { get }

  /// `C = A·B`, or `C += A·B`, for row-major matrices.
  static func multiply(_ product: MatrixProduct<Self>)
}

/// The operands of one matrix product `[rows, inner] · [inner, columns] → [rows, columns]`, as pointers and strides.
public struct MatrixProduct<Element> {
  /// One factor: its first element, the distance between its stored rows, and whether it is read transposed.
  public struct Factor {
    public var elements: UnsafePointer<Element>
    public var rowStride: Int
    public var isTransposed: Bool

    public init(elements: UnsafePointer<Element>, rowStride: Int, isTransposed: Bool) {
      self.elements = elements
      self.rowStride = rowStride
      self.isTransposed = isTransposed
    }

    /// The distance in memory from the factor's element (i, j) to (i + 1, j) and to (i, j + 1).
    var strides: (row: Int, column: Int) { isTransposed ? (1, rowStride) : (rowStride, 1) }
  }

  public var rows: Int
  public var columns: Int
  public var inner: Int
  public var left: Factor
  public var right: Factor
  public var result: UnsafeMutablePointer<Element>
  public var resultStride: Int
  /// Whether the product is added to what `result` holds instead of replacing it.
  public var accumulates: Bool

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
}
