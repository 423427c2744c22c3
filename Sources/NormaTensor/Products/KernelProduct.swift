import CKernels

/// A matrix product on the kernels: which of the ways to read the factors, and how the work is cut, both by the shape alone. None of
/// it changes a bit of the result.
struct KernelProduct<Element: TensorElement> {
  /// The columns that the kernels compute side by side.
  static var columnsOfPanel: Int { 16 }

  private let product: MatrixProduct<Element>
  private let kernels: KernelSet<Element>
  private let (rows, columns, inner): (Int, Int, Int)

  init(_ product: MatrixProduct<Element>, _ kernels: KernelSet<Element>) {
    self.product = product
    self.kernels = kernels
    (rows, columns, inner) = (product.rows, product.columns, product.inner)
  }

  func compute() {
    if product.panels == nil, product.right.isTransposed, !product.left.isTransposed {
      if rows <= 4 { return computeFewRows() }
      if isShorterTransposed { return computeTransposed() }
    }
    if isWorthCuttingSums { return computeCuttingSums() }
    computeTiles()
  }
}

// MARK: - Tiles

extension KernelProduct {
  /// Terms that are worth a ticket: some 5 µs of one core.
  private static var workOfTicket: Int { 1 << 18 }

  /// A part of the result, and of the sums.
  private struct Part {
    var rows, columns, terms: Range<Int>
  }

  /// As many equal parts of a length as are wanted, each a multiple of `unit` but the last.
  private static func cut(_ length: Int, into parts: Int, multiplesOf unit: Int) -> (length: Int, count: Int) {
    let units = (length + unit - 1) / unit
    let unitsOfPart = (units + parts - 1) / max(1, parts)
    let part = max(1, unitsOfPart) * unit
    return (part, (length + part - 1) / part)
  }

  /// The columns that are brought into panels at once: those of the widest tile, so that they stay in the first cache; where rows share
  /// its lines, and tiles are lower, of two.
  private var columnsAtOnce: Int {
    let width = 2 * Self.columnsOfPanel
    return !product.left.isTransposed && product.left.rowStride % 1024 == 0 ? 2 * width : width
  }

  /// Whether the right factor is read as it lies. A copy in panels is worth its while where it is read again often, or where rows some
  /// pages apart would fight for few places of the caches.
  private var readsRightInPlace: Bool {
    guard product.panels == nil, !product.right.isTransposed else { return false }
    let stride = product.right.rowStride
    return rows <= 24 || (rows <= 128 && stride % 1024 != 0) || (rows <= 512 && stride % 256 != 0)
  }

  /// The rows of a left factor that is stored transposed are copied for some rows at a time where they lie so far apart, and are so many,
  /// that a tile would touch more pages than the processor keeps addresses of.
  private var copiesLeft: Bool {
    product.left.isTransposed && product.left.rowStride >= 256 && inner > 128 && columns >= 64
  }

  /// The rows of such a copy: whole tiles, on every set.
  private static var rowsOfCopy: Int { 48 }

