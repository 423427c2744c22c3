import NormaNormalization
import NormaTensor

extension OperatorCall {
  /// `BatchNormalization`, with given statistics or, in training mode, with the batch's; then the running statistics come
  /// out too, moved towards the batch's by ONNX's rule: the old weighs `momentum`, and the variance is the biased one. A
  /// batch of one axis has one channel.
  func batchNormalization() throws(ONNXError) -> [ONNXTensor] {
    let batch = try floats(0)
    let x = batch.rank == 1 ? batch.reshaped(to: [batch.count, 1]) : batch
    let vector = try channelVector(of: x)
    let (gamma, beta) = (try floats(1, shape: vector), try floats(2, shape: vector))
    let (mean, variance) = (try floats(3, shape: vector), try floats(4, shape: vector))
    let (epsilon, momentum) = (Double(try number("epsilon", or: 1e-5)), Double(try number("momentum", or: 0.9)))
    let (isTraining, isSpatial) = (try integer("training_mode", or: 0) != 0, try integer("spatial", or: 1) != 0)
    // Before version 14 a single output is that of inference, whatever `is_test` says.
    guard version >= 14 || (node.outputs.count == 1 && !isTraining && isSpatial) else {
      throw unsupported("training before version 14 of ONNX's operators, or statistics for each position")
    }
    guard isTraining else {
      return [
        .numbers(
          BatchNormalization.inference(
            x, mean: mean, variance: variance, gamma: gamma, beta: beta, epsilon: epsilon, layout: .channelsFirst
          ).reshaped(to: batch.shape))
      ]
    }
    let conventions = BatchNormalizationConventions(
      epsilon: epsilon, rule: .keeping(momentum), estimator: .biased, initialVariance: 1)
    var statistics = RunningStatistics<Element>(channelCount: mean.count, conventions: conventions)
    (statistics.mean, statistics.variance) = (mean, variance)
    do {
      let (output, normalized) = try BatchNormalization.forward(
        x, gamma: gamma, beta: beta, epsilon: epsilon, layout: .channelsFirst)
      try statistics.update(with: normalized.moments)
      return [.numbers(output.reshaped(to: batch.shape)), .numbers(statistics.mean), .numbers(statistics.variance)]
    } catch { throw unsupported(error.description) }
  }

  /// `LayerNormalization` over all axes from one on; mean and reciprocal deviation come out too where they are asked for.
  func layerNormalization() throws(ONNXError) -> [ONNXTensor] {
    let (x, rows, statisticsShape) = try lastAxesAsRows()
    let width = rows.shape.channelCount
    let (output, statistics) = LayerNormalization.forward(
      rows, gamma: try vector(1, over: x, width), beta: try vector(2, over: x, width),
      epsilon: Double(try number("epsilon", or: 1e-5)))
    return [
      .numbers(output.reshaped(to: x.shape)),
      .numbers((statistics.mean.converted() as Tensor<Element>).reshaped(to: statisticsShape)),
      .numbers((statistics.reciprocalDeviation.converted() as Tensor<Element>).reshaped(to: statisticsShape)),
    ]
  }

  /// `RMSNormalization` over all axes from one on.
  func rmsNormalization() throws(ONNXError) -> [ONNXTensor] {
    let (x, rows, _) = try lastAxesAsRows()
    let output = RMSNormalization.forward(
      rows, gamma: try vector(1, over: x, rows.shape.channelCount), epsilon: Double(try number("epsilon", or: 1e-5))
    ).output
    return [.numbers(output.reshaped(to: x.shape))]
  }

  /// The first input, the same as rows of all axes from `axis` on, and the shape of what there is one of for each row.
  private func lastAxesAsRows() throws(ONNXError) -> (x: Tensor<Element>, rows: Tensor<Element>, statistics: Shape) {
    let x = try floats(0)
    let axis = try axis(try integer("axis", or: -1), rank: x.rank)
    let (outer, inner) = (x.shape[..<axis], x.shape[axis...])
    let rows = x.reshaped(to: [outer.reduce(1, *), inner.reduce(1, *)])
    return (x, rows, Shape(outer + [Int](repeating: 1, count: inner.count)))
  }

