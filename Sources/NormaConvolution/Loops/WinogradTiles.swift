import CKernels
import NormaTensor

// The twins of CKernels/loops/winograd.h, operation by operation in the same order.

extension norma_tiles {
  /// Where a tile stands, counted in tiles, and where its image begins, counted in elements.
  fileprivate func place(of tile: Int) -> (down: Int, across: Int, image: Int) {
    let perImage = down * across
    return (tile % perImage / across, tile % across, tile / perImage * height * width * channels)
  }
}

/// See ``ConvolutionLoops/transformSource(_:_:_:zeros:into:width:stride:)``.
@specialized(where Element == Float)
@specialized(where Element == Double)
func transformSourceByDefinition<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ tiles: norma_tiles, _ group: Range<Int>,
  into values: UnsafeMutablePointer<Element>, width: Int, stride: Int
) {
  for (tile, number) in group.enumerated() {
    let place = tiles.place(of: number)
    let (top, left) = (2 * place.down - tiles.top, 2 * place.across - tiles.left)
    for channel in 0..<tiles.channels {
      func pixel(_ row: Int, _ column: Int) -> Element {
        let (row, column) = (top + row, left + column)
        guard row >= 0, row < tiles.height, column >= 0, column < tiles.width else { return 0 }
        return x[place.image + (row * tiles.width + column) * tiles.channels + channel]
      }
      // B'd, a value of a column; then (B'd)B.
      func downward(_ row: Int, _ column: Int) -> Element {
        switch row {
        case 0: pixel(0, column) - pixel(2, column)
        case 1: pixel(1, column) + pixel(2, column)
        case 2: pixel(2, column) - pixel(1, column)
        default: pixel(1, column) - pixel(3, column)
        }
      }
      for row in 0..<4 {
        let (a, b, c, d) = (downward(row, 0), downward(row, 1), downward(row, 2), downward(row, 3))
        let target = values + 4 * row * stride + tile * width + channel
        target[0] = a - c
        target[stride] = b + c
        target[2 * stride] = c - b
        target[3 * stride] = b - d
      }
    }
  }
}

/// See ``ConvolutionLoops/transformResult(_:stride:into:_:_:columns:then:)``.
@specialized(where Element == Float)
@specialized(where Element == Double)
func transformResultByDefinition<Element: TensorElement>(
  _ products: UnsafePointer<Element>, stride: Int, into y: UnsafeMutablePointer<Element>, _ tiles: norma_tiles,
  _ group: Range<Int>, columns: Int, then epilogue: Epilogue<Element>
) {
  for (tile, number) in group.enumerated() {
    let place = tiles.place(of: number)
    let values = products + tile * columnsOfBlock
    for channel in 0..<columns {
      // A'm, a value of a column; then (A'm)A.
      func downward(_ row: Int, _ column: Int) -> Element {
        func product(_ row: Int) -> Element { values[(4 * row + column) * stride + channel] }
        return row == 0 ? product(0) + product(1) + product(2) : product(1) - product(2) - product(3)
      }
      for row in 0..<min(2, tiles.height - 2 * place.down) {
        let (a, b, c, d) = (downward(row, 0), downward(row, 1), downward(row, 2), downward(row, 3))
        for column in 0..<min(2, tiles.width - 2 * place.across) {
          let pixel = (2 * place.down + row) * tiles.width + 2 * place.across + column
          let target = place.image + pixel * tiles.channels + channel
          y[target] = epilogue.applied(
            to: column == 0 ? a + b + c : b - c - d, channel: channel, place: target)
        }
      }
    }
  }
}

/// See ``ConvolutionLoops/transformGradient(_:_:_:zeros:into:width:stride:)``.
@specialized(where Element == Float)
@specialized(where Element == Double)
func transformGradientByDefinition<Element: TensorElement>(
  _ g: UnsafePointer<Element>, _ tiles: norma_tiles, _ group: Range<Int>,
  into values: UnsafeMutablePointer<Element>, width: Int, stride: Int
) {
  for (tile, number) in group.enumerated() {
    let place = tiles.place(of: number)
    for channel in 0..<width {
      func pixel(_ row: Int, _ column: Int) -> Element {
        let (row, column) = (2 * place.down + row, 2 * place.across + column)
        guard channel < tiles.channels, row < tiles.height, column < tiles.width else { return 0 }
        return g[place.image + (row * tiles.width + column) * tiles.channels + channel]
      }
      // Ag, a value of a column; then (Ag)A'.
      func downward(_ row: Int, _ column: Int) -> Element {
        switch row {
        case 0: pixel(0, column)
        case 1: pixel(0, column) + pixel(1, column)
        case 2: pixel(0, column) - pixel(1, column)
        default: -pixel(1, column)
        }
      }
      for row in 0..<4 {
        let (left, right) = (downward(row, 0), downward(row, 1))
        let target = values + 4 * row * stride + tile * width + channel
        target[0] = left
        target[stride] = left + right
        target[2 * stride] = left - right
        target[3 * stride] = -right
      }
    }
  }
}
