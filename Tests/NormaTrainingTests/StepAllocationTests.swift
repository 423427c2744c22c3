import AllocationCounter
import Norma
import Testing

/// What a training step asks of the system once it is warm. Nothing else may run in the process meanwhile.
@Suite(.serialized) struct StepAllocationTests {
  /// A training step of a network on noise of the given shape.
  private func step(_ model: Sequential<Float>, _ shape: Shape) -> () throws -> Void {
    var random = RandomGenerator(seed: 1)
    let features = Tensor<Float>.normal(shape, using: &random)
    let labels = (0..<shape[0]).map { $0 % 10 }
    let parameters = model.namedParameters.map(\.parameter)
    var optimizer = Optimizer<Float>(.adam())
    func gradients() throws -> [Tensor<Float>?] {
      let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
      let found = pass.gradients(of: try model(Variable(features), in: pass).softmaxCrossEntropy(labels: labels))
      try pass.updateRunningStatistics()
      return parameters.map { found[$0] }
    }
    return { optimizer.update(parameters, gradients: try gradients(), learningRate: 1e-3) }
  }

  /// The calls of the allocator in a warm step, and the largest piece asked for.
  private func allocations(_ step: () throws -> Void) throws -> (calls: Int, largest: Int) {
    for _ in 0..<3 { try step() }
    // Which tickets of a job the calling thread gets, and their scratch memory, is chance: the least of some steps.
    let counts = try (0..<50).map { _ in
      allocation_counter_start()
      try step()
      return (calls: allocation_counter_calls(), largest: allocation_counter_largest())
    }
    return (counts.map(\.calls).min()!, counts.map(\.largest).min()!)
  }

  /// Three hidden layers with batch normalization.
  @Test(.enabled(if: allocation_counter_works()))
  func aWarmStepAllocatesLittleAndNothingThatGrowsWithTheBatch() throws {
    let found = try [64, 1024].map { batchSize in
      let model: Sequential<Float> = try MultilayerPerceptron(hidden: [64, 64, 64]).build(
        sampleShape: [128], outputCount: 10, random: RandomGenerator(seed: 1))
      return try allocations(step(model, [batchSize, 128]))
    }
    #expect(found[0].calls <= 220)
    #expect(found[1].calls <= found[0].calls + 50)
    #expect(found[1].largest < 1024 * 64 * 4)
  }

  /// The same with groups, clipped gradients, weight decay and a mean of the weights.
  @Test(.enabled(if: allocation_counter_works()))
  func whatIsAskedOfAStepAllocatesNothingThatGrows() throws {
    func found(_ batchSize: Int, _ change: (inout Optimizer<Float>) -> Void) throws -> (calls: Int, largest: Int) {
      var random = RandomGenerator(seed: 1)
      let features = Tensor<Float>.normal([batchSize, 128], using: &random)
      let labels = (0..<batchSize).map { $0 % 10 }
      let model: Sequential<Float> = try MultilayerPerceptron(hidden: [64, 64, 64]).build(
        sampleShape: [128], outputCount: 10, random: RandomGenerator(seed: 1))
      var optimizer = Optimizer<Float>(.adam())
      change(&optimizer)
      return try allocations {
        let step = try model.differentiate(features, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
        try optimizer.update(model, with: step)
      }
    }
    func everything(_ optimizer: inout Optimizer<Float>) {
      optimizer.groups = [ParameterGroup("0", learningRateFactor: 0.5), ParameterGroup("*.bias", weightDecay: 0.1)]
      optimizer.clipping = .norm(0.1)
      optimizer.weightDecay = 0.01
      optimizer.averaging = .exponential(decay: 0.99)
    }
    let (plain, small, large) = (try found(64) { _ in }, try found(64, everything), try found(1024, everything))
    // The partial sums of each parameter's length, and a slot more.
    #expect(small.calls <= plain.calls + 60)
    #expect(large.calls <= small.calls + 50)
    #expect(large.largest < 1024 * 64 * 4)
  }

  /// Two convolutions with batch normalization, a pooling between them, and a block with a shortcut.
  @Test(.enabled(if: allocation_counter_works()))
  func aWarmStepOfAConvolutionalNetworkAllocatesLittleAndNothingThatGrowsWithTheBatch() throws {
    let found = try [8, 64].map { batchSize in
      var random = RandomGenerator(seed: 1)
      let model = Sequential<Float> {
        Conv2d(inputs: 3, outputs: 16, window: Window(3, padding: 1), hasBias: false, using: &random)
        BatchNorm(16)
        ReLU()
        MaxPool2d(Window(2, stride: 2))
        Residual(
          Sequential {
            Conv2d(inputs: 16, outputs: 16, window: Window(3, padding: 1), hasBias: false, using: &random)
            BatchNorm(16)
          }, rectifies: true)
        GlobalAveragePool()
        Linear(inputs: 16, outputs: 10, using: &random)
      }
      return try allocations(step(model, [batchSize, 16, 16, 3]))
    }
    // Of some 216, for nodes, closures and lists of arguments; memory for images and scratch comes from the pool.
    #expect(found[0].calls <= 250)
    #expect(found[1].calls <= found[0].calls + 50)
    // The images of the larger batch after the first convolution.
    #expect(found[1].largest < 64 * 16 * 16 * 16 * 4)
  }

  /// Eight layers of 2 MB of weights each, of which there are no two copies then.
  @Test func aModelThatNobodyElseHoldsGoesWhileItIsMadeReadyToServe() throws {
    func model() -> Sequential<Float> {
      var random = RandomGenerator(seed: 1)
      return Sequential(
        (0..<8).map { index in
          Linear(inputs: index % 2 == 0 ? 512 : 1024, outputs: index % 2 == 0 ? 1024 : 512, using: &random)
        })
    }
    let before = BufferPool.shared.usage.inUse
    let weights = 8 * 512 * 1024 * MemoryLayout<Float>.stride
    let serving = try InferenceModel(model())
    let held = BufferPool.shared.usage.inUse - before
    // Scratch memory and biases take some, but far less than a second copy.
    #expect(held < weights + weights / 4, "\(held) bytes for \(weights) of weights")
    _ = try serving(.zeros([1, 512]))
  }
}
