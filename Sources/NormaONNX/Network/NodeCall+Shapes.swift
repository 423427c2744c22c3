import NormaGraph
import NormaLayers
import NormaTensor

extension NodeCall {
  /// What is known of a value by its shape: `Shape` and `Size`.
  func ofShape(
    _ body: (OperatorCall<Float>) throws(ONNXError) -> [ONNXTensor]
  ) throws(ONNXError) -> [Translation.Value]? {
    let shapes = translation.shapes(try computed(0))
    var results: [ONNXTensor] = []
    for (lane, shape) in shapes.enumerated() { results.append(try body(call(lane, of: shape))[0]) }
    return [.known(results)]
  }

  /// The node for a size of the batch, its first input being zeros of a shape.
  private func call(_ lane: Int, of shape: Shape) -> OperatorCall<Float> {
    let call = call(lane)
    return OperatorCall(
      node: node, inputs: [.floats(.zeros(shape))] + call.inputs.dropFirst(), version: version,
      maximumElementCount: translation.maximumElementCount)
  }

  /// What makes the same elements a tensor of another shape, by what it makes of zeros.
  func reshaped(
    _ body: (OperatorCall<Float>) throws(ONNXError) -> [ONNXTensor]
  ) throws(ONNXError) -> [Translation.Value]? {
    let x = try translation.plain(try computed(0))
    for index in inputs.indices.dropFirst() where has(index) && !isKnown(index) {
      throw unsupported("the shape of its result depends on the numbers of input \(index + 1)")
    }
    var shapes: [Shape] = []
    for (lane, shape) in translation.shapes(x).enumerated() { shapes.append(try body(call(lane, of: shape))[0].shape) }
    return [.computed(try translation.reshape(x, to: shapes))]
  }

  /// `Transpose`: nothing is moved until somebody needs it.
  func transpose() throws(ONNXError) -> [Translation.Value]? {
    var x = try computed(0)
    let rank = x.order.count
    let order = node.perm ?? Array((0..<rank).reversed())
    guard order.sorted() == Array(0..<rank) else { throw malformed("\(order) is no order of \(rank) axes") }
    x.order = x.order.map { order.firstIndex(of: $0)! }
    return [.computed(x)]
  }

  /// `Concat` along any axis, of values and of what is known.
  func concatenate() throws(ONNXError) -> [Translation.Value]? {
    var parts: [Translation.Computed] = []
    for index in inputs.indices {
      let part = try computed(index)
      guard isOfFloats(part) else { return nil }
      parts.append(part)
    }
    let rank = parts[0].order.count
    guard parts.allSatisfy({ $0.order.count == rank }), version < 4 || node.attributes["axis"] != nil else {
      throw malformed("tensors of different axes, or no axis")
    }
    let axis = try first.axis(try first.integer("axis", or: 1), rank: rank)
    // As most are stored that are computed.
    let order = parts.indices.first { !isKnown($0) }.map { parts[$0].order } ?? parts[0].order
    for index in parts.indices { parts[index] = try translation.align(parts[index], to: order) }
    let stored = order.firstIndex(of: axis)!
    // As many at a time as one operation takes.
    while parts.count > 1 {
      var joined: [Translation.Computed] = []
      for start in stride(from: 0, to: parts.count, by: 60) {
        let some = Array(parts[start..<min(start + 60, parts.count)])
        joined.append(
          some.count == 1 ? some[0] : try translation.emit(some) { .concatenating($0, axis: stored) })
      }
      parts = joined
    }
    return [.computed(parts[0])]
  }

  /// What `Slice`, `Pad` and their like pick of a value, by where each place of each axis comes from.
  private func picked(
    _ x: Translation.Computed, _ sources: [[AxisSources]], fill: Float = 0
  ) throws(ONNXError) -> Translation.Computed {
    var result = x
    for (stored, axis) in x.order.enumerated() {
      let lengths = translation.shapes(x).map { $0[axis] }
      if zip(sources, lengths).allSatisfy({ $0[axis] == Array(0..<$1) }) { continue }
      guard sources.allSatisfy({ $0[axis] == sources[0][axis] }) else {
        throw unsupported("what is taken along axis \(axis) depends on the size of the batch")
      }
      let places = sources[0][axis]
      let inside = places.compactMap(\.self)
      let before = places.prefix { $0 == nil }.count
      let after = places.count - before - inside.count
      guard after >= 0, places.dropFirst(before).prefix(inside.count).allSatisfy({ $0 != nil }), !inside.isEmpty else {
        throw unsupported("nothing of axis \(axis) is left")
      }
      let range = inside[0]..<inside[0] + inside.count
      if inside == Array(range) {
        if range != 0..<lengths[0] { result = try emit(result) { $0[0].sliced(range, axis: stored) } }
      } else {
        result = try emit(result) { $0[0].gathering(inside, axis: stored) }
      }
      if before + after > 0 {
        result = try emit(result) {
          $0[0].padded(axis: stored, before: before, after: after, mode: .constant(fill))
        }
      }
    }
    return result
  }

