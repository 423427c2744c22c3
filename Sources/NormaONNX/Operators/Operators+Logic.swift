import NormaTensor

extension OperatorCall {
  /// All inputs, which are of one type, repeated to the shape that they have in common.
  func commonInputs() throws(ONNXError) -> [Operand<Element>] {
    let first = try operand(0)
    var lengths = Array(first.shape)
    var tensors: [Operand<Element>] = []
    for index in inputs.indices {
      let tensor = try operand(index)
      guard tensor.wholeType == first.wholeType else {
        throw malformed("elements of types \(try input(0).elementType) and \(try input(index).elementType)")
      }
      guard let common = commonShape(Shape(lengths), tensor.shape) else {
        throw malformed("shapes \(first.shape) and \(tensor.shape) do not go together")
      }
      lengths = common
      tensors.append(tensor)
    }
    let shape = try shape(lengths)
    return tensors.map { $0.broadcast(to: shape) }
  }

  /// `Equal`, `Less` and their like: truth values.
  func compare(
    _ ofFloats: (Element, Element) -> Bool, _ ofIntegers: (Int64, Int64) -> Bool
  ) throws(ONNXError) -> [ONNXTensor] {
    guard inputs.count == 2 else { throw malformed("\(inputs.count) inputs; two are compared") }
    if try input(0).elementType == .string {
      guard node.operation == "Equal" else { throw malformed("the order of texts") }
      let (left, right) = try commonTexts()
      return [.truths(zip(left.values, right.values).map { $0 == $1 }, shape: left.shape)]
    }
    let pair = try commonInputs()
    switch (pair[0], pair[1]) {
    case (.floats(let left), .floats(let right)):
      return [.truths(zip(left.elements, right.elements).map(ofFloats), shape: left.shape)]
    case (.integers(let left), .integers(let right)):
      return [.truths(zip(left.ordered, right.ordered).map(ofIntegers), shape: left.shape)]
    default: throw malformed("elements of two types")
    }
  }

  /// `And`, `Or`, `Xor` of truth values, or the bits of whole numbers.
  func combineBits(_ operation: (Int64, Int64) -> Int64, ofTruths: Bool) throws(ONNXError) -> [ONNXTensor] {
    guard inputs.count == 2 else { throw malformed("\(inputs.count) inputs; two are combined") }
    let pair = try commonInputs()
    guard case .integers(let left) = pair[0], case .integers(let right) = pair[1], (left.type == .bool) == ofTruths
    else { throw malformed("elements of type \(try input(0).elementType)") }
    let values = zip(left.values, right.values).map { left.type.wrapping(operation($0, $1)) }
    return [.integers(ONNXIntegers(values, shape: left.shape, type: left.type))]
  }

  /// `Not` and `BitwiseNot`.
  func invertBits(ofTruths: Bool) throws(ONNXError) -> [ONNXTensor] {
    guard case .integers(let x) = try input(0), (x.type == .bool) == ofTruths else {
      throw malformed("elements of type \(try input(0).elementType)")
    }
    let values = x.values.map { ofTruths ? 1 - $0 : x.type.wrapping(~$0) }
    return [.integers(ONNXIntegers(values, shape: x.shape, type: x.type))]
  }

  /// `BitShift`; a sign is shifted in from above, and from as many places as a number has on nothing else is left.
  func shiftBits() throws(ONNXError) -> [ONNXTensor] {
    let direction = try string("direction", or: "")
    let isUnsigned = try input(0).elementType == .uint64
    guard direction == "LEFT" || direction == "RIGHT" else { throw malformed("'direction' is '\(direction)'") }
    return try combineBits(
      { value, count in
        let places = UInt64(bitPattern: count)
        if direction == "LEFT" { return places < 64 ? value << Int64(places) : 0 }
        return isUnsigned
          ? (places < 64 ? Int64(bitPattern: UInt64(bitPattern: value) >> places) : 0) : value >> Int64(min(places, 63))
      }, ofTruths: false)
  }

  /// `Where`: the second input where the first is true, the third elsewhere.
  func choose() throws(ONNXError) -> [ONNXTensor] {
    guard case .integers(let condition) = try input(0), condition.type == .bool else {
      throw malformed("a condition of type \(try input(0).elementType)")
    }
    let (x, y) = (try input(1), try input(2))
    guard x.elementType.computed == y.elementType.computed, let both = commonShape(x.shape, y.shape),
      let common = commonShape(condition.shape, Shape(both))
    else { throw malformed("shapes \(condition.shape), \(x.shape) and \(y.shape) do not go together") }
    let shape = try shape(common)
    guard case .integers(let chosen) = ONNXTensor.integers(condition).broadcast(to: shape) else { return [] }
    // Both, one after the other, and of each place the one that is chosen.
    let count = shape.elementCount
    let parts = [x, y].map { $0.widened.broadcast(to: shape).reshaped(to: [count]) }
    let places = chosen.values.indices.map { chosen.values[$0] != 0 ? $0 : count + $0 }
    return [ONNXTensor.concatenating(parts, axis: 0).picking([places]).reshaped(to: shape)]
  }

  /// `IsNaN` and `IsInf`.
  func test(_ body: (Element) -> Bool) throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    return [.truths(x.elements.map(body), shape: x.shape)]
  }

  /// `IsInf`, of either sign or of both.
  func testInfinity() throws(ONNXError) -> [ONNXTensor] {
    let seesNegative = try integer("detect_negative", or: 1) != 0
    let seesPositive = try integer("detect_positive", or: 1) != 0
    return try test { $0 == .infinity && seesPositive || $0 == -.infinity && seesNegative }
  }
}

extension ONNXTensor {
  /// Truth values, row-major.
  static func truths(_ values: [Bool], shape: Shape) -> ONNXTensor {
    .integers(ONNXIntegers(values.map { $0 ? 1 : 0 }, shape: shape, type: .bool))
  }
}

extension ONNXIntegers {
  /// The elements as numbers whose order is that of the elements: those of `uint64` are held by their bits.
  var ordered: [Int64] { type == .uint64 ? values.map { $0 ^ .min } : values }
}
