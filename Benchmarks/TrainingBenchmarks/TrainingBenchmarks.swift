import Benchmark
import Counting
import Norma

let benchmarks: @Sendable () -> Void = {
  let rules: [(name: String, rule: any OptimizerRule)] = [("SGD", .sgd(momentum: 0.9)), ("Adam", .adam())]
  for (name, rule) in rules {
    Benchmark.timing("training step 784-512-512-10, batch 128, \(name)") {
      let (model, features, labels) = try network(batch: 128)
      var optimizer = Optimizer<Float>(rule, learningRate: 1e-3)
      var random = RandomGenerator(seed: 0)
      return {
        let step = try model.differentiate(features, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
        try optimizer.update(model, with: step)
      }
    }
  }
  for batch in [1, 128] {
    Benchmark.timing("inference 784-512-512-10, batch \(batch)") {
      let (model, features, _) = try network(batch: batch)
      return { blackHole(try model(Variable(features), in: .inference)) }
    }
  }
}

/// Two hidden layers with batch normalization, and a batch for them.
private func network(batch: Int) throws -> (model: Sequential<Float>, features: Tensor<Float>, labels: [Int]) {
  var random = RandomGenerator(seed: 0)
  let model: Sequential<Float> = try MultilayerPerceptron(hidden: [512, 512]).build(
    sampleShape: [784], outputCount: 10, random: random)
  let features = Tensor<Float>.normal([batch, 784], using: &random)
  return (model, features, (0..<batch).map { _ in Int.random(in: 0..<10, using: &random) })
}
