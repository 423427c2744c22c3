import CKernels

// The twins of CKernels/loops/winograd.h, on any element: what stands before and behind the products of Winograd's
// convolution, F(2×2, 3×3) of Lavin and Gray (2016).

extension norma_tiles {
  /// Where a tile stands, counted in tiles, and where its image begins, counted in elements.
  fileprivate func place(of tile: Int) -> (down: Int, across: Int, image: Int) {
    let perImage = down * across
    return (tile % perImage / across, tile % across, tile / perImage * height * width * channels)
  }
}

/// `B'dB` for the pixels d of `count` tiles from `first` on: `values[k · stride + t · width + c]` for tile `first` + t,
/// where `width` is the number of channels, filled up to whole vectors. `zeros` stands for pixels outside.
@specialized(where Element == Float)
@specialized(where Element == Double)
package func winogradSourceTwin<Element: TensorElement>(
  _ x: UnsafePointer<Element>!, _ tiles: UnsafePointer<norma_tiles>!, _ first: Int, _ count: Int,
  _ zeros: UnsafePointer<Element>!, _ values: UnsafeMutablePointer<Element>!, _ width: Int, _ stride: Int
) {
  let tiles = tiles.pointee
  for tile in 0..<count {
    let place = tiles.place(of: first + tile)
    let (top, left) = (2 * place.down - tiles.top, 2 * place.across - tiles.left)
    for channel in 0..<width {
      func pixel(_ row: Int, _ column: Int) -> Element {
        let (row, column) = (top + row, left + column)
        guard channel < tiles.channels, 0..<tiles.height ~= row, 0..<tiles.width ~= column else { return 0 }
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
        let target = values + (4 * row * stride + tile * width + channel)
        target[0] = a - c
        target[stride] = b + c
        target[2 * stride] = c - b
        target[3 * stride] = b - d
      }
    }
  }
}

/// `A'mA` for `count` tiles and `columns` channels, at most sixteen, from rows of sixteen columns, and what follows it;
/// y and the residual begin at the first of these channels.
@specialized(where Element == Float)
@specialized(where Element == Double)
package func winogradResultTwin<Element: TensorElement>(
  _ products: UnsafePointer<Element>!, _ stride: Int, _ y: UnsafeMutablePointer<Element>!,
  _ tiles: UnsafePointer<norma_tiles>!, _ first: Int, _ count: Int, _ columns: Int, _ bias: UnsafePointer<Element>?,
  _ residual: UnsafePointer<Element>?, _ rectifies: Bool
) {
  let tiles = tiles.pointee
  for tile in 0..<count {
    let place = tiles.place(of: first + tile)
    for channel in 0..<columns {
      func product(_ row: Int, _ column: Int) -> Element {
        products[(4 * row + column) * stride + tile * lanesOfGroup + channel]
      }
      // A'm, a value of a column; then (A'm)A.
      func downward(_ row: Int, _ column: Int) -> Element {
        row == 0
          ? product(0, column) + product(1, column) + product(2, column)
          : product(1, column) - product(2, column) - product(3, column)
      }
      for row in 0..<min(2, tiles.height - 2 * place.down) {
        let (a, b, c, d) = (downward(row, 0), downward(row, 1), downward(row, 2), downward(row, 3))
        for column in 0..<min(2, tiles.width - 2 * place.across) {
          let pixel = (2 * place.down + row) * tiles.width + 2 * place.across + column
          let target = place.image + pixel * tiles.channels + channel
          y[target] = finished(
            column == 0 ? a + b + c : b - c - d, nil, bias?[channel], residual?[target], rectifies)
        }
      }
    }
  }
}

/// `AgA'` of the results' gradient: `values[k · stride + t · width + c]` for tile `first` + t.
@specialized(where Element == Float)
@specialized(where Element == Double)
package func winogradGradientTwin<Element: TensorElement>(
  _ g: UnsafePointer<Element>!, _ tiles: UnsafePointer<norma_tiles>!, _ first: Int, _ count: Int,
  _ zeros: UnsafePointer<Element>!, _ values: UnsafeMutablePointer<Element>!, _ width: Int, _ stride: Int
) {
  let tiles = tiles.pointee
  for tile in 0..<count {
    let place = tiles.place(of: first + tile)
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
        let target = values + (4 * row * stride + tile * width + channel)
        target[0] = left
        target[stride] = left + right
        target[2 * stride] = left - right
        target[3 * stride] = -right
      }
    }
  }
}