  /// Cuts the result into parts of columns, each of which reads its part of the right factor once; one of very many rows into parts of
  /// both, with the right factor brought into panels before.
  private func computeTiles() {
    // A matrix times a few rows is as slow as memory: it counts for more.
    let work = rows * columns * inner * (rows <= 4 ? 4 : 1)
    let wanted = min(32, max(1, work / Self.workOfTicket))
    let rowsWanted: Int
    if copiesLeft {
      rowsWanted = (rows + Self.rowsOfCopy - 1) / Self.rowsOfCopy
    } else if rows > 512 {
      rowsWanted = (rows + 255) / 256
    } else if columns < wanted * 2 * Self.columnsOfPanel && rows >= 48 {
      rowsWanted = min(rows / 24, wanted * 2 * Self.columnsOfPanel / columns)
    } else {
      rowsWanted = 1
    }
    let rowParts = Self.cut(
      rows, into: wanted == 1 && rows <= 512 && !copiesLeft ? 1 : max(1, rowsWanted), multiplesOf: 12)
    // Each part of the columns copies the left factor once more.
    let columnParts = Self.cut(
      columns,
      into: max(1, copiesLeft ? wanted / (2 * rowParts.count) : (wanted + rowParts.count - 1) / rowParts.count),
      multiplesOf: columnsAtOnce)

    func computeAll(panels: UnsafePointer<Element>?) {
      Parallel.forEach(rowParts.count * columnParts.count) { ticket in
        let row = ticket / columnParts.count * rowParts.length
        let column = ticket % columnParts.count * columnParts.length
        let part = Part(
          rows: row..<min(rows, row + rowParts.length), columns: column..<min(columns, column + columnParts.length),
          terms: 0..<inner)
        compute(part, panels: panels, into: product.result, stride: product.resultStride)
      }
    }
    if let panels = product.panels {
      computeAll(panels: panels)
    } else if rowParts.count > 1 && !readsRightInPlace {
      withPanels(computeAll)
    } else {
      computeAll(panels: nil)
    }
  }

  /// Lends the right factor in panels.
  private func withPanels(_ body: (UnsafePointer<Element>) -> Void) {
    let width = Self.columnsOfPanel
    let panels = (columns + width - 1) / width
    let panelsOfTicket = max(1, (1 << 16) / max(1, inner * width))
    withScratch(panels * inner * width, of: Element.self) { memory in
      Parallel.forEach((panels + panelsOfTicket - 1) / panelsOfTicket) { ticket in
        let first = ticket * panelsOfTicket * width
        let range = first..<min(columns, first + panelsOfTicket * width)
        pack(columns: range, terms: 0..<inner, into: memory + first * inner)
      }
      body(memory)
    }
  }

  /// Brings a part of the right factor into panels.
  private func pack(columns range: Range<Int>, terms: Range<Int>, into panels: UnsafeMutablePointer<Element>) {
    let right = product.right
    let first = kernels(right.elements + range.lowerBound * right.strides.column + terms.lowerBound * right.strides.row)
    if right.isTransposed {
      kernels.table.pointee.pack_columns(first, right.rowStride, terms.count, range.count, kernels(panels))
    } else {
      kernels.table.pointee.pack_rows(first, right.rowStride, terms.count, range.count, kernels(panels))
    }
  }

  /// Computes a part of the product on the calling thread: block after block of terms, in each some columns after the other.
  private func compute(
    _ part: Part, panels: UnsafePointer<Element>?, into result: UnsafeMutablePointer<Element>, stride resultStride: Int
  ) {
    let width = Self.columnsOfPanel
    if let panels {
      let (left, rows) = (product.left, part.rows.count)
      let copies = copiesLeft
      return withScratch(copies ? MatrixProduct<Element>.termsOfBlock * rows : 0, of: Element.self) { copy in
        forEachBlock(part.terms) { terms in
          if copies {
            for (place, term) in terms.enumerated() {
              (copy + place * rows).update(
                from: left.elements + (term * left.rowStride + part.rows.lowerBound), count: rows)
            }
          }
          multiply(
            part.rows, part.columns, terms, of: part, left: copies ? (UnsafePointer(copy), 1, rows) : nil,
            panels: panels + (part.columns.lowerBound * inner + terms.lowerBound * width), panelStep: inner * width,
            termStep: width, into: result, resultStride)
        }
      }
    }
    let readsInPlace = readsRightInPlace
    // Half a panel is read to its end too.
    let inPlaceEnd = readsInPlace ? part.columns.lowerBound + part.columns.count / 8 * 8 : part.columns.lowerBound
    let atOnce = columnsAtOnce
    withScratch(MatrixProduct<Element>.termsOfBlock * atOnce, of: Element.self) { memory in
      forEachBlock(part.terms) { terms in
        let inPlace = part.columns.lowerBound..<inPlaceEnd
        if !inPlace.isEmpty {
          let right = product.right
          multiply(
            part.rows, inPlace, terms, of: part,
            panels: right.elements + (terms.lowerBound * right.rowStride + inPlace.lowerBound), panelStep: width,
            termStep: right.rowStride, into: result, resultStride)
        }
        for first in Swift.stride(from: inPlaceEnd, to: part.columns.upperBound, by: atOnce) {
          let range = first..<min(part.columns.upperBound, first + atOnce)
          pack(columns: range, terms: terms, into: memory)
          multiply(
            part.rows, range, terms, of: part, panels: memory, panelStep: terms.count * width, termStep: width,
            into: result, resultStride)
        }
      }
    }
  }

