import NormaGraph
import NormaTensor

/// Layers one after the other.
///
/// ```swift
/// var random = RandomGenerator(seed: 0)
/// let model = Sequential<Float> {
///   Linear(inputs: 64, outputs: 100, hasBias: false, using: &random)
///   BatchNorm(100)
///   ReLU()
///   Linear(inputs: 100, outputs: 10, using: &random)
/// }
/// ```
///
/// The layers are named `0`, `1`, … in files, as in PyTorch's `nn.Sequential`, unless they are given names. A layer that can take in the ReLU that
/// follows it does so.
public final class Sequential<Element: TensorElement>: Layer {
  private let members: [any Layer<Element>]
  private let names: [String]
  /// The members that can take in the ReLU that follows them; nil for others, and where none follows.
  private let fusing: [(any ReLUFusing<Element>)?]

  /// The given layers, each fed with the result of the one before.
  public init(_ layers: [any Layer<Element>]) {
    members = layers
    names = layers.indices.map(String.init)
    fusing = Self.fusing(layers)
  }

  private static func fusing(_ layers: [any Layer<Element>]) -> [(any ReLUFusing<Element>)?] {
    layers.indices.map { index in
      guard index + 1 < layers.count, layers[index + 1] is ReLU<Element> else { return nil }
      return layers[index] as? any ReLUFusing<Element>
    }
  }

  /// The given layers under names of their own.
  ///
  /// - Throws: ``ModelStructureError`` where a name is empty, or stands for two layers.
  public init(named layers: [(name: String, layer: any Layer<Element>)]) throws(ModelStructureError) {
    members = layers.map(\.layer)
    names = layers.map(\.name)
    var known: Set<String> = []
    for name in names where name.isEmpty || !known.insert(name).inserted {
      throw ModelStructureError(
        layer: "Sequential(\(layers.count) layers)",
        problem: name.isEmpty ? "holds something without a name" : "holds two things of the name '\(name)'")
    }
    fusing = Self.fusing(members)
  }

  /// The layers written in the closure, one below the other.
  public convenience init(@SequentialBuilder<Element> _ layers: () throws -> [any Layer<Element>]) rethrows {
    self.init(try layers())
  }

  public var children: [(name: String, layer: any Layer<Element>)] {
    zip(names, members).map { (name: $0, layer: $1) }
  }

  public var summary: String { "Sequential(\(members.count) layer\(members.count == 1 ? "" : "s"))" }

  @specialized(where Element == Float)
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    var x = x
    var index = 0
    while index < members.count {
      if pass.fusesReLU, let fusing = fusing[index], fusing.fusesReLU {
        x = try pass.applyRectified(fusing, named: names[index], reluNamed: names[index + 1], to: x)
        index += 2
      } else {
        x = try pass.apply(members[index], named: names[index], to: x)
        index += 1
      }
    }
    return x
  }
}

/// Lets the layers of a ``Sequential`` be written one below the other, with `if` and `for` where they help.
@resultBuilder public enum SequentialBuilder<Element: TensorElement> {
  public static func buildExpression<Member: Layer>(_ layer: Member) -> [any Layer<Element>]
  where Member.Element == Element { [layer] }
  public static func buildBlock(_ parts: [any Layer<Element>]...) -> [any Layer<Element>] { parts.flatMap { $0 } }
  public static func buildOptional(_ part: [any Layer<Element>]?) -> [any Layer<Element>] { part ?? [] }
  public static func buildEither(first part: [any Layer<Element>]) -> [any Layer<Element>] { part }
  public static func buildEither(second part: [any Layer<Element>]) -> [any Layer<Element>] { part }
  public static func buildArray(_ parts: [[any Layer<Element>]]) -> [any Layer<Element>] { parts.flatMap { $0 } }
}
