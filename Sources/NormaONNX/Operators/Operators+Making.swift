import NormaTensor

// Tensors that are made of shapes and numbers.
extension OperatorCall {
  /// `Shape`: the lengths of the axes, or of those from one to another.
  func shapeOfInput() throws(ONNXError) -> [ONNXTensor] {
    let shape = try input(0).shape
    func bounded(_ place: Int) -> Int { min(max(place < 0 ? place + shape.rank : place, 0), shape.rank) }
    let start = bounded(try integer("start", or: 0))
    let end = max(start, bounded(try integer("end", or: shape.rank)))
    return [.integers(ONNXIntegers(shape[start..<end].map(Int64.init), shape: [end - start]))]
  }

  /// `Size`: the number of elements.
  func sizeOfInput() throws(ONNXError) -> [ONNXTensor] {
    [.integers(ONNXIntegers([Int64(try input(0).shape.elementCount)], shape: []))]
  }

  /// `ConstantOfShape`: one value everywhere, 0 if none is given.
  func constantOfShape() throws(ONNXError) -> [ONNXTensor] {
    let shape = try shape(try integers(0))
    switch node.attributes["value"] {
    case nil: return [.floats(.zeros(shape))]
    case .tensor(let value):
      guard value.shape.elementCount == 1 else { throw malformed("a value of shape \(value.shape)") }
      return [value.reshaped(to: []).broadcast(to: shape)]
    default: throw malformed("'value' is no tensor")
    }
  }

  /// `Range`: from a number on, in steps, up to a limit that is left out.
  func range() throws(ONNXError) -> [ONNXTensor] {
    func check(_ count: Double) throws(ONNXError) -> Int {
      guard count.isFinite, count <= Double(maximumElementCount) else { throw unsupported("\(count) numbers") }
      return max(0, Int(count))
    }
    switch (try operand(0), try operand(1), try operand(2)) {
    case (.floats(let start), .floats(let limit), .floats(let delta)):
      guard start.count == 1, limit.count == 1, delta.count == 1, delta.item != 0 else {
        throw malformed("start, limit and delta are single numbers, the last not 0")
      }
      let count = try check(((Double(limit.item) - Double(start.item)) / Double(delta.item)).rounded(.up))
      return [.numbers(Tensor((0..<count).map { start.item + Element($0) * delta.item }, shape: [count]))]
    case (.integers(let start), .integers(let limit), .integers(let delta)):
      guard start.values.count == 1, limit.values.count == 1, delta.values.count == 1, delta.values[0] != 0 else {
        throw malformed("start, limit and delta are single numbers, the last not 0")
      }
      let distance = Double(limit.values[0]) - Double(start.values[0])
      let count = try check((distance / Double(delta.values[0])).rounded(.up))
      let values = (0..<count).map { start.values[0] &+ Int64($0) &* delta.values[0] }
      return [.integers(ONNXIntegers(values, shape: [count], type: start.type))]
    default: throw malformed("start, limit and delta are of different types")
    }
  }

  /// `Expand`: repeated along axes of length 1, to a shape that the tensor's own is widened by.
  func expand() throws(ONNXError) -> [ONNXTensor] {
    let (x, wanted) = (try input(0), try shape(try integers(1)))
    guard let common = commonShape(x.shape, wanted) else { throw malformed("\(x.shape) cannot become \(wanted)") }
    return [x.broadcast(to: try shape(common))]
  }

  /// `Tile`: repeated along each axis.
  func tile() throws(ONNXError) -> [ONNXTensor] { [try input(0).picking(try tileSources(of: try input(0).shape))] }

  /// Where `Tile` takes the places of its result from in a tensor of a shape.
  func tileSources(of shape: Shape) throws(ONNXError) -> [AxisSources] {
    let repeats = try integers(1)
    guard repeats.count == shape.rank, repeats.allSatisfy({ $0 >= 0 && $0 <= maximumElementCount }) else {
      throw malformed("\(repeats) repeats of a tensor of shape \(shape)")
    }
    var lengths: [Int] = []
    for (length, count) in zip(shape, repeats) {
      let (product, isTooLarge) = length.multipliedReportingOverflow(by: count)
      guard !isTooLarge else { throw unsupported("\(count) repeats of \(length)") }
      lengths.append(product)
    }
    _ = try self.shape(lengths)
    return zip(shape, lengths).map { length, count in (0..<count).map { $0 % max(1, length) } }
  }

