import Foundation
import Norma

/// Why a case cannot be run.
public struct BenchmarkError: Error, Equatable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// Times a case.
///
/// Inputs are ready before the first sample; after two calls to warm up, samples are taken until the time is over.
/// What is shorter than 200 µs is called several times a sample.
public struct Benchmark {
  private let body: () throws -> Void

  /// The ways in which a case of a section can be run; none for an unknown section.
  public static func variants(section: String) -> [String] {
    switch section {
    case "norm", "norm+family", "conv", "product", "infer": ["fused"]
    case "train": ["fused", "recompute", "half", "half-recompute"]
    default: []
    }
  }

  /// Prepares a case: inputs, network, and whatever else is not part of what is timed.
  ///
  /// - Parameters:
  ///   - benchmark: the case.
  ///   - variant: one of ``variants(section:)``. With `recompute`, a training step computes what batch normalization gave
  ///     again instead of keeping it.
  /// - Throws: ``BenchmarkError`` for a case that asks for something unknown, or for more elements than memory may hold.
  public init(_ benchmark: BenchmarkCase, variant: String = "fused") throws {
    let variants = Self.variants(section: benchmark.sec)
    guard !variants.isEmpty else { throw BenchmarkError("there is no section '\(benchmark.sec)'") }
    guard variants.contains(variant) else {
      throw BenchmarkError(
        "'\(benchmark.name)' has no variant '\(variant)'; there are \(variants.joined(separator: ", "))")
    }
    // Divided rather than multiplied, which could overflow.
    let most = 1 << 31
    for lengths in Self.shapes(benchmark) {
      let room = lengths.reduce(most) { $0 / max(1, $1) }
      guard room > 0 else { throw BenchmarkError("'\(benchmark.name)' has more than \(most) elements") }
    }
    switch benchmark.sec {
    case "norm": body = try Self.normalization(benchmark)
    case "conv": body = try Self.convolution(benchmark)
    case "product": body = try Self.product(benchmark)
    case "train":
      body = try Self.training(
        benchmark, recomputes: variant.hasSuffix("recompute"),
        keptActivations: variant.hasPrefix("half") ? .bfloat16 : nil)
    default: body = try Self.inference(benchmark)
    }
  }

  /// Something else that can be timed.
  public init(_ body: @escaping () throws -> Void) { self.body = body }

  /// The seconds that one call took, sample by sample.
  ///
  /// - Parameters:
  ///   - minimum: for how long to take samples.
  ///   - pause: how long to sleep before each sample, in seconds; a sample is then a single call, even with a pause of 0.
  public func samples(forSeconds minimum: Double, pausing pause: Double? = nil) throws -> [Double] {
    let clock = ContinuousClock()
    func time(_ count: Int) throws -> Double {
      let start = clock.now
      for _ in 0..<count { try body() }
      return (clock.now - start) / .seconds(1) / Double(count)
    }
    try body()
    let one = try time(1)
    let calls = pause == nil ? max(1, Int(200e-6 / max(one, 1e-9))) : 1
    var samples = one > 0.2 ? [one] : []
    let end = clock.now + .seconds(minimum)
    while samples.count < 2 || clock.now < end {
      if let pause, pause > 0 { Thread.sleep(forTimeInterval: pause) }
      samples.append(try time(calls))
    }
    return samples
  }
}

