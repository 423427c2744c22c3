import NormaGraph
import NormaTensor

/// Branches side by side, whose results stand one after the other along the channels.
final class Branches<Element: TensorElement>: Layer {
  private let branches: [(name: String, layer: Sequential<Element>)]

  init(_ branches: [(name: String, layer: Sequential<Element>)]) { self.branches = branches }

  var children: [(name: String, layer: any Layer<Element>)] { branches.map { ($0.name, $0.layer) } }
  var summary: String { "Branches(\(branches.count))" }

  func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    .concatenating(try branches.map { try pass.apply($0.layer, named: $0.name, to: x) }, axis: -1)
  }
}

/// A layer of ``DenseNet``: its input, and what a body makes of it, one after the other along the channels.
final class DenseConnection<Element: TensorElement>: Layer {
  private let body: Sequential<Element>

  init(_ body: Sequential<Element>) { self.body = body }

  var children: [(name: String, layer: any Layer<Element>)] { body.children }
  var summary: String { "DenseConnection(\(body.children.count) layers)" }

  func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) throws -> Variable<Element> {
    .concatenating([x, try body(x, in: pass)], axis: -1)
  }
}
