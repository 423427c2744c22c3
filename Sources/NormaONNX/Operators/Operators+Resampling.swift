import NormaConvolution
import NormaTensor

extension OperatorCall {
  /// `Resize`, axis by axis: every way of finding a value between others is a weighted sum along each.
  func resize() throws(ONNXError) -> [ONNXTensor] {
    var x = try floats(0)
    for part in try resizing(of: x.shape) {
      var shape = Array(x.shape)
      shape[part.axis] = part.resampling.resultLength
      let newShape = try self.shape(shape)
      let source = part.resampling.sourceLength
      guard source > 0 || newShape.elementCount == 0 else { throw unsupported("images of shape \(x.shape)") }
      guard source > 0 else {
        x = .zeros(newShape)
        continue
      }
      let outer = x.shape[..<part.axis].reduce(1, *)
      x = x.resampled(by: part.resampling, outer: outer, inner: x.count / max(1, outer * source)).reshaped(to: newShape)
      guard !part.places.beyond.isEmpty else { continue }
      // What is beyond the image is not to be had from it.
      var sources = newShape.map { Array(0..<$0) as AxisSources }
      for index in part.places.beyond { sources[part.axis][index] = nil }
      x = x.picking(sources, fill: Element(part.places.fill))
    }
    return [.numbers(x)]
  }

  /// What `Resize` does along an axis: which sums, and which places lie beyond the image and hold a number of their own.
  typealias AxisResize = (axis: Int, resampling: AxisResampling, places: (beyond: [Int], fill: Float))

  /// What `Resize` does to a tensor of a shape.
  func resizing(of shape: Shape) throws(ONNXError) -> [AxisResize] {
    guard version >= 11, node.operation == "Resize" else { return try modern().resizing(of: shape) }
    let way = try Way(self)
    var axes: [Int] = []
    for number in try integers("axes") ?? Array(0..<shape.rank) { axes.append(try axis(number, rank: shape.rank)) }
    guard Set(axes).count == axes.count else { throw malformed("\(axes) name an axis twice") }
    func given(_ index: Int, _ count: Int) throws(ONNXError) -> [Float]? {
      guard let values = try optionalFloats(index)?.elements.map({ Float($0) }), !values.isEmpty else { return nil }
      guard values.count == count, values.allSatisfy(\.isFinite) else {
        throw malformed("input \(index + 1) is \(values), for \(axes.count) axes")
      }
      return values
    }
    let region = way.coordinates == "tf_crop_and_resize" ? try given(1, 2 * axes.count) : nil
    guard (region == nil) == (way.coordinates != "tf_crop_and_resize") else { throw malformed("the region is missing") }
    let (lengths, scales) = try targets(of: axes.map { shape[$0] }, try given(2, axes.count))
    // Before anything is made of it.
    var newShape = Array(shape)
    for (place, axis) in axes.enumerated() { newShape[axis] = lengths[place] }
    _ = try self.shape(newShape)
    return axes.enumerated().map { place, axis in
      let source = shape[axis]
      let bounds = region.map { (Double($0[place]), Double($0[place + axes.count])) }
      let coordinates = (0..<(source > 0 ? lengths[place] : 0)).map {
        way.coordinate($0, source: source, result: lengths[place], scale: scales[place], region: bounds)
      }
      let terms = coordinates.map { way.terms(at: $0, source: source, scale: scales[place]) }
      let beyond =
        region == nil
        ? [] : coordinates.indices.filter { coordinates[$0] < 0 || coordinates[$0] > Double(source - 1) }
      return (axis, AxisResampling(sourceLength: source, terms: terms), (beyond, way.fill))
    }
  }

  /// `Upsample`, and `Resize` before version 11, as what it became: by scales alone.
  private func modern() throws(ONNXError) -> OperatorCall {
    var attributes = node.attributes.filter { $0.key == "mode" }
    attributes["coordinate_transformation_mode"] = .string("asymmetric")
    attributes["nearest_mode"] = .string("floor")
    if attributes["mode"] == .string("bilinear") { attributes["mode"] = .string("linear") }
    var scales = inputs.count > 1 ? inputs[1] : nil
    if let numbers = try numbers("scales") { scales = .floats(Tensor(numbers)) }
    let resize = ONNXNode(
      operation: "Resize", name: node.name, inputs: node.inputs, outputs: node.outputs, attributes: attributes)
    return OperatorCall(
      node: resize, inputs: [inputs[0], nil, scales], version: 11, maximumElementCount: maximumElementCount)
  }

