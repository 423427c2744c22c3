import NormaTensor

extension OperatorCall {
  /// `Flatten`: what is before an axis in one, and the rest in another.
  func flatten() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let number = try integer("axis", or: 1)
    // An axis after the last is allowed here, and leaves nothing for the second.
    let axis = number == x.shape.rank ? number : try axis(number, rank: x.shape.rank)
    return [x.reshaped(to: [x.shape[..<axis].reduce(1, *), x.shape[axis...].reduce(1, *)])]
  }

  /// `Reshape`: to lengths of which one may be −1, what is left, and 0 means the old one.
  func reshape() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let wanted = try version < 5 ? integers("shape") ?? [] : integers(1)
    let keepsZeros = try integer("allowzero", or: 0) != 0
    var lengths: [Int] = []
    for (axis, length) in wanted.enumerated() {
      if length == 0 && !keepsZeros {
        guard axis < x.shape.rank else { throw malformed("\(x.shape) has no axis \(axis) to keep") }
        lengths.append(x.shape[axis])
      } else {
        lengths.append(length)
      }
    }
    if let open = lengths.firstIndex(of: -1) {
      lengths[open] = 1
      let known = try shape(lengths).elementCount
      guard known > 0, x.shape.elementCount % known == 0 else {
        throw malformed("a tensor of shape \(x.shape) cannot become \(wanted)")
      }
      lengths[open] = x.shape.elementCount / known
    }
    let shape = try shape(lengths)
    guard shape.elementCount == x.shape.elementCount else {
      throw malformed("a tensor of shape \(x.shape) cannot become \(wanted)")
    }
    return [x.reshaped(to: shape)]
  }

  /// `Transpose`: the axes in another order, in reverse where none is given.
  func transpose() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let order = try integers("perm") ?? Array((0..<x.shape.rank).reversed())
    guard order.sorted() == Array(0..<x.shape.rank) else {
      throw malformed("\(order) is no order of the axes of \(x.shape)")
    }
    return [x.transposed(order)]
  }

  /// `Slice`: some places of some axes, in steps that may lead backwards; what lies beyond an axis is left out.
  func slice() throws(ONNXError) -> [ONNXTensor] { [try input(0).picking(try sliceSources(of: try input(0).shape))] }

  /// Where `Slice` takes the places of its result from in a tensor of a shape.
  func sliceSources(of shape: Shape) throws(ONNXError) -> [AxisSources] {
    let isOld = version < 10
    let starts = try (isOld ? integers("starts") : integers(1)) ?? []
    let ends = try (isOld ? integers("ends") : integers(2)) ?? []
    let numbers = try (isOld ? integers("axes") : optionalIntegers(3)) ?? Array(starts.indices)
    let steps = try (isOld ? nil : optionalIntegers(4)) ?? starts.map { _ in 1 }
    guard starts.count == ends.count, starts.count == numbers.count, starts.count == steps.count else {
      throw malformed("\(starts.count) starts, \(ends.count) ends, \(numbers.count) axes and \(steps.count) steps")
    }
    _ = try axes(numbers, rank: shape.rank)
    var sources = shape.map { Array(0..<$0) as AxisSources }
    for (place, number) in numbers.enumerated() {
      let axis = try axis(number, rank: shape.rank)
      let length = shape[axis]
      guard steps[place] != 0 else { throw malformed("a step of 0") }
      // Longer ones lead out of the axis too.
      let step = min(max(steps[place], -length - 1), length + 1)
      // From the end where they are negative; then within the axis, or one before it going backwards.
      func bounded(_ number: Int) -> Int {
        let number = number < 0 ? number + length : number
        return step > 0 ? min(max(number, 0), length) : min(max(number, -1), length - 1)
      }
      sources[axis] = Array(stride(from: bounded(starts[place]), to: bounded(ends[place]), by: step))
    }
    return sources
  }

  /// `DepthToSpace` and `SpaceToDepth`: a pixel's channels as a square of pixels, or back. The channels of a square are the first of its
  /// axes (`DCR`) or the last (`CRD`).
  func movingDepth(toSpace: Bool) throws(ONNXError) -> [ONNXTensor] {
    let (x, factor) = (try input(0), try integer("blocksize", or: 0))
    let mode = try string("mode", or: "DCR")
    guard x.shape.rank == 4, factor > 0, factor <= 1 << 15, mode == "DCR" || mode == "CRD" else {
      throw malformed("squares of \(factor) of a tensor of shape \(x.shape), \(mode)")
    }
    let (count, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let square = factor * factor
    guard toSpace ? channels.isMultiple(of: square) : height.isMultiple(of: factor) && width.isMultiple(of: factor)
    else {
      throw malformed("squares of \(factor) of a tensor of shape \(x.shape)")
    }
    let isSquareFirst = mode == "DCR"
    guard toSpace else {
      let shape = try shape([count, channels * square, height / factor, width / factor])
      let squares = x.reshaped(to: [count, channels, height / factor, factor, width / factor, factor])
      return [squares.transposed(isSquareFirst ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4]).reshaped(to: shape)]
    }
    let shape = try shape([count, channels / square, height * factor, width * factor])
    let rest = channels / square
    let squares = x.reshaped(
      to: isSquareFirst ? [count, factor, factor, rest, height, width] : [count, rest, factor, factor, height, width])
    return [squares.transposed(isSquareFirst ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]).reshaped(to: shape)]
  }

  /// `Concat`: tensors one after the other along an axis.
  func concatenate() throws(ONNXError) -> [ONNXTensor] {
    var tensors: [ONNXTensor] = []
    for index in inputs.indices { tensors.append(try input(index)) }
    guard let first = tensors.first, version < 4 || node.attributes["axis"] != nil else {
      throw malformed("nothing to put together, or no axis")
    }
    let number = try integer("axis", or: 1)
    let axis = try axis(number, rank: first.shape.rank)
    for tensor in tensors {
      guard tensor.elementType.computed == first.elementType.computed, tensor.shape.rank == first.shape.rank,
        tensor.shape.indices.allSatisfy({ $0 == axis || tensor.shape[$0] == first.shape[$0] })
      else { throw malformed("shapes \(first.shape) and \(tensor.shape) cannot follow each other along axis \(axis)") }
    }
    var lengths = Array(first.shape)
    lengths[axis] = tensors.reduce(0) { $0 + $1.shape[axis] }
    let shape = try shape(lengths)
    guard shape.elementCount > 0 else { return [first.reshapedEmpty(to: shape)] }
    return [.concatenating(tensors, axis: axis)]
  }

  /// `Pad`: more, or fewer, values at the beginning and end of axes.
  func pad() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    let fill = try paddingFill()
    if let fill, fill.shape.elementCount != 1 || fill.elementType.computed != x.elementType.computed {
      throw malformed("what is filled in is not one value of type \(x.elementType)")
    }
    return [x.picking(try paddingSources(of: x.shape), fill: fill)]
  }

  /// What `Pad` fills in; zeros where nothing is said.
  func paddingFill() throws(ONNXError) -> ONNXTensor? {
    guard version >= 11 else { return .numbers(.scalar(Element(try number("value", or: 0)))) }
    return hasInput(2) ? try input(2) : nil
  }

  /// Where `Pad` takes the places of its result from in a tensor of a shape.
  func paddingSources(of shape: Shape) throws(ONNXError) -> [AxisSources] {
    // Before version 11 it is all said by attributes.
    let mode = try string("mode", or: "constant")
    guard let pads = try version < 11 ? integers(version < 2 ? "paddings" : "pads") : integers(1) else {
      throw malformed("no lengths")
    }
    var axes: [Int] = []
    for number in try (version < 11 ? nil : optionalIntegers(3)) ?? Array(0..<shape.rank) {
      axes.append(try axis(number, rank: shape.rank))
    }
    guard Set(axes).count == axes.count, pads.count == 2 * axes.count,
      pads.allSatisfy({ $0.magnitude <= maximumElementCount })
    else { throw malformed("\(pads) are not two lengths for each of the axes \(axes)") }
    var ranges = shape.map { 0..<$0 }
    for (place, axis) in axes.enumerated() {
      ranges[axis] = -pads[place]..<max(-pads[place], shape[axis] + pads[place + axes.count])
    }
    _ = try self.shape(ranges.map(\.count))
    var sources: [AxisSources] = []
    for (length, range) in zip(shape, ranges) {
      guard length > 0 || range.isEmpty || mode == "constant" else { throw malformed("nothing to fill \(mode) from") }
      switch mode {
      case "constant": sources.append(range.map { (0..<length).contains($0) ? $0 : nil })
      case "edge": sources.append(range.map { min(max($0, 0), length - 1) })
      case "wrap": sources.append(range.map { ($0 % length + length) % length })
      case "reflect":
        // There and back, without the two ends twice.
        let period = max(1, 2 * (length - 1))
        sources.append(
          range.map { index in
            let place = (index % period + period) % period
            return min(place, period - place)
          })
      default: throw unsupported("filling by '\(mode)'")
      }
    }
    return sources
  }

  /// `Constant`: a tensor of the node's own.
  func constant() throws(ONNXError) -> [ONNXTensor] {
    guard node.attributes.count == 1, let value = node.attributes.values.first else {
      throw malformed("a constant has one value")
    }
    switch value {
    case .tensor(let tensor): return [tensor]
    case .number(let number): return [.floats(.scalar(number))]
    case .numbers(let numbers): return [.floats(Tensor(numbers))]
    case .integer(let number): return [.integers(ONNXIntegers([Int64(number)], shape: []))]
    case .integers(let numbers): return [.integers(ONNXIntegers(numbers.map(Int64.init), shape: [numbers.count]))]
    case .string(let text): return [.strings(ONNXStrings([text], shape: []))]
    case .strings(let texts): return [.strings(ONNXStrings(texts, shape: [texts.count]))]
    default: throw unsupported("a constant that is no tensor of numbers or texts")
    }
  }

  /// `Dropout`: nothing in inference; in training only where all is kept, since nobody else could draw the same numbers.
  func dropout() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    if version >= 12, let mode = try optionalIntegers(2), mode != [0] {
      let ratio = try optionalFloats(1)?.elements
      guard ratio == [0] else { throw unsupported("training with random numbers of another's") }
    }
    guard node.outputs.count > 1 else { return [x] }
    // Before version 10 the mask was of the numbers' own type.
    guard version >= 10 else { return [x, .numbers(Tensor<Element>.ones(x.shape))] }
    let mask = [Int64](repeating: 1, count: x.shape.elementCount)
    return [x, .integers(ONNXIntegers(mask, shape: x.shape, type: .bool))]
  }
}
