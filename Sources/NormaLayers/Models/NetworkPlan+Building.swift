import NormaTensor

extension NetworkPlan {
  /// Builds the network. Each layer with weights draws them from a generator of its own, split from the given one by the
  /// layer's number.
  public func build<Element: TensorElement>(
    _ type: Element.Type = Element.self, random: RandomGenerator
  ) -> Sequential<Element> {
    var builder = Builder<Element>(style: style, random: random)
    return builder.sequential(members)
  }

  private struct Builder<Element: TensorElement> {
    let style: NetworkStyle
    let random: RandomGenerator
    var number: UInt64 = 0

    mutating func nextGenerator() -> RandomGenerator {
      defer { number += 1 }
      return random.split(number)
    }

    mutating func sequential(_ members: [Member]) -> Sequential<Element> {
      var layers: [(name: String, layer: any Layer<Element>)] = []
      for member in members {
        if let layer = layer(member.part) { layers.append((name: member.name, layer: layer)) }
      }
      return Sequential(named: layers)
    }

    /// The layer; nil for a normalization where there is none.
    mutating func layer(_ part: Part) -> (any Layer<Element>)? {
      switch part {
      case .flatten: return Flatten()
      case .linear(let inputs, let outputs, let hasBias):
        return Linear<Element>(
          inputs, outputs, hasBias: hasBias, initialization: style.initialization, random: nextGenerator())
      case .convolution(let inputs, let outputs, let window, let hasBias):
        return Conv2d<Element>(
          inputs, outputs, window: window, hasBias: hasBias, initialization: style.initialization,
          random: nextGenerator())
      case .normalization(let channels, let startsAtZero):
        let layer: (any Layer<Element>)? = style.normalization.layer(channels, conventions: style.conventions)
        if startsAtZero, let gamma = layer?.parameters.first(where: { $0.kind == .gamma }) {
          gamma.value = .zeros(gamma.value.shape)
        }
        return layer
      case .activation: return style.activation.layer()
      case .dropout(let keepProbability): return Dropout<Element>(keepProbability: keepProbability)
      case .maxPool(let window): return MaxPool2d<Element>(window)
      case .globalAverage: return GlobalAveragePool<Element>()
      case .paddedShortcut(let stride, let channels):
        return PaddedShortcut<Element>(stride: stride, channels: channels)
      case .sequential(let members): return sequential(members)
      case .residual(let body, let shortcut):
        let body = sequential(body)
        return Residual(body, shortcut: shortcut.flatMap { layer($0) }, rectifies: true)
      }
    }
  }
}
