import NormaTensor

/// Convolution of images as pure functions on tensors: cross-correlation, as in every framework,
/// `y[n, h, w, o] = bias[o] + Σ x[n, h·s + i·d − p, w·s + j·d − p, c] · weight[o, c, i, j]` over the window (i, j) and the
/// inputs c of the output's group, with stride s, dilation d and padding p, outside of which x is taken as 0.
///
/// Images are `[N, H, W, C]`; weights `[outputs, C / groups, height, width]`, PyTorch's order, so that files need no
/// conversion. With `groups`, neighbouring outputs see neighbouring inputs alone; as many groups as channels make a
/// depthwise convolution. Shapes that do not fit stop the program, which says both.
public enum Convolution2d {
  /// The shape of the output for an input `[N, H, W, C]`; nil where the padded image is smaller than the window.
  public static func outputShape(for input: Shape, outputs: Int, window: Window) -> Shape? {
    window.resultExtent(for: Extent2d(height: input[1], width: input[2])).map {
      [input[0], $0.height, $0.width, outputs]
    }
  }

  /// The output `[N, H', W', outputs]`.
  ///
  /// - Parameters:
  ///   - x: the images, `[N, H, W, C]`.
  ///   - weight: `[outputs, C / groups, height, width]`.
  ///   - bias: what is added to each output, `[outputs]`; nothing if nil.
  ///   - window: the window's size, which must be that of the weight, stride, padding and dilation.
  ///   - groups: how many groups the channels are divided into, a divisor of inputs and outputs.
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, weight: Tensor<Element>, bias: Tensor<Element>? = nil, window: Window, groups: Int = 1
  ) -> Tensor<Element> {
    PreparedConvolution(weight: weight, bias: bias, window: window, groups: groups)(x)
  }

  /// The gradient of the input, of the given shape `[N, H, W, C]`, from that of the output `[N, H', W', outputs]`.
  public static func inputGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, inputShape: Shape, weight: Tensor<Element>, window: Window, groups: Int = 1
  ) -> Tensor<Element> {
    let output = requiredOutputShape(for: inputShape, weight: weight.shape, window: window, groups: groups)
    require(gradient.shape == output, "a gradient of shape \(gradient.shape) for an output of shape \(output)")
    guard output.elementCount > 0 else { return .zeros(inputShape) }
    let convolution = KnownConvolutions.backward(input: inputShape, outputs: output[3], window: window, groups: groups)
    let (result, dx) = Tensor<Element>.unwritten(inputShape)
    withExtendedLifetime(gradient) {
      convolution.multiply(gradient.address, convolution.packed(weight), into: dx, then: .none)
    }
    return result
  }

  /// The gradient of the weight, of the given shape `[outputs, C / groups, height, width]`, from that of the output and
  /// the input. That of the bias is the gradient's sum over rows.
  public static func weightGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, weightShape: Shape, window: Window, groups: Int = 1
  ) -> Tensor<Element> {
    let output = requiredOutputShape(for: x.shape, weight: weightShape, window: window, groups: groups)
    require(gradient.shape == output, "a gradient of shape \(gradient.shape) for an output of shape \(output)")
    guard output.elementCount > 0, x.count > 0, weightShape.elementCount > 0 else { return .zeros(weightShape) }
    let (result, dweight) = Tensor<Element>.unwritten(weightShape)
    withExtendedLifetime((gradient, x)) {
      KnownConvolutions.forward(input: x.shape, outputs: weightShape[0], window: window, groups: groups)
        .weightGradient(gradient.address, input: x.address, into: dweight)
    }
    return result
  }

  /// The output's shape, after making sure that everything fits.
  static func requiredOutputShape(for input: Shape, weight: Shape, window: Window, groups: Int) -> Shape {
    require(input.rank == 4, "a convolution of \(input), which is not [N, H, W, C]")
    require(weight.rank == 4, "a convolution with weights \(weight), which are not [outputs, inputs, height, width]")
    require(
      groups > 0 && weight[0] % groups == 0 && input[3] == weight[1] * groups,
      "a convolution of \(input) with weights \(weight) in \(groups) groups")
    require(
      Extent2d(height: weight[2], width: weight[3]) == window.size, "weights \(weight) for a window of \(window.size)")
    guard let output = outputShape(for: input, outputs: weight[0], window: window) else {
      fatalError("a window of \(window.size) is larger than padded images of \(input)")
    }
    return output
  }
}
