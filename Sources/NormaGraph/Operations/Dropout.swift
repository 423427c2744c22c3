import NormaTensor

/// Inverted dropout: keeps each element with the given probability and divides it by that, else sets it to 0.
package struct DropoutOperation<Element: TensorElement>: TensorOperation {
  package let keepProbability: Double
  let random: RandomGenerator

  /// What multiplies each element, and the generator after its draws.
  package struct Saved {
    let mask: Tensor<Element>
    let random: RandomGenerator
  }

  package var name: String { "dropout" }
  package var rule: String { "∂{0} = ∂{} / p where kept" }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Saved) {
    var random = random
    let factor = Element(1 / keepProbability)
    let mask = Tensor<Element>(shape: inputs[0].shape) { mask in
      for index in 0..<mask.count {
        mask.initializeElement(at: index, to: random.uniform() < keepProbability ? factor : 0)
      }
    }
    return (inputs[0] * mask, Saved(mask: mask, random: random))
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Saved) -> [Tensor<Element>?] {
    [g * saved.mask]
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Saved) -> [Variable<Element>?] {
    [g * Variable(saved.mask)]
  }
  package func savedBytes(for inputs: [Shape]) -> Int { inputs[0].elementCount * MemoryLayout<Element>.stride }

  package var featureOrder: FeatureOrder { .kept }
}

/// Inverted dropout of whole channels: keeps each channel of each sample with the given probability and divides it by that, else
/// sets it to 0.
package struct ChannelDropoutOperation<Element: TensorElement>: TensorOperation {
  package let keepProbability: Double
  let random: RandomGenerator

  /// What multiplies each channel, `[N, C]`, and the generator after its draws.
  package struct Saved {
    let factors: Tensor<Element>
    let random: RandomGenerator
  }

  package var name: String { "channel dropout" }
  package var rule: String { "∂{0} = ∂{} / p where the channel is kept" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].rank >= 2 else { throw ShapeError(expected: "[batch, …, channels]", found: inputs[0]) }
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Saved) {
    var random = random
    let factor = Element(1 / keepProbability)
    let factors = Tensor<Element>(shape: [inputs[0].shape[0], inputs[0].shape.channelCount]) { factors in
      for index in 0..<factors.count {
        factors.initializeElement(at: index, to: random.uniform() < keepProbability ? factor : 0)
      }
    }
    return (inputs[0].applying(.multiply, factors, broadcast: .perSample), Saved(factors: factors, random: random))
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Saved) -> [Tensor<Element>?] {
    [g.applying(.multiply, saved.factors, broadcast: .perSample)]
  }

  package func backward(_ g: Variable<Element>, _ kept: KeptVariables<Element>, saved: Saved) -> [Variable<Element>?] {
    [g.multiplied(by: Variable(saved.factors), broadcast: .perSample)]
  }
  package func savedBytes(for inputs: [Shape]) -> Int {
    inputs[0][0] * inputs[0].channelCount * MemoryLayout<Element>.stride
  }
}

extension Variable {
  /// Inverted dropout: keeps each element with the given probability and divides it by that, else sets it to 0, so that
  /// nothing need be done in inference.
  ///
  /// - Parameters:
  ///   - keepProbability: in (0, 1].
  ///   - generator: what decides which elements are kept; one draw for each.
  public func dropout(keepProbability: Double, using generator: inout RandomGenerator) -> Variable {
    require(keepProbability > 0 && keepProbability <= 1, "\(keepProbability) is no probability to keep")
    let operation = DropoutOperation<Element>(keepProbability: keepProbability, random: generator)
    let (output, saved) = Graph.apply(operation, to: [self])
    if let saved { generator = saved.random }
    return output
  }

  /// Inverted dropout of whole samples, `[N, …, C] → [N, …, C]`: keeps each sample with the given probability and divides it by that, else
  /// sets all of it to 0, so that nothing need be done in inference.
  ///
  /// - Parameters:
  ///   - keepProbability: in (0, 1].
  ///   - generator: what decides which samples are kept; one draw for each.
  public func sampleDropout(keepProbability: Double, using generator: inout RandomGenerator) -> Variable {
    let shape = shape
    let factors = Variable(.ones([shape[0], 1])).dropout(keepProbability: keepProbability, using: &generator)
      .gathering([Int](repeating: 0, count: shape.channelCount), axis: 1)
    return multiplied(by: factors, broadcast: .perSample)
  }

  /// Inverted dropout of whole channels, `[N, …, C] → [N, …, C]`: keeps each channel of each sample with the given probability and
  /// divides it by that, else sets it to 0, so that nothing need be done in inference.
  ///
  /// - Parameters:
  ///   - keepProbability: in (0, 1].
  ///   - generator: what decides which channels are kept; one draw for each channel of each sample.
  public func channelDropout(keepProbability: Double, using generator: inout RandomGenerator) -> Variable {
    require(keepProbability > 0 && keepProbability <= 1, "\(keepProbability) is no probability to keep")
    let operation = ChannelDropoutOperation<Element>(keepProbability: keepProbability, random: generator)
    let (output, saved) = Graph.apply(operation, to: [self])
    if let saved { generator = saved.random }
    return output
  }
}