extension Benchmark {
  private static func normalization(_ benchmark: BenchmarkCase) throws -> () throws -> Void {
    guard let lengths = benchmark.shape, lengths.count == 2 || lengths.count == 4, lengths.allSatisfy({ $0 > 0 }),
      let norm = benchmark.norm, ["bn", "ln", "gn", "rms", "masked", "ghost", "renorm", "in", "ws"].contains(norm)
    else { throw BenchmarkError("'\(benchmark.name)' is no normalization that can be timed") }
    let layout = benchmark.layout == "nchw" ? ChannelLayout.channelsFirst : .channelsLast
    let shape: Shape =
      lengths.count == 4 && layout == .channelsLast
      ? [lengths[0], lengths[2], lengths[3], lengths[1]] : Shape(lengths)
    let channels = lengths[1]
    var random = RandomGenerator(seed: 0)
    let x = Tensor<Float>.normal(shape, using: &random)
    let gradient = Tensor<Float>.normal(shape, using: &random)
    let gamma = Tensor<Float>.uniform([channels], in: 0.5..<1.5, using: &random)
    let beta = Tensor<Float>.normal([channels], using: &random)
    if let dtype = benchmark.dtype, dtype != "float32" {
      guard let precision = HalfPrecision(rawValue: dtype), ["bn", "ln", "rms"].contains(norm), layout == .channelsLast
      else { throw BenchmarkError("'\(benchmark.name)' cannot be timed as \(dtype)") }
      return try halfWidth(
        benchmark, norm, x.rounded(to: precision), gradient.rounded(to: precision), gamma: gamma, beta: beta)
    }
    if norm == "ln" {
      guard benchmark.pass == "bwd" else {
        return { _ = LayerNormalization.forward(x, gamma: gamma, beta: beta) }
      }
      let rows = LayerNormalization.forward(x, gamma: gamma, beta: beta).saved
      return { _ = LayerNormalization.backward(gradient, input: x, saved: rows) }
    }
    if norm == "rms" {
      guard benchmark.pass == "bwd" else { return { _ = RMSNormalization.forward(x, gamma: gamma) } }
      let rows = RMSNormalization.forward(x, gamma: gamma).saved
      return { _ = RMSNormalization.backward(gradient, input: x, saved: rows) }
    }
    if norm == "ws" {
      // A weight's rows, as channels of one sample.
      let (rows, weightGradient) = (
        x.reshaped(to: Shape([1] + lengths)), gradient.reshaped(to: Shape([1] + lengths))
      )
      func forward() throws -> BatchStatistics<Float> {
        try BatchNormalization.forward(rows, layout: .channelsFirst).saved
      }
      guard benchmark.pass == "bwd" else { return { _ = try forward() } }
      let saved = try forward()
      return { _ = BatchNormalization.backward(weightGradient, input: rows, saved: saved) }
    }
    let rectifies = benchmark.relu ?? false
    if norm == "in" {
      var running = RunningStatistics<Float>(channelCount: channels)
      func forward() -> GroupStatistics<Float> {
        GroupNormalization.forward(x, groups: channels, gamma: gamma, beta: beta, layout: layout).saved
      }
      let saved = forward()
      guard benchmark.pass != "bwd" else {
        return { _ = GroupNormalization.backward(gradient, input: x, saved: saved) }
      }
      let positions = x.count / (lengths[0] * channels)
      return {
        try running.update(with: forward().meanMoments(positions: positions, epsilon: 1e-5, estimator: .unbiased))
      }
    }
    if norm == "gn" {
      func forward() -> (output: Tensor<Float>, saved: GroupStatistics<Float>) {
        GroupNormalization.forward(x, groups: 32, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies)
      }
      guard benchmark.pass == "bwd" else { return { _ = forward() } }
      let statistics = forward().saved
      return { _ = GroupNormalization.backward(gradient, input: x, saved: statistics) }
    }
    var statistics = RunningStatistics<Float>(channelCount: channels)
    let scope: StatisticsScope = norm == "ghost" ? .ghosts(ofSize: 32) : .batch
    let weights = norm == "masked" ? Self.mask(Shape(shape.dropLast())) : nil
    let reference = norm == "renorm" ? BatchRenormalization.rising(overBatches: 0).reference(statistics) : nil
    func forward() throws -> (output: Tensor<Float>, saved: BatchStatistics<Float>) {
      try BatchNormalization.forward(
        x, gamma: gamma, beta: beta, layout: layout, rectifies: rectifies, scope: scope, weights: weights,
        renormalization: reference)
    }
    switch benchmark.pass {
    case "infer":
      return {
        _ = BatchNormalization.inference(
          x, mean: statistics.mean, variance: statistics.variance, gamma: gamma, beta: beta, layout: layout,
          rectifies: rectifies)
      }
    case "bwd":
      let batch = try forward().saved
      return { _ = BatchNormalization.backward(gradient, input: x, saved: batch) }
    default:
      return {
        let result = try forward()
        try statistics.update(with: result.saved.moments)
      }
    }
  }