  /// Calls `body` for each block of terms; once where there are none, since the result is written by it.
  private func forEachBlock(_ terms: Range<Int>, _ body: (Range<Int>) -> Void) {
    var first = terms.lowerBound
    repeat {
      let end = min(first + MatrixProduct<Element>.termsOfBlock, terms.upperBound)
      body(first..<end)
      first = end
    } while first < terms.upperBound
  }

  /// One block of terms for some rows and columns, from the right factor's panels to the result, whose memory begins with the product's
  /// first element. The left factor is read as it lies, or from a copy that begins with the first of these rows and terms.
  private func multiply(
    _ rowRange: Range<Int>, _ range: Range<Int>, _ terms: Range<Int>, of part: Part,
    left copy: (elements: UnsafePointer<Element>, rowStep: Int, innerStep: Int)? = nil,
    panels: UnsafePointer<Element>, panelStep: Int, termStep: Int, into result: UnsafeMutablePointer<Element>,
    _ resultStride: Int
  ) {
    let isLast = terms.upperBound == inner
    var left = (
      elements: product.left.elements, rowStep: product.left.strides.row, innerStep: product.left.strides.column
    )
    left.elements += rowRange.lowerBound * left.rowStep + terms.lowerBound * left.innerStep
    if let copy { left = copy }
    let bias = isLast ? product.bias.map { $0 + range.lowerBound } : nil
    kernels.table.pointee.product(
      kernels(left.elements), left.rowStep, left.innerStep, kernels(panels), panelStep, termStep,
      kernels(result + rowRange.lowerBound * resultStride + range.lowerBound), resultStride, rowRange.count,
      terms.count, range.count, terms.lowerBound > part.terms.lowerBound, kernels(ifAny: bias),
      isLast && product.rectifies)
  }
}

// MARK: - Long sums with few results

extension KernelProduct {
  private var blocks: Int { (inner + MatrixProduct<Element>.termsOfBlock - 1) / MatrixProduct<Element>.termsOfBlock }

  private var isWorthCuttingSums: Bool {
    rows * columns <= 1 << 12 && blocks >= 4 && rows * columns * inner >= 2 * Self.workOfTicket && product.panels == nil
  }

  /// Each block of terms is computed by itself, several at a time, and they are added up in their order.
  private func computeCuttingSums() {
    let blocksAtOnce = 64
    let size = rows * columns
    withScratch(min(blocks, blocksAtOnce) * size, of: Element.self) { sums in
      for first in stride(from: 0, to: blocks, by: blocksAtOnce) {
        let count = min(blocksAtOnce, blocks - first)
        Parallel.forEach(count) { block in
          let term = (first + block) * MatrixProduct<Element>.termsOfBlock
          // As a product of its own, without what follows the sum.
          var piece = product
          piece.inner = min(MatrixProduct<Element>.termsOfBlock, inner - term)
          piece.left.elements += term * product.left.strides.column
          piece.right.elements += term * product.right.strides.row
          (piece.result, piece.resultStride) = (sums + block * size, columns)
          (piece.bias, piece.rectifies) = (nil, false)
          let part = Part(rows: 0..<rows, columns: 0..<columns, terms: 0..<piece.inner)
          KernelProduct(piece, kernels).compute(part, panels: nil, into: piece.result, stride: columns)
        }
        for row in 0..<rows {
          let result = product.result + row * product.resultStride
          for block in 0..<count {
            let values = sums + (block * size + row * columns)
            if first + block == 0 {
              result.update(from: values, count: columns)
            } else {
              kernels.table.pointee.add(kernels(result), kernels(values), kernels(result), columns, false)
            }
          }
        }
      }
    }
    finish(rows: 0..<rows, columns: 0..<columns)
  }

