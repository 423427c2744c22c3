import NormaTensor

/// Group normalization as pure functions on tensors (Wu and He 2018): the channels of each sample are divided into
/// groups of neighbours, and each group is normalized with the mean and variance of its values at all positions, then
/// multiplied by gamma and added to beta, channel by channel.
///
/// Tensors are `[N, …, C]`, or `[N, C, …]` with ``ChannelLayout/channelsFirst``; gamma and beta are `[C]`, and 1 and 0
/// where they are nil. `rectifies` fuses the ReLU that follows; its mask is computed again in the backward pass rather
/// than kept. Shapes that do not fit stop the program, which says both.
///
/// It needs no running statistics, and is the same in training and inference: a sample's output has the same bits whatever
/// samples are beside it. One group takes in a whole sample, as layer normalization does; groups of one channel make
/// ``InstanceNormalization``.
public enum GroupNormalization {}

/// What the backward pass needs from the forward pass, besides the input itself: two numbers for each group of each
/// sample.
public struct NormalizedGroups<Element: TensorElement>: Sendable {
  /// The mean of each group, `[N, groups]`.
  public let mean: Tensor<Double>
  /// `1 / √(variance + epsilon)` of each group, `[N, groups]`.
  public let reciprocalDeviation: Tensor<Double>
  let gamma: Tensor<Element>?
  /// The mask of a ReLU depends on it.
  let beta: Tensor<Element>?
  let layout: ChannelLayout
  let rectifies: Bool
}

extension GroupNormalization {
  /// The forward pass.
  ///
  /// A group of equal values, or of a single one, is normalized to 0 and gives beta; an empty tensor an empty output.
  ///
  /// - Parameters:
  ///   - x: the samples, `[N, …, C]` or `[N, C, …]`.
  ///   - groups: how many groups the channels are divided into, a divisor of C.
  ///   - gamma: the scale `[C]`; 1 if nil.
  ///   - beta: the shift `[C]`; 0 if nil.
  ///   - epsilon: added to the variance before the square root.
  ///   - layout: which axis holds the channels.
  ///   - rectifies: whether the ReLU that follows is applied too.
  /// - Returns: the output, of the shape of x, and what ``backward(_:input:statistics:)`` needs.
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, groups: Int, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil,
    epsilon: Double = 1e-5, layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> (output: Tensor<Element>, statistics: NormalizedGroups<Element>) {
    let extent = GroupExtent(x.shape, layout, groups: groups)
    requireAffine(gamma, beta, channels: extent.channels)
    var mean = Tensor<Double>.zeros([extent.samples, groups])
    // A group without values has no variance; any will do, as its gradients are 0.
    var reciprocalDeviation = Tensor<Double>.ones([extent.samples, groups])
    let output = Tensor<Element>(shape: x.shape) { y in
      mean.withUnsafeMutableElements { mean in
        reciprocalDeviation.withUnsafeMutableElements { reciprocal in
          withElements(x, gamma, beta) { x, gamma, beta in
            guard let y = y.baseAddress else { return }
            let statistics = GroupStatistics(mean: mean.baseAddress!, reciprocal: reciprocal.baseAddress!)
            if let fast = FastGroups(extent), let x = floats(x), let y = floats(y) {
              let affine = AffineVectors(gamma: gamma.flatMap(floats), beta: beta.flatMap(floats))
              fast.forward(x, y, statistics, affine, epsilon: epsilon, rectifies: rectifies)
            } else {
              PlainGroups(extent).forward(
                x, y, statistics, AffineVectors(gamma: gamma, beta: beta), epsilon: epsilon, rectifies: rectifies)
            }
          }
        }
      }
    }
    let statistics = NormalizedGroups(
      mean: mean, reciprocalDeviation: reciprocalDeviation, gamma: gamma, beta: beta, layout: layout,
      rectifies: rectifies)
    return (output, statistics)
  }

  /// The backward pass: from the gradient of the output, of the input's shape, to those of input, gamma and beta.
  ///
  /// With `h = g · gamma`, `x̂ = (x − mean) / s`, `s = √(variance + epsilon)` and means over the group:
  /// `dx = (h − mean(h) − x̂ · mean(h · x̂)) / s`, and `dgamma = Σ g · x̂`, `dbeta = Σ g` over samples and positions.
  ///
  /// An empty tensor gives gradients of 0.
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, statistics: NormalizedGroups<Element>
  ) -> NormalizationGradients<Element> {
    require(gradient.shape == x.shape, "a gradient of shape \(gradient.shape) for an input of shape \(x.shape)")
    let extent = GroupExtent(x.shape, statistics.layout, groups: statistics.mean.shape[1])
    requireAffine(statistics.gamma, statistics.beta, channels: extent.channels)
    require(
      statistics.mean.shape[0] == extent.samples,
      "statistics of \(statistics.mean.shape[0]) samples for an input of shape \(x.shape)")
    let rectifies = statistics.rectifies
    var parts = Tensor<Double>.zeros([1, 2 * extent.channels])
    let input = Tensor<Element>(shape: x.shape) { dx in
      withElements(x, statistics.gamma, statistics.beta) { x, gamma, beta in
        withElements(gradient, statistics.mean, statistics.reciprocalDeviation) { g, mean, reciprocal in
          guard let dx = dx.baseAddress, let mean, let reciprocal else { return }
          let found = GroupStatistics(
            mean: UnsafeMutablePointer(mutating: mean), reciprocal: UnsafeMutablePointer(mutating: reciprocal))
          if let fast = FastGroups(extent), let x = floats(x), let g = floats(g), let dx = floats(dx) {
            let affine = AffineVectors(gamma: gamma.flatMap(floats), beta: beta.flatMap(floats))
            parts = fast.backward(g, x, dx, found, affine, rectifies: rectifies)
          } else {
            parts = PlainGroups(extent).backward(
              g, x, dx, found, AffineVectors(gamma: gamma, beta: beta), rectifies: rectifies)
          }
        }
      }
    }
    let sums = parts.sumOverRows().reshaped(to: [2, extent.channels])
    return NormalizationGradients(
      input: input, gamma: sums[rows: 0..<1].reshaped(to: [extent.channels]).converted(),
      beta: sums[rows: 1..<2].reshaped(to: [extent.channels]).converted())
  }
}

/// Instance normalization (Ulyanov, Vedaldi and Lempitsky 2016): group normalization with a group for each channel, so that
/// each channel of each sample is normalized over its positions alone.
public enum InstanceNormalization {
  /// The forward pass: ``GroupNormalization/forward(_:groups:gamma:beta:epsilon:layout:rectifies:)`` with as many groups as
  /// channels. ``GroupNormalization/backward(_:input:statistics:)`` is its backward pass.
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> (output: Tensor<Element>, statistics: NormalizedGroups<Element>) {
    GroupNormalization.forward(
      x, groups: max(1, layout.extent(of: x.shape).channels), gamma: gamma, beta: beta, epsilon: epsilon,
      layout: layout, rectifies: rectifies)
  }
}

/// Lends the elements of a tensor, and of two more where there are any; does nothing if the first is empty.
private func withElements<Element: TensorElement, Other: TensorElement>(
  _ a: Tensor<Element>, _ b: Tensor<Other>?, _ c: Tensor<Other>?,
  _ body: (UnsafePointer<Element>, UnsafePointer<Other>?, UnsafePointer<Other>?) -> Void
) {
  guard a.count > 0 else { return }
  a.withUnsafeElements { a in
    Tensor.withUnsafeElements(of: b) { b in
      Tensor.withUnsafeElements(of: c) { c in body(a.baseAddress!, b, c) }
    }
  }
}
