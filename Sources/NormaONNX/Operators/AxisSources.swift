import NormaTensor

/// Where along one axis of a result each place gets its value from: a place along the same axis of the source, or nowhere,
/// where a value of its own is filled in.
typealias AxisSources = [Int?]

extension ONNXTensor {
  /// The tensor whose value at each place is this one's at the sources of the place's axes.
  ///
  /// - Parameters:
  ///   - sources: for each axis of this tensor.
  ///   - fill: what stands where an axis has no source.
  func picking(_ sources: [AxisSources], fill: ONNXTensor? = nil) -> ONNXTensor {
    let newShape = Shape(sources.map(\.count))
    let offsets = zip(sources, shape.strides).map { places, stride in places.map { $0.map { $0 * stride } } }
    switch self {
    case .floats(let tensor):
      var filling: Float = 0
      if case .floats(let value)? = fill { filling = value.item }
      return .floats(Tensor(elements(of: tensor.elements, at: offsets, or: filling), shape: newShape))
    case .integers(let tensor):
      var filling: Int64 = 0
      if case .integers(let value)? = fill { filling = value.values[0] }
      return .integers(
        ONNXIntegers(elements(of: tensor.values, at: offsets, or: filling), shape: newShape, type: tensor.type))
    }
  }

  /// The axes in another order: `order[i]` names the axis of this tensor that becomes axis `i`.
  func transposed(_ order: [Int]) -> ONNXTensor {
    switch self {
    case .floats(let tensor): return .floats(tensor.transposed(order))
    case .integers(let tensor):
      let strides = shape.strides
      let offsets = order.map { axis in (0..<shape[axis]).map { $0 * strides[axis] as Int? } }
      let values = elements(of: tensor.values, at: offsets, or: 0)
      return .integers(ONNXIntegers(values, shape: Shape(order.map { shape[$0] }), type: tensor.type))
    }
  }

  /// This tensor repeated along axes of length 1, and along axes put before its own, to a shape that it is known to fit.
  func broadcast(to newShape: Shape) -> ONNXTensor {
    guard shape != newShape else { return self }
    let lengths = [Int](repeating: 1, count: newShape.rank - shape.rank) + shape
    let sources = zip(lengths, newShape).map { old, new in (0..<new).map { old == new ? $0 : 0 } as AxisSources }
    return reshaped(to: Shape(lengths)).picking(sources)
  }
}

/// Row-major elements, each found by adding up an offset for each axis; `fill` where one of them is nil.
private func elements<Element>(of source: [Element], at offsets: [[Int?]], or fill: Element) -> [Element] {
  var result: [Element] = []
  result.reserveCapacity(offsets.reduce(1) { $0 * $1.count })
  func append(_ axis: Int, _ start: Int?) {
    guard let start else {
      return result.append(contentsOf: repeatElement(fill, count: offsets[axis...].reduce(1) { $0 * $1.count }))
    }
    guard axis < offsets.count else { return result.append(source[start]) }
    for offset in offsets[axis] { append(axis + 1, offset.map { start + $0 }) }
  }
  append(0, 0)
  return result
}

extension Shape {
  /// How far it is from one place along each axis to the next, in row-major order.
  var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in strides.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * self[axis + 1] }
    return strides
  }
}

/// The shape that two tensors have in common once each is repeated along its axes of length 1 (ONNX's "Broadcasting in
/// ONNX", which is NumPy's rule); nil if there is none.
func commonShape(_ left: Shape, _ right: Shape) -> [Int]? {
  let rank = max(left.rank, right.rank)
  func lengths(_ shape: Shape) -> [Int] { [Int](repeating: 1, count: rank - shape.rank) + shape }
  var common: [Int] = []
  for (a, b) in zip(lengths(left), lengths(right)) {
    guard a == b || a == 1 || b == 1 else { return nil }
    common.append(a == 1 ? b : a)
  }
  return common
}
