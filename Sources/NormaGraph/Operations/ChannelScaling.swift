import NormaTensor

/// Each channel of each sample multiplied by a number: x `[N, …, C]` and factors `[N, C]` → `[N, …, C]`.
package struct ChannelScalingOperation<Element: TensorElement>: TensorOperation {
  package var name: String { "scale channels" }
  package var rule: String { "∂{0} = ∂{}·{1}, ∂{1} = Σ ∂{}·{0} over positions" }

  package func outputShape(for inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, factors) = (inputs[0], inputs[1])
    guard x.rank >= 2, factors == [x[0], x.channelCount] else {
      throw ShapeError(expected: "a number for each channel of each sample of \(x)", found: factors)
    }
    return x
  }

  package func forward(_ inputs: [Tensor<Element>]) -> (output: Tensor<Element>, saved: Void) {
    (inputs[0].scalingChannels(by: inputs[1]), ())
  }
  package func kept(for needs: Needs) -> KeptTensors { [needs[0] ? .input(1) : [], needs[1] ? .input(0) : []] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Void) -> [Tensor<Element>?] {
    [
      kept.needs[0] ? g.scalingChannels(by: kept.input(1)) : nil,
      kept.needs[1] ? g.sumOfProductsOverPositions(with: kept.input(0)) : nil,
    ]
  }

  package var isPerSample: Bool { true }
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
    return (inputs[0].scalingChannels(by: factors), Saved(factors: factors, random: random))
  }
  package func kept(for needs: Needs) -> KeptTensors { [] }
  package func backward(_ g: Tensor<Element>, _ kept: Kept<Element>, saved: Saved) -> [Tensor<Element>?] {
    [g.scalingChannels(by: saved.factors)]
  }
  package func savedBytes(for inputs: [Shape]) -> Int {
    inputs[0][0] * inputs[0].channelCount * MemoryLayout<Element>.stride
  }
}

extension Variable {
  /// Each channel of each sample multiplied by a number: x `[N, …, C]` and factors `[N, C]` → `[N, …, C]`.
  public func scalingChannels(by factors: Variable) -> Variable {
    Graph.apply(ChannelScalingOperation(), to: [self, factors]).output
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

extension Tensor {
  private var positionCount: Int { shape.dropFirst().dropLast().reduce(1, *) }

  /// `[N, …, C]` by `[N, C]`.
  fileprivate func scalingChannels(by factors: Tensor) -> Tensor {
    let (positions, channels) = (positionCount, shape.channelCount)
    require(factors.shape == [shape[0], channels], "factors of shape \(factors.shape) for channels of \(shape)")
    return Tensor(shape: shape) { result in
      withUnsafeElements { x in
        factors.withUnsafeElements { factors in
          guard let x = x.baseAddress, let y = result.baseAddress, let factors = factors.baseAddress else { return }
          Parallel.forEach(shape[0]) { sample in
            let start = sample * positions * channels
            scaleRows(x + start, factors + sample * channels, y + start, positions, channels)
          }
        }
      }
    }
  }

  /// The sums over positions of the products with another tensor, in double precision: `[N, …, C]` → `[N, C]`.
  fileprivate func sumOfProductsOverPositions(with other: Tensor) -> Tensor {
    let (positions, channels) = (positionCount, shape.channelCount)
    return Tensor(shape: [shape[0], channels]) { result in
      withUnsafeElements { x in
        other.withUnsafeElements { other in
          guard let x = x.baseAddress, let other = other.baseAddress, let y = result.baseAddress else { return }
          Parallel.forEach(shape[0]) { sample in
            let start = sample * positions * channels
            withScratch(channels, of: Double.self) { sums in
              sums.update(repeating: 0, count: channels)
              addProducts(x + start, other + start, to: sums, positions, channels)
              for channel in 0..<channels { y[sample * channels + channel] = Element(sums[channel]) }
            }
          }
        }
      }
    }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func scaleRows<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ factors: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ rows: Int,
  _ channels: Int
) {
  for row in 0..<rows {
    let (values, results) = (x + row * channels, y + row * channels)
    for channel in 0..<channels { results[channel] = values[channel] * factors[channel] }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func addProducts<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ other: UnsafePointer<Element>, to sums: UnsafeMutablePointer<Double>, _ rows: Int,
  _ channels: Int
) {
  for row in 0..<rows {
    let (values, others) = (x + row * channels, other + row * channels)
    for channel in 0..<channels { sums[channel] += Double(values[channel]) * Double(others[channel]) }
  }
}
