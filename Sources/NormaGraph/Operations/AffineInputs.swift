import NormaNormalization
import NormaTensor

/// Where the scale and the shift of a normalization stand among its inputs, if it has them.
package struct AffineInputs: Sendable {
  package let gamma: Int?, beta: Int?

  /// They follow so many other inputs.
  init<Element: TensorElement>(after count: Int, _ gamma: Variable<Element>?, _ beta: Variable<Element>?) {
    self.gamma = gamma == nil ? nil : count
    self.beta = beta == nil ? nil : count + (gamma == nil ? 0 : 1)
  }

  func gamma<Element: TensorElement>(_ inputs: [Tensor<Element>]) -> Tensor<Element>? { gamma.map { inputs[$0] } }
  func beta<Element: TensorElement>(_ inputs: [Tensor<Element>]) -> Tensor<Element>? { beta.map { inputs[$0] } }

  /// Gradients in the order of the inputs, of which those between the first and these need none.
  func gradients<Element: TensorElement>(
    _ found: NormalizationGradients<Element>, inputCount: Int
  ) -> [Tensor<Element>?] {
    var gradients = [Tensor<Element>?](repeating: nil, count: inputCount)
    gradients[0] = found.input
    if let gamma { gradients[gamma] = found.gamma }
    if let beta { gradients[beta] = found.beta }
    return gradients
  }

  /// The part of a rule that tells of gamma and beta.
  var rule: String {
    (gamma.map { ", ∂{\($0)} = Σ g·x̂" } ?? "") + (beta.map { ", ∂{\($0)} = Σ g" } ?? "")
  }

  /// The shape of rows `[…, C]` whose channels have their numbers; of so many channels, if they are given.
  func checkRows(_ inputs: [Shape], channels: Int?) throws(ShapeError) -> Shape {
    let x = inputs[0]
    guard x.rank >= 1, channels.map({ $0 == x.channelCount }) ?? true else {
      throw ShapeError(expected: "[…, \(channels.map(String.init) ?? "channels")]", found: x)
    }
    try check(inputs, channels: x.channelCount, expected: "[…, {C}]")
    return x
  }

  /// Makes sure that each channel has its numbers; `vectors` are the places of the inputs that must have one for each.
  func check(_ inputs: [Shape], channels: Int, expected: String, vectors: [Int] = []) throws(ShapeError) {
    for index in vectors + [gamma, beta].compactMap(\.self) where inputs[index].elementCount != channels {
      throw ShapeError(expected: expected.replacing("{C}", with: "\(inputs[index].elementCount)"), found: inputs[0])
    }
  }
}
