import Foundation
import Norma
import TestSupport
import Testing

/// Layers and parameters that stand in a model more than once, and such as share a name.
@Suite struct SharedParameterTests {
  /// A layer with two parameters of one kind, whose names the test gives.
  private final class TwoWeights: Layer {
    let parameters: [Parameter<Float>]
    var summary: String { "TwoWeights" }

    init(_ names: [String]) {
      parameters = names.enumerated().map { index, name in
        Parameter(Tensor(repeating: Float(index + 1), shape: [4]), name: name, kind: .weight)
      }
    }

    func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) throws -> Variable<Float> {
      parameters.reduce(x) { $0.adding(pass.variable(for: $1), broadcast: .perChannel) }
    }
  }

  private let data = TrainingSamples.classes(30, Float.self)

  private func shared() -> (model: Sequential<Float>, layer: Linear<Float>) {
    var random = RandomGenerator(seed: 7)
    let layer = Linear<Float>(inputs: 4, outputs: 4, using: &random)
    return (Sequential([layer, ReLU(), layer, Linear<Float>(inputs: 4, outputs: 3, using: &random)]), layer)
  }

  @Test func aLayerThatStandsTwiceIsSteppedOnceByBothGradients() throws {
    let (model, layer) = shared()
    var random = RandomGenerator(seed: 1)
    let step = try model.differentiate(data.features, random: &random) {
      try SoftmaxCrossEntropy()($0, targets: data.targets)
    }
    #expect(step.parameters.count == 4)
    let expected = layer.weight.value - 0.5 * (try #require(step[layer.weight]))
    var optimizer = Optimizer<Float>(.sgd(), learningRate: 0.5)
    try optimizer.update(model, with: step)
    #expect(haveSameBits(layer.weight.value, expected))
  }

  @Test func aLayerThatStandsTwiceIsSavedAndResumedOnce() throws {
    let folder = try makeTemporaryDirectory()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "model.safetensors").path
    let (model, layer) = shared()
    let configuration = TrainingConfiguration(epochs: 3, batchSize: 10, keepsBest: false)
    let trainer = try Trainer(model, configuration: configuration)
    var state: TrainingState<Float>?
    try trainer.fit(data) { event in
      if case .epoch(let epoch) = event, epoch.number == 1 { state = trainer.state }
      return .proceed
    }
    try model.save(to: path)
    #expect(try Safetensors(contentsOf: path).entries.keys.sorted() == ["0.bias", "0.weight", "3.bias", "3.weight"])
    let (other, otherLayer) = shared()
    try other.load(from: path)
    #expect(haveSameBits(otherLayer.weight.value, layer.weight.value) && haveSameBits(other.state, model.state))
    let resumed = try Trainer(shared().model, configuration: configuration)
    try resumed.restore(try #require(state))
    try resumed.fit(data)
    #expect(haveSameBits(resumed.model.state, model.state))
  }

  @Test func twoParametersOfOneNameAreRefusedBeforeAnythingIsTrained() throws {
    var random = RandomGenerator(seed: 1)
    let same = Sequential<Float>([TwoWeights(["weight", "weight"]), Linear(inputs: 4, outputs: 3, using: &random)])
    #expect(throws: ModelStructureError.self) { try Trainer(same, configuration: TrainingConfiguration()) }
    #expect(throws: ModelStructureError.self) { try same.save(to: "/nowhere/model.safetensors") }
    // Of one kind, and of different names: each keeps what it learned.
    let own = TwoWeights(["first", "second"])
    let model = Sequential<Float>([own, Linear(inputs: 4, outputs: 3, using: &random)])
    try Trainer(model, configuration: TrainingConfiguration(epochs: 2, batchSize: 10)).fit(data)
    #expect(own.parameters[0].value.elements[0] < 1.5 && own.parameters[1].value.elements[0] > 1.5)
  }
}
