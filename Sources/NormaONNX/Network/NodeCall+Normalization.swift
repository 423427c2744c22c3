import NormaGraph
import NormaLayers
import NormaNormalization
import NormaTensor

extension NodeCall {
  /// `BatchNormalization`: by given statistics, or, in training mode, a layer that gathers them.
  func batchNormalization() throws(ONNXError) -> [Translation.Value]? {
    let x = try channelsLast(0)
    let shape = shape(x)
    guard shape.rank >= 2, isOfFloats(x), isKnown(1), isKnown(2), isKnown(3), isKnown(4),
      try first.integer("spatial", or: 1) != 0
    else { return nil }
    let epsilon = Double(try first.number("epsilon", or: 1e-5))
    func vector(_ index: Int) throws(ONNXError) -> Tensor<Float> {
      let tensor = try constantFloats(index)
      guard tensor.shape == [shape[1]] else {
        throw malformed("input \(index + 1) has shape \(tensor.shape), and [\(shape[1])] is needed")
      }
      return tensor
    }
    let (gamma, beta, mean, variance) = (try vector(1), try vector(2), try vector(3), try vector(4))
    guard try first.integer("training_mode", or: 0) != 0 else {
      let inputs = [
        x, try plain(3, nil), try plain(4, nil), try plain(1, .gamma), try plain(2, .beta),
      ]
      return [
        .computed(
          try translation.emit(inputs) {
            $0[0].batchNormalized(mean: $0[1], variance: $0[2], gamma: $0[3], beta: $0[4], epsilon: epsilon)
          })
      ]
    }
    guard version >= 14, node.outputs.dropFirst().allSatisfy({ !translation.isUsed($0) }) else { return nil }
    let momentum = Double(try first.number("momentum", or: 0.9))
    // One whose new statistics nobody takes, and whose old ones are those of no batch, keeps none.
    let isTracking =
      node.outputs.dropFirst().contains { name in translation.model.outputs.contains { $0.name == name } }
      || !mean.elements.allSatisfy { $0 == 0 } || !variance.elements.allSatisfy { $0 == 1 }
    let layer = BatchNorm<Float>(
      shape[1],
      conventions: BatchNormalizationConventions(
        epsilon: epsilon, rule: .keeping(momentum), estimator: .biased, initialVariance: 1),
      tracksRunningStatistics: isTracking)
    layer.gamma?.value = gamma
    layer.beta?.value = beta
    layer.runningStatistics?.mean = mean
    layer.runningStatistics?.variance = variance
    let path = node.inputs[1].hasSuffix(".weight") ? String(node.inputs[1].dropLast(7)) : node.inputs[1]
    let result = translation.emit(x, layer: layer, named: path)
    return [.computed(result)] + node.outputs.dropFirst().map { _ in .computed(result) }
  }

  /// `LayerNormalization` and `RMSNormalization` over all axes from one on.
  private func overLastAxes(
    vectors indices: [Int],
    _ body: @escaping @Sendable (Variable<Float>, [Variable<Float>]) -> Variable<Float>
  ) throws(ONNXError) -> [Translation.Value]? {
    var x = try computed(0)
    let rank = x.order.count
    let axis = try first.axis(try first.integer("axis", or: -1), rank: rank)
    guard isOfFloats(x), node.outputs.dropFirst().allSatisfy({ !translation.isUsed($0) }) else { return nil }
    // One axis may be stored behind any order of the others.
    x = axis == rank - 1 && x.order.last == axis ? x : try translation.plain(x)
    let shapes = translation.storedShapes(x)
    let width = shapes[0][axis...].reduce(1, *)
    guard width > 0, shapes.allSatisfy({ $0[axis...].elementsEqual(shapes[0][axis...]) }) else { return nil }
    var inputs = [try axis == rank - 1 ? x : translation.reshape(x, to: shapes.map { Shape($0[..<axis] + [width]) })]
    for index in indices where has(index) {
      guard isKnown(index), try constant(index).shape.elementCount == width else { return nil }
      inputs.append(
        try translation.reshape(
          try plain(index, index == 1 ? .gamma : .beta), to: translation.batchSizes.map { _ in [width] }))
    }
    var result = try translation.emit(inputs) { body($0[0], Array($0.dropFirst())) }
    if axis != rank - 1 { result = try translation.reshape(result, to: shapes) }
    result.order = x.order
    return [.computed(result)] + node.outputs.dropFirst().map { _ in .computed(result) }
  }

