import NormaLayers
import NormaTensor

/// A penalty on large parameters, added to the loss: `½ · strength · Σ w²`, with gradient `strength · w`.
///
/// It is the same as what PyTorch's `weight_decay` does outside AdamW.
public struct L2Penalty<Element: TensorElement>: Hashable, Sendable {
  /// The factor; 0, or what is below it, for no penalty.
  public var strength: Double
  /// What it weighs on. Gamma, beta and biases are left alone unless named: shrinking them does not make the network
  /// simpler.
  public var kinds: Set<ParameterKind>

  /// A penalty on the given kinds of parameter.
  public init(strength: Double, kinds: Set<ParameterKind> = [.weight]) {
    self.strength = strength
    self.kinds = kinds
  }

  /// What it adds to the loss.
  public func loss(of parameters: [Parameter<Element>]) -> Double {
    guard strength > 0 else { return 0 }
    return parameters.filter { kinds.contains($0.kind) }
      .reduce(0) { $0 + 0.5 * strength * Double($1.value.sumOfSquares()) }
  }

  /// Adds its gradient to those of a step.
  public func add(to step: inout Differentiation<Element>) { add(to: &step.gradients, of: step.parameters) }

  /// Adds its gradient to those of the parameters.
  public func add(to gradients: inout [Tensor<Element>?], of parameters: [Parameter<Element>]) {
    guard strength > 0 else { return }
    for (index, parameter) in parameters.enumerated() where kinds.contains(parameter.kind) {
      gradients[index]? += Element(strength) * parameter.value
    }
  }
}