  /// An input that broadcasts to the last axes of x, as many as make rows of a width; nil if it is not there.
  private func vector(_ index: Int, over x: Tensor<Element>, _ width: Int) throws(ONNXError) -> Tensor<Element>? {
    guard let tensor = try optionalFloats(index) else { return nil }
    let normalized = Shape(x.shape[(try axis(try integer("axis", or: -1), rank: x.rank))...])
    guard commonShape(tensor.shape, normalized) == Array(normalized) else {
      throw malformed("input \(index + 1) of shape \(tensor.shape) does not fit \(normalized)")
    }
    return tensor.broadcast(to: normalized).reshaped(to: [width])
  }

  /// `GroupNormalization`; before version 21 gamma and beta are for groups, later for channels.
  func groupNormalization() throws(ONNXError) -> [ONNXTensor] {
    guard version >= 18 else { throw unsupported("GroupNormalization before version 18 of ONNX's operators") }
    let x = try floats(0)
    let channels = try channelVector(of: x)[0]
    let groups = try integer("num_groups", or: 0)
    guard groups > 0, channels % groups == 0 else {
      throw malformed("\(channels) channels cannot be divided into \(groups) groups")
    }
    func vector(_ index: Int) throws(ONNXError) -> Tensor<Element> {
      if version >= 21 { return try floats(index, shape: [channels]) }
      let values = try floats(index, shape: [groups]).elements
      return Tensor((0..<channels).map { values[$0 / (channels / groups)] })
    }
    let (gamma, beta) = (try vector(1), try vector(2))
    let epsilon = Double(try number("epsilon", or: 1e-5))
    return [
      .numbers(
        GroupNormalization.forward(
          x, groups: groups, gamma: gamma, beta: beta, epsilon: epsilon, layout: .channelsFirst
        ).output)
    ]
  }

  /// `InstanceNormalization`.
  func instanceNormalization() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let vector = try channelVector(of: x)
    let (gamma, beta) = (try floats(1, shape: vector), try floats(2, shape: vector))
    let epsilon = Double(try number("epsilon", or: 1e-5))
    return [
      .numbers(
        InstanceNormalization.forward(x, gamma: gamma, beta: beta, epsilon: epsilon, layout: .channelsFirst).output)
    ]
  }

  /// `LRN`, whose window has one more channel behind a value than before it where it is even.
  func localResponseNormalization() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    _ = try channelVector(of: x)
    let size = try integer("size", or: 0)
    guard size > 0, size <= 1 << 24 else { throw malformed("a window of \(size) channels") }
    let normalization = LocalResponseNormalization(
      window: -((size - 1) / 2)...size / 2, alpha: Double(try number("alpha", or: 1e-4)),
      beta: Double(try number("beta", or: 0.75)), k: Double(try number("bias", or: 1)))
    let last = [0] + Array(2..<x.rank) + [1]
    let first = [0, x.rank - 1] + Array(1..<x.rank - 1)
    return [.numbers(normalization.forward(x.transposed(last)).transposed(first))]
  }

  /// `MeanVarianceNormalization` over any axes.
  func meanVarianceNormalization() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let axes = try axes(try integers("axes") ?? [0, 2, 3], rank: x.rank)
    return [.numbers(MeanVarianceNormalization.forward(x, axes: axes).output)]
  }

  /// `LpNormalization` along any axis.
  func lpNormalization() throws(ONNXError) -> [ONNXTensor] {
    let x = try floats(0)
    let p = try integer("p", or: 2)
    guard let norm = LpNormalization.Norm(rawValue: p) else { throw malformed("a norm of p \(p), which is 1 or 2") }
    let axis = try axis(try integer("axis", or: -1), rank: x.rank)
    return [.numbers(LpNormalization.forward(x, norm: norm, axis: axis).output)]
  }

  /// The shape `[C]` of vectors for a batch `[N, C, …]`.
  private func channelVector(of x: Tensor<Element>) throws(ONNXError) -> Shape {
    guard x.rank >= 2, x.shape[1] > 0 else {
      throw unsupported("a normalization of \(x.shape), which is not [N, C, …]")
    }
    return [x.shape[1]]
  }
}
