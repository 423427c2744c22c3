import NormaTensor

// Values between the places of images.
extension OperatorCall {
  /// `GridSample`: values of images at places that a grid names, from −1 to 1 along each axis, the last axis first.
  func gridSample() throws(ONNXError) -> [ONNXTensor] {
    let (x, grid) = (try floats(0), try floats(1))
    let axes = x.rank - 2
    guard axes > 0, grid.rank == axes + 2, grid.shape[0] == x.shape[0], grid.shape.last == axes else {
      throw malformed("a grid of shape \(grid.shape) for images of \(x.shape)")
    }
    var mode = try string("mode", or: version < 20 ? "bilinear" : "linear")
    mode = ["bilinear": "linear", "bicubic": "cubic"][mode] ?? mode
    let padding = try string("padding_mode", or: "zeros")
    let alignsCorners = try integer("align_corners", or: 0) != 0
    guard ["nearest", "linear", "cubic"].contains(mode), ["zeros", "border", "reflection"].contains(padding) else {
      throw malformed("there is no way '\(mode)' with '\(padding)'")
    }
    let lengths = Array(x.shape.dropFirst(2))
    let places = Array(grid.shape[1..<axes + 1])
    let result = try shape(Array(x.shape.prefix(2)) + places)
    guard result.elementCount > 0 else { return [.numbers(Tensor<Element>.zeros(result))] }
    guard lengths.allSatisfy({ $0 > 0 }) else { throw malformed("images of shape \(x.shape)") }
    let (taps, strides) = (mode == "nearest" ? 1 : mode == "linear" ? 2 : 4, Shape(lengths).strides)
    let all = Int(Functions.power(Double(taps), axes))
    try limit(Double(result.elementCount) * Double(all))
    let (area, count, channels) = (lengths.reduce(1, *), places.reduce(1, *), x.shape[1])
    let (source, coordinates) = (x.elements, grid.elements)
    var values = [Element](repeating: 0, count: result.elementCount)
    for sample in 0..<x.shape[0] {
      for place in 0..<count {
        // For each axis the places that go into the value, and by how much.
        let start = (sample * count + place) * axes
        let terms = (0..<axes).map { axis in
          SamplePlaces(
            Double(coordinates[start + axes - 1 - axis]), length: lengths[axis], mode: mode, padding: padding,
            alignsCorners: alignsCorners
          ).terms
        }
        for channel in 0..<channels {
          let base = (sample * channels + channel) * area
          var sum = 0.0
          for tap in 0..<all {
            var (rest, offset, weight) = (tap, base, 1.0)
            for axis in 0..<axes {
              let term = terms[axis][rest % taps]
              rest /= taps
              weight *= term.weight
              offset += term.place * strides[axis]
            }
            if weight != 0 { sum += weight * Double(source[offset]) }
          }
          values[(sample * channels + channel) * count + place] = Element(sum)
        }
      }
    }
    return [.numbers(Tensor(values, shape: result))]
  }

  /// `AffineGrid`: a grid for `GridSample`, by a linear map of the places of images.
  func affineGrid() throws(ONNXError) -> [ONNXTensor] {
    let (theta, size) = (try floats(0), try integers(1))
    let axes = size.count - 2
    guard axes == 2 || axes == 3, Array(theta.shape) == [size[0], axes, axes + 1] else {
      throw malformed("a map of shape \(theta.shape) for images of \(size)")
    }
    let alignsCorners = try integer("align_corners", or: 0) != 0
    let lengths = Array(size.dropFirst(2))
    let result = try shape([size[0]] + lengths + [axes])
    let (count, strides) = (lengths.reduce(1, *), Shape(lengths).strides)
    let map = theta.elements.map { Double($0) }
    var values: [Element] = []
    values.reserveCapacity(result.elementCount)
    for sample in 0..<size[0] {
      for place in 0..<count {
        // The last axis first, and 1.
        let point =
          (0..<axes).reversed().map { axis -> Double in
            let (index, length) = (Double(place / strides[axis] % lengths[axis]), Double(lengths[axis]))
            if alignsCorners { return length == 1 ? -1 : 2 * index / (length - 1) - 1 }
            return (2 * index + 1) / length - 1
          } + [1]
        for row in 0..<axes {
          let start = (sample * axes + row) * (axes + 1)
          values.append(Element(zip(map[start...], point).reduce(0) { $0 + $1.0 * $1.1 }))
        }
      }
    }
    return [.numbers(Tensor(values, shape: result))]
  }

