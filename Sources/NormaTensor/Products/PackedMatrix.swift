/// A matrix `[inner, columns]` that has been brought into the order in which the kernels read a right factor, to be multiplied with
/// again and again, from several threads at once if wanted.
package struct PackedMatrix<Element: TensorElement>: Sendable {
  /// The matrix as it is stored: `[inner, columns]`, or `[columns, inner]` if it is read transposed.
  package let matrix: Tensor<Element>
  private let isTransposed: Bool
  /// Panels of sixteen columns, `[⌈columns / 16⌉, inner, 16]`, filled up with zeros; nil where there were no kernels to use them.
  private let panels: Tensor<Element>?

  /// The matrix, read transposed on request.
  package init(_ matrix: Tensor<Element>, transposing isTransposed: Bool = false) {
    require(matrix.rank == 2, "a tensor of shape \(matrix.shape) is not a matrix")
    self.matrix = matrix
    self.isTransposed = isTransposed
    let (columns, inner) = (matrix.shape[isTransposed ? 0 : 1], matrix.shape[isTransposed ? 1 : 0])
    guard let kernels = Element.kernels, columns > 0, inner > 0 else {
      panels = nil
      return
    }
    let width = KernelProduct<Element>.columnsOfPanel
    panels = Tensor(shape: [(columns + width - 1) / width, inner, width]) { panels in
      matrix.withUnsafeElements { matrix in
        let table = kernels.table.pointee
        (isTransposed ? table.pack_columns : table.pack_rows)!(
          kernels(matrix.baseAddress!), isTransposed ? inner : columns, inner, columns, kernels(panels.baseAddress!))
      }
    }
  }

  /// `x · matrix + bias`, and ReLU if `rectifies`: x `[rows, inner]`, bias `[columns]` if any, to `[rows, columns]`.
  @specialized(where Element == Float)
  package func product(
    _ x: Tensor<Element>, bias: Tensor<Element>? = nil, rectifies: Bool = false
  ) -> Tensor<Element> {
    x.matrixProduct(matrix, transposingOther: isTransposed, bias: bias, rectifies: rectifies, panels: panels)
  }
}