  /// `LayerNormalization`.
  func layerNormalization() throws(ONNXError) -> [Translation.Value]? {
    let epsilon = Double(try first.number("epsilon", or: 1e-5))
    guard has(1) || !has(2) else { return nil }
    return try overLastAxes(vectors: [1, 2]) { x, vectors in
      x.layerNormalized(gamma: vectors.first, beta: vectors.count > 1 ? vectors[1] : nil, epsilon: epsilon)
    }
  }

  /// `RMSNormalization`.
  func rmsNormalization() throws(ONNXError) -> [Translation.Value]? {
    let epsilon = Double(try first.number("epsilon", or: 1e-5))
    return try overLastAxes(vectors: [1]) { x, vectors in x.rmsNormalized(gamma: vectors.first, epsilon: epsilon) }
  }

  /// `GroupNormalization`; before version 21 gamma and beta are for groups.
  func groupNormalization() throws(ONNXError) -> [Translation.Value]? {
    let x = try channelsLast(0)
    let shape = shape(x)
    let groups = try first.integer("num_groups", or: 0)
    guard version >= 21, shape.rank >= 2, isOfFloats(x), isKnown(1), isKnown(2) else { return nil }
    guard groups > 0, shape[1] % groups == 0, try constantFloats(1).shape == [shape[1]],
      try constantFloats(2).shape == [shape[1]]
    else { throw malformed("\(shape[1]) channels in \(groups) groups") }
    return try normalized(x, groups: groups)
  }

  /// `InstanceNormalization`.
  func instanceNormalization() throws(ONNXError) -> [Translation.Value]? {
    let x = try channelsLast(0)
    let shape = shape(x)
    guard shape.rank >= 2, isOfFloats(x), isKnown(1), isKnown(2) else { return nil }
    guard try constantFloats(1).shape == [shape[1]], try constantFloats(2).shape == [shape[1]] else {
      throw malformed("\(shape[1]) channels, and not as many numbers")
    }
    return try normalized(x, groups: shape[1])
  }

  private func normalized(_ x: Translation.Computed, groups: Int) throws(ONNXError) -> [Translation.Value] {
    let epsilon = Double(try first.number("epsilon", or: 1e-5))
    return [
      .computed(
        try emit(x, try plain(1, .gamma), try plain(2, .beta)) {
          $0[0].groupNormalized(groups: groups, gamma: $0[1], beta: $0[2], epsilon: epsilon)
        })
    ]
  }

  /// `LRN`, whose window has one more channel behind a value than before it where it is even.
  func localResponseNormalization() throws(ONNXError) -> [Translation.Value]? {
    let x = try channelsLast(0)
    let size = try first.integer("size", or: 0)
    guard size > 0, size <= 1 << 24 else { throw malformed("a window of \(size) channels") }
    guard x.order.count >= 2, isOfFloats(x) else { return nil }
    let normalization = LocalResponseNormalization(
      window: -((size - 1) / 2)...size / 2, alpha: Double(try first.number("alpha", or: 1e-4)),
      beta: Double(try first.number("beta", or: 0.75)), k: Double(try first.number("bias", or: 1)))
    return [.computed(try emit(x) { $0[0].normalized(by: normalization) })]
  }

  /// `MeanVarianceNormalization` over any axes.
  func meanVarianceNormalization() throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    guard isOfFloats(x) else { return nil }
    let axes = try first.axes(try first.integers("axes") ?? [0, 2, 3], rank: x.order.count)
    let stored = axes.map { x.order.firstIndex(of: $0)! }.sorted()
    return [.computed(try emit(x) { $0[0].meanVarianceNormalized(over: stored) })]
  }

  /// `LpNormalization` along any axis.
  func lpNormalization() throws(ONNXError) -> [Translation.Value]? {
    let x = try computed(0)
    let p = try first.integer("p", or: 2)
    guard let norm = LpNormalization.Norm(rawValue: p) else { throw malformed("a norm of p \(p), which is 1 or 2") }
    guard isOfFloats(x) else { return nil }
    let axis = try first.axis(try first.integer("axis", or: -1), rank: x.order.count)
    let stored = x.order.firstIndex(of: axis)!
    return [.computed(try emit(x) { $0[0].normalized(by: norm, axis: stored) })]
  }
}
