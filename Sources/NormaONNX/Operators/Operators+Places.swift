import NormaTensor

// Windows by the places that they take in.
extension OperatorCall {
  /// Walks over the places of a window: for each of its positions the row-major numbers of the places of an image that it takes in, and
  /// those of the window's own.
  private func walk(
    _ axes: [ONNXWindowAxis], over lengths: [Int], _ body: (_ position: Int, _ tap: Int, _ place: Int) -> Void
  ) {
    let (positions, taps) = (Shape(axes.map(\.resultCount)), Shape(axes.map(\.size)))
    let (positionStrides, tapStrides, strides) = (positions.strides, taps.strides, Shape(lengths).strides)
    for position in 0..<positions.elementCount {
      taps: for tap in 0..<taps.elementCount {
        var place = 0
        for (index, axis) in axes.enumerated() {
          let start = position / positionStrides[index] % axis.resultCount * axis.stride - axis.begin
          let coordinate = start + tap / tapStrides[index] % axis.size * axis.dilation
          guard (0..<lengths[index]).contains(coordinate) else { continue taps }
          place += coordinate * strides[index]
        }
        body(position, tap, place)
      }
    }
  }

  /// `MaxPool` with the places of the largest values, and of whole numbers.
  func largestPlaces() throws(ONNXError) -> [ONNXTensor] {
    let x = try input(0)
    guard x.shape.rank >= 3, let sizes = try integers("kernel_shape"), sizes.count == x.shape.rank - 2 else {
      throw malformed("a pooling of \(x.shape) without a window for each axis after the second")
    }
    let lengths = Array(x.shape.dropFirst(2))
    let axes = try window(over: lengths, sizes: sizes)
    let result = try shape(Array(x.shape.prefix(2)) + axes.map(\.resultCount))
    let (images, area) = (x.shape[0] * x.shape[1], lengths.reduce(1, *))
    let positions = axes.reduce(1) { $0 * $1.resultCount }
    try limit(sizes.reduce(Double(result.elementCount)) { $0 * Double($1) }, what: "places of windows")
    var found = [Int](repeating: -1, count: result.elementCount)
    func search<Value: Comparable>(_ values: [Value]) {
      for image in 0..<images {
        walk(axes, over: lengths) { position, _, place in
          let (index, place) = (image * positions + position, image * area + place)
          if found[index] < 0 || values[place] > values[found[index]] { found[index] = place }
        }
      }
    }
    switch try operand(0) {
    case .floats(let tensor): search(tensor.elements)
    case .integers(let tensor): search(tensor.ordered)
    }
    guard found.allSatisfy({ $0 >= 0 }) else { throw unsupported("a window that takes in nothing but padding") }
    let values = x.reshaped(to: [x.shape.elementCount]).picking([found]).reshaped(to: result)
    guard try integer("storage_order", or: 0) != 0 else {
      return [values, .integers(ONNXIntegers(found.map(Int64.init), shape: result))]
    }
    // Counted with the first of the image's axes running fastest.
    let strides = Shape(lengths).strides
    let turned = found.map { place -> Int64 in
      var (number, step) = (place / area * area, 1)
      for axis in lengths.indices {
        number += place % area / strides[axis] % lengths[axis] * step
        step *= lengths[axis]
      }
      return Int64(number)
    }
    return [values, .integers(ONNXIntegers(turned, shape: result))]
  }

