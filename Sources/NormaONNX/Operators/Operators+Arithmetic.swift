import NormaTensor

extension OperatorCall {
  /// `Add`, `Sub`, `Mul` and `Div`: of numbers by Norma's loops, of whole numbers with wrapping around.
  func binary(
    _ operation: BinaryOperation<Element>, _ ofIntegers: (Int64, Int64) -> Int64
  ) throws(ONNXError) -> [ONNXTensor] {
    let left = try operand(0)
    let right = try placed(try operand(1), in: left.shape)
    guard left.wholeType == right.wholeType else {
      throw malformed("elements of types \(try input(0).elementType) and \(try input(1).elementType)")
    }
    guard let common = commonShape(left.shape, right.shape) else {
      throw malformed("shapes \(left.shape) and \(right.shape) do not go together")
    }
    let shape = try shape(common)
    switch (left.broadcast(to: shape), right.broadcast(to: shape)) {
    case (.floats(let left), .floats(let right)): return [.numbers(left.applying(operation, right))]
    case (.integers(let left), .integers(let right)):
      if case .divide = operation, right.values.contains(0) { throw malformed("a whole number is divided by 0") }
      let values = zip(left.values, right.values).map { left.type.wrapping(ofIntegers($0, $1)) }
      return [.integers(ONNXIntegers(values, shape: shape, type: left.type))]
    default: throw malformed("elements of two types")
    }
  }

  /// The second of two operands: before version 7 of ONNX's operators its axes may stand for those of the first from one on.
  private func placed(_ right: Operand<Element>, in shape: Shape) throws(ONNXError) -> Operand<Element> {
    guard version < 7, node.attributes["axis"] != nil else { return right }
    let axis = try axis(try integer("axis", or: 0), rank: shape.rank)
    guard axis + right.shape.rank <= shape.rank else {
      throw malformed("a tensor of shape \(right.shape) from axis \(axis) of \(shape) on")
    }
    let rest = [Int](repeating: 1, count: shape.rank - axis - right.shape.rank)
    let widened = Shape(Array(right.shape) + rest)
    switch right {
    case .floats(let tensor): return .floats(tensor.reshaped(to: widened))
    case .integers(let tensor): return .integers(ONNXIntegers(tensor.values, shape: widened, type: tensor.type))
    }
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
  func unary(_ operation: UnaryOperation<Element>) throws(ONNXError) -> [ONNXTensor] {
    [.numbers(try floats(0).applying(operation))]
  }

  /// `Pow`: the exponents may be of another kind; the results are what the bases are.
  func power() throws(ONNXError) -> [ONNXTensor] {
    let x = try operand(0)
    let exponent = try placed(try operand(1), in: x.shape)
    guard let common = commonShape(x.shape, exponent.shape) else {
      throw malformed("shapes \(x.shape) and \(exponent.shape) do not go together")
    }
    let shape = try shape(common)
    switch (x.broadcast(to: shape), exponent.broadcast(to: shape)) {
    case (.integers(let bases), .integers(let exponents)):
      let values = zip(bases.values, exponents.values).map { bases.type.wrapping(Self.power($0, $1)) }
      return [.integers(ONNXIntegers(values, shape: shape, type: bases.type))]
    case (.integers(let bases), .floats(let exponents)):
      let values = zip(bases.values, exponents.elements).map { base, exponent -> Int64 in
        let power = Functions.power(Double(base), Double(exponent))
        return bases.type.wrapping(power.magnitude < 0x1p63 ? Int64(power) : 0)
      }
      return [.integers(ONNXIntegers(values, shape: shape, type: bases.type))]
    case (.floats(let bases), let exponents):
      let exponents: Tensor<Element> =
        switch exponents {
        case .floats(let tensor): tensor
        case .integers(let tensor): tensor.numbers()
        }
      let values = zip(bases.elements, exponents.elements).map { Functions.power($0, $1) }
      return [.numbers(Tensor(values, shape: shape))]
    }
  }

  /// A whole number's power, which wraps around; 0 for a fraction.
  private static func power(_ base: Int64, _ exponent: Int64) -> Int64 {
    guard exponent >= 0 else { return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0 }
    var (result, square, rest): (Int64, Int64, Int64) = (1, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result &*= square }
      square &*= square
      rest >>= 1
    }
    return result
  }

