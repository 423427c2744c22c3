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
    let x = try operand(0)
    let scales = try scales(over: x.shape)
    let points = hasInput(2) ? try spread(try input(2), over: x.shape) : nil
    let differences: [Element]
    switch (x, points) {
    case (.integers(let x), .integers(let points)?):
      differences = zip(x.values, points.values).map { Element($0 &- $1) }
    case (.integers(let x), nil): differences = x.values.map { Element($0) }
    case (.floats(let x), let points?):
      guard let points = points.floats(Element.self) else { throw malformed("a zero point of another type") }
      differences = (x - points).elements
    case (.floats(let x), nil): differences = x.elements
    default: throw malformed("a zero point of another type")
    }
    let result = ONNXTensor.numbers(Tensor(zip(differences, scales.elements).map { $0 * $1 }, shape: x.shape))
    guard node.attributes["output_dtype"] != nil, let numbers = result.singles else { return [result] }
    return [try made(numbers, as: try elementType("output_dtype"))]
  }

  /// `QuantizeLinear`: `x / scale + zero point`, rounded to the even of two neighbours, and held within the type.
  func quantize() throws(ONNXError) -> [ONNXTensor] {
    let x = try quantizable()
    let scales = try scales(over: x.shape)
    let named = try elementType("output_dtype", or: .uint8)
    let type = try hasInput(2) ? input(2).elementType : named
    if type.narrowFloat != nil {
      var quotients = x / scales
      if hasInput(2), let points = try spread(try input(2), over: x.shape).floats(Element.self) {
        quotients = quotients + points
      }
      return [try made(quotients.converted(), as: type)]
    }
    var zeros = [Int64](repeating: 0, count: x.count)
    if hasInput(2), case .integers(let points) = try spread(try input(2), over: x.shape) { zeros = points.values }
    guard let range = type.range else { throw unsupported("quantization to elements of type \(type)") }
    let values = zip(zip(x.elements, scales.elements), zeros).map { pair, zero in
      Self.quantized(pair.0 / pair.1, zero, range)
    }
    return [.integers(ONNXIntegers(values, shape: x.shape, type: type))]
  }

  /// What is quantized: numbers, or whole ones.
  private func quantizable() throws(ONNXError) -> Tensor<Element> {
    switch try operand(0) {
    case .floats(let tensor): return tensor
    case .integers(let tensor): return tensor.numbers()
    }
  }

  /// A scale for each element of a shape.
  private func scales(over shape: Shape) throws(ONNXError) -> Tensor<Element> {
    guard let scales = try spread(try input(1), over: shape).floats(Element.self) else {
      throw malformed("scales of type \(try input(1).elementType)")
    }
    return scales
  }

  private static func quantized(_ x: Element, _ zero: Int64, _ range: ClosedRange<Int64>) -> Int64 {
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
    // Values that are infinite have no scale.
    let point = (-least / divisor).rounded(.toNearestOrEven)
    let zero = point.isNaN ? 0 : Int64(min(max(point, 0), 255))
    let values = x.elements.map { Self.quantized($0 / divisor, zero, 0...255) }
    return [
      .integers(ONNXIntegers(values, shape: x.shape, type: .uint8)), .floats(.scalar(Float(scale))),
      .integers(ONNXIntegers([zero], shape: [], type: .uint8)),
    ]
  }
}

// Products of whole numbers, which double precision holds exactly.
extension OperatorCall {
  /// An input of whole numbers less its zero point, which stands for all or for each place along an axis.
  private func centred(_ index: Int, zeroPoint: Int, axis: Int) throws(ONNXError) -> Tensor<Double> {
    guard case .integers(let x) = try input(index), x.type.bitCount <= 16 else {
      throw unsupported("elements of type \(try input(index).elementType)")
    }
    let numbers: Tensor<Double> = x.numbers()
    guard hasInput(zeroPoint) else { return numbers }
    guard case .integers(let zeros) = try input(zeroPoint), zeros.type == x.type else {
      throw malformed("a zero point of another type")
    }
    return numbers - (try spread(zeros.numbers(), along: axis, of: x.shape))
  }

  /// One number for all places of a shape, or one for each along an axis.
  private func spread(
    _ numbers: Tensor<Double>, along axis: Int, of shape: Shape
  ) throws(ONNXError) -> Tensor<Double> {
    if numbers.count == 1 { return numbers.reshaped(to: []).broadcast(to: shape) }
    guard shape.indices.contains(axis), numbers.count == shape[axis], numbers.rank == 1 else {
      // As many axes as the tensor has, of length 1 where it is the same.
      guard commonShape(numbers.shape, shape) == Array(shape) else {
        throw malformed("\(numbers.shape) numbers for a tensor of shape \(shape)")
      }
      return numbers.broadcast(to: shape)
    }
    var lengths = [Int](repeating: 1, count: shape.rank)
    lengths[axis] = numbers.count
    return numbers.reshaped(to: Shape(lengths)).broadcast(to: shape)
  }