  /// `RoiAlign`: for each of some regions of images means, or maxima, of samples in each of its parts (He et al. 2017, "Mask R-CNN").
  func alignRegions() throws(ONNXError) -> [ONNXTensor] {
    let (x, regions, images) = (try floats(0), try floats(1), try integers(2))
    guard x.rank == 4, regions.rank == 2, regions.shape == [images.count, 4], x.shape[2] > 0, x.shape[3] > 0,
      images.allSatisfy({ (0..<x.shape[0]).contains($0) }), regions.elements.allSatisfy({ $0.magnitude < 0x1p30 })
    else { throw malformed("regions \(regions.shape) of images \(x.shape)") }
    let isMaximum = try string("mode", or: "avg") == "max"
    let isHalf =
      try string("coordinate_transformation_mode", or: version < 16 ? "output_half_pixel" : "half_pixel")
      == "half_pixel"
    let (rows, columns) = (try integer("output_height", or: 1), try integer("output_width", or: 1))
    let ratio = try integer("sampling_ratio", or: 0)
    let scale = Double(try number("spatial_scale", or: 1))
    guard rows > 0, columns > 0, ratio >= 0, scale.magnitude < 0x1p20 else {
      throw malformed("\(rows) by \(columns) parts of \(ratio) samples")
    }
    let (channels, height, width) = (x.shape[1], x.shape[2], x.shape[3])
    let result = try shape([images.count, channels, rows, columns])
    let source = x.elements.map { Double($0) }
    let corners = regions.elements.map { Double($0) * scale - (isHalf ? 0.5 : 0) }
    var values = [Element](repeating: 0, count: result.elementCount)
    for (region, image) in images.enumerated() {
      let (left, top) = (corners[region * 4], corners[region * 4 + 1])
      var (across, down) = (corners[region * 4 + 2] - left, corners[region * 4 + 3] - top)
      if !isHalf { (across, down) = (max(across, 1), max(down, 1)) }
      let (rowSize, columnSize) = (down / Double(rows), across / Double(columns))
      let rowSamples = ratio > 0 ? ratio : max(0, Int(rowSize.rounded(.up)))
      let columnSamples = ratio > 0 ? ratio : max(0, Int(columnSize.rounded(.up)))
      guard Double(rowSamples) * Double(columnSamples) <= Double(maximumElementCount) else {
        throw unsupported("\(rowSamples) by \(columnSamples) samples of a part of a region")
      }
      try limit(
        Double(rowSamples) * Double(columnSamples) * Double(rows * columns) * Double(channels * images.count))
      for row in 0..<rows {
        for column in 0..<columns {
          var samples: [[(place: Int, weight: Double)]] = []
          for y in 0..<rowSamples {
            for x in 0..<columnSamples {
              samples.append(
                Self.corners(
                  top + (Double(row) + (Double(y) + 0.5) / Double(rowSamples)) * rowSize,
                  left + (Double(column) + (Double(x) + 0.5) / Double(columnSamples)) * columnSize, height, width))
            }
          }
          for channel in 0..<channels {
            let base = (image * channels + channel) * height * width
            var total = isMaximum ? -Double.infinity : 0
            for sample in samples {
              let parts = sample.map { $0.weight * source[base + $0.place] }
              total = isMaximum ? max(total, parts.max() ?? 0) : total + parts.reduce(0, +)
            }
            if samples.isEmpty { total = 0 }
            let value = isMaximum ? total : total / Double(max(1, samples.count))
            values[((region * channels + channel) * rows + row) * columns + column] = Element(value)
          }
        }
      }
    }
    return [.numbers(Tensor(values, shape: result))]
  }