  /// `Clip`: to bounds that may be left out; where the lower one is above the upper one, that is what remains.
  func clip() throws(ONNXError) -> [ONNXTensor] {
    guard version >= 11 else {
      let bounds = (Element(try number("min", or: -.infinity)), Element(try number("max", or: .infinity)))
      return [.numbers(clamped(try floats(0), bounds))]
    }
    let x = try operand(0)
    for index in [1, 2] where hasInput(index) {
      let bound = try operand(index)
      guard bound.shape.elementCount == 1, bound.wholeType == x.wholeType else {
        throw malformed("a bound of type \(try input(index).elementType) and shape \(bound.shape)")
      }
    }
    switch x {
    case .floats(let tensor):
      return [
        .numbers(clamped(tensor, (try optionalFloats(1)?.item ?? -.infinity, try optionalFloats(2)?.item ?? .infinity)))
      ]
    case .integers(let tensor):
      guard tensor.type != .uint64 else { throw unsupported("elements of type uint64") }
      let bounds = (try optionalIntegers(1)?[0] ?? .min, try optionalIntegers(2)?[0] ?? .max)
      let values = tensor.values.map { min(max($0, Int64(bounds.0)), Int64(bounds.1)) }
      return [.integers(ONNXIntegers(values, shape: tensor.shape, type: tensor.type))]
    }
  }

  private func clamped(_ x: Tensor<Element>, _ bounds: (Element, Element)) -> Tensor<Element> {
    bounds.0 <= bounds.1
      ? x.applying(.clamp(bounds.0...bounds.1)) : Tensor(repeating: bounds.1, shape: x.shape)
  }

  /// `Gelu`: exact, or with the hyperbolic tangent in place of the error function.
  func gelu() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard try approximatesGelu() else { return [.numbers(x.applying(.activation(.gelu)))] }
    let inner = Element(0.797_884_560_802_865_4) * (x + Element(0.044715) * (x * x * x))
    return [.numbers(0.5 * (x * (inner.applying(.hyperbolicTangent) + 1)))]
  }

  /// Whether `Gelu` has the hyperbolic tangent in place of the error function.
  func approximatesGelu() throws(ONNXError) -> Bool {
    switch try string("approximate", or: "none") {
    case "none": return false
    case "tanh": return true
    case let other: throw malformed("'\(other)' is no approximation")
    }
  }

  /// `HardSigmoid`: `min(max(alpha · x + beta, 0), 1)`.
  func hardSigmoid() throws(ONNXError) -> [ONNXTensor] {
    let (alpha, beta) = (Element(try number("alpha", or: 0.2)), Element(try number("beta", or: 0.5)))
    return [.numbers((alpha * (try floats(0)) + beta).applying(.clamp(0...1)))]
  }

  /// `PRelu`: the slope is repeated to the shape of the input.
  func parametricReLU() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    var slope = try floats(1)
    // Before version 7 one for each channel.
    if version < 7, slope.rank == 1, x.rank > 2, slope.count > 1 {
      slope = slope.reshaped(to: Shape([slope.count] + [Int](repeating: 1, count: x.rank - 2)))
    }
    guard commonShape(x.shape, slope.shape) == Array(x.shape) else {
      throw malformed("a slope of shape \(slope.shape) does not fit \(x.shape)")
    }
    return [.numbers(x.applying(.rectifyBySlope, slope.broadcast(to: x.shape)))]
  }

  /// `Softmax` and `LogSoftmax`: over one axis; before version 13 over all from one on.
  func softmax(logarithmic: Bool = false) throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let axis = try axis(try integer("axis", or: version < 13 ? 1 : -1), rank: x.rank)
    func overRows(_ x: Tensor<Element>) -> Tensor<Element> { logarithmic ? x.logSoftmax() : x.softmax() }
    guard version >= 13 else {
      let rows = x.shape[..<axis].reduce(1, *)
      return [.numbers(overRows(x.reshaped(to: [rows, x.shape[axis...].reduce(1, *)])).reshaped(to: x.shape))]
    }
    var order = Array(0..<x.rank)
    order.swapAt(axis, x.rank - 1)
    return [.numbers(overRows(x.transposed(order)).transposed(order))]
  }

  /// `CumSum`: with the place itself or without it, from either end; whole numbers wrap around.
  func cumulativeSum() throws(ONNXError) -> [ONNXTensor] {
    guard case .floats(let x) = try operand(0) else { return try accumulated(ofIntegers: &+, from: 0) }
    let axis = try axis(try wholeNumber(1), rank: x.rank)
    let isReversed = try integer("reverse", or: 0) != 0
    let sums = x.cumulativeSum(axis: axis, isReversed: isReversed)
    let length = x.shape[axis]
    guard try integer("exclusive", or: 0) != 0, length > 0 else { return [.numbers(sums)] }
    let moved = sums.sliced(isReversed ? 1..<length : 0..<length - 1, axis: axis)
    return [.numbers(moved.padded(axis: axis, before: isReversed ? 0 : 1, after: isReversed ? 1 : 0))]
  }
}
