import Norma
import TestSupport
import Testing

/// A step of one's own loop, which is two lines.
@Suite struct DifferentiationTests {
  private let data = TrainingSamples.classes(40, Float.self)
  private let labels = (0..<40).map { $0 % 3 }

  private func address(_ parameter: Parameter<Float>) -> UnsafePointer<Float>? {
    parameter.value.withUnsafeElements { $0.baseAddress }
  }

  @Test func aLoopOfTwoLinesTrainsAsTheTrainerDoesToTheBit() throws {
    let configuration = TrainingConfiguration(epochs: 2, batchSize: 10, keepsBest: false, seed: 4)
    let trained: Sequential<Float> = TrainingSamples.network(keepProbability: 0.7)
    try Trainer(trained, configuration: configuration).fit(data)

    let model: Sequential<Float> = TrainingSamples.network(keepProbability: 0.7)
    let seed = RandomGenerator(seed: 4)
    var (order, random) = (seed.split(RandomStream.order.rawValue), seed.split(RandomStream.dropout.rawValue))
    var optimizer = Optimizer<Float>(.adam(), learningRate: 1e-3)
    for _ in 0..<2 {
      let rows = order.permutation(data.count)
      for range in configuration.batches(of: data.count) {
        let batch = data.subset(rows: Array(rows[range]))
        let step = try model.differentiate(batch.features, random: &random) {
          try SoftmaxCrossEntropy()($0, targets: batch.targets)
        }
        try optimizer.update(model, with: step)
      }
    }
    #expect(haveSameBits(model.state, trained.state))
  }

  @Test func theOptimizerChangesParametersInPlace() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let parameters = model.namedParameters.map(\.parameter)
    var random = RandomGenerator(seed: 1)
    var optimizer = Optimizer<Float>(.sgd(momentum: 0.9), learningRate: 0.1)
    let before = parameters.map { (address($0), $0.value.elements) }
    for _ in 0..<2 {
      let step = try model.differentiate(data.features, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
      try optimizer.update(model, with: step)
      // What a step says stays readable, and holds nothing of the parameters.
      #expect(step.outputs.shape == [40, 3] && step.loss.isFinite)
    }
    for (parameter, before) in zip(parameters, before) {
      #expect(address(parameter) == before.0 && parameter.value.elements != before.1)
    }
  }

  @Test func noTwoStepsDropTheSameUnits() throws {
    let model: Sequential<Float> = TrainingSamples.network(keepProbability: 0.5)
    var random = RandomGenerator(seed: 1)
    let outputs = try (0..<3).map { _ in
      try model.differentiate(data.features, random: &random) { $0.softmaxCrossEntropy(labels: labels) }.outputs
        .elements
    }
    #expect(Set(outputs).count == 3)
  }

  /// Finite differences of the loss, in `Double`.
  @Test func gradientsAreThoseOfTheLossByParameter() throws {
    let model = TrainingSamples.network(.layer, hidden: [5], Double.self)
    let data = TrainingSamples.classes(12, Double.self)
    let labels = (0..<12).map { $0 % 3 }
    var random = RandomGenerator(seed: 1)
    let step = try model.differentiate(data.features, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
    for parameter in step.parameters {
      let gradient = try #require(step[parameter])
      #expect(gradient.shape == parameter.shape)
      let value = parameter.value
      func loss(_ change: Double) throws -> Double {
        var changed = value
        changed.withUnsafeMutableElements { $0[0] += change }
        parameter.value = changed
        defer { parameter.value = value }
        return try model(Variable(data.features), in: .inference).softmaxCrossEntropy(labels: labels).value.item
      }
      let h = 1e-5
      // Central differences err by h² times the third derivative, here some 1e-10, and by rounding of 1e-16 / h.
      #expect(abs(gradient.elements[0] - (try loss(h) - loss(-h)) / (2 * h)) < 1e-8)
    }
  }

  @Test func aBatchIsCountedOnceAndByTheUpdateAlone() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let norm = try #require(model.layers.compactMap { $0.layer as? BatchNorm<Float> }.first)
    var random = RandomGenerator(seed: 1)
    let step = try model.differentiate(data.features, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
    #expect(norm.runningStatistics?.batchCount == 0 && step.moments.count == 2)
    #expect(step.moments[0].layer === norm && step.moments[0].moments.count == 40)
    var optimizer = Optimizer<Float>(.sgd())
    try optimizer.update(model, with: step)
    #expect(norm.runningStatistics?.batchCount == 1)
    try optimizer.update(model, with: step)
    #expect(norm.runningStatistics?.batchCount == 1)
  }

  @Test func whatDoesNotFitIsThrownAndChangesNothing() throws {
    let model: Sequential<Float> = TrainingSamples.network()
    let before = model.state
    var random = RandomGenerator(seed: 1)
    let untouched = random.state
    for wrong in [Tensor<Float>.zeros([40, 5]), .zeros([4]), .zeros([])] {
      #expect(throws: LayerError.self) {
        try model.differentiate(wrong, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
      }
      #expect(throws: LayerError.self) { try model.predict(wrong) }
      #expect(throws: LayerError.self) { try model.predictByBatchStatistics(wrong, batchSize: 4) }
    }
    #expect(throws: LayerError.self) { try model.differentiate(data.features, random: &random) { $0 } }
    #expect(random.state == untouched)
    let step = try model.differentiate(data.features, random: &random) { $0.softmaxCrossEntropy(labels: labels) }
    var optimizer = Optimizer<Float>(.adam(), learningRate: .nan)
    #expect(throws: TrainingError.self) { try optimizer.update(model, with: step) }
    optimizer.learningRate = 0.1
    #expect(throws: TrainingError.self) {
      try optimizer.update(TrainingSamples.network() as Sequential<Float>, with: step)
    }
    #expect(haveSameBits(model.state, before))
    #expect(throws: TrainingError.self) { try model.predict(data.features, batchSize: 0) }
    #expect(throws: TrainingError.self) { try model.evaluate(on: data, loss: .softmaxCrossEntropy, batchSize: -1) }
    #expect(throws: TrainingError.self) { try model.recalibrateStatistics(on: data.features, batchSize: 0) }
  }
}
