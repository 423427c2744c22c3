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
  package func savedBytes(for inputs: [Shape]) -> Int { inputs[0].elementCount * MemoryLayout<Element>.stride }

  package var featureOrder: FeatureOrder { .kept }
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
}
