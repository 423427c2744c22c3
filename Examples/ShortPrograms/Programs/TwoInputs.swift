import Norma

/// Two inputs, side by side in one tensor, through a branch each: here the upper and the lower half of a digit.
private final class TwoInputs: Layer {
  private let upper: Sequential<Float>, lower: Sequential<Float>
  private let head: Linear<Float>

  init(using random: inout RandomGenerator) {
    func branch() -> Sequential<Float> {
      Sequential {
        Linear(inputs: 32, outputs: 32, hasBias: false, using: &random)
        BatchNorm(32)
        ReLU()
      }
    }
    (upper, lower) = (branch(), branch())
    head = Linear(inputs: 64, outputs: 10, using: &random)
  }

  var children: [(name: String, layer: any Layer<Float>)] { [("upper", upper), ("lower", lower), ("head", head)] }
  var summary: String { "TwoInputs" }

  func callAsFunction(_ x: Variable<Float>, in pass: Pass<Float>) throws -> Variable<Float> {
    let first = try pass.apply(upper, named: "upper", to: x.sliced(0..<32, axis: 1))
    let second = try pass.apply(lower, named: "lower", to: x.sliced(32..<64, axis: 1))
    return try pass.apply(head, named: "head", to: .concatenating([first, second], axis: 1))
  }
}

/// The accuracy on digits that were not trained on.
package func twoInputs(epochs: Int = 10) throws -> Double {
  var random = RandomGenerator(seed: 0)
  let data = try DataSplits(
    DataSource.digits.read(), validationCount: 360, standardizing: .overall, random: random)
  let model = TwoInputs(using: &random)
  try Trainer(model, configuration: TrainingConfiguration(epochs: epochs)).fit(
    data.training, validation: data.validation)
  return try model.evaluate(on: data.validation, loss: .softmaxCrossEntropy).metric
}
