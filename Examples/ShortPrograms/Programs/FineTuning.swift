import Norma

/// A residual network with squeeze-and-excitation learns the digits 0 to 7; frozen with its statistics, it gets a head for 8 and 9. The
/// accuracy of that on digits that were not trained on.
package func fineTuning(epochs: Int = 10) throws -> Double {
  var random = RandomGenerator(seed: 0)
  func block(_ channels: Int) -> Residual<Float> {
    Residual(
      Sequential {
        Conv2d(inputs: channels, outputs: channels, window: Window(3, padding: 1), hasBias: false, using: &random)
        BatchNorm(channels)
        ReLU()
        Conv2d(inputs: channels, outputs: channels, window: Window(3, padding: 1), hasBias: false, using: &random)
        BatchNorm(channels)
        SqueezeExcitation(channels, ratio: 4, using: &random)
      }, rectifies: true)
  }
  let backbone = Sequential<Float> {
    Conv2d(inputs: 1, outputs: 16, window: Window(3, padding: 1), hasBias: false, using: &random)
    BatchNorm(16)
    ReLU()
    block(16)
    block(16)
    GlobalAveragePool()
  }
  let images = (1 / 16) * Dataset<Float>.digits().features.reshaped(to: [1797, 8, 8, 1])
  guard case .classes(let labels, _) = Dataset<Float>.digits().targets else { return 0 }
  func part(_ digits: Range<Int>, of rows: Range<Int>) -> Dataset<Float> {
    let rows = rows.filter { digits.contains(labels[$0]) }
    return Dataset(
      features: images.gathering(rows: rows),
      targets: .classes(rows.map { labels[$0] - digits.lowerBound }, count: digits.count), name: "digits")
  }
  func train(_ head: Linear<Float>, _ digits: Range<Int>) throws -> Double {
    let model = Sequential<Float>([backbone, head])
    try Trainer(model, configuration: TrainingConfiguration(epochs: epochs, learningRate: 1e-2)).fit(
      part(digits, of: 0..<1400))
    return try model.evaluate(on: part(digits, of: 1400..<1797), loss: .softmaxCrossEntropy).metric
  }
  _ = try train(Linear(inputs: 16, outputs: 8, using: &random), 0..<8)
  backbone.freeze()
  backbone.freezeStatistics()
  return try train(Linear(inputs: 16, outputs: 2, using: &random), 8..<10)
}
