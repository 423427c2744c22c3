import NormaConvolution
import NormaGraph
import NormaNormalization
import NormaTensor

/// A trained model made ready to serve: batch normalization is folded into the linear or convolutional layers
/// before it, ReLU is done
/// with what comes before it, and nothing is recorded.
///
/// ```swift
/// let serving = try InferenceModel(model)
/// let scores = try serving(batch)
/// ```
///
/// It holds the weights as they were when it was made, and may be called from several threads at once. Its outputs
/// differ from the model's by rounding.
public struct InferenceModel<Element: TensorElement>: Sendable {
  /// What is done, in order.
  public let steps: [InferenceStep<Element>]

  /// Makes a model ready.
  ///
  /// - Throws: ``InferenceModelError`` for a batch normalization that has seen no batch, and for a layer that does not
  ///   implement ``Layer/inferenceSteps()``.
  public init(_ model: any Layer<Element>) throws(InferenceModelError) {
    steps = Self.fused(try model.inferenceSteps())
  }

  private static func fused(_ steps: [InferenceStep<Element>]) -> [InferenceStep<Element>] {
    steps.reduce(into: []) { steps, step in
      var step = step
      if case .residual(let body, let shortcut, let rectifies) = step {
        step = .residual(body: fused(body), shortcut: fused(shortcut), rectifies: rectifies)
      }
      if let fused = steps.last.flatMap({ fuse($0, step) }) {
        steps[steps.count - 1] = fused
      } else {
        steps.append(step)
      }
    }
  }

  /// One step that does what two did one after the other, if there is one.
  private static func fuse(
    _ first: InferenceStep<Element>, _ second: InferenceStep<Element>
  ) -> InferenceStep<Element>? {
    switch (first, second) {
    case (.linear(let linear, false), .batchNormalization(let normalization, let rectifies)):
      let (weight, bias) = normalization.folded(intoWeight: linear.weight, bias: linear.bias)
      return .linear(PreparedLinear(weight: weight, bias: bias), rectifies: rectifies)
    case (.convolution(let convolution, false), .batchNormalization(let normalization, let rectifies)):
      let (weight, bias) = normalization.folded(intoWeight: convolution.weight, bias: convolution.bias)
      let folded = PreparedConvolution(
        weight: weight, bias: bias, window: convolution.window, groups: convolution.groups)
      return .convolution(folded, rectifies: rectifies)
    case (.convolution(let convolution, false), .function(.leakyReLU(slope: 0))):
      return .convolution(convolution, rectifies: true)
    case (.residual(let body, let shortcut, false), .function(.leakyReLU(slope: 0))):
      return .residual(body: body, shortcut: shortcut, rectifies: true)
    case (.linear(let linear, false), .function(.leakyReLU(slope: 0))):
      return .linear(linear, rectifies: true)
    case (.batchNormalization(let normalization, false), .function(.leakyReLU(slope: 0))):
      return .batchNormalization(normalization, rectifies: true)
    case (.groupNormalization(let groups, let gamma, let beta, let epsilon, false), .function(.leakyReLU(slope: 0))):
      return .groupNormalization(groups: groups, gamma: gamma, beta: beta, epsilon: epsilon, rectifies: true)
    default: return nil
    }
  }

  /// The outputs for a batch.
  ///
  /// A large batch of images goes through all steps a few images at a time, so that what one step writes is still in
  /// the caches when the next one reads it.
  ///
  /// - Throws: `LayerError` for a batch whose samples do not fit the model.
  @specialized(where Element == Float)
  public func callAsFunction(_ x: Tensor<Element>) throws(LayerError) -> Tensor<Element> {
    guard let samples = samplesAtOnce(x.shape) else { return try steps.apply(to: x) }
    let parts = (x.shape[0] + samples - 1) / samples
    let outputs = Guarded([Tensor<Element>?](repeating: nil, count: parts))
    Parallel.forEach(parts) { part in
      let rows = part * samples..<min((part + 1) * samples, x.shape[0])
      let output = try? steps.apply(to: x[rows: rows])
      outputs.withLock { $0[part] = output }
    }
    let found = outputs.withLock { $0.compactMap(\.self) }
    // What a part was refused for is said of the whole batch.
    return found.count == parts ? .concatenating(rows: found) : try steps.apply(to: x)
  }

