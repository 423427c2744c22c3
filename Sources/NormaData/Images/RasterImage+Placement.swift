import NormaTensor

// What moves pixels to other places of an image of the same size. Each takes the nearest, and black from beyond the edges, as Pillow's
// affine transformation does, in fixed-point numbers of 2⁻¹⁶: the same bytes.

extension RasterImage {
  /// The image sheared: what is `row` rows down comes from `x · row` pixels farther right, what is `column` pixels to the right from
  /// `y · column` rows farther down.
  public func sheared(x: Double = 0, y: Double = 0) -> RasterImage {
    placed(acrossByColumn: 1, acrossByRow: x, across: 0, downByColumn: y, downByRow: 1, down: 0)
  }

  /// The image moved right and down by so many pixels, or left and up by negative ones.
  public func moved(right: Int = 0, down: Int = 0) -> RasterImage {
    placed(
      acrossByColumn: 1, acrossByRow: 0, across: -Double(right), downByColumn: 0, downByRow: 1, down: -Double(down))
  }

  /// The image turned to the left about its middle.
  public func rotated(degrees: Double) -> RasterImage {
    guard degrees != 0 else { return self }
    let (sine, cosine) = Functions.sineAndCosine(turns: degrees / 360)
    let (x, y) = (Double(width) / 2, Double(height) / 2)
    return placed(
      acrossByColumn: cosine, acrossByRow: -sine, across: x - (cosine * x - sine * y),
      downByColumn: sine, downByRow: cosine, down: y - (sine * x + cosine * y))
  }

  /// The image of which the pixel at (column, row) comes from an affine function of its middle.
  private func placed(
    acrossByColumn: Double, acrossByRow: Double, across: Double, downByColumn: Double, downByRow: Double, down: Double
  ) -> RasterImage {
    func fixed(_ number: Double) -> Int { Int((number * 65536 + 0.5).rounded(.down)) }
    let (right, below) = (fixed(acrossByColumn), fixed(downByColumn))
    let (rightByRow, belowByRow) = (fixed(acrossByRow), fixed(downByRow))
    let first = fixed(across + acrossByColumn * 0.5 + acrossByRow * 0.5)
    let firstRow = fixed(down + downByColumn * 0.5 + downByRow * 0.5)
    return replacingPixels { pixels, result in
      for row in 0..<height {
        var (x, y) = (first + row * rightByRow, firstRow + row * belowByRow)
        for column in 0..<width {
          let target = (row * width + column) * channelCount
          let (sourceRow, sourceColumn) = (y >> 16, x >> 16)
          if sourceRow >= 0, sourceRow < height, sourceColumn >= 0, sourceColumn < width {
            let source = (sourceRow * width + sourceColumn) * channelCount
            for channel in 0..<channelCount { result[target + channel] = pixels[source + channel] }
          } else {
            for channel in 0..<channelCount { result[target + channel] = 0 }
          }
          x += right
          y += below
        }
      }
    }
  }
}
