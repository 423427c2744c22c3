import Norma

/// Digits through two numbers and back, by a decoder whose batch normalization is told the class.
private final class ClassConditional: Layer {
  private let encoder: Linear<Float>, first: Linear<Float>, last: Linear<Float>
  private let norm = Modulation<Float>.conditionalBatchNorm(64, classes: 10)

  init(using random: inout RandomGenerator) {
    encoder = Linear(inputs: 64, outputs: 2, using: &random)
    first = Linear(inputs: 2, outputs: 64, hasBias: false, using: &random)
    last = Linear(inputs: 64, outputs: 64, using: &random)
  }

  var children: [(name: String, layer: any Layer<Float>)] {
    [("encoder", encoder), ("first", first), ("norm", norm), ("last", last)]
  }
  var summary: String { "ClassConditional" }

  func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) throws -> Variable<Float> {
    let code = try pass.apply(encoder, named: "encoder", to: x.sliced(0..<64, axis: 1))
    let hidden = try pass.apply(first, named: "first", to: code)
    let label = x.sliced(64..<65, axis: 1)
    return try pass.apply(last, named: "last", to: pass.apply(norm, named: "norm", to: hidden, given: label).relu())
  }
}

/// How much of the variance of digits is found again.
package func classConditional(epochs: Int = 20) throws -> Double {
  var random = RandomGenerator(seed: 0)
  let digits = Dataset<Float>.digits()
  guard case .classes(let labels, _) = digits.targets else { fatalError("digits have classes") }
  let pixels = (1 / 16) * digits.features
  let label = Tensor(labels.map { Float($0) }, shape: [labels.count, 1])
  let data = Dataset(
    features: .concatenating([pixels, label], axis: 1), targets: .values(pixels), name: "digits and classes")
  let model = ClassConditional(using: &random)
  let configuration = TrainingConfiguration(epochs: epochs, loss: .meanSquaredError, learningRate: 1e-2)
  try Trainer(model, configuration: configuration).fit(data)
  let loss = try model.evaluate(on: data, loss: .meanSquaredError).loss
  let mean = Double(pixels.mean())
  return 1 - loss / (Double(pixels.sumOfSquares()) / Double(pixels.count) - mean * mean)
}