  /// A normalization that reads and writes half width.
  private static func halfWidth(
    _ benchmark: BenchmarkCase, _ norm: String, _ x: HalfTensor, _ gradient: HalfTensor, gamma: Tensor<Float>,
    beta: Tensor<Float>
  ) throws -> () throws -> Void {
    let rectifies = benchmark.relu ?? false
    switch (norm, benchmark.pass) {
    case ("ln", "bwd"):
      let rows = LayerNormalization.forward(x, gamma: gamma, beta: beta).saved
      return { _ = LayerNormalization.backward(gradient, input: x, saved: rows) }
    case ("ln", _): return { _ = LayerNormalization.forward(x, gamma: gamma, beta: beta) }
    case ("rms", "bwd"):
      let rows = RMSNormalization.forward(x, gamma: gamma).saved
      return { _ = RMSNormalization.backward(gradient, input: x, saved: rows) }
    case ("rms", _): return { _ = RMSNormalization.forward(x, gamma: gamma) }
    case (_, "bwd"):
      let batch = try BatchNormalization.forward(x, gamma: gamma, beta: beta, rectifies: rectifies).saved
      return { _ = BatchNormalization.backward(gradient, input: x, saved: batch) }
    case (_, "infer"):
      let running = RunningStatistics<Float>(channelCount: gamma.count)
      return {
        _ = BatchNormalization.inference(
          x, mean: running.mean, variance: running.variance, gamma: gamma, beta: beta, rectifies: rectifies)
      }
    default:
      var running = RunningStatistics<Float>(channelCount: gamma.count)
      return {
        let batch = try BatchNormalization.forward(x, gamma: gamma, beta: beta, rectifies: rectifies).saved
        try running.update(with: batch.moments)
      }
    }
  }

  /// Sequences of 128 rows, of which the first 64 to 128 count.
  private static func mask(_ shape: Shape) -> Tensor<Float> {
    Tensor((0..<shape.elementCount).map { $0 % 128 < 64 + $0 / 128 * 37 % 65 ? 1 : 0 }, shape: shape)
  }

  /// Lengths that no tensor of a case exceeds.
  private static func shapes(_ benchmark: BenchmarkCase) -> [[Int]] {
    // 3072 are the most inputs of any network here.
    guard let shape = benchmark.shape else { return [[benchmark.batch ?? 1, 3072]] }
    if benchmark.sec == "product" {
      return shape.indices.map { index in shape.indices.filter { $0 != index }.map { shape[$0] } }
    }
    guard shape.count == 4, let outputs = benchmark.outputs, let window = benchmark.window else { return [shape] }
    // An even window's result has a row and a column more than the image.
    return [shape, [shape[0], outputs, shape[2], 2, shape[3], 2], [outputs, shape[1], window, window]]
  }

  private static func product(_ benchmark: BenchmarkCase) throws -> () throws -> Void {
    guard let lengths = benchmark.shape, lengths.count == 3, lengths.allSatisfy({ $0 > 0 }), let pass = benchmark.pass,
      ["plain", "transposed", "weight"].contains(pass)
    else { throw BenchmarkError("'\(benchmark.name)' is no product that can be timed") }
    let (transposesLeft, transposesRight) = (pass == "weight", pass == "transposed")
    let (rows, inner, columns) = (lengths[0], lengths[1], lengths[2])
    var random = RandomGenerator(seed: 0)
    let left = Tensor<Float>.normal(transposesLeft ? [inner, rows] : [rows, inner], using: &random)
    let right = Tensor<Float>.normal(transposesRight ? [columns, inner] : [inner, columns], using: &random)
    return {
      _ = left.matrixProduct(right, transposingSelf: transposesLeft, transposingOther: transposesRight)
    }
  }

