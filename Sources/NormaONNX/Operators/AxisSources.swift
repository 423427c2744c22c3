import NormaTensor

/// Where along one axis of a result each place gets its value from: a place along the same axis of the source, or nowhere,
/// where a value of its own is filled in.
typealias AxisSources = [Int?]

extension Tensor {
  /// The tensor whose value at each place is this one's at the sources of the place's axes, and `fill` where an axis has none.
  func picking(_ sources: [AxisSources], fill: Element = 0) -> Tensor {
    Tensor(
      pickedElements(of: elements, at: offsets(of: sources, in: shape), or: fill),
      shape: Shape(sources.map(\.count)))
  }

  /// This tensor repeated along axes of length 1, and along axes put before its own, to a shape that it is known to fit.
  func broadcast(to newShape: Shape) -> Tensor {
    guard shape != newShape else { return self }
    let (lengths, sources) = broadcastSources(shape, newShape)
    return reshaped(to: lengths).picking(sources)
  }
}

extension ONNXTensor {
  /// The tensor whose value at each place is this one's at the sources of the place's axes.
  ///
  /// - Parameters:
  ///   - sources: for each axis of this tensor.
  ///   - fill: what stands where an axis has no source.
  func picking(_ sources: [AxisSources], fill: ONNXTensor? = nil) -> ONNXTensor {
    func number<Element: TensorElement>(_: Element.Type) -> Element { fill?.floats(Element.self)?.elements.first ?? 0 }
    switch self {
    case .floats(let tensor): return .floats(tensor.picking(sources, fill: number(Float.self)))
    case .doubles(let tensor): return .doubles(tensor.picking(sources, fill: number(Double.self)))
    case .narrow(let tensor):
      let picked = tensor.values.picking(sources, fill: number(Float.self))
      return .narrow(ONNXNarrowFloats(exactly: picked, type: tensor.type))
    case .integers(let tensor):
      var filling: Int64 = 0
      if case .integers(let value)? = fill { filling = value.values[0] }
      return .integers(
        ONNXIntegers(
          pickedElements(of: tensor.values, at: offsets(of: sources, in: shape), or: filling),
          shape: Shape(sources.map(\.count)), type: tensor.type))
    case .strings(let tensor):
      var filling = ""
      if case .strings(let value)? = fill { filling = value.values[0] }
      return .strings(
        ONNXStrings(
          pickedElements(of: tensor.values, at: offsets(of: sources, in: shape), or: filling),
          shape: Shape(sources.map(\.count))))
    case .sequence, .nothing: return self
    }
  }

  /// The axes in another order: `order[i]` names the axis of this tensor that becomes axis `i`.
  func transposed(_ order: [Int]) -> ONNXTensor {
    func moved<Value>(_ values: [Value]) -> [Value] {
      let strides = shape.strides
      return pickedElements(
        of: values, at: order.map { axis in (0..<shape[axis]).map { $0 * strides[axis] as Int? } },
        or: { fatalError("no place is filled") }())
    }
    switch self {
    case .floats(let tensor): return .floats(tensor.transposed(order))
    case .doubles(let tensor): return .doubles(tensor.transposed(order))
    case .narrow(let tensor):
      return .narrow(ONNXNarrowFloats(exactly: tensor.values.transposed(order), type: tensor.type))
    case .integers(let tensor):
      return .integers(
        ONNXIntegers(moved(tensor.values), shape: Shape(order.map { shape[$0] }), type: tensor.type))
    case .strings(let tensor):
      return .strings(ONNXStrings(moved(tensor.values), shape: Shape(order.map { shape[$0] })))
    case .sequence, .nothing: return self
    }
  }

  /// This tensor repeated along axes of length 1, and along axes put before its own, to a shape that it is known to fit.
  func broadcast(to newShape: Shape) -> ONNXTensor {
    guard shape != newShape else { return self }
    let (lengths, sources) = broadcastSources(shape, newShape)
    return reshaped(to: lengths).picking(sources)
  }

