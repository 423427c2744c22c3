import NormaTensor

// Some axes as one number, and places along an axis.
extension OperatorCall {
  /// How some axes become one number.
  enum Reduction { case sum, mean, logSumExp, maximum, minimum, product, absoluteSum, length, sumOfSquares, logSum }

  /// `ReduceSum`, `ReduceMean` and their like; sums are added up in double precision. Whole numbers wrap around.
  func reduce(_ reduction: Reduction) throws(ONNXError) -> [ONNXTensor] {
    let x = try operand(0)
    let (axes, keeps) = try reductionAxes(rank: x.shape.rank)
    let others = (0..<x.shape.rank).filter { !axes.contains($0) }
    let count = axes.reduce(1) { $0 * x.shape[$1] }
    let lengths =
      keeps ? (0..<x.shape.rank).map { axes.contains($0) ? 1 : x.shape[$0] } : others.map { x.shape[$0] }
    if axes.isEmpty, [.sum, .mean, .maximum, .minimum, .product].contains(reduction) { return [x.tensor] }
    let rows = others.reduce(1) { $0 * x.shape[$1] }
    let isInOrder = axes.isEmpty || others + axes == Array(0..<x.shape.rank)
    switch x {
    case .floats(let x):
      let table = (isInOrder ? x : x.transposed(others + axes)).reshaped(to: [rows, count])
      return [.numbers(try reduced(table, reduction).reshaped(to: Shape(lengths)))]
    case .integers(let x):
      let moved = ONNXTensor.integers(x)
      guard case .integers(let table) = isInOrder ? moved : moved.transposed(others + axes) else { return [] }
      let ordered = table.ordered
      let values = try (0..<rows).map { row throws(ONNXError) in
        try reduced(ordered[row * count..<(row + 1) * count], reduction, table.type)
      }
      let restored = table.type == .uint64 ? values.map { $0 ^ .min } : values
      return [
        .integers(ONNXIntegers(restored.map(table.type.wrapping), shape: Shape(lengths), type: table.type))
      ]
    }
  }

  /// Which axes a reduction is over, none where it leaves all as it is, and whether they stay, of length 1.
  func reductionAxes(rank: Int) throws(ONNXError) -> (axes: [Int], keepsAxes: Bool) {
    let isInput = version >= (node.operation == "ReduceSum" ? 13 : 18)
    let named = try (isInput ? optionalIntegers(1) : integers("axes")) ?? []
    let keeps = try integer("keepdims", or: 1) != 0
    guard named.isEmpty else { return (try axes(named, rank: rank), keeps) }
    let leavesAll = try integer("noop_with_empty_axes", or: 0) != 0
    return (leavesAll ? [] : Array(0..<rank), keeps)
  }

  private func reduced(_ x: Tensor<Element>, _ reduction: Reduction) throws(ONNXError) -> Tensor<Element> {
    let (rows, count) = (x.shape[0], x.shape[1])
    func each(_ first: Double, _ body: (Double, Double) -> Double, then last: (Double) -> Double = { $0 }) -> Tensor<
      Element
    > {
      let values = x.elements
      return Tensor(
        (0..<rows).map { row in
          Element(last(values[row * count..<(row + 1) * count].reduce(first) { body($0, Double($1)) }))
        }, shape: [rows])
    }
    switch reduction {
    case .sum: return x.sumOverChannels()
    case .mean:
      guard count > 0 else { throw unsupported("a mean of nothing, in a tensor of shape \(try input(0).shape)") }
      return x.sumOverChannels() / Element(count)
    case .logSumExp: return x.logSumExp()
    case .maximum: return each(-.infinity) { $1.isNaN || $0.isNaN ? .nan : max($0, $1) }
    case .minimum: return each(.infinity) { $1.isNaN || $0.isNaN ? .nan : min($0, $1) }
    case .product: return each(1) { $0 * $1 }
    case .absoluteSum: return each(0) { $0 + abs($1) }
    case .sumOfSquares: return each(0) { $0 + $1 * $1 }
    case .length:
      return each(0) {
        $0 + $1 * $1
      } then: {
        $0.squareRoot()
      }
    case .logSum:
      return each(0) {
        $0 + $1
      } then: {
        Functions.logarithm($0)
      }
    }
  }

  private func reduced(
    _ values: ArraySlice<Int64>, _ reduction: Reduction, _ type: ONNXElementType
  ) throws(ONNXError) -> Int64 {
    switch reduction {
    case _ where values.isEmpty && type == .bool: return reduction == .minimum ? 1 : 0
    case .sum: return values.reduce(0, &+)
    case .product: return values.reduce(1, &*)
    case .maximum:
      guard let most = values.max() else { throw unsupported("the largest of nothing, of type \(type)") }
      return most
    case .minimum:
      guard let least = values.min() else { throw unsupported("the smallest of nothing, of type \(type)") }
      return least
    case .absoluteSum: return values.reduce(0) { $0 &+ Int64(clamping: $1.magnitude) }
    case .sumOfSquares: return values.reduce(0) { $0 &+ $1 &* $1 }
    case .mean:
      guard !values.isEmpty else { throw unsupported("a mean of nothing") }
      return values.reduce(0, &+) / Int64(values.count)
    case .logSumExp, .length, .logSum: throw unsupported("elements of type \(type)")
    }
  }

