import Norma

/// A layer that takes a condition, as one of a single input: the condition are the channels after its own, or their means over
/// positions where it is to be a vector.
public final class GivenRest<Element: TensorElement>: Layer {
  private let inner: any ConditionedLayer<Element>
  private let channels: Int, conditionChannels: Int
  private let isVector: Bool

  public init(
    _ inner: any ConditionedLayer<Element>, channels: Int, conditionChannels: Int, isVector: Bool
  ) {
    (self.inner, self.channels, self.conditionChannels) = (inner, channels, conditionChannels)
    self.isVector = isVector
  }

  public var children: [(name: String, layer: any Layer<Element>)] { [("inner", inner)] }
  public var summary: String { "GivenRest(\(inner.summary))" }

  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    let rest = x.sliced(channels..<channels + conditionChannels, axis: -1)
    return try pass.apply(
      inner, named: "inner", to: x.sliced(0..<channels, axis: -1), given: isVector ? rest.globallyAveraged() : rest)
  }
}