  /// `MaxUnpool`: values put back to the places that they were the largest of, zeros elsewhere.
  func unpool() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    guard let sizes = try integers("kernel_shape"), x.rank >= 3, sizes.count == x.rank - 2 else {
      throw malformed("a pooling of \(x.shape) without a window for each axis after the second")
    }
    let count = sizes.count
    let strides = try integers("strides") ?? [Int](repeating: 1, count: count)
    let pads = try integers("pads") ?? [Int](repeating: 0, count: 2 * count)
    let places = try integers(1)
    guard strides.count == count, pads.count == 2 * count, places.count == x.count,
      (sizes + strides + pads).allSatisfy({ (0...1 << 30).contains($0) })
    else { throw malformed("\(places.count) places for \(x.shape), strides \(strides), pads \(pads)") }
    let lengths = (0..<count).map { (x.shape[$0 + 2] - 1) * strides[$0] - pads[$0] - pads[$0 + count] + sizes[$0] }
    let inferred = try shape(Array(x.shape.prefix(2)) + lengths)
    let wanted = try shape(try optionalIntegers(2) ?? Array(inferred))
    guard wanted.rank == inferred.rank, zip(wanted, inferred).allSatisfy({ $0 >= $1 }),
      places.allSatisfy({ (0..<inferred.elementCount).contains($0) })
    else { throw malformed("places beyond \(inferred), or a result of \(wanted)") }
    var values = [Element](repeating: 0, count: inferred.elementCount)
    for (place, value) in zip(places, x.elements) { values[place] = value }
    let sources = zip(wanted, inferred).map { new, old in (0..<new).map { $0 < old ? $0 : nil } as AxisSources }
    return [.numbers(Tensor(values, shape: inferred).picking(sources))]
  }

  /// `Col2Im`: what windows took in, added up where it came from.
  func fold() throws(ONNXError) -> [ONNXTensor] {
    let (x, lengths, sizes) = (try floats(0), try integers(1), try integers(2))
    let area = try shape(lengths).elementCount
    guard x.rank == 3, lengths.count == sizes.count, sizes.allSatisfy({ $0 > 0 && $0 <= maximumElementCount }),
      !sizes.isEmpty
    else { throw malformed("columns of shape \(x.shape) for images of \(lengths) by windows of \(sizes)") }
    let axes = try window(over: lengths, sizes: sizes)
    let taps = try shape(sizes).elementCount
    let positions = axes.reduce(1) { $0 * $1.resultCount }
    guard x.shape[1] % taps == 0, x.shape[2] == positions else {
      throw malformed("columns of shape \(x.shape) for \(positions) places of a window of \(taps)")
    }
    let (count, channels) = (x.shape[0], x.shape[1] / taps)
    let result = try shape([count, channels] + lengths)
    let columns = x.elements
    var values = [Element](repeating: 0, count: result.elementCount)
    for image in 0..<count * channels {
      walk(axes, over: lengths) { position, tap, place in
        values[image * area + place] += columns[(image * taps + tap) * positions + position]
      }
    }
    return [.numbers(Tensor(values, shape: result))]
  }

  /// `NonMaxSuppression`: of boxes that overlap too much the one with the largest score, for each class.
  func suppress() throws(ONNXError) -> [ONNXTensor] {
    let (boxes, scores) = (try floats(0), try floats(1))
    guard boxes.rank == 3, scores.rank == 3, boxes.shape[2] == 4, boxes.shape[0] == scores.shape[0],
      boxes.shape[1] == scores.shape[2]
    else { throw malformed("boxes of shape \(boxes.shape) with scores \(scores.shape)") }
    let most = hasInput(2) ? max(0, try wholeNumber(2)) : 0
    let overlap = try optionalFloats(3)?.elements.first ?? 0
    let least = try optionalFloats(4)?.elements.first
    let (count, classes) = (boxes.shape[1], scores.shape[1])
    try limit(
      Double(boxes.shape[0]) * Double(classes) * Double(count) * Double(min(count, most)), what: "pairs of boxes")
    let isCentered = try integer("center_point_box", or: 0) != 0
    let corners = boxes.elements
    func box(_ index: Int) -> Box<Element> {
      let numbers = Array(corners[index * 4..<index * 4 + 4])
      if isCentered {
        let (x, y, width, height) = (numbers[0], numbers[1], numbers[2] / 2, numbers[3] / 2)
        return Box(left: x - width, top: y - height, right: x + width, bottom: y + height)
      }
      return Box(
        left: min(numbers[1], numbers[3]), top: min(numbers[0], numbers[2]), right: max(numbers[1], numbers[3]),
        bottom: max(numbers[0], numbers[2]))
    }
    var chosen: [Int64] = []
    let all = scores.elements
    for sample in 0..<boxes.shape[0] {
      let own = (0..<count).map { box(sample * count + $0) }
      for kind in 0..<classes {
        let values = all[((sample * classes + kind) * count)...].prefix(count).map { $0 }
        var candidates = (0..<count).filter { index in least.map { values[index] > $0 } ?? true }
        candidates.sort { values[$0] == values[$1] ? $0 < $1 : values[$0] > values[$1] }
        var kept: [Int] = []
        for candidate in candidates where kept.count < most {
          if kept.contains(where: { own[candidate].overlap(with: own[$0]) > overlap }) { continue }
          kept.append(candidate)
          chosen += [Int64(sample), Int64(kind), Int64(candidate)]
        }
      }
    }
    return [.integers(ONNXIntegers(chosen, shape: [chosen.count / 3, 3]))]
  }
}

/// A rectangle.
private struct Box<Element: TensorElement> {
  let left, top, right, bottom: Element

  private var area: Element { (right - left) * (bottom - top) }

  /// The area that two have in common, as a part of what they cover together.
  func overlap(with other: Box) -> Element {
    let width = min(right, other.right) - max(left, other.left)
    let height = min(bottom, other.bottom) - max(top, other.top)
    guard width > 0, height > 0, area > 0, other.area > 0 else { return 0 }
    let common = width * height
    return common / (area + other.area - common)
  }
}