  /// The four places around a point of an image and their weights; zeros for a point beyond it.
  private static func corners(
    _ y: Double, _ x: Double, _ height: Int, _ width: Int
  ) -> [(place: Int, weight: Double)] {
    guard y >= -1, y <= Double(height), x >= -1, x <= Double(width) else { return [(0, 0)] }
    func split(_ value: Double, _ length: Int) -> (low: Int, high: Int, part: Double) {
      let value = max(value, 0)
      let low = Int(value)
      return low >= length - 1 ? (length - 1, length - 1, 0) : (low, low + 1, value - Double(low))
    }
    let (rows, columns) = (split(y, height), split(x, width))
    return [
      (rows.low * width + columns.low, (1 - rows.part) * (1 - columns.part)),
      (rows.low * width + columns.high, (1 - rows.part) * columns.part),
      (rows.high * width + columns.low, rows.part * (1 - columns.part)),
      (rows.high * width + columns.high, rows.part * columns.part),
    ]
  }

  /// `DeformConv` of images: a convolution whose window takes in values at places that are moved, each for itself, and weighted
  /// (Dai et al. 2017, "Deformable convolutional networks"; Zhu et al. 2019).
  func deformableConvolution() throws(ONNXError) -> [ONNXTensor] {
    let (x, weight, offset) = (try floats(0), try floats(1), try floats(2))
    guard x.rank == 4, weight.rank == 4 else { throw unsupported("images of \(x.shape)") }
    let sizes = Array(weight.shape.dropFirst(2))
    let (groups, moved) = (try integer("group", or: 1), try integer("offset_group", or: 1))
    let (channels, outputs) = (x.shape[1], weight.shape[0])
    guard groups > 0, moved > 0, try integers("kernel_shape") ?? sizes == sizes, channels % groups == 0,
      outputs % groups == 0, channels % moved == 0, weight.shape[1] == channels / groups,
      x.shape[2] > 0, x.shape[3] > 0
    else { throw malformed("images of \(x.shape) with weights \(weight.shape) in \(groups) groups") }
    let axes = try window(over: Array(x.shape.dropFirst(2)), sizes: sizes)
    let (rows, columns) = (axes[0], axes[1])
    let (taps, positions) = (rows.size * columns.size, rows.resultCount * columns.resultCount)
    let lengths = [rows.resultCount, columns.resultCount]
    let bias = hasInput(3) ? try floats(3, shape: [outputs]).elements : nil
    guard Array(offset.shape) == [x.shape[0], moved * taps * 2] + lengths else {
      throw malformed("offsets of shape \(offset.shape)")
    }
    let mask = hasInput(4) ? try floats(4, shape: Shape([x.shape[0], moved * taps] + lengths)).elements : nil
    let result = try shape([x.shape[0], outputs] + lengths)
    let table = try shape([channels * taps, positions])
    let (height, width) = (x.shape[2], x.shape[3])
    let (source, offsets) = (x.elements, offset.elements)
    var parts: [Tensor<Element>] = []
    for sample in 0..<x.shape[0] {
      var columnsTable = [Element](repeating: 0, count: table.elementCount)
      for channel in 0..<channels {
        let group = channel / (channels / moved)
        let base = (sample * channels + channel) * height * width
        for tap in 0..<taps {
          let start = ((sample * moved + group) * taps + tap) * positions
          for position in 0..<positions {
            let row = position / columns.resultCount * rows.stride - rows.begin + tap / columns.size * rows.dilation
            let column =
              position % columns.resultCount * columns.stride - columns.begin + tap % columns.size * columns.dilation
            // The offsets of the rows of a tap come before those of its columns.
            let place = (((sample * moved + group) * taps + tap) * 2) * positions + position
            let y = Double(row) + Double(offsets[place])
            let x = Double(column) + Double(offsets[place + positions])
            var value = Self.interpolated(source, base, y, x, height, width)
            if let mask { value *= Double(mask[start + position]) }
            columnsTable[(channel * taps + tap) * positions + position] = Element(value)
          }
        }
      }
      let all = Tensor(columnsTable, shape: table)
      let (inner, share) = (channels / groups * taps, outputs / groups)
      for group in 0..<groups {
        let kernel = weight.reshaped(to: [outputs, inner])[rows: group * share..<(group + 1) * share]
        parts.append(kernel.matrixProduct(all[rows: group * inner..<(group + 1) * inner]))
      }
    }
    guard !parts.isEmpty else { return [.numbers(Tensor<Element>.zeros(result))] }
    var y = Tensor<Element>.concatenating(rows: parts).reshaped(to: result)
    if let bias {
      let shifted = Tensor(bias, shape: [1, outputs, 1, 1]).broadcast(to: result)
      y = y + shifted
    }
    return [.numbers(y)]
  }

