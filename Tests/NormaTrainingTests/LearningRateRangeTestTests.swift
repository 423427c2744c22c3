import Norma
import TestSupport
import Testing

@Suite struct LearningRateRangeTestTests {
  @Test func aGoodRateLiesBetweenNothingAndTooMuch() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let before = model.state
    let test = try LearningRateRangeTest(
      model, on: TrainingSamples.classes(300), configuration: TrainingConfiguration(batchSize: 30, optimizer: .sgd()),
      rates: 1e-6...1e4, stepCount: 150)
    #expect(haveSameBits(model.state, before))
    #expect(test.points.count <= 150)
    let rates = test.points.map(\.learningRate)
    #expect(rates[0] == 1e-6 && zip(rates, rates.dropFirst()).allSatisfy { $0 < $1 })
    // Ten decades in 149 equal factors.
    #expect(abs(rates[1] / rates[0] - 1.1672) < 1e-3)
    let rate = try #require(test.suggestion)
    #expect((1e-3...10).contains(rate))
    // It is one at which the network learns.
    try Trainer(
      model,
      configuration: TrainingConfiguration(epochs: 10, batchSize: 30, optimizer: .sgd(), learningRate: rate)
    ).fit(TrainingSamples.classes(300))
    #expect(try model.evaluate(on: TrainingSamples.classes(99, seed: 8), loss: .softmaxCrossEntropy).metric > 0.9)
  }

  @Test func aTrainingThatDivergesEndsTheTest() throws {
    let model: Sequential<Float> = TrainingSamples.network(.none, inputs: 3, outputs: 2)
    let test = try LearningRateRangeTest(
      model, on: TrainingSamples.values(200),
      configuration: TrainingConfiguration(batchSize: 20, loss: .meanSquaredError, optimizer: .sgd()),
      rates: 1e-3...1e6, stepCount: 100)
    #expect(test.diverged && test.points.count < 100)
    #expect(test.points.allSatisfy { $0.loss.isFinite })
    #expect(throws: TrainingError.self) {
      try LearningRateRangeTest(
        model, on: TrainingSamples.values(20), configuration: TrainingConfiguration(loss: .meanSquaredError),
        rates: 0...1)
    }
  }
}