  /// `ArgMax` and `ArgMin`: the place of the largest or smallest along an axis, the first of equals or the last.
  func place(ofMaximum isMaximum: Bool) throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let axis = try axis(try integer("axis", or: 0), rank: x.shape.rank)
    let takesLast = try integer("select_last_index", or: 0) != 0
    guard x.shape[axis] > 0 else { throw malformed("a place along axis \(axis) of \(x.shape)") }
    let table = rows(of: x, along: axis)
    func best<Value: Comparable>(_ values: ArraySlice<Value>) -> Int64 {
      var found = values.startIndex
      for index in values.indices.dropFirst() {
        let (value, most) = (values[index], values[found])
        if (isMaximum ? value > most : value < most) || takesLast && value == most { found = index }
      }
      return Int64(found - values.startIndex)
    }
    let length = x.shape[axis]
    let count = x.shape.elementCount / length
    func places<Value: Comparable>(_ values: [Value]) -> [Int64] {
      (0..<count).map { best(values[$0 * length..<($0 + 1) * length]) }
    }
    let found: [Int64]
    switch table {
    case .integers(let table): found = places(table.ordered)
    default: found = places(try numbers(table).elements)
    }
    var lengths = Array(x.shape)
    if try integer("keepdims", or: 1) != 0 { lengths[axis] = 1 } else { lengths.remove(at: axis) }
    return [.integers(ONNXIntegers(found, shape: Shape(lengths)))]
  }

  /// Numbers of floating point.
  private func numbers(_ x: ONNXTensor) throws(ONNXError) -> Tensor<Element> {
    guard let tensor = x.floats(Element.self) else { throw unsupported("elements of type \(x.elementType)") }
    return tensor
  }

  /// The values along an axis as rows, in the order of the other axes.
  private func rows(of x: ONNXTensor, along axis: Int) -> ONNXTensor {
    axis == x.shape.rank - 1 ? x : x.transposed((0..<x.shape.rank).filter { $0 != axis } + [axis])
  }

  /// `TopK`: the k largest or smallest along an axis and their places, in their order.
  func topK() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let axis = try axis(try integer("axis", or: -1), rank: x.shape.rank)
    let wanted = try version < 10 ? [integer("k", or: -1)] : integers(1)
    let isLargest = try integer("largest", or: 1) != 0
    let length = x.shape[axis]
    guard wanted.count == 1, (0...length).contains(wanted[0]) else {
      throw malformed("the \(wanted) most along an axis of length \(length)")
    }
    let k = wanted[0]
    let count = x.shape.elementCount / max(1, length)
    let table = rows(of: x, along: axis)
    func order<Value: Comparable>(_ values: [Value]) -> [Int] {
      (0..<count).flatMap { row in
        (0..<length).sorted { left, right in
          let (a, b) = (values[row * length + left], values[row * length + right])
          return a == b ? left < right : isLargest ? a > b : a < b
        }.prefix(k)
      }
    }
    let places: [Int]
    switch table {
    case .integers(let table): places = order(table.ordered)
    default: places = order(try numbers(table).elements)
    }
    let flat = places.enumerated().map { $0 / max(1, k) * length + $1 }
    var lengths = (0..<x.shape.rank).filter { $0 != axis }.map { x.shape[$0] }
    var back = Array(0..<x.shape.rank - 1)
    back.insert(x.shape.rank - 1, at: axis)
    lengths.append(k)
    let values = table.reshaped(to: [x.shape.elementCount]).picking([flat]).reshaped(to: Shape(lengths))
    let found = ONNXTensor.integers(ONNXIntegers(places.map(Int64.init), shape: Shape(lengths)))
    return [values.transposed(back), found.transposed(back)]
  }

  /// `CumProd`: with the place itself or without it, from either end; whole numbers wrap around.
  func cumulativeProduct() throws(ONNXError) -> [ONNXTensor] {
    guard case .floats(let x) = try operand(0) else { return try accumulated(ofIntegers: &*, from: 1) }
    let products = try accumulated(x.elements.map(Double.init), x.shape, from: 1, *)
    return [.numbers(Tensor(products.map { Element($0) }, shape: x.shape))]
  }

  /// `CumSum` and `CumProd` of whole numbers.
  func accumulated(
    ofIntegers combine: (Int64, Int64) -> Int64, from first: Int64
  ) throws(ONNXError) -> [ONNXTensor] {
    guard case .integers(let x) = try input(0) else { return [] }
    let values = try accumulated(x.values, x.shape, from: first, combine)
    return [.integers(ONNXIntegers(values.map(x.type.wrapping), shape: x.shape, type: x.type))]
  }

  /// Values along the axis that the second input names, each combined with all before it.
  private func accumulated<Value>(
    _ values: [Value], _ shape: Shape, from first: Value, _ combine: (Value, Value) -> Value
  ) throws(ONNXError) -> [Value] {
    let axis = try axis(try wholeNumber(1), rank: shape.rank)
    let isExclusive = try integer("exclusive", or: 0) != 0
    let isReversed = try integer("reverse", or: 0) != 0
    let (length, inner) = (shape[axis], shape[(axis + 1)...].reduce(1, *))
    var values = values
    for start in 0..<values.count / max(1, length * inner) {
      for offset in 0..<inner {
        var total = first
        for step in 0..<length {
          let place = (start * length + (isReversed ? length - 1 - step : step)) * inner + offset
          let next = combine(total, values[place])
          values[place] = isExclusive ? total : next
          total = next
        }
      }
    }
    return values
  }
}