  /// Tensors of one kind and of equal lengths along all other axes, one after the other along an axis.
  static func concatenating(_ tensors: [ONNXTensor], axis: Int) -> ONNXTensor {
    var lengths = Array(tensors[0].shape)
    lengths[axis] = tensors.reduce(0) { $0 + $1.shape[axis] }
    let shape = Shape(lengths)
    let outer = tensors[0].shape[..<axis].reduce(1, *)
    func joined<Element>(_ lists: [[Element]]) -> [Element] {
      var result: [Element] = []
      result.reserveCapacity(shape.elementCount)
      for place in 0..<outer {
        for list in lists {
          let length = list.count / outer
          result += list[place * length..<(place + 1) * length]
        }
      }
      return result
    }
    switch tensors[0] {
    case .floats: return .floats(Tensor(joined(tensors.map { $0.floats(Float.self)?.elements ?? [] }), shape: shape))
    case .doubles: return .doubles(Tensor(joined(tensors.map { $0.floats(Double.self)?.elements ?? [] }), shape: shape))
    case .narrow(let first):
      let values = joined(tensors.map { $0.floats(Float.self)?.elements ?? [] })
      return .narrow(ONNXNarrowFloats(exactly: Tensor(values, shape: shape), type: first.type))
    case .integers(let first):
      let lists = tensors.map { if case .integers(let tensor) = $0 { tensor.values } else { [Int64]() } }
      return .integers(ONNXIntegers(joined(lists), shape: shape, type: first.type))
    case .strings:
      let lists = tensors.map { if case .strings(let tensor) = $0 { tensor.values } else { [String]() } }
      return .strings(ONNXStrings(joined(lists), shape: shape))
    case .sequence, .nothing: return tensors[0]
    }
  }
}

extension ONNXTensor {
  /// A tensor of the same kind and of another shape, which has no elements.
  func reshapedEmpty(to shape: Shape) -> ONNXTensor { picking(self.shape.map { _ in [] }).reshaped(to: shape) }
}

extension Operand {
  /// The same repeated to a shape that it is known to fit.
  func broadcast(to shape: Shape) -> Operand {
    switch self {
    case .floats(let tensor): return .floats(tensor.broadcast(to: shape))
    case .integers(let tensor):
      guard case .integers(let all) = ONNXTensor.integers(tensor).broadcast(to: shape) else { return self }
      return .integers(all)
    }
  }

  var shape: Shape {
    switch self {
    case .floats(let tensor): tensor.shape
    case .integers(let tensor): tensor.shape
    }
  }

  /// What whole numbers are; nil for numbers of floating point.
  var wholeType: ONNXElementType? { if case .integers(let tensor) = self { tensor.type } else { nil } }
}

/// What repeats a tensor to a shape: its own with axes put before them, and where the places come from.
private func broadcastSources(_ shape: Shape, _ newShape: Shape) -> (lengths: Shape, sources: [AxisSources]) {
  let lengths = [Int](repeating: 1, count: newShape.rank - shape.rank) + shape
  let sources = zip(lengths, newShape).map { old, new in (0..<new).map { old == new ? $0 : 0 } as AxisSources }
  return (Shape(lengths), sources)
}

/// How far into row-major elements each place of each axis lies.
private func offsets(of sources: [AxisSources], in shape: Shape) -> [[Int?]] {
  zip(sources, shape.strides).map { places, stride in places.map { $0.map { $0 * stride } } }
}

/// Row-major elements, each found by adding up an offset for each axis; `fill` where one of them is nil.
private func pickedElements<Element>(
  of source: [Element], at offsets: [[Int?]], or fill: @autoclosure () -> Element
) -> [Element] {
  var result: [Element] = []
  result.reserveCapacity(offsets.reduce(1) { $0 * $1.count })
  func append(_ axis: Int, _ start: Int?) {
    guard let start else {
      return result.append(contentsOf: repeatElement(fill(), count: offsets[axis...].reduce(1) { $0 * $1.count }))
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
