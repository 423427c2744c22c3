import NormaTensor

extension OperatorCall {
  /// `Add`, `Sub`, `Mul` and `Div`: of numbers by Norma's loops, of whole numbers with wrapping around.
  func binary(
    _ operation: BinaryOperation<Float>, _ ofIntegers: (Int64, Int64) -> Int64
  ) throws(ONNXError) -> [ONNXTensor] {
    let left = try input(0)
    let right = try placed(try input(1), in: left.shape)
    guard left.elementType == right.elementType else {
      throw malformed("elements of types \(left.elementType) and \(right.elementType)")
    }
    guard let common = commonShape(left.shape, right.shape) else {
      throw malformed("shapes \(left.shape) and \(right.shape) do not go together")
    }
    let shape = try shape(common)
    switch (left.broadcast(to: shape), right.broadcast(to: shape)) {
    case (.floats(let left), .floats(let right)): return [.floats(left.applying(operation, right))]
    case (.integers(let left), .integers(let right)):
      if case .divide = operation, right.values.contains(0) { throw malformed("a whole number is divided by 0") }
      let values = zip(left.values, right.values).map { left.type.wrapping(ofIntegers($0, $1)) }
      return [.integers(ONNXIntegers(values, shape: shape, type: left.type))]
    default: throw malformed("elements of two types")
    }
  }

  /// The second of two operands: before version 7 of ONNX's operators its axes may stand for those of the first from one on.
  private func placed(_ right: ONNXTensor, in shape: Shape) throws(ONNXError) -> ONNXTensor {
    guard version < 7, node.attributes["axis"] != nil else { return right }
    let axis = try axis(try integer("axis", or: 0), rank: shape.rank)
    guard axis + right.shape.rank <= shape.rank else {
      throw malformed("a tensor of shape \(right.shape) from axis \(axis) of \(shape) on")
    }
    let rest = [Int](repeating: 1, count: shape.rank - axis - right.shape.rank)
    return right.reshaped(to: Shape(Array(right.shape) + rest))
  }

  /// `Div` of whole numbers rounds towards 0; numbers of `uint64` are held by their bits.
  func divide() throws(ONNXError) -> [ONNXTensor] {
    let isUnsigned = try input(0).elementType == .uint64
    return try binary(.divide) { left, right in
      isUnsigned
        ? Int64(bitPattern: UInt64(bitPattern: left) / UInt64(bitPattern: right))
        : left.dividedReportingOverflow(by: right).partialValue
    }
  }

  /// A function of each number.
  func unary(_ operation: UnaryOperation<Float>) throws(ONNXError) -> [ONNXTensor] {
    [.floats(try floats(0).applying(operation))]
  }

