import Norma
import TestSupport
import Testing

/// A whole training run has the same bits for every number of threads.
@Suite struct ThreadCountTests {
  /// A network, the shape of a sample, and how it is trained.
  private struct Training: Sendable {
    var sample: Shape
    var samples: Int
    var batchSize: Int
    var rule: OptimizerRule
    var build: @Sendable (RandomGenerator) throws -> Sequential<Float>
  }

  /// All that a network has learned after some steps.
  private func train(_ training: Training, threads: Int) throws -> ModelState<Float> {
    let before = Parallel.threadCount
    defer { Parallel.threadCount = before }
    Parallel.threadCount = threads
    var random = RandomGenerator(seed: 3)
    let model = try training.build(random)
    let features = Tensor<Float>.normal(Shape([training.samples] + training.sample), using: &random)
    let data = Dataset(
      features: features, targets: .classes((0..<training.samples).map { $0 % 10 }, count: 10), name: "noise")
    var configuration = TrainingConfiguration(epochs: isSanitized ? 1 : 3)
    configuration.optimizer = training.rule
    configuration.batchSize = training.batchSize
    configuration.learningRate = 1e-3
    try Trainer(model, configuration: configuration).fit(data)
    return model.state
  }

  private static func perceptron(
    _ recipe: MultilayerPerceptron, _ rule: OptimizerRule, inputs: Int
  ) -> Training {
    Training(sample: [inputs], samples: 512, batchSize: 128, rule: rule) {
      try recipe.build(sampleShape: [inputs], outputCount: 10, random: $0)
    }
  }

  private static func residual(_ recipe: ResidualNetwork, imageSize: Int) -> Training {
    Training(sample: [imageSize, imageSize, 3], samples: 96, batchSize: 32, rule: .sgd(momentum: 0.9)) {
      try recipe.build(sampleShape: [imageSize, imageSize, 3], outputCount: 10, random: $0)
    }
  }

  /// Wide enough that matrix products, normalization, bias gradients and the optimizer are all shared among threads; and
  /// convolution, pooling and the sums of residual networks.
  private static let networks = [
    perceptron(MultilayerPerceptron(hidden: [512, 300]), .adam(), inputs: 784),
    perceptron(
      MultilayerPerceptron(hidden: [256, 256, 100], normalization: .layer), .sgd(momentum: 0.9), inputs: 3072),
    residual(ResidualNetwork(blocks: [1, 1, 1], width: 16), imageSize: 16),
    residual(ResidualNetwork(stem: .large, blocks: [1, 1], width: 16, shortcut: .padded), imageSize: 32),
  ]

  @Test(arguments: networks.indices)
  func trainingHasTheSameBitsForEveryNumberOfThreads(index: Int) throws {
    let expected = try train(Self.networks[index], threads: 1)
    for threads in [2, 4] {
      let found = try train(Self.networks[index], threads: threads)
      #expect(found.counts == expected.counts)
      #expect(Set(found.tensors.keys) == Set(expected.tensors.keys))
      for (name, values) in expected.tensors {
        #expect(haveSameBits(found.tensors[name]!, values), "\(name), \(threads) threads")
      }
    }
  }
}
