import NormaNormalization
import NormaTensor

/// Local response normalization across channels. One operation rather than several, of which each would keep a tensor as large as the
/// input.
package struct LocalResponseNormalizationOperation<Element: TensorElement>: TensorOperation {
  package let normalization: LocalResponseNormalization

  package var name: String { "local response norm" }
  package var rule: String { "with D = k + α/n·Σ{0}²: ∂{0} = ∂{}/D^β − 2αβ/n·{0}·Σ ∂{}·{0}/D^(β + 1)" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank >= 2 else { throw ShapeError(expected: "[batch, …, channels]", found: inputs[0]) }
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (normalization.forward(inputs[0]), ())
  }

  package func kept(for needs: Needs) -> KeptTensors { .input(0) }

  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [normalization.backward(g, input: kept.input(0))]
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Void) -> [Variable<Element>?] {
    let x = kept.input(0)
    let (scale, power) = (Element(normalization.alpha / Double(normalization.size)), Element(normalization.beta))
    let window = ChannelWindowOperation<Element>(window: normalization.window)
    let divisors = scale * x.squared().applying(window) + Element(normalization.k)
    let direct = g * divisors.raised(to: -power)
    let sums = (direct * x / divisors).applying(window.turnedRound)
    return [direct - 2 * scale * power * (x * sums)]
  }

  package var isPerSample: Bool { true }
}

/// Sums over neighbouring channels: `[…, C] → […, C]`.
private struct ChannelWindowOperation<Element: TensorElement>: LinearMapping {
  let window: ClosedRange<Int>

  var name: String { "sum over neighbouring channels" }
  var turnedRound: ChannelWindowOperation { ChannelWindowOperation(window: -window.upperBound ... -window.lowerBound) }

  func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].sumsOfChannels(over: window), ())
  }
  func kept(for needs: Needs) -> KeptTensors { [] }
  func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [turnedRound.forward([g]).output]
  }
}

extension Variable {
  /// Local response normalization across channels: `[N, …, C] → [N, …, C]`.
  public func normalized(by normalization: LocalResponseNormalization) -> Variable {
    Graph.apply(LocalResponseNormalizationOperation(normalization: normalization), to: [self]).output
  }
}
