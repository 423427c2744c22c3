import NormaTensor

/// A convolution whose weights have been brought into the order in which they are read: to be applied again and again,
/// from several threads at once if wanted.
public struct PreparedConvolution<Element: TensorElement>: Sendable {
  /// The shape of the weights, `[outputs, C / groups, height, width]`.
  public let weightShape: Shape
  /// The window that is moved over the images.
  public let window: Window
  /// How many groups the channels are divided into.
  public let groups: Int

  private let packedWeights: PackedWeights<Element>
  /// The bias, filled up with zeros to whole blocks in each group; as it is where the convolution is depthwise.
  private let packedBias: Tensor<Element>?

  /// A convolution with the given weights, see ``Convolution2d``.
  public init(weight: Tensor<Element>, bias: Tensor<Element>? = nil, window: Window, groups: Int = 1) {
    require(
      weight.rank == 4, "a convolution with weights \(weight.shape), which are not [outputs, inputs, height, width]")
    require(
      bias.map { $0.shape == [weight.shape[0]] } ?? true,
      "a bias of shape \(bias?.shape ?? []) for weights \(weight.shape)")
    weightShape = weight.shape
    self.window = window
    self.groups = groups
    // The order does not depend on the size of the image: any that holds the window will do.
    let image: Shape = [
      1, window.size.height * window.dilation.height, window.size.width * window.dilation.width,
      weight.shape[1] * groups,
    ]
    _ = Convolution2d.requiredOutputShape(for: image, weight: weight.shape, window: window, groups: groups)
    let convolution = KnownConvolutions.forward(input: image, outputs: weight.shape[0], window: window, groups: groups)
    packedWeights = convolution.packed(weight)
    packedBias = bias.map { bias in
      if convolution.isDepthwise { return bias }
      let channels = bias.count / groups
      let blocks = blockCount(channels)
      return Tensor(shape: [groups * blocks * columnsOfBlock]) { packed in
        packed.initialize(repeating: 0)
        for channel in 0..<bias.count {
          packed[channel / channels * blocks * columnsOfBlock + channel % channels] = bias[channel]
        }
      }
    }
  }

  /// The output `[N, H', W', outputs]` for images `[N, H, W, C]`.
  ///
  /// - Parameters:
  ///   - x: the images.
  ///   - residual: values of the output's shape that are added to it.
  ///   - rectifies: whether ReLU is applied to the sum.
  ///   - function: what is applied to each element in the end, if anything.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  public func callAsFunction(
    _ x: Tensor<Element>, residual: Tensor<Element>? = nil, rectifies: Bool = false,
    then function: UnaryOperation<Element>? = nil
  ) -> Tensor<Element> {
    let shape = Convolution2d.requiredOutputShape(for: x.shape, weight: weightShape, window: window, groups: groups)
    require(
      residual.map { $0.shape == shape } ?? true, "values of shape \(residual?.shape ?? []) added to an output \(shape)"
    )
    var (result, y) = Tensor<Element>.unwritten(shape)
    guard result.count > 0 else { return result }
    let convolution = KnownConvolutions.forward(input: x.shape, outputs: shape[3], window: window, groups: groups)
    let isApplied = function.map(convolution.applies) ?? false
    withExtendedLifetime((x, packedBias, residual)) {
      convolution.multiply(
        x.address, packedWeights, into: y,
        then: Epilogue(
          bias: packedBias?.address, residual: residual?.address, rectifies: rectifies,
          function: isApplied ? function : nil))
    }
    if let function, !isApplied { result.apply(function) }
    return result
  }
}