  /// Adds the bias to a part of the result, and applies ReLU.
  private func finish(rows: Range<Int>, columns: Range<Int>) {
    guard product.bias != nil || product.rectifies else { return }
    for row in rows {
      kernels.table.pointee.row_bias(
        kernels(product.result + row * product.resultStride + columns.lowerBound), 1, columns.count,
        kernels(ifAny: product.bias.map { $0 + columns.lowerBound }), product.rectifies)
    }
  }
}

// MARK: - A right factor that is stored transposed

extension KernelProduct {
  /// A few rows with a matrix that is stored transposed: it is read once, and turned round in the registers.
  private func computeFewRows() {
    let wanted = min(16, max(1, rows * columns * inner * 4 / Self.workOfTicket))
    let parts = Self.cut(columns, into: wanted, multiplesOf: 32)
    Parallel.forEach(parts.count) { ticket in
      let range = ticket * parts.length..<min(columns, (ticket + 1) * parts.length)
      let (left, right) = (product.left, product.right)
      kernels.table.pointee.product_of_columns(
        kernels(left.elements), left.rowStride, kernels(right.elements + range.lowerBound * right.rowStride),
        right.rowStride, kernels(product.result + range.lowerBound), product.resultStride, rows, inner, range.count)
      finish(rows: 0..<rows, columns: range)
    }
  }

  /// Whether the transposed product takes less time: panels of the left factor's rows, which are read in whole vectors, instead of the
  /// right factor's columns. Counted in multiplications; to bring a value into a panel takes as long as five.
  private var isShorterTransposed: Bool {
    func filled(_ count: Int) -> Int { (count + 7) / 8 * 8 }
    return columns * filled(rows) + 5 * rows + 5 * rows * columns / max(1, inner)
      < rows * filled(columns) + 5 * columns
  }

  /// Computes the transposed result, whose right factor is the left one's transpose, and turns it round.
  private func computeTransposed() {
    let width = Self.columnsOfPanel
    let (left, right) = (product.left, product.right)
    let transposed = MatrixProduct(
      rows: columns, columns: rows, inner: inner,
      left: .init(elements: right.elements, rowStride: right.rowStride, isTransposed: false),
      right: .init(elements: left.elements, rowStride: left.rowStride, isTransposed: true), result: product.result,
      resultStride: (rows + width - 1) / width * width)
    let wanted = min(32, max(1, rows * columns * inner / Self.workOfTicket))
    let parts = Self.cut(columns, into: max(wanted, (columns + 95) / 96), multiplesOf: 12)
    let turned = KernelProduct(transposed, kernels)
    turned.withPanels { panels in
      Parallel.forEach(parts.count) { ticket in
        let range = ticket * parts.length..<min(columns, (ticket + 1) * parts.length)
        withScratch(range.count * transposed.resultStride, of: Element.self) { result in
          var piece = transposed
          piece.left.elements += range.lowerBound * right.rowStride
          piece.rows = range.count
          KernelProduct(piece, kernels).compute(
            Part(rows: 0..<range.count, columns: 0..<rows, terms: 0..<inner), panels: panels, into: result,
            stride: transposed.resultStride)
          kernels.table.pointee.write_transposed(
            kernels(result), transposed.resultStride, kernels(product.result + range.lowerBound), product.resultStride,
            rows, range.count, kernels(ifAny: product.bias.map { $0 + range.lowerBound }), product.rectifies)
        }
      }
    }
  }
}
