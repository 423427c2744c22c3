import Norma
import Testing

/// What a step is said to keep alive, held to what the pool of buffers counts in a real one.
@Suite struct TrainingMemoryTests {
  /// Holds the account of a network against the pool, in a process in which nothing else takes buffers.
  private static func check(
    _ recipe: some ModelRecipe, _ sample: Shape, batch: Int, recomputes: Bool = false,
    keptActivations: HalfPrecision? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var random = RandomGenerator(seed: 1)
    func used() -> Int { BufferPool.shared.usage.inUse }
    /// A buffer is up to an eighth larger than what it holds, and holds 256 bytes at least.
    func expect(_ found: Int, toHold bytes: Int, inBuffers count: Int, _ what: String) {
      #expect(
        Double(bytes) * 0.99...Double(bytes) * 1.125 + 256 * Double(count) ~= Double(found),
        "\(recipe), \(recipe.normalization), \(what): \(found) bytes, not some \(bytes)",
        sourceLocation: sourceLocation)
    }
    let start = used()
    let model: Sequential<Float> = try recipe.build(sampleShape: sample, outputCount: 10, random: random)
    let memory = try TrainingMemory(
      of: model, batchShape: Shape([batch] + sample), optimizer: .adam(), recomputesNormalized: recomputes,
      keptActivations: keptActivations)
    let tensorCount = model.state.tensors.count
    expect(used() - start, toHold: memory.parameterBytes + memory.statisticsBytes, inBuffers: tensorCount, "the model")

