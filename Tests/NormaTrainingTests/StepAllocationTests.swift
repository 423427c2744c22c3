import AllocationCounter
import Norma
import Testing

/// What a training step asks of the system once it is warm.
@Suite struct StepAllocationTests {
  /// A step of a network of three hidden layers with batch normalization.
  private func step(batchSize: Int) -> () throws -> Void {
    var random = RandomGenerator(seed: 1)
    let model: Sequential<Float> = MultilayerPerceptron(hidden: [64, 64, 64]).build(
      sampleShape: [128], outputCount: 10, random: random)
    let features = Tensor<Float>.normal([batchSize, 128], using: &random)
    let labels = (0..<batchSize).map { $0 % 10 }
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

  @Test(.enabled(if: allocation_counter_works()))
  func aWarmStepAllocatesLittleAndNothingThatGrowsWithTheBatch() throws {
    // Which tickets of a job the calling thread gets, and their scratch memory, is chance: the least of some steps.
    var calls: [Int] = []
    var largest: [Int] = []
    for batchSize in [64, 1024] {
      let step = step(batchSize: batchSize)
      for _ in 0..<3 { try step() }
      let counts = try (0..<50).map { _ in
        allocation_counter_start()
        try step()
        return (calls: allocation_counter_calls(), largest: allocation_counter_largest())
      }
      calls.append(counts.map(\.calls).min()!)
      largest.append(counts.map(\.largest).min()!)
    }
    #expect(calls[0] <= 220)
    #expect(calls[1] <= calls[0] + 50)
    #expect(largest[1] < 1024 * 64 * 4)
  }
}
