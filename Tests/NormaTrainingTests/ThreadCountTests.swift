import Norma
import TestSupport
import Testing

/// A whole training run has the same bits for every number of threads.
@Suite struct ThreadCountTests {
  /// All that a network of the given recipe has learned after some steps, as bytes.
  private func train(
    _ recipe: MultilayerPerceptron, _ rule: OptimizerRule, inputs: Int, threads: Int
  ) throws -> ModelState<Float> {
    let before = Parallel.threadCount
    defer { Parallel.threadCount = before }
    Parallel.threadCount = threads
    var random = RandomGenerator(seed: 3)
    let model: Sequential<Float> = recipe.build(sampleShape: [inputs], outputCount: 10, random: random)
    let features = Tensor<Float>.normal([512, inputs], using: &random)
    let data = Dataset(
      features: features, targets: .classes((0..<512).map { $0 % 10 }, count: 10), name: "noise")
    var configuration = TrainingConfiguration(epochs: 3)
    configuration.optimizer = rule
    configuration.batchSize = 128
    configuration.learningRate = 1e-3
    try Trainer(model, configuration: configuration).fit(data)
    return model.state
  }

  /// Wide enough that matrix products, normalization, bias gradients and the optimizer are all shared among threads.
  private static let networks: [(recipe: MultilayerPerceptron, rule: OptimizerRule, inputs: Int)] = [
    (MultilayerPerceptron(hidden: [512, 300]), .adam(), 784),
    (MultilayerPerceptron(hidden: [256, 256, 100], normalization: .layer), .sgd(momentum: 0.9), 3072),
  ]

  @Test(arguments: networks.indices)
  func trainingHasTheSameBitsForEveryNumberOfThreads(index: Int) throws {
    let (recipe, rule, inputs) = Self.networks[index]
    let expected = try train(recipe, rule, inputs: inputs, threads: 1)
    for threads in [2, 4] {
      let found = try train(recipe, rule, inputs: inputs, threads: threads)
      #expect(found.batchCounts == expected.batchCounts)
      #expect(Set(found.tensors.keys) == Set(expected.tensors.keys))
      for (name, values) in expected.tensors {
        #expect(haveSameBits(found.tensors[name]!, values), "\(name), \(threads) threads")
      }
    }
  }
}
