import Benchmark
import Counting
import Norma

let benchmarks: @Sendable () -> Void = {
  for (name, rule) in [("SGD", OptimizerRule.sgd(momentum: 0.9)), ("Adam", .adam())] {
    Benchmark.timing("training step 784-512-512-10, batch 128, \(name)") {
      let (model, features, labels) = network(batch: 128)
      let parameters = model.namedParameters.map(\.parameter)
      var optimizer = Optimizer<Float>(rule)
      return {
        let pass = Pass<Float>.training(random: RandomGenerator(seed: 0))
        let found = pass.gradients(of: try model(Variable(features), in: pass).softmaxCrossEntropy(labels: labels))
        try pass.updateRunningStatistics()
        optimizer.update(parameters, gradients: parameters.map { found[$0] }, learningRate: 1e-3)
      }
    }
  }
  for batch in [1, 128] {
    Benchmark.timing("inference 784-512-512-10, batch \(batch)") {
      let (model, features, _) = network(batch: batch)
      return { blackHole(try model(Variable(features), in: .inference)) }
    }
  }
}

/// Two hidden layers with batch normalization, and a batch for them.
private func network(batch: Int) -> (model: Sequential<Float>, features: Tensor<Float>, labels: [Int]) {
  var random = RandomGenerator(seed: 0)
  let model: Sequential<Float> = try MultilayerPerceptron(hidden: [512, 512]).build(
    sampleShape: [784], outputCount: 10, random: random)
  let features = Tensor<Float>.normal([batch, 784], using: &random)
  return (model, features, (0..<batch).map { _ in Int.random(in: 0..<10, using: &random) })
}