  /// The lengths of the results along axes of the given lengths, and how many times as long they are.
  private func targets(
    of sources: [Int], _ scales: [Float]?
  ) throws(ONNXError) -> (lengths: [Int], scales: [Double]) {
    if let scales {
      guard scales.allSatisfy({ $0 > 0 && $0 < 0x1p30 }) else { throw malformed("scales of \(scales)") }
      let lengths = zip(sources, scales).map { (source: Int, scale: Float) -> Int in
        Int((Float(source) * scale).rounded(.down))
      }
      return (lengths, scales.map(Double.init))
    }
    guard let sizes = try optionalIntegers(3), sizes.count == sources.count,
      sizes.allSatisfy({ (0...(1 << 30)).contains($0) })
    else { throw malformed("neither scales nor sizes for \(sources.count) axes") }
    let exact = zip(sources, sizes).map { Double($1) / Double(max(1, $0)) }
    let common: Double?
    switch try string("keep_aspect_ratio_policy", or: "stretch") {
    case "stretch": common = nil
    case "not_larger": common = exact.min()
    case "not_smaller": common = exact.max()
    case let other: throw malformed("'keep_aspect_ratio_policy' is '\(other)'")
    }
    guard let common else { return (sizes, exact) }
    return (sources.map { Int((Double($0) * common).rounded()) }, sources.map { _ in common })
  }
}

/// How `Resize` finds values.
private struct Way {
  let mode, coordinates, rounding: String
  let coefficient: Double
  let excludesOutside, isSmoothed: Bool
  let fill: Float

  init<Element>(_ call: OperatorCall<Element>) throws(ONNXError) {
    mode = try call.string("mode", or: "nearest")
    coordinates = try call.string("coordinate_transformation_mode", or: "half_pixel")
    rounding = try call.string("nearest_mode", or: "round_prefer_floor")
    coefficient = Double(try call.number("cubic_coeff_a", or: -0.75))
    excludesOutside = try call.integer("exclude_outside", or: 0) != 0
    isSmoothed = try call.integer("antialias", or: 0) != 0
    fill = try call.number("extrapolation_value", or: 0)
    let known: [(String, Set<String>)] = [
      (mode, ["nearest", "linear", "cubic"]),
      (rounding, ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]),
      (
        coordinates,
        [
          "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
          "tf_crop_and_resize",
        ]
      ),
    ]
    for (value, values) in known where !values.contains(value) { throw call.malformed("there is no way '\(value)'") }
  }

  /// Where a place of the result is along the axis of the source.
  func coordinate(_ index: Int, source: Int, result: Int, scale: Double, region: (Double, Double)?) -> Double {
    let (index, length) = (Double(index), Double(source))
    let exact = length * scale
    switch coordinates {
    case "align_corners": return exact == 1 ? 0 : index * (length - 1) / (exact - 1)
    case "asymmetric": return index / scale
    case "pytorch_half_pixel" where exact == 1: return 0
    case "half_pixel_symmetric":
      return length / 2 * (1 - Double(result) / exact) + (index + 0.5) / scale - 0.5
    case "tf_crop_and_resize":
      let (start, end) = region ?? (0, 1)
      guard exact != 1 else { return (start + end) * (length - 1) / 2 }
      return start * (length - 1) + index * (end - start) * (length - 1) / (exact - 1)
    default: return (index + 0.5) / scale - 0.5
    }
  }

  /// What goes into the value at a place of the source's axis.
  func terms(at coordinate: Double, source: Int, scale: Double) -> [(place: Int, weight: Double)] {
    func clamped(_ place: Double) -> Int { Int(min(max(place, 0), Double(source - 1))) }
    guard mode != "nearest" else {
      let below = coordinate.rounded(.down)
      let part = coordinate - below
      let goesUp =
        switch rounding {
        case "floor": false
        case "ceil": part > 0
        case "round_prefer_ceil": part >= 0.5
        default: part > 0.5
        }
      return [(clamped(goesUp ? below + 1 : below), 1)]
    }
    // Where images become smaller, smoothing takes in so many values more.
    let density = isSmoothed ? min(scale, 1) : 1
    let reach = (mode == "linear" ? 1 : 2) / density
    // Beyond a length on either side all places are the ends.
    let first = max((coordinate - reach).rounded(.down) + 1, -Double(2 * source + 8))
    let last = min((coordinate + reach).rounded(.up) - 1, Double(3 * source + 8))
    var terms: [(place: Int, weight: Double)] = []
    for place in stride(from: first, through: last, by: 1) {
      guard !excludesOutside || place >= 0 && place < Double(source) else { continue }
      terms.append((clamped(place), weight(abs(place - coordinate) * density)))
    }
    let sum = terms.reduce(0) { $0 + $1.weight }
    return sum == 0 ? [(clamped(coordinate.rounded()), 1)] : terms.map { ($0.place, $0.weight / sum) }
  }

  /// The weight of a value so far away: of a straight line, or of Keys's cubic convolution.
  private func weight(_ distance: Double) -> Double {
    if mode == "linear" { return max(0, 1 - distance) }
    let (d, a) = (distance, coefficient)
    if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }
}
