/// A matrix `[inner, columns]` that has been brought into the order in which the kernels read a right factor, to be multiplied with
/// again and again, from several threads at once if wanted.
package struct PackedMatrix<Element: TensorElement>: Sendable {
  /// How many terms a product has, and how many columns.
  package let inner: Int, columns: Int
  private let form: Form

  /// What is kept of the matrix.
  private enum Form {
    /// The matrix as it is stored, where there were no kernels to read panels.
    case matrix(Tensor<Element>, isTransposed: Bool)
    /// Panels of sixteen columns, `[⌈columns / 16⌉, inner, 16]`, filled up with zeros.
    case panels(Tensor<Element>)
  }

  /// The matrix `[inner, columns]`, or `[columns, inner]` if it is read transposed.
  package init(_ matrix: Tensor<Element>, transposing isTransposed: Bool = false) {
    require(matrix.rank == 2, "a tensor of shape \(matrix.shape) is not a matrix")
    let (columns, inner) = (matrix.shape[isTransposed ? 0 : 1], matrix.shape[isTransposed ? 1 : 0])
    (self.inner, self.columns) = (inner, columns)
    guard let kernels = Element.kernels, columns > 0, inner > 0 else {
      form = .matrix(matrix, isTransposed: isTransposed)
      return
    }
    let width = KernelProduct<Element>.columnsOfPanel
    form = .panels(
      Tensor(shape: [(columns + width - 1) / width, inner, width]) { panels in
        matrix.withUnsafeElements { matrix in
          let table = kernels.table.pointee
          (isTransposed ? table.pack_columns : table.pack_rows)!(
            kernels(matrix.baseAddress!), isTransposed ? inner : columns, inner, columns, kernels(panels.baseAddress!))
        }
      })
  }

  /// `x · matrix + bias`, and ReLU if `rectifies`: x `[rows, inner]`, bias `[columns]` if any, to `[rows, columns]`.
  @specialized(where Element == Float)
  package func product(
    _ x: Tensor<Element>, bias: Tensor<Element>? = nil, rectifies: Bool = false
  ) -> Tensor<Element> {
    switch form {
    case .matrix(let matrix, let isTransposed):
      return x.matrixProduct(matrix, transposingOther: isTransposed, bias: bias, rectifies: rectifies)
    case .panels(let panels):
      guard Element.kernels != nil else {
        return x.matrixProduct(unpacked(panels), bias: bias, rectifies: rectifies)
      }
      return x.matrixProduct(panels: panels, columns: columns, bias: bias, rectifies: rectifies)
    }
  }

  /// The matrix `[inner, columns]` once more: the definition, which runs where kernels are switched off, knows no panels.
  private func unpacked(_ panels: Tensor<Element>) -> Tensor<Element> {
    let width = KernelProduct<Element>.columnsOfPanel
    return Tensor(shape: [inner, columns]) { matrix in
      panels.withUnsafeElements { panels in
        for term in 0..<inner {
          for column in 0..<columns {
            matrix.initializeElement(
              at: term * columns + column, to: panels[(column / width * inner + term) * width + column % width])
          }
        }
      }
    }
  }
}
