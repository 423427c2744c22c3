import Norma

/// A batch as a whole, in four parts each normalized by itself, and in four parts by their joint moments: how far the weights are from
/// those of the whole after five steps, at most.
package func accumulation() throws -> (own: Double, joint: Double) {
  let data = Dataset<Double>(
    features: Dataset<Float>.digits().features[rows: 0..<320].converted(),
    targets: Dataset<Float>.digits().batch(0..<320).converted(to: Double.self).targets, name: "digits")
  func train(parts: Int, joint: Bool = false) throws -> [Double] {
    var random = RandomGenerator(seed: 0)
    let model = Sequential<Double> {
      Linear(inputs: 64, outputs: 32, hasBias: false, using: &random)
      BatchNorm(32)
      ReLU()
      Linear(inputs: 32, outputs: 10, using: &random)
    }
    var configuration = TrainingConfiguration(epochs: 5, batchSize: 320, optimizer: .sgd(), learningRate: 0.1)
    (configuration.microBatches, configuration.sharesMoments, configuration.keepsBest) = (parts, joint, false)
    try Trainer(model, configuration: configuration).fit(data)
    return model.namedParameters.flatMap { $0.parameter.value.elements }
  }
  let whole = try train(parts: 1)
  func distance(_ weights: [Double]) -> Double { zip(weights, whole).map { abs($0 - $1) }.max() ?? 0 }
  return (distance(try train(parts: 4)), distance(try train(parts: 4, joint: true)))
}