  /// `Pow`: the exponents may be whole numbers.
  func power() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let exponent = try placed(try input(1), in: x.shape)
    guard case .floats = x else { throw unsupported("powers of elements of type \(x.elementType)") }
    guard let common = commonShape(x.shape, exponent.shape) else {
      throw malformed("shapes \(x.shape) and \(exponent.shape) do not go together")
    }
    let shape = try shape(common)
    guard case .floats(let bases) = x.broadcast(to: shape) else { return [] }
    let exponents: [Float] =
      switch exponent.broadcast(to: shape) {
      case .floats(let tensor): tensor.elements
      case .integers(let tensor):
        tensor.values.map { tensor.type == .uint64 ? Float(UInt64(bitPattern: $0)) : Float($0) }
      }
    return [.floats(Tensor(zip(bases.elements, exponents).map { Functions.power($0, $1) }, shape: shape))]
  }

  /// `Clip`: to bounds that may be left out; where the lower one is above the upper one, that is what remains.
  func clip() throws(ONNXError) -> [ONNXTensor] {
    guard version >= 11 else {
      let bounds = (try number("min", or: -.infinity), try number("max", or: .infinity))
      return [.floats(clamped(try floats(0), bounds))]
    }
    let x = try input(0)
    for index in [1, 2] where hasInput(index) {
      let bound = try input(index)
      guard bound.shape.elementCount == 1, bound.elementType == x.elementType else {
        throw malformed("a bound of type \(bound.elementType) and shape \(bound.shape)")
      }
    }
    switch x {
    case .floats(let tensor):
      return [
        .floats(clamped(tensor, (try optionalFloats(1)?.item ?? -.infinity, try optionalFloats(2)?.item ?? .infinity)))
      ]
    case .integers(let tensor):
      guard tensor.type != .uint64 else { throw unsupported("elements of type uint64") }
      let bounds = (try optionalIntegers(1)?[0] ?? .min, try optionalIntegers(2)?[0] ?? .max)
      let values = tensor.values.map { min(max($0, Int64(bounds.0)), Int64(bounds.1)) }
      return [.integers(ONNXIntegers(values, shape: tensor.shape, type: tensor.type))]
    }
  }

  private func clamped(_ x: Tensor<Float>, _ bounds: (Float, Float)) -> Tensor<Float> {
    bounds.0 <= bounds.1
      ? x.applying(.clamp(bounds.0...bounds.1)) : Tensor(repeating: bounds.1, shape: x.shape)
  }

  /// `Gelu`: exact, or with the hyperbolic tangent in place of the error function.
  func gelu() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    switch try string("approximate", or: "none") {
    case "none": return [.floats(x.applying(.activation(.gelu)))]
    case "tanh":
      let inner = Float(0.797_884_560_802_865_4) * (x + Float(0.044715) * (x * x * x))
      return [.floats(0.5 * (x * (inner.applying(.hyperbolicTangent) + 1)))]
    case let other: throw malformed("'\(other)' is no approximation")
    }
  }

  /// `HardSigmoid`: `min(max(alpha · x + beta, 0), 1)`.
  func hardSigmoid() throws(ONNXError) -> [ONNXTensor] {
    let (alpha, beta) = (try number("alpha", or: 0.2), try number("beta", or: 0.5))
    return [.floats((alpha * (try floats(0)) + beta).applying(.clamp(0...1)))]
  }

  /// `PRelu`: the slope is repeated to the shape of the input.
  func parametricReLU() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    var slope = try floats(1)
    // Before version 7 one for each channel.
    if version < 7, slope.rank == 1, x.rank > 2, slope.count > 1 {
      slope = slope.reshaped(to: Shape([slope.count] + [Int](repeating: 1, count: x.rank - 2)))
    }
    guard commonShape(x.shape, slope.shape) == Array(x.shape),
      case .floats(let slopes) = ONNXTensor.floats(slope).broadcast(to: x.shape)
    else { throw malformed("a slope of shape \(slope.shape) does not fit \(x.shape)") }
    return [.floats(x.applying(.rectifyBySlope, slopes))]
  }

  /// `Softmax` and `LogSoftmax`: over one axis; before version 13 over all from one on.
  func softmax(logarithmic: Bool = false) throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let axis = try axis(try integer("axis", or: version < 13 ? 1 : -1), rank: x.rank)
    func overRows(_ x: Tensor<Float>) -> Tensor<Float> { logarithmic ? x.logSoftmax() : x.softmax() }
    guard version >= 13 else {
      let rows = x.shape[..<axis].reduce(1, *)
      return [.floats(overRows(x.reshaped(to: [rows, x.shape[axis...].reduce(1, *)])).reshaped(to: x.shape))]
    }
    var order = Array(0..<x.rank)
    order.swapAt(axis, x.rank - 1)
    return [.floats(overRows(x.transposed(order)).transposed(order))]
  }

  /// `CumSum`: with the place itself or without it, from either end.
  func cumulativeSum() throws(ONNXError) -> [ONNXTensor] {
    let (x, named) = (try floats(0), try integers(1))
    guard named.count == 1 else { throw malformed("\(named) is not one axis") }
    let axis = try axis(named[0], rank: x.rank)
    let isReversed = try integer("reverse", or: 0) != 0
    let sums = x.cumulativeSum(axis: axis, isReversed: isReversed)
    let length = x.shape[axis]
    guard try integer("exclusive", or: 0) != 0, length > 0 else { return [.floats(sums)] }
    let moved = sums.sliced(isReversed ? 1..<length : 0..<length - 1, axis: axis)
    return [.floats(moved.padded(axis: axis, before: isReversed ? 0 : 1, after: isReversed ? 1 : 0))]
  }
}
