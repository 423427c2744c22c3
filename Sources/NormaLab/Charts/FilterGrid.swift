/// The filters of a convolution on images, drawn as images themselves: filters of three channels in colours, all others in
/// shades of grey by the mean over their channels.
///
/// Each filter is stretched over the whole range from dark to bright by itself, so that its form can be seen however small
/// its weights are.
public struct FilterGrid: Picture {
  public let title: String
  /// The filters.
  public let filters: NormComparison.Filters

  /// A picture of filters.
  public init(title: String, filters: NormComparison.Filters) {
    self.title = title
    self.filters = filters
  }

  public var table: ReportTable {
    let plain = NumberFormat.plain
    return ReportTable(
      caption: title,
      columns: [.init("filter")]
        + ["mean", "smallest", "largest", "Euclidean norm"].map { .init($0, alignment: .trailing) },
      rows: (0..<filters.count).map { number in
        let values = filters.values(of: number)
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        return [
          "\(number + 1)", plain.text(mean), plain.text(values.min() ?? 0), plain.text(values.max() ?? 0),
          plain.text(values.reduce(0) { $0 + $1 * $1 }.squareRoot()),
        ]
      })
  }

  /// What the picture shows in words.
  public var summary: String {
    "\(filters.count) filters of \(filters.height) by \(filters.width) pixels and \(filters.channels) channels."
  }

  public func markup(identifier: String) -> Markup {
    let (width, gap, perRow) = (252.0, 4.0, 8)
    let side = (width + gap) / Double(perRow) - gap
    let pixel = side / Double(max(filters.height, filters.width, 1))
    let rows = (filters.count + perRow - 1) / perRow
    var parts: [Markup] = []
    for number in 0..<filters.count {
      let x = Double(number % perRow) * (side + gap)
      let y = Double(number / perRow) * (side + gap)
      let pixels = colours(of: number).enumerated().map { index, colour -> Markup in
        .element(
          "rect",
          [
            "x": Drawing.number(x + Double(index % filters.width) * pixel),
            "y": Drawing.number(y + Double(index / filters.width) * pixel),
            // A tenth more than the pixel, so that nothing shines through between neighbours.
            "width": Drawing.number(pixel + 0.1), "height": Drawing.number(pixel + 0.1), "fill": colour.css,
          ])
      }
      parts.append(.element("g", [:], [.element("title", text: "filter \(number + 1)")] + pixels))
    }
    return Drawing.svg(
      width: width, height: Double(rows) * (side + gap), cssClass: "chart", identifier: identifier, title: title,
      description: summary, parts)
  }

  /// The colour of each pixel of a filter, row by row.
  func colours(of number: Int) -> [Palette.Colour] {
    let values = filters.values(of: number)
    let area = filters.height * filters.width
    let planes: [[Double]] =
      filters.channels == 3
      ? (0..<3).map { Array(values[$0 * area..<($0 + 1) * area]) }
      : [
        (0..<area).map { place in
          (0..<filters.channels).reduce(0) { $0 + values[$1 * area + place] } / Double(filters.channels)
        }
      ]
    let shown = planes.flatMap(\.self).filter(\.isFinite)
    let (low, high) = (shown.min() ?? 0, shown.max() ?? 0)
    func level(_ value: Double) -> Int {
      guard value.isFinite, high > low else { return 128 }
      return Int(((value - low) / (high - low) * 255).rounded())
    }
    return (0..<area).map { place in
      let levels = (0..<3).map { level(planes[min($0, planes.count - 1)][place]) }
      return Palette.Colour(levels[0] << 16 | levels[1] << 8 | levels[2])
    }
  }
}