  /// A node of another operator on numbers in double precision.
  private func exact(_ operation: String, _ inputs: [Tensor<Double>]) throws(ONNXError) -> Tensor<Double> {
    var other = node
    (other.operation, other.outputs) = (operation, ["y"])
    let call = OperatorCall<Double>(
      node: other, inputs: inputs.map { .doubles($0) }, version: version, maximumElementCount: maximumElementCount)
    let result = try operation == "Conv" ? call.convolution() : call.matrixProduct()
    guard let y = result[0].floats(Double.self) else { throw malformed("no numbers") }
    return y
  }

  private func wholeProduct(_ y: Tensor<Double>) -> [ONNXTensor] {
    let values = y.elements.map { ONNXElementType.int32.wrapping(Int64($0)) }
    return [.integers(ONNXIntegers(values, shape: y.shape, type: .int32))]
  }

  /// `MatMulInteger`: the zero point of the left factor is one for all or for each row, of the right one for each column.
  func wholeMatrixProduct() throws(ONNXError) -> [ONNXTensor] {
    let (left, right) = (try input(0).shape.rank, try input(1).shape.rank)
    return wholeProduct(
      try exact(
        "MatMul",
        [
          try centred(0, zeroPoint: 2, axis: max(0, left - 2)), try centred(1, zeroPoint: 3, axis: max(0, right - 1)),
        ]))
  }

  /// `ConvInteger`.
  func wholeConvolution() throws(ONNXError) -> [ONNXTensor] {
    wholeProduct(try exact("Conv", [try centred(0, zeroPoint: 2, axis: 0), try centred(1, zeroPoint: 3, axis: 0)]))
  }

  /// `QLinearMatMul`: quantized factors, and a quantized product.
  func quantizedMatrixProduct() throws(ONNXError) -> [ONNXTensor] {
    let (rows, columns) = (try input(0).shape.rank - 2, try input(3).shape.rank - 1)
    let y = try exact(
      "MatMul",
      [try centred(0, zeroPoint: 2, axis: max(0, rows)), try centred(3, zeroPoint: 5, axis: max(0, columns))])
    let left = try spread(try scale(1), along: max(0, y.rank - 2), of: y.shape)
    let right = try spread(try scale(4), along: max(0, y.rank - 1), of: y.shape)
    return try quantized(y * left * right, scale: 6, zeroPoint: 7, along: max(0, y.rank - 2))
  }

  /// `QLinearConv`: quantized images and weights, a bias of their common scale, and quantized results.
  func quantizedConvolution() throws(ONNXError) -> [ONNXTensor] {
    var y = try exact("Conv", [try centred(0, zeroPoint: 2, axis: 1), try centred(3, zeroPoint: 5, axis: 0)])
    if hasInput(8) {
      guard case .integers(let bias) = try input(8) else { throw malformed("a bias that is not of whole numbers") }
      y = y + (try spread(bias.numbers(), along: 1, of: y.shape))
    }
    let (left, right) = (
      try spread(try scale(1), along: 1, of: y.shape), try spread(try scale(4), along: 1, of: y.shape)
    )
    return try quantized(y * left * right, scale: 6, zeroPoint: 7, along: 1)
  }

  private func scale(_ index: Int) throws(ONNXError) -> Tensor<Double> { try floats(index).converted() }

  private func quantized(
    _ y: Tensor<Double>, scale index: Int, zeroPoint: Int, along axis: Int
  ) throws(ONNXError) -> [ONNXTensor] {
    let quotients = y / (try spread(try scale(index), along: axis, of: y.shape))
    guard case .integers(let zeros) = try hasInput(zeroPoint) ? input(zeroPoint) : input(0),
      zeros.type.bitCount <= 16, let range = zeros.type.range
    else { throw malformed("a zero point that is no whole number of at most 16 bits") }
    let points = try hasInput(zeroPoint) ? spread(zeros.numbers(), along: axis, of: y.shape) : Tensor.zeros(y.shape)
    let values = zip(quotients.elements, points.elements).map { value, zero -> Int64 in
      let rounded = (value + zero).rounded(.toNearestOrEven)
      return rounded.isNaN ? 0 : Int64(min(max(rounded, Double(range.lowerBound)), Double(range.upperBound)))
    }
    return [.integers(ONNXIntegers(values, shape: y.shape, type: zeros.type))]
  }
}
