import NormaTensor

/// Local response normalization across channels as pure functions (Krizhevsky, Sutskever and Hinton 2012): each value is divided by a
/// power of the squares of the channels around it, at its own position:
/// `y = x / (k + alpha / size · Σ x²)^beta`, the sum over ``window``.
///
/// The definition is that of PyTorch's `LocalResponseNorm` and ONNX's `LRN`, which divide alpha by the size, as the paper does not.
/// Channels beyond the first and the last count as zeros. Tensors are `[…, C]`.
public struct LocalResponseNormalization: Sendable, Hashable {
  /// The channels that are summed over, relative to the value's own: −2 to 2 where there are five of them.
  public let window: ClosedRange<Int>
  /// What the mean of the squares is multiplied by.
  public let alpha: Double
  /// The power of the divisor.
  public let beta: Double
  /// Added to the multiple of the mean.
  public let k: Double

  /// A normalization over so many neighbouring channels; of an even number, one more lies before the value than behind it, as in
  /// PyTorch.
  public init(size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) {
    require(size > 0, "local response normalization over \(size) channels")
    self.init(window: -(size / 2)...(size - 1) / 2, alpha: alpha, beta: beta, k: k)
  }

  /// A normalization over any neighbouring channels.
  public init(window: ClosedRange<Int>, alpha: Double, beta: Double, k: Double) {
    (self.window, self.alpha, self.beta, self.k) = (window, alpha, beta, k)
  }

  /// How many channels are summed over.
  public var size: Int { window.count }

  /// The forward pass `[…, C] → […, C]`.
  public func forward<Element: TensorElement>(_ x: Tensor<Element>) -> Tensor<Element> {
    x * divisors(of: x).applying(.power(Element(-beta)))
  }

  /// The backward pass: with the divisor `D = k + alpha / size · Σ x²` and sums over the channels in whose windows a value is,
  /// `dx = g / D^beta − 2 · alpha · beta / size · x · Σ (g · x / D^(beta + 1))`.
  public func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>
  ) -> Tensor<Element> {
    requireGradient(gradient.shape, of: x.shape)
    let divisors = divisors(of: x)
    let direct = gradient * divisors.applying(.power(Element(-beta)))
    let sums = (direct * x / divisors).sumsOfChannels(over: -window.upperBound ... -window.lowerBound)
    return direct - Element(2 * alpha * beta / Double(size)) * (x * sums)
  }

  private func divisors<Element: TensorElement>(of x: Tensor<Element>) -> Tensor<Element> {
    x.applying(.square).sumsOfChannels(over: window, scale: alpha / Double(size), offset: k)
  }
}

extension Tensor {
  /// `offset + scale · Σ` over a window of neighbouring channels, those beyond the ends left out.
  package func sumsOfChannels(over window: ClosedRange<Int>, scale: Double = 1, offset: Double = 0) -> Tensor {
    let (result, sums) = Tensor.unwritten(shape)
    let channels = shape.channelCount
    let cut = RowCut(shape)
    withExtendedLifetime(self) {
      cut.forEachBlock { _, rows in
        withScratch(channels, of: Double.self) { scratch in
          for row in rows {
            sumNeighbours(
              address + row * channels, sums + row * channels, channels, window, scale: scale, offset: offset, scratch)
          }
        }
      }
    }
    return result
  }
}

/// One row, added up in double precision in the order of the channels.
@specialized(where Element == Float)
@specialized(where Element == Double)
private func sumNeighbours<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ result: UnsafeMutablePointer<Element>, _ channels: Int, _ window: ClosedRange<Int>,
  scale: Double, offset: Double, _ sums: UnsafeMutablePointer<Double>
) {
  sums.update(repeating: 0, count: channels)
  for distance in window where abs(distance) < channels {
    for channel in max(0, -distance)..<min(channels, channels - distance) {
      sums[channel] += Double(x[channel + distance])
    }
  }
  for channel in 0..<channels { result[channel] = Element(offset + scale * sums[channel]) }
}