  /// The value of an image at a point between four places, of which those beyond it are 0.
  private static func interpolated(
    _ source: [Element], _ base: Int, _ y: Double, _ x: Double, _ height: Int, _ width: Int
  ) -> Double {
    guard y > -1, x > -1, y < Double(height), x < Double(width) else { return 0 }
    let (top, left) = (Int(y.rounded(.down)), Int(x.rounded(.down)))
    let (down, across) = (y - Double(top), x - Double(left))
    func value(_ row: Int, _ column: Int) -> Double {
      (0..<height).contains(row) && (0..<width).contains(column) ? Double(source[base + row * width + column]) : 0
    }
    return (1 - down) * ((1 - across) * value(top, left) + across * value(top, left + 1))
      + down * ((1 - across) * value(top + 1, left) + across * value(top + 1, left + 1))
  }
}

/// What goes into a value between the places of an axis.
private struct SamplePlaces {
  var terms: [(place: Int, weight: Double)]

  init(_ coordinate: Double, length: Int, mode: String, padding: String, alignsCorners: Bool) {
    let count = Double(length)
    let (least, most) = alignsCorners ? (0, count - 1) : (-0.5, count - 0.5)
    var x = alignsCorners ? (coordinate + 1) / 2 * (count - 1) : ((coordinate + 1) * count - 1) / 2
    if mode == "nearest" { x = x.rounded(.toNearestOrEven) }
    func reflected(_ x: Double) -> Double {
      let range = most - least
      guard range > 0 else { return 0 }
      guard x < least || x > most else { return x }
      let distance = x < least ? least - x : x - most
      let turns = (distance / range).rounded(.down)
      let rest = distance - turns * range
      return (x < least) == (turns.truncatingRemainder(dividingBy: 2) == 0) ? least + rest : most - rest
    }
    if x < least || x > most {
      if padding == "border" { x = min(max(x, 0), count - 1) }
      if padding == "reflection" { x = reflected(x) }
    }
    // Far beyond any image, or nowhere.
    x = x.isNaN ? -1e6 : min(max(x, -1e6), 1e15)
    let below = x.rounded(.down)
    let part = x - below
    let weights: [Double]
    switch mode {
    case "nearest": weights = [1]
    case "linear": weights = [1 - part, part]
    default: weights = [1 + part, part, 1 - part, 2 - part].map(Self.cubic)
    }
    let first = mode == "nearest" ? x : mode == "linear" ? below : below - 1
    terms = weights.enumerated().map { index, weight in
      var place = first + Double(index)
      guard place < 0 || place > count - 1 else { return (Int(place), weight) }
      if padding == "zeros" { return (0, 0) }
      if padding == "reflection" { place = reflected(place) }
      return (Int(min(max(place, 0), count - 1)), weight)
    }
  }

  /// The weight of a value so far away, by Keys's cubic convolution (1981) with a slope of −¾.
  private static func cubic(_ distance: Double) -> Double {
    let a = -0.75
    if distance <= 1 { return ((a + 2) * distance - (a + 3)) * distance * distance + 1 }
    return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
  }
}
