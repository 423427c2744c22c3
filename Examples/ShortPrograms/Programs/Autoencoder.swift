import Norma

/// Digits through sixteen numbers and back: how much of their variance is found again.
package func autoencoder(epochs: Int = 20) throws -> Double {
  var random = RandomGenerator(seed: 0)
  let pixels = (1 / 16) * Dataset<Float>.digits().features
  let data = Dataset(features: pixels.reshaped(to: [1797, 8, 8, 1]), targets: .values(pixels), name: "digits")
  let half = Window(4, stride: 2, padding: 1)
  let model = Sequential<Float> {
    Conv2d(inputs: 1, outputs: 8, window: half, hasBias: false, using: &random)
    BatchNorm(8)
    ReLU()
    Conv2d(inputs: 8, outputs: 4, window: half, using: &random)
    ConvTranspose2d(inputs: 4, outputs: 8, window: half, hasBias: false, using: &random)
    BatchNorm(8)
    ReLU()
    ConvTranspose2d(inputs: 8, outputs: 1, window: half, using: &random)
    Flatten()
  }
  let configuration = TrainingConfiguration(epochs: epochs, loss: .meanSquaredError, learningRate: 1e-2)
  try Trainer(model, configuration: configuration).fit(data)
  let loss = try model.evaluate(on: data, loss: .meanSquaredError).loss
  let mean = Double(pixels.mean())
  return 1 - loss / (Double(pixels.sumOfSquares()) / Double(pixels.count) - mean * mean)
}