    let x = Tensor<Float>.normal(Shape([batch] + sample), using: &random)
    let labels = (0..<batch).map { $0 % 10 }
    let parameters = model.namedParameters.map(\.parameter)
    /// The gradients of a batch, and what was in use before they were found. The graph is gone when this returns.
    func gradients(beyond before: Int) throws -> (gradients: [Tensor<Float>?], kept: Int) {
      let pass = Pass<Float>.training(graph: Graph(keptActivations: keptActivations), random: random)
      pass.recomputesNormalized = recomputes
      let outputs = try model(Variable(x), in: pass)
      let loss = outputs.softmaxCrossEntropy(labels: labels)
      let kept = used() - before
      let found = pass.gradients(of: loss)
      withExtendedLifetime(outputs) {}
      return (parameters.map { found[$0] }, kept)
    }
    // What is made once and stays, such as the threads', is there after the first step.
    for isMeasured in [false, true] {
      var optimizer = Optimizer<Float>(.adam())
      let before = used()
      let (gradients, kept) = try gradients(beyond: before)
      optimizer.update(parameters, gradients: gradients, learningRate: 0)
      let after = used() - before
      withExtendedLifetime((gradients, optimizer)) {}
      guard isMeasured else { continue }
      expect(kept, toHold: memory.activationBytes, inBuffers: 8 * memory.layers.count, "activations")
      expect(
        after, toHold: memory.gradientBytes + memory.optimizerBytes, inBuffers: tensorCount + 2,
        "gradients and the optimizer")
    }
  }

  @Test func aStepOfEachKindOfNetworkKeepsWhatIsSaid() async {
    await #expect(processExitsWith: .success) {
      for normalization in NormalizationKind.allCases {
        try Self.check(
          ResidualNetwork(blocks: [2, 1, 1], width: 16, normalization: normalization), [16, 16, 3], batch: 32)
        try Self.check(
          ThreeLayerConvolutionalNetwork(normalization: normalization, activation: .tanh, keepProbability: 0.5),
          [12, 12, 3], batch: 32)
        try Self.check(VGGNetwork(widths: [16, 24], normalization: normalization), [12, 12, 3], batch: 16)
        if !normalization.needsPositions {
          try Self.check(
            MultilayerPerceptron(hidden: [128, 100], normalization: normalization, activation: .leakyReLU), [300],
            batch: 400)
        }
      }
      let padded = ResidualNetwork(blocks: [1, 1], width: 16, shortcut: .padded)
      try Self.check(padded, [16, 16, 3], batch: 32)
      try Self.check(ResidualNetwork(stem: .large, blocks: [1, 1], width: 16), [32, 32, 3], batch: 16)
    }
  }

  @Test func aStepThatRecomputesKeepsWhatIsSaid() async {
    await #expect(processExitsWith: .success) {
      try Self.check(ResidualNetwork(blocks: [2, 1, 1], width: 16), [16, 16, 3], batch: 32, recomputes: true)
      try Self.check(ThreeLayerConvolutionalNetwork(), [12, 12, 3], batch: 32, recomputes: true)
      try Self.check(VGGNetwork(widths: [16, 24]), [12, 12, 3], batch: 16, recomputes: true)
      try Self.check(MultilayerPerceptron(hidden: [128, 100]), [300], batch: 400, recomputes: true)
    }
  }

  @Test func aStepThatKeepsHalfWidthKeepsWhatIsSaid() async {
    await #expect(processExitsWith: .success) {
      for recomputes in [false, true] {
        try Self.check(
          ResidualNetwork(blocks: [2, 1, 1], width: 16), [16, 16, 3], batch: 32, recomputes: recomputes,
          keptActivations: .bfloat16)
        try Self.check(
          ThreeLayerConvolutionalNetwork(keepProbability: 0.5), [12, 12, 3], batch: 32, recomputes: recomputes,
          keptActivations: .float16)
        try Self.check(
          VGGNetwork(widths: [16, 24]), [12, 12, 3], batch: 16, recomputes: recomputes, keptActivations: .bfloat16)
        try Self.check(
          MultilayerPerceptron(hidden: [128, 100]), [300], batch: 400, recomputes: recomputes,
          keptActivations: .float16)
        try Self.check(
          ResidualNetwork(blocks: [1, 1], width: 16, normalization: .group), [16, 16, 3], batch: 16,
          recomputes: recomputes, keptActivations: .bfloat16)
      }
    }
  }

  @Test func theAccountOfASmallNetworkIsTheSumOneWouldDoByHand() throws {
    let model: Sequential<Float> = try VGGNetwork(widths: [4]).build(
      sampleShape: [6, 6, 3], outputCount: 2, random: RandomGenerator(seed: 0))
    func memory(_ recomputes: Bool, _ keptActivations: HalfPrecision? = nil) throws -> TrainingMemory {
      try TrainingMemory(
        of: model, batchShape: [10, 6, 6, 3], optimizer: .sgd(momentum: 0.9), recomputesNormalized: recomputes,
        keptActivations: keptActivations)
    }
    let kept = try memory(false)
    let image = 10 * 6 * 6 * 4 * 4
    let pooled = 10 * 3 * 3 * 4 * 4
    let statistics = 4 * 3 * (8 + 4)
    // Two convolutions' results, two of batch normalization with ReLU, the pooling's, the average's; outputs and loss.
    #expect(kept.activationBytes == 4 * image + pooled + 2 * statistics + 10 * 4 * 4 + 2 * 10 * 2 * 4)
    #expect(kept.batchBytes == 10 * 6 * 6 * 3 * 4)
    #expect(kept.parameterBytes == 4 * (3 * 9 * 4 + 8 + 4 * 9 * 4 + 8 + 4 * 2 + 2))
    #expect(kept.gradientBytes == kept.parameterBytes && kept.optimizerBytes == kept.parameterBytes)
    #expect(kept.statisticsBytes == 2 * 2 * 4 * 4)
    #expect(try memory(true).activationBytes == kept.activationBytes - 2 * image)
    // All but statistics, outputs and loss is of half width.
    #expect(
      try memory(false, .bfloat16).activationBytes
        == (4 * image + pooled + 10 * 4 * 4) / 2 + 2 * statistics + 2 * 10 * 2 * 4)
    #expect(kept.layers.map(\.path).contains("norm1_1"))
    #expect(throws: LayerError.self) {
      try TrainingMemory(of: model, batchShape: [10, 6, 6, 4], optimizer: .adam())
    }
  }
}