  private static func convolution(_ benchmark: BenchmarkCase) throws -> () throws -> Void {
    guard let lengths = benchmark.shape, lengths.count == 4, let outputs = benchmark.outputs,
      let length = benchmark.window, let stride = benchmark.stride,
      (lengths + [outputs, length, stride]).allSatisfy({ $0 > 0 }), let pass = benchmark.pass,
      ["fwd", "input", "weight"].contains(pass)
    else { throw BenchmarkError("'\(benchmark.name)' is no convolution that can be timed") }
    func square(_ length: Int) -> Extent2d { Extent2d(height: length, width: length) }
    let window = Window(square(length), stride: square(stride), padding: square(length / 2))
    var random = RandomGenerator(seed: 0)
    let x = Tensor<Float>.normal([lengths[0], lengths[2], lengths[3], lengths[1]], using: &random)
    let weight = Tensor<Float>.normal([outputs, lengths[1], length, length], using: &random)
    guard let result = Convolution2d.outputShape(for: x.shape, outputs: outputs, window: window) else {
      throw BenchmarkError("the window of '\(benchmark.name)' is larger than its images")
    }
    let gradient = Tensor<Float>.normal(result, using: &random)
    switch pass {
    case "input":
      return { _ = Convolution2d.inputGradient(gradient, inputShape: x.shape, weight: weight, window: window) }
    case "weight":
      return { _ = Convolution2d.weightGradient(gradient, input: x, weightShape: weight.shape, window: window) }
    default: return { _ = Convolution2d.forward(x, weight: weight, window: window) }
    }
  }

  /// A network of the protocol's, and a batch for it.
  private static func network(
    _ benchmark: BenchmarkCase
  ) throws -> (model: Sequential<Float>, features: Tensor<Float>, labels: [Int]) {
    guard let batch = benchmark.batch, batch > 0 else { throw BenchmarkError("no batch size") }
    var random = RandomGenerator(seed: 0)
    let model: Sequential<Float>
    let sample: Shape
    switch benchmark.net {
    case "cs231n":
      sample = [3072]
      model = try MultilayerPerceptron(hidden: [Int](repeating: 100, count: 5)).build(
        sampleShape: sample, outputCount: 10, random: random)
    case "mlp":
      sample = [784]
      model = try MultilayerPerceptron(hidden: [512, 512]).build(sampleShape: sample, outputCount: 10, random: random)
    case "resnet20":
      sample = [32, 32, 3]
      model = try ResidualNetwork.cifar(depth: 20).build(sampleShape: sample, outputCount: 10, random: random)
    default: throw BenchmarkError("the network '\(benchmark.net ?? "")' cannot be timed")
    }
    let features = Tensor<Float>.normal(Shape([batch] + sample), using: &random)
    return (model, features, (0..<batch).map { _ in Int.random(in: 0..<10, using: &random) })
  }

  private static func training(
    _ benchmark: BenchmarkCase, recomputes: Bool, keptActivations: HalfPrecision?
  ) throws -> () throws -> Void {
    let (model, features, labels) = try network(benchmark)
    let isAdam = benchmark.opt == "adam"
    var optimizer =
      isAdam
      ? Optimizer<Float>(.adam(), learningRate: 1e-3) : Optimizer(.sgd(momentum: 0.9), learningRate: 1e-2)
    var random = RandomGenerator(seed: 0)
    return {
      let step = try model.differentiate(
        features, random: &random, recomputesNormalized: recomputes, keptActivations: keptActivations
      ) {
        $0.softmaxCrossEntropy(labels: labels)
      }
      try optimizer.update(model, with: step)
    }
  }

  private static func inference(_ benchmark: BenchmarkCase) throws -> () throws -> Void {
    let (model, features, _) = try network(benchmark)
    // A network that has seen no batch has nothing to fold.
    let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
    _ = try model(Variable(.concatenating(rows: [features, features])), in: pass)
    try pass.updateRunningStatistics()
    let serving = try InferenceModel(model)
    return { _ = try serving(features) }
  }
}