  /// The same where the node's own rules say what is picked.
  private func picked(
    fill: Float = 0, _ sources: (OperatorCall<Float>, Shape) throws(ONNXError) -> [AxisSources]
  ) throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    guard isOfFloats(x) else { return nil }
    var all: [[AxisSources]] = []
    for (lane, shape) in translation.shapes(x).enumerated() { all.append(try sources(call(lane), shape)) }
    return [.computed(try picked(x, all, fill: fill))]
  }

  /// `Slice` by places that are known.
  func slice() throws(ONNXError) -> [Translation.Value]? {
    try requireKnown(from: 1)
    return try picked { call, shape throws(ONNXError) in try call.sliceSources(of: shape) }
  }

  /// `Pad` in all its ways.
  func pad() throws(ONNXError) -> [Translation.Value]? {
    try requireKnown(from: 1)
    if has(2) { _ = try constant(2) }
    let fill = try first.paddingFill() ?? .floats(.scalar(0))
    guard let number = fill.singles?.elements.first, fill.shape.elementCount == 1 else { return nil }
    return try picked(fill: number) { call, shape throws(ONNXError) in try call.paddingSources(of: shape) }
  }

  /// `Tile`.
  func tile() throws(ONNXError) -> [Translation.Value]? {
    try requireKnown(from: 1)
    return try picked { call, shape throws(ONNXError) in try call.tileSources(of: shape) }
  }

  /// `Expand`, by NumPy's rule of broadcasting.
  func expand() throws(ONNXError) -> [Translation.Value]? {
    try requireKnown(from: 1)
    guard isOfFloats(try computed(0)) else { return nil }
    var wanted: [Shape] = []
    var rank = 0
    for lane in translation.batchSizes.indices {
      let lengths = try call(lane).integers(1)
      wanted.append(try call(lane).shape(lengths))
      rank = max(lengths.count, try computed(0).order.count)
    }
    let x = try widened(try computed(0), to: rank)
    var all: [[AxisSources]] = []
    for (shape, wanted) in zip(translation.shapes(x), wanted) {
      guard let common = commonShape(shape, wanted) else { throw malformed("\(shape) cannot become \(wanted)") }
      all.append(zip(shape, common).map { old, new in (0..<new).map { old == new ? $0 : 0 } })
    }
    return [.computed(try picked(x, all))]
  }

  /// `Split`.
  func split() throws(ONNXError) -> [Translation.Value]? {
    try requireKnown(from: 1)
    let x = try computed(0)
    guard isOfFloats(x) else { return nil }
    let shapes = translation.shapes(x)
    var parts: [(axis: Int, parts: [Range<Int>])] = []
    for (lane, shape) in shapes.enumerated() { parts.append(try call(lane).splitParts(of: shape)) }
    var results: [Translation.Value] = []
    for index in parts[0].parts.indices {
      let sources = zip(shapes, parts).map { shape, parts in
        shape.indices.map { Array($0 == parts.axis ? parts.parts[index] : 0..<shape[$0]) as AxisSources }
      }
      results.append(.computed(try picked(x, sources)))
    }
    return results
  }

  /// `Gather` by places that are known; by places that are computed, from a table that is known.
  func gather() throws(ONNXError) -> [Translation.Value]? {
    guard isKnown(1) else {
      // Rows of a table for each number: an embedding.
      let indices = try plain(1)
      let axis = try first.integer("axis", or: 0)
      guard isKnown(0), let table = try constant(0).singles, table.rank == 2, axis == 0 || axis == -2,
        indices.type != .float, !indices.order.isEmpty
      else { return nil }
      let rows = try plain(0)
      return [
        .computed(
          try emit(indices, rows, order: Array(0...indices.order.count)) { try $0[0].embedded(in: $0[1]) })
      ]
    }
    let x = try computed(0)
    if isOfFloats(x), let result = try gatherOfSamples(x) { return [.computed(result)] }
    guard isOfFloats(x), case .integers(let indices) = try constant(1) else { return nil }
    let rank = x.order.count
    let axis = try first.axis(try first.integer("axis", or: 0), rank: rank)
    let lengths = translation.shapes(x).map { $0[axis] }
    var sources: [[AxisSources]] = []
    for (shape, length) in zip(translation.shapes(x), lengths) {
      var all = shape.map { Array(0..<$0) as AxisSources }
      all[axis] = indices.values.map { Int($0 < 0 ? $0 + Int64(length) : $0) }
      guard all[axis].allSatisfy({ $0.map((0..<length).contains) ?? false }) else {
        throw malformed("indices \(indices.values.prefix(4)) along an axis of length \(length)")
      }
      sources.append(all)
    }
    let taken = try picked(x, sources)
    guard indices.shape.rank != 1 else { return [.computed(taken)] }
    let plain = try translation.plain(taken)
    return [
      .computed(
        try translation.reshape(
          plain,
          to: translation.storedShapes(plain).map { Shape($0[..<axis] + Array(indices.shape) + $0[(axis + 1)...]) }))
    ]
  }

  /// `Gather` from all elements of a batch by places that are the same in each sample, but for where it begins: what an exporter makes of a
  /// view with strides. Nil for what is none.
  private func gatherOfSamples(_ x: Translation.Computed) throws(ONNXError) -> Translation.Computed? {
    guard x.order.count == 1, translation.batchSizes.count > 1, case .known(let tensors)? = inputs[1] else {
      return nil
    }
    let lengths = translation.shapes(x).map { $0[0] }
    var places: [Int]?
    for (lane, batch) in translation.batchSizes.enumerated() {
      guard case .integers(let indices) = tensors[lane], indices.shape.first == batch, lengths[lane] % batch == 0 else {
        return nil
      }
      let (length, count) = (lengths[lane] / batch, indices.values.count / batch)
      let first = indices.values.prefix(count).map { Int($0) }
      guard places == nil || places == first, first.allSatisfy((0..<length).contains),
        indices.values.enumerated().allSatisfy({ Int($1) == $0 / count * length + first[$0 % count] })
      else { return nil }
      places = first
    }
    guard let places, !places.isEmpty else { return nil }
    let length = lengths[0] / translation.batchSizes[0]
    let rows = try translation.reshape(x, to: translation.batchSizes.map { [$0, length] })
    let taken = places == Array(0..<length) ? rows : try emit(rows) { $0[0].gathering(places, axis: 1) }
    return try translation.reshape(taken, to: tensors.map(\.shape))
  }

  /// `DepthToSpace` and `SpaceToDepth`.
  func movingDepth(toSpace: Bool) throws(ONNXError) -> [Translation.Value]? {
    let images = try channelsLast(0)
    let (shape, factor) = (shape(images), try first.integer("blocksize", or: 0))
    let mode = try first.string("mode", or: "DCR")
    guard shape.rank == 4, factor > 0, factor <= 1 << 15, mode == "DCR" || mode == "CRD" else {
      throw malformed("squares of \(factor) of a tensor of shape \(shape), \(mode)")
    }
    guard isOfFloats(images) else { return nil }
    let square = factor * factor
    guard toSpace ? shape[1].isMultiple(of: square) : shape[2].isMultiple(of: factor) && shape[3].isMultiple(of: factor)
    else { throw malformed("squares of \(factor) of a tensor of shape \(shape)") }
    if mode == "CRD" {
      return [
        .computed(
          try emit(images) { toSpace ? $0[0].pixelShuffled(by: factor) : $0[0].pixelUnshuffled(by: factor) })
      ]
    }
    // The channels of a square are the first of its axes here, and the last of the operation's.
    let rest = toSpace ? shape[1] / square : shape[1]
    if toSpace {
      let order = (0..<rest).flatMap { channel in (0..<square).map { $0 * rest + channel } }
      return [.computed(try emit(images) { $0[0].gathering(order, axis: 3).pixelShuffled(by: factor) })]
    }
    let order = (0..<square).flatMap { place in (0..<rest).map { $0 * square + place } }
    return [.computed(try emit(images) { $0[0].pixelUnshuffled(by: factor).gathering(order, axis: 3) })]
  }

  private func requireKnown(from start: Int) throws(ONNXError) {
    for index in start..<max(start, inputs.count) where has(index) && !isKnown(index) {
      throw unsupported("what is taken depends on the numbers of input \(index + 1)")
    }
  }
}