  /// `Unsqueeze`: axes of length 1.
  func unsqueeze() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    guard let numbers = try version < 13 ? integers("axes") : integers(1) else { throw malformed("no axes") }
    let axes = try axes(numbers, rank: x.shape.rank + numbers.count)
    var lengths = Array(x.shape)
    for axis in axes { lengths.insert(1, at: axis) }
    return [x.reshaped(to: try shape(lengths))]
  }

  /// `Squeeze`: without axes of length 1, the named ones or all.
  func squeeze() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let numbers = try version < 13 ? integers("axes") : optionalIntegers(1)
    let named = try numbers.map { numbers throws(ONNXError) in try self.axes(numbers, rank: x.shape.rank) }
    let axes = named ?? x.shape.indices.filter { x.shape[$0] == 1 }
    guard axes.allSatisfy({ x.shape[$0] == 1 }) else { throw malformed("axes \(axes) of \(x.shape) are longer than 1") }
    return [x.reshaped(to: Shape(x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] }))]
  }

  /// `EyeLike`: 1 on a diagonal.
  func eyeLike() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    guard x.shape.rank == 2 else { throw malformed("a diagonal of a tensor of shape \(x.shape)") }
    let (offset, type) = (try integer("k", or: 0), try elementType("dtype", or: x.elementType))
    let ones = (0..<x.shape[0]).flatMap { row in (0..<x.shape[1]).map { $0 - row == offset } }
    return [try made(Tensor(ones.map { $0 ? 1 : 0 }, shape: x.shape), as: type)]
  }

  /// `Trilu`: the upper or the lower triangle of matrices, zeros elsewhere.
  func triangle() throws(ONNXError) -> [ONNXTensor] {
    let x = try operand(0)
    let (isUpper, offset) = (try integer("upper", or: 1) != 0, try optionalIntegers(1)?.first ?? 0)
    guard x.shape.rank >= 2 else { throw malformed("a triangle of a tensor of shape \(x.shape)") }
    let (rows, columns) = (x.shape[x.shape.rank - 2], x.shape[x.shape.rank - 1])
    func isKept(_ index: Int) -> Bool {
      let distance = index % max(1, columns) - index / max(1, columns) % max(1, rows)
      return isUpper ? distance >= offset : distance <= offset
    }
    switch x {
    case .floats(let tensor):
      return [.numbers(Tensor(tensor.elements.enumerated().map { isKept($0) ? $1 : 0 }, shape: x.shape))]
    case .integers(let tensor):
      let values = tensor.values.enumerated().map { isKept($0) ? $1 : 0 }
      return [.integers(ONNXIntegers(values, shape: x.shape, type: tensor.type))]
    }
  }

  /// `OneHot`: one of two values at the place that an index names along a new axis, the other elsewhere.
  func oneHot() throws(ONNXError) -> [ONNXTensor] {
    let (indices, depths, values) = (try input(0), try wholeNumbers(1), try input(2))
    guard depths.count == 1, depths[0] > 0, values.shape.elementCount == 2 else {
      throw malformed("a depth of \(depths), and \(values.shape.elementCount) values of which there are two")
    }
    let depth = depths[0]
    let axis = try axis(try integer("axis", or: -1), rank: indices.shape.rank + 1)
    let places = try wholeNumbers(0)
    let inner = indices.shape[axis...].reduce(1, *)
    let shape = try shape(Array(indices.shape[..<axis]) + [depth] + Array(indices.shape[axis...]))
    var chosen = [Int](repeating: 0, count: shape.elementCount)
    for (index, place) in places.enumerated() where place >= -depth && place < depth {
      let place = place < 0 ? place + depth : place
      chosen[(index / max(1, inner) * depth + place) * inner + index % max(1, inner)] = 1
    }
    return [values.reshaped(to: [2]).picking([chosen]).reshaped(to: shape)]
  }

  /// An input of whole numbers, which may be of another type.
  func wholeNumbers(_ index: Int) throws(ONNXError) -> [Int] {
    switch try operand(index) {
    case .integers(let tensor): return tensor.values.map { Int($0) }
    case .floats(let tensor):
      guard tensor.elements.allSatisfy({ abs($0) < 0x1p31 }) else { throw malformed("input \(index + 1) is too large") }
      return tensor.elements.map { Int($0) }
    }
  }

  /// `Split`: parts along an axis, of given or of equal lengths.
  func split() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let (axis, parts) = try splitParts(of: x.shape)
    return parts.map { part in
      var sources = x.shape.map { Array(0..<$0) as AxisSources }
      sources[axis] = Array(part)
      return x.picking(sources)
    }
  }

  /// The axis that `Split` divides of a tensor of a shape, and its parts.
  func splitParts(of shape: Shape) throws(ONNXError) -> (axis: Int, parts: [Range<Int>]) {
    let axis = try axis(try integer("axis", or: 0), rank: shape.rank)
    let length = shape[axis]
    var lengths = try version < 13 ? integers("split") : optionalIntegers(1)
    if lengths == nil {
      let count = try integer("num_outputs", or: node.outputs.count)
      guard count > 0, count <= 1 << 16 else { throw malformed("\(count) parts") }
      // The last one may be shorter.
      let part = (length + count - 1) / count
      lengths = (0..<count).map { max(0, min(part, length - $0 * part)) }
    }
    guard let lengths, lengths.allSatisfy({ $0 >= 0 && $0 <= length }), lengths.reduce(0, +) == length else {
      throw malformed("parts of \(lengths ?? []) of an axis of length \(length)")
    }
    var start = 0
    return (
      axis,
      lengths.map { count in
        defer { start += count }
        return start..<start + count
      }
    )
  }

  /// `NonZero`: the places of what is not 0, `[rank, count]`.
  func nonZero() throws(ONNXError) -> [ONNXTensor] {
    let x = try operand(0)
    let found: [Int] =
      switch x {
      case .floats(let tensor): tensor.elements.enumerated().filter { $1 != 0 }.map(\.offset)
      case .integers(let tensor): tensor.values.enumerated().filter { $1 != 0 }.map(\.offset)
      }
    var values: [Int64] = []
    for axis in x.shape.indices {
      let inner = x.shape[(axis + 1)...].reduce(1, *)
      values += found.map { Int64($0 / inner % x.shape[axis]) }
    }
    return [.integers(ONNXIntegers(values, shape: [x.shape.rank, found.count]))]
  }

  /// `Compress`: the places of an axis, or of all elements, that a condition names.
  func compress() throws(ONNXError) -> [ONNXTensor] {
    guard case .integers(let condition) = try input(1), condition.shape.rank == 1 else {
      throw malformed("a condition that is no vector of truth values")
    }
    let (x, axis) = try inputAlongAxis()
    var sources = x.shape.map { Array(0..<$0) as AxisSources }
    sources[axis] = condition.values.indices.filter { condition.values[$0] != 0 && $0 < x.shape[axis] }
    return [x.picking(sources)]
  }

  /// `ReverseSequence`: the first places of each sequence in reverse.
  func reverseSequences() throws(ONNXError) -> [ONNXTensor] {
    let (x, lengths) = (try input(0), try integers(1))
    let (time, batch) = (try integer("time_axis", or: 0), try integer("batch_axis", or: 1))
    guard x.shape.rank >= 2, Set([time, batch]) == [0, 1], lengths.count == x.shape[batch],
      lengths.allSatisfy({ $0 >= 0 && $0 <= x.shape[time] })
    else { throw malformed("sequences of \(lengths) along axis \(time) of \(x.shape)") }
    let inner = x.shape[2...].reduce(1, *)
    let places = (0..<x.shape[0] * x.shape[1]).map { index -> Int in
      var place = [index / x.shape[1], index % x.shape[1]]
      let length = lengths[place[batch]]
      if place[time] < length { place[time] = length - 1 - place[time] }
      return place[0] * x.shape[1] + place[1]
    }
    return [
      x.reshaped(to: [x.shape[0] * x.shape[1], inner]).picking([places, Array(0..<inner)]).reshaped(to: x.shape)
    ]
  }

  /// `CenterCropPad`: cut or filled up with zeros on both sides.
  func centre() throws(ONNXError) -> [ONNXTensor] {
    let (x, wanted) = (try input(0), try integers(1))
    let numbers = try integers("axes") ?? Array(x.shape.indices)
    guard numbers.count == wanted.count else { throw malformed("\(wanted.count) lengths for \(numbers.count) axes") }
    var lengths = Array(x.shape)
    for (number, length) in zip(numbers, wanted) { lengths[try axis(number, rank: x.shape.rank)] = length }
    _ = try shape(lengths)
    let sources = zip(x.shape, lengths).map { old, new -> AxisSources in
      let start = old >= new ? (old - new) / 2 : -((new - old) / 2)
      return (start..<start + new).map { (0..<old).contains($0) ? $0 : nil }
    }
    return [x.picking(sources)]
  }
}