  /// How many images go through all steps at a time: as many as the largest activation, which nearly always is the
  /// first convolution's, takes half a MiB for, but a sixteenth of the batch at most, to be shared among threads. Nil
  /// for fewer than sixteen and for what are no images.
  private func samplesAtOnce(_ shape: Shape) -> Int? {
    guard case .convolution(let first, _) = steps.first, shape.rank == 4, shape[0] >= 16,
      let output = Convolution2d.outputShape(for: shape, outputs: first.weight.shape[0], window: first.window)
    else { return nil }
    let bytes = max(1, output.dropFirst().reduce(MemoryLayout<Element>.stride, *))
    return max(1, min((1 << 19) / bytes, shape[0] / 16))
  }
}

extension Array {
  /// What the steps make of a batch, one after the other.
  @specialized(where E == Float)
  fileprivate func apply<E: TensorElement>(to x: Tensor<E>) throws(LayerError) -> Tensor<E>
  where Element == InferenceStep<E> {
    var x = x
    for step in self { x = try step.apply(to: x) }
    return x
  }
}

extension InferenceStep {
  @specialized(where Element == Float)
  fileprivate func apply(to x: Tensor<Element>) throws(LayerError) -> Tensor<Element> {
    switch self {
    case .linear(let linear, let rectifies):
      let (outputs, inputs) = (linear.weight.shape[0], linear.weight.shape[1])
      guard x.rank >= 2, x.shape.channelCount == inputs else {
        throw LayerError(
          layer: "Linear(\(inputs) → \(outputs))", expected: "[batch, …, \(inputs)]", found: x.shape)
      }
      let y = linear(x.reshaped(to: [x.shape.rowCount, inputs]), rectifies: rectifies)
      return y.reshaped(to: x.shape.replacingLast(with: outputs))
    case .batchNormalization(let normalization, let rectifies):
      guard x.rank >= 2, x.shape.channelCount == normalization.mean.count else {
        let channels = normalization.mean.count
        throw LayerError(layer: "BatchNorm(\(channels))", expected: "[batch, …, \(channels)]", found: x.shape)
      }
      return BatchNormalization.inference(
        x, mean: normalization.mean, variance: normalization.variance, gamma: normalization.gamma,
        beta: normalization.beta, epsilon: normalization.epsilon, rectifies: rectifies)
    case .layerNormalization(let gamma, let beta, let epsilon):
      if let channels = gamma?.count, x.rank < 1 || x.shape.channelCount != channels {
        throw LayerError(layer: "LayerNorm(\(channels))", expected: "[…, \(channels)]", found: x.shape)
      }
      return LayerNormalization.forward(x, gamma: gamma, beta: beta, epsilon: epsilon).output
    case .groupNormalization(let groups, let gamma, let beta, let epsilon, let rectifies):
      let channels = gamma?.count ?? x.shape.channelCount
      guard x.rank >= 2, x.shape.channelCount == channels, channels % groups == 0 else {
        throw LayerError(
          layer: "GroupNorm(\(channels), \(groups) groups)", expected: "[batch, …, \(channels)]", found: x.shape)
      }
      return GroupNormalization.forward(
        x, groups: groups, gamma: gamma, beta: beta, epsilon: epsilon, rectifies: rectifies
      ).output
    case .function(let function): return x.applying(function)
    case .flatten:
      guard x.rank >= 1 else { throw LayerError(layer: "Flatten", expected: "[batch, …]", found: x.shape) }
      return x.flattened()
    case .convolution(let convolution, let rectifies):
      try convolution.check(x.shape)
      return convolution(x, rectifies: rectifies)
    case .maxPool(let window):
      _ = try MaxPool2d<Element>(window).outputShape(for: x.shape)
      return Pooling2d.maximum(x, window: window)
    case .averagePool(let window, let countsPadding):
      _ = try AveragePool2d<Element>(window).outputShape(for: x.shape)
      return Pooling2d.average(x, window: window, countsPadding: countsPadding)
    case .globalAverage:
      _ = try GlobalAveragePool<Element>().outputShape(for: x.shape)
      return Pooling2d.globalAverage(x)
    case .paddedChannels(let channels):
      guard x.rank >= 1, x.shape.channelCount <= channels else {
        throw LayerError(layer: "PaddedShortcut", expected: "[…, up to \(channels) channels]", found: x.shape)
      }
      return Variable(x).paddedChannels(to: channels).value
    case .residual(let body, let shortcut, let rectifies):
      return try sum(x, body, around: shortcut, rectifies: rectifies)
    }
  }

