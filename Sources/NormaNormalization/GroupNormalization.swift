import NormaTensor

/// Group normalization as pure functions on tensors (Wu and He 2018): the channels of each sample are divided into
/// groups of neighbours, and each group is normalized with the mean and variance of its values at all positions, then
/// multiplied by gamma and added to beta, channel by channel: `y = gamma · (x − mean) / √(variance + epsilon) + beta`.
///
/// Tensors are `[N, …, C]`, or `[N, C, …]` with ``ChannelLayout/channelsFirst``; gamma and beta are `[C]`, and 1 and 0
/// where they are nil. `rectifies` fuses the ReLU that follows; its mask is computed again in the backward pass rather
/// than kept. Shapes that do not fit stop the program, which says both.
///
/// It needs no running statistics, and is the same in training and inference: a sample's output has the same bits whatever
/// samples are beside it. One group takes in a whole sample; groups of one channel make ``InstanceNormalization``, and one group
/// of samples with a single position ``LayerNormalization``.
public enum GroupNormalization {
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
  /// - Returns: the output, of the shape of x, and what `backward(_:input:saved:)` needs.
  @specialized(where Element == Float)
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, groups: Int, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil,
    epsilon: Double = 1e-5, layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> (output: Tensor<Element>, saved: GroupStatistics<Element>) {
    let cut = GroupCut(x.shape, layout, groups: groups)
    let parameters = AffineParameters(
      gamma: gamma, beta: beta, channels: cut.channels, layout: layout, rectifies: rectifies)
    let (output, y) = Tensor<Element>.unwritten(x.shape)
    let saved = GroupStatistics(parameters, shape: [cut.samples, groups], isEmpty: x.count == 0) { mean, reciprocal in
      withExtendedLifetime((x, parameters)) {
        GroupPasses(cut: cut, parameters: parameters).forward(
          x.address, y, mean: mean, reciprocalDeviation: reciprocal, epsilon: epsilon)
      }
    }
    return (output, saved)
  }

  /// The backward pass: from the gradient of the output, of the input's shape, to those of input, gamma and beta.
  ///
  /// With `h = g · gamma`, `x̂ = (x − mean) / s`, `s = √(variance + epsilon)` and means over the group, as in
  /// ``BatchNormalization``: `dx = (h − mean(h) − x̂ · mean(h · x̂)) / s`, and `dgamma = Σ g · x̂`, `dbeta = Σ g` over samples
  /// and positions.
  ///
  /// An empty tensor gives gradients of 0.
  @specialized(where Element == Float)
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, saved: GroupStatistics<Element>
  ) -> NormalizationGradients<Element> {
    requireGradient(gradient.shape, of: x.shape)
    let cut = GroupCut(x.shape, saved.parameters.layout, groups: saved.mean.shape[1])
    saved.requireCount(cut.samples * cut.groups, of: x.shape)
    guard x.count > 0 else { return .zeros(like: x, channels: cut.channels) }
    let (input, dx) = Tensor<Element>.unwritten(x.shape)
    var parts = Tensor<Double>.zeros([cut.runs, 2 * cut.channels])
    parts.withUnsafeMutableElements { parts in
      withExtendedLifetime((gradient, x, saved)) {
        GroupPasses(cut: cut, parameters: saved.parameters).backward(
          gradient.address, x.address, dx, mean: saved.mean.address,
          reciprocalDeviation: saved.reciprocalDeviation.address, parts: parts.baseAddress!)
      }
    }
    return NormalizationGradients(input: input, parts: parts)
  }
}

/// What the forward pass of group or layer normalization found, and the backward pass needs besides the input: two numbers for
/// each group of each sample, or for each row.
public struct GroupStatistics<Element: TensorElement>: Sendable {
  /// The means, `[N, groups]` or `[rows]`.
  public let mean: Tensor<Double>
  /// `1 / √(variance + epsilon)`, of the same shape.
  public let reciprocalDeviation: Tensor<Double>
  let parameters: AffineParameters<Element>

  /// Statistics that `find` writes. Without values there are none to be found; any will do, as their gradients are 0.
  init(
    _ parameters: AffineParameters<Element>, shape: Shape, isEmpty: Bool,
    find: (_ mean: UnsafeMutablePointer<Double>, _ reciprocalDeviation: UnsafeMutablePointer<Double>) -> Void
  ) {
    self.parameters = parameters
    guard !isEmpty else {
      (mean, reciprocalDeviation) = (.zeros(shape), .ones(shape))
      return
    }
    let (means, reciprocals) = (Tensor<Double>.unwritten(shape), Tensor<Double>.unwritten(shape))
    find(means.address, reciprocals.address)
    (mean, reciprocalDeviation) = (means.tensor, reciprocals.tensor)
  }

  /// What running statistics take in of instances, a group for each channel: the means over all samples of each channel's mean and
  /// variance, by an estimator, as PyTorch's `InstanceNorm` keeps them. Nothing where there is a single value a channel, which has no
  /// variance to tell.
  ///
  /// - Parameters:
  ///   - positions: how many values each mean and variance is of.
  ///   - epsilon: what the variances had added.
  ///   - estimator: that of the running statistics.
  public func meanMoments(positions: Int, epsilon: Double, estimator: VarianceEstimator) -> BatchMoments {
    let (samples, channels) = (mean.shape[0], mean.shape[1])
    guard samples > 0, positions > 1 else {
      return BatchMoments(count: 0, mean: .zeros([channels]), centredSecondMoment: .zeros([channels]))
    }
    let variances = Tensor<Double>(
      reciprocalDeviation.elements.map { max(0, 1 / ($0 * $0) - epsilon) }, shape: [samples, channels])
    let count = samples * positions
    let divisor = Double(estimator == .biased ? positions : positions - 1)
    let total = Double(estimator == .biased ? count : count - 1)
    return BatchMoments(
      count: count, mean: mean.sumOverRows() / Double(samples),
      centredSecondMoment: total * (Double(positions) / divisor / Double(samples) * variances.sumOverRows()))
  }

  /// Stops where a tensor has another number of groups than these have.
  func requireCount(_ count: Int, of input: Shape) {
    require(mean.count == count, "statistics of shape \(mean.shape) for an input of shape \(input)")
  }
}

/// Instance normalization (Ulyanov, Vedaldi and Lempitsky 2016): group normalization with a group for each channel, so that
/// each channel of each sample is normalized over its positions alone.
public enum InstanceNormalization {
  /// The forward pass: ``GroupNormalization/forward(_:groups:gamma:beta:epsilon:layout:rectifies:)`` with as many groups as
  /// channels.
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, gamma: Tensor<Element>? = nil, beta: Tensor<Element>? = nil, epsilon: Double = 1e-5,
    layout: ChannelLayout = .channelsLast, rectifies: Bool = false
  ) -> (output: Tensor<Element>, saved: GroupStatistics<Element>) {
    GroupNormalization.forward(
      x, groups: max(1, layout.extent(of: x.shape).channels), gamma: gamma, beta: beta, epsilon: epsilon,
      layout: layout, rectifies: rectifies)
  }

  /// The backward pass: ``GroupNormalization/backward(_:input:saved:)``.
  public static func backward<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, saved: GroupStatistics<Element>
  ) -> NormalizationGradients<Element> {
    GroupNormalization.backward(gradient, input: x, saved: saved)
  }
}
