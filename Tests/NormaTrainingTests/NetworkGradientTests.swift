import Norma
import TestSupport
import Testing

/// The gradients of a whole network, penalty included, against centred differences: CS231n's check of a net of two samples
/// with layers 15 → 20 → 30 → 10, batch normalization before each ReLU, weights of deviation 5e-2.
@Suite struct NetworkGradientTests {
  private func makeModel(_ form: BatchNormalizationForm) -> Sequential<Double> {
    var random = RandomGenerator(seed: 231)
    let initialization = Initialization.normal(scale: 5e-2)
    return Sequential {
      Linear(inputs: 15, outputs: 20, initialization: initialization, using: &random)
      BatchNorm(20, conventions: .cs231n, form: form)
      ReLU()
      Linear(inputs: 20, outputs: 30, initialization: initialization, using: &random)
      BatchNorm(30, conventions: .cs231n, form: form)
      ReLU()
      Linear(inputs: 30, outputs: 10, initialization: initialization, using: &random)
    }
  }

  @Test(arguments: BatchNormalizationForm.allCases, [0, 3.14])
  func theGradientsOfAWholeNetAreThoseOfCentredDifferences(form: BatchNormalizationForm, strength: Double) throws {
    var random = RandomGenerator(seed: 17)
    let x = Tensor<Double>.normal([2, 15], using: &random)
    let labels = [3, 8]
    let model = makeModel(form)
    let parameters = model.namedParameters
    let all = parameters.map(\.parameter)
    let penalty = L2Penalty<Double>(strength: strength)

    func loss() throws -> (value: Double, pass: Pass<Double>, data: Variable<Double>) {
      let pass = Pass<Double>.training(random: RandomGenerator(seed: 0))
      let data = try model(Variable(x), in: pass).softmaxCrossEntropy(labels: labels)
      return (data.value.item + penalty.loss(of: all), pass, data)
    }
    let (value, pass, data) = try loss()
    if strength == 0 { #expect(abs(value - 2.3) < 0.7) }
    let found = pass.gradients(of: data)
    var gradients = all.map { found[$0] }
    penalty.add(to: &gradients, of: all)

    for (index, (name, parameter)) in parameters.enumerated() {
      let original = parameter.value
      let numeric = try numericGradient(at: original, step: 4e-6) { shifted in
        parameter.value = shifted
        return try loss().value
      }
      parameter.value = original
      let gradient = try #require(gradients[index])
      // The loss is exact to a few 1e-16 of some 10, so a difference of two, over 8e-6, is exact to 1e-9. The error of
      // centred differences grows as h² where the function turns sharply: with two samples batch normalization turns
      // within √ε of the weights at which they agree, which is what the weights' bound, CS231n's own, allows for.
      let difference = (gradient - numeric).elements.map(abs).max() ?? 0
      switch parameter.kind {
      case .weight: #expect(errorRelativeToScale(gradient, reference: numeric) < 1e-4, "\(name)")
      default: #expect(difference < 1e-9, "\(name)")
      }
      if parameter.kind == .bias && name != "6.bias" {
        #expect(gradient.elements.allSatisfy { abs($0) < 1e-14 }, "batch normalization cancels \(name)")
      }
    }
  }

  @Test func thePenaltyChangesTheGradientsOfWeightsAlone() throws {
    let model = makeModel(.fused)
    let parameters = model.namedParameters.map(\.parameter)
    var gradients: [Tensor<Double>?] = parameters.map { .zeros($0.value.shape) }
    L2Penalty(strength: 3.14).add(to: &gradients, of: parameters)
    for (parameter, gradient) in zip(parameters, gradients) {
      let expected = parameter.kind == .weight ? 3.14 * parameter.value : .zeros(parameter.value.shape)
      #expect(gradient == expected)
    }
  }
}
