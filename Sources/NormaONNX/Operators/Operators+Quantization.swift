import NormaTensor

extension OperatorCall {
  /// A scale or a zero point for each element of a shape: of one number, of one for each place of an axis, or of one for each block along it.
  private func spread(_ x: ONNXTensor, over shape: Shape) throws(ONNXError) -> ONNXTensor {
    if x.shape.elementCount == 1 { return x.reshaped(to: []).broadcast(to: shape) }
    let axis = try axis(try integer("axis", or: 1), rank: shape.rank)
    let block = try integer("block_size", or: 0)
    if x.shape.rank == 1, block == 0 {
      guard x.shape[0] == shape[axis] else { throw malformed("\(x.shape[0]) scales for axis \(axis) of \(shape)") }
      var lengths = [Int](repeating: 1, count: shape.rank)
      lengths[axis] = shape[axis]
      return x.reshaped(to: Shape(lengths)).broadcast(to: shape)
    }
    guard block > 0, x.shape.rank == shape.rank,
      shape.indices.allSatisfy({ x.shape[$0] == ($0 == axis ? (shape[axis] + block - 1) / block : shape[$0]) })
    else { throw malformed("scales of shape \(x.shape) for a tensor of shape \(shape)") }
    return x.picking(
      shape.indices.map { other in (0..<shape[other]).map { other == axis ? $0 / block : $0 } as AxisSources })
  }

  /// `DequantizeLinear`: `(x − zero point) · scale`.
  func dequantize() throws(ONNXError) -> [ONNXTensor] {
    guard case .integers(let x) = try input(0) else { throw malformed("elements of type float") }
    guard case .floats(let scales) = try spread(.floats(try floats(1)), over: x.shape) else { return [] }
    var zeros = [Int64](repeating: 0, count: x.values.count)
    if hasInput(2), case .integers(let points) = try spread(try input(2), over: x.shape) { zeros = points.values }
    let values = zip(zip(x.values, zeros), scales.elements).map { Float($0.0 &- $0.1) * $1 }
    return [.floats(Tensor(values, shape: x.shape))]
  }

  /// `QuantizeLinear`: `x / scale + zero point`, rounded to the even of two neighbours, and held within the type.
  func quantize() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard case .floats(let scales) = try spread(.floats(try floats(1)), over: x.shape) else { return [] }
    let type = try hasInput(2) ? input(2).elementType : elementType("output_dtype", or: .uint8)
    var zeros = [Int64](repeating: 0, count: x.count)
    if hasInput(2), case .integers(let points) = try spread(try input(2), over: x.shape) { zeros = points.values }
    guard let range = type.range else { throw unsupported("quantization to elements of type \(type)") }
    let values = zip(zip(x.elements, scales.elements), zeros).map { pair, zero in
      Self.quantized(pair.0 / pair.1, zero, range)
    }
    return [.integers(ONNXIntegers(values, shape: x.shape, type: type))]
  }

  private static func quantized(_ x: Float, _ zero: Int64, _ range: ClosedRange<Int64>) -> Int64 {
    let rounded = x.rounded(.toNearestOrEven)
    // What no whole number is near to is outermost.
    let whole: Int64 =
      rounded.isNaN ? 0 : rounded > 1e9 ? 1_000_000_000 : rounded < -1e9 ? -1_000_000_000 : Int64(rounded)
    return min(max(whole + zero, range.lowerBound), range.upperBound)
  }

  /// `DynamicQuantizeLinear`: to `uint8`, by the range of the values and 0.
  func quantizeDynamically() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let (least, most) = (min(0, x.minimum() ?? 0), max(0, x.maximum() ?? 0))
    let scale = (most - least) / 255
    let divisor = scale == 0 ? 1 : scale
    let zero = min(max(Int64((-least / divisor).rounded(.toNearestOrEven)), 0), 255)
    let values = x.elements.map { Self.quantized($0 / divisor, zero, 0...255) }
    return [
      .integers(ONNXIntegers(values, shape: x.shape, type: .uint8)), .floats(.scalar(scale)),
      .integers(ONNXIntegers([zero], shape: [], type: .uint8)),
    ]
  }
}

extension ONNXElementType {
  /// The numbers that elements may be, of the whole numbers of up to 32 bits.
  var range: ClosedRange<Int64>? {
    switch self {
    case .uint8: 0...255
    case .int8: -128...127
    case .uint16: 0...65_535
    case .int16: -32_768...32_767
    case .int32: Int64(Int32.min)...Int64(Int32.max)
    case .uint32: 0...Int64(UInt32.max)
    default: nil
    }
  }
}
