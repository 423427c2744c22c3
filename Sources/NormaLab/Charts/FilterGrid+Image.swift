import Norma
import NormaImages

extension FilterGrid {
  /// The same picture in pixels: eight filters side by side, each weight a square.
  ///
  /// - Parameter pixelsPerWeight: the side of that square; by default such that a filter is 24 pixels wide or more.
  public func image(pixelsPerWeight: Int? = nil) -> RasterImage {
    let (filterHeight, filterWidth, perRow, gap) = (filters.height, filters.width, 8, 2)
    let side = pixelsPerWeight ?? max(1, (23 + filterWidth) / filterWidth)
    let rows = (filters.count + perRow - 1) / perRow
    let columns = min(perRow, filters.count)
    let height = rows * (filterHeight * side + gap) + gap
    let width = columns * (filterWidth * side + gap) + gap
    var pixels = [UInt8](repeating: 255, count: height * width * 3)
    for number in 0..<filters.count {
      let top = gap + number / perRow * (filterHeight * side + gap)
      let left = gap + number % perRow * (filterWidth * side + gap)
      let colours = colours(of: number)
      for row in 0..<filterHeight * side {
        for column in 0..<filterWidth * side {
          let code = colours[row / side * filterWidth + column / side].code
          let place = ((top + row) * width + left + column) * 3
          pixels[place] = UInt8(code >> 16 & 0xFF)
          pixels[place + 1] = UInt8(code >> 8 & 0xFF)
          pixels[place + 2] = UInt8(code & 0xFF)
        }
      }
    }
    return RasterImage(height: height, width: width, channelCount: 3, pixels: pixels)
  }
}
