import NormaGraph
import NormaTensor

/// A layer that takes something beside its input: a class, a vector, a map, another picture.
///
/// A model that holds one says in its own call where both come from, and applies it by ``Pass/apply(_:named:to:given:)``.
public protocol ConditionedLayer<Element>: Layer {
  /// Applies the layer to x, given a condition for each sample.
  ///
  /// - Throws: what the layers throw that it is made of.
  func callAsFunction(
    _ x: Variable<Element>, given condition: Variable<Element>, in pass: Pass<Element>
  ) throws -> Variable<Element>
}

extension ConditionedLayer {
  /// There is no result without a condition.
  ///
  /// - Throws: ``LayerError``.
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    throw LayerError(layer: summary, expected: "a condition beside its input", found: x.shape)
  }
}

extension Pass {
  /// Applies a layer to x, given a condition, as the child of the layer that is running.
  public func apply(
    _ layer: any ConditionedLayer<Element>, named name: String, to x: Variable<Element>,
    given condition: Variable<Element>
  ) throws -> Variable<Element> {
    try within(name, layer) { try layer(x, given: condition, in: self) }
  }
}
