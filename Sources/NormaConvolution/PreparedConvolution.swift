import NormaTensor

/// A convolution whose weights have been brought into the order that the kernels read: to be applied again and again,
/// from several threads at once if wanted.
public struct PreparedConvolution<Element: TensorElement>: Sendable {
  /// `[outputs, C / groups, height, width]`.
  public let weight: Tensor<Element>
  /// What is added to each output, `[outputs]`.
  public let bias: Tensor<Element>?
  /// The window that is moved over the images.
  public let window: Window
  /// How many groups the channels are divided into.
  public let groups: Int

  private let packedWeights: PackedWeights?
  /// The bias, filled up with zeros to whole blocks in each group; as it is where the convolution is depthwise.
  private let packedBias: Tensor<Float>?

  /// A convolution with the given weights, see ``Convolution2d``.
  public init(weight: Tensor<Element>, bias: Tensor<Element>? = nil, window: Window, groups: Int = 1) {
    require(
      weight.rank == 4, "a convolution with weights \(weight.shape), which are not [outputs, inputs, height, width]")
    require(
      bias.map { $0.shape == [weight.shape[0]] } ?? true,
      "a bias of shape \(bias?.shape ?? []) for weights \(weight.shape)")
    self.weight = weight
    self.bias = bias
    self.window = window
    self.groups = groups
    // The order does not depend on the size of the image: any that holds the window will do.
    let image: Shape = [
      1, window.size.height * window.dilation.height, window.size.width * window.dilation.width,
      weight.shape[1] * groups,
    ]
    _ = Convolution2d.requiredOutputShape(for: image, weight: weight.shape, window: window, groups: groups)
    guard let weight = weight as? Tensor<Float>,
      let fast = KnownConvolutions.forward(input: image, outputs: weight.shape[0], window: window, groups: groups)
    else {
      packedWeights = nil
      packedBias = nil
      return
    }
    packedWeights = fast.packed(weight)
    packedBias = (bias as? Tensor<Float>).map { bias in
      if fast.isDepthwise { return bias }
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
  @specialized(where Element == Float)
  public func callAsFunction(
    _ x: Tensor<Element>, residual: Tensor<Element>? = nil, rectifies: Bool = false
  ) -> Tensor<Element> {
    let shape = Convolution2d.requiredOutputShape(for: x.shape, weight: weight.shape, window: window, groups: groups)
    require(
      residual.map { $0.shape == shape } ?? true, "values of shape \(residual?.shape ?? []) added to an output \(shape)"
    )
    if let packedWeights, let x = x as? Tensor<Float>, Kernels.table != nil {
      return multiply(x, packedWeights, residual as? Tensor<Float>, shape, rectifies) as! Tensor<Element>
    }
    let inputShape = x.shape
    var y = Tensor<Element>(shape: shape) { y in
      y.initialize(repeating: 0)
      x.withUnsafeElements { x in
        weight.withUnsafeElements { weights in
          guard let x = x.baseAddress, let y = y.baseAddress, let weights = weights.baseAddress else { return }
          PlainConvolution(input: inputShape, output: shape, weight: weight.shape, window: window, groups: groups)
            .forward(x, weights, into: y)
        }
      }
    }
    if let residual { y += residual }
    y.addToRows(bias, rectifies: rectifies)
    return y
  }

  private func multiply(
    _ x: Tensor<Float>, _ weights: PackedWeights, _ residual: Tensor<Float>?, _ shape: Shape, _ rectifies: Bool
  ) -> Tensor<Float> {
    let fast = KnownConvolutions.forward(input: x.shape, outputs: shape[3], window: window, groups: groups)
    return Tensor<Float>(shape: shape) { y in
      guard let y = y.baseAddress, let fast, shape.elementCount > 0 else { return }
      x.withUnsafeElements { x in
        Tensor.withUnsafeElements(of: packedBias) { bias in
          Tensor.withUnsafeElements(of: residual) { residual in
            guard let x = x.baseAddress else { return }
            fast.multiply(x, weights, into: y, bias: bias, residual: residual, rectifies: rectifies)
          }
        }
      }
    }
  }
}
