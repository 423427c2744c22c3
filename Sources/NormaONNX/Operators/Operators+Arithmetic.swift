import NormaTensor

extension OperatorCall {
  /// `Add`, `Sub`, `Mul` and `Div`: of numbers by Norma's loops, of whole numbers with wrapping around.
  func binary(
    _ operation: BinaryOperation<Float>, _ ofIntegers: (Int64, Int64) -> Int64
  ) throws(ONNXError) -> [ONNXTensor] {
    let (left, right) = (try input(0), try input(1))
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

  /// `Softmax`: over one axis; before version 13 over all from one on.
  func softmax() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let axis = try axis(try integer("axis", or: version < 13 ? 1 : -1), rank: x.rank)
    guard version >= 13 else {
      let rows = x.shape[..<axis].reduce(1, *)
      return [.floats(softmaxOverRows(x.reshaped(to: [rows, x.shape[axis...].reduce(1, *)])).reshaped(to: x.shape))]
    }
    var order = Array(0..<x.rank)
    order.swapAt(axis, x.rank - 1)
    return [.floats(softmaxOverRows(x.transposed(order)).transposed(order))]
  }

  /// `eˣ` by the row's sum of it, each row moved first so that its largest value is 0.
  private func softmaxOverRows(_ x: Tensor<Float>) -> Tensor<Float> {
    let (rows, channels) = (x.shape.rowCount, x.shape.channelCount)
    let elements = x.elements
    return Tensor(shape: x.shape) { result in
      for row in 0..<(channels > 0 ? rows : 0) {
        let values = elements[row * channels..<(row + 1) * channels]
        let largest = values.reduce(-Float.infinity) { max($0, $1) }
        let powers = values.map { Functions.exponential(Double($0) - Double(largest)) }
        let sum = powers.reduce(0, +)
        for (index, power) in powers.enumerated() {
          result.initializeElement(at: row * channels + index, to: Float(power / sum))
        }
      }
    }
  }

  /// `ReduceMean`, added up in double precision.
  func reduceMean() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let named = try version >= 18 ? optionalIntegers(1) : integers("axes")
    let keeps = try integer("keepdims", or: 1) != 0
    if (named ?? []).isEmpty, try integer("noop_with_empty_axes", or: 0) != 0 { return [.floats(x)] }
    let axes = try axes((named ?? []).isEmpty ? Array(0..<x.rank) : named ?? [], rank: x.rank)
    let others = (0..<x.rank).filter { !axes.contains($0) }
    let count = axes.reduce(1) { $0 * x.shape[$1] }
    guard count > 0 else { throw unsupported("a mean of nothing, in a tensor of shape \(x.shape)") }
    let rows = x.transposed(others + axes).reshaped(to: [x.count / count, count]).elements
    let means = (0..<x.count / count).map { row in
      Float(rows[row * count..<(row + 1) * count].reduce(0.0) { $0 + Double($1) } / Double(count))
    }
    let lengths = keeps ? (0..<x.rank).map { axes.contains($0) ? 1 : x.shape[$0] } : others.map { x.shape[$0] }
    return [.floats(Tensor(means, shape: Shape(lengths)))]
  }
}