  /// The sum of two branches; a convolution at the end of the first adds the second to its own sums.
  private func sum(
    _ x: Tensor<Element>, _ body: [InferenceStep], around shortcut: [InferenceStep], rectifies: Bool
  ) throws(LayerError) -> Tensor<Element> {
    let other = try shortcut.apply(to: x)
    func check(_ shape: Shape) throws(LayerError) {
      guard shape == other.shape else {
        throw LayerError(layer: "Residual", expected: "what its shortcut brings to \(shape)", found: x.shape)
      }
    }
    if case .convolution(let convolution, false) = body.last {
      let inner = try Array(body.dropLast()).apply(to: x)
      try check(try convolution.check(inner.shape))
      return convolution(inner, residual: other, rectifies: rectifies)
    }
    let y = try body.apply(to: x)
    try check(y.shape)
    return y.adding(other, rectifies: rectifies)
  }
}

extension PreparedConvolution {
  /// The shape of its output.
  @discardableResult fileprivate func check(_ input: Shape) throws(LayerError) -> Shape {
    let inputs = weight.shape[1] * groups
    guard input.rank == 4, input[3] == inputs,
      let output = Convolution2d.outputShape(for: input, outputs: weight.shape[0], window: window)
    else {
      throw LayerError(
        layer: "Conv2d(\(inputs) → \(weight.shape[0]), \(window.summary))",
        expected: "[batch, height, width, \(inputs)] of at least its window", found: input)
    }
    return output
  }
}

extension FrozenBatchNormalization {
  /// The linear map, or convolution, that does both: with `a = gamma / √(variance + epsilon)` for each output, its row
  /// of the weight times `a`, and `(bias − mean) · a + beta`; computed in double precision.
  func folded(
    intoWeight weight: Tensor<Element>, bias: Tensor<Element>?
  ) -> (weight: Tensor<Element>, bias: Tensor<Element>) {
    let (outputs, inputs) = (weight.shape[0], weight.count / weight.shape[0])
    require(mean.count == outputs, "a normalization of \(mean.count) channels after \(outputs) outputs")
    let gamma = gamma ?? .ones([outputs])
    let bias = bias ?? .zeros([outputs])
    let beta = beta ?? .zeros([outputs])
    let factors = (0..<outputs).map { Double(gamma[$0]) / (Double(variance[$0]) + epsilon).squareRoot() }
    let foldedWeight = Tensor<Element>(shape: weight.shape) { result in
      weight.withUnsafeElements { weight in
        for index in 0..<outputs * inputs {
          result.initializeElement(at: index, to: Element(Double(weight[index]) * factors[index / inputs]))
        }
      }
    }
    let foldedBias = (0..<outputs).map {
      Element((Double(bias[$0]) - Double(mean[$0])) * factors[$0] + Double(beta[$0]))
    }
    return (foldedWeight, Tensor(foldedBias))
  }
}
