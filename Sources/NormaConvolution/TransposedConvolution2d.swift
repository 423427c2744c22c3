import NormaTensor

/// Transposed convolution of images as pure functions on tensors: each value is spread over a window of the result, and what
/// meets there is added up, `y[n, h·s + i·d − p, w·s + j·d − p, o] += x[n, h, w, c] · weight[c, o, i, j]`, with stride s, dilation d
/// and padding p, by which the result is cut on each side.
///
/// It is the gradient of the input of ``Convolution2d``, and its gradients are a convolution and the gradient of one's weight. Images
/// are `[N, H, W, C]`; weights `[C, outputs / groups, height, width]`, PyTorch's order, so that files need no conversion. Shapes
/// that do not fit stop the program, which says both.
public enum TransposedConvolution2d {
  /// The shape of the output for an input `[N, H, W, C]`, of which each length is
  /// `(length − 1) · stride − 2 · padding + dilation · (size − 1) + 1 + outputPadding`; nil where nothing would be left.
  ///
  /// `outputPadding`: how much longer the output is at its end. A convolution with a stride above 1 has outputs of one
  ///   size for images of several: this says which of them is meant.
  public static func outputShape(
    for input: Shape, outputs: Int, window: Window, outputPadding: Extent2d = 0
  ) -> Shape? {
    func length(_ axis: WindowAxis, _ length: Int, _ more: Int) -> Int {
      (length - 1) * axis.stride - 2 * axis.padding + axis.dilation * (axis.size - 1) + 1 + more
    }
    let height = length(window.rows, input[1], outputPadding.height)
    let width = length(window.columns, input[2], outputPadding.width)
    return height > 0 && width > 0 ? [input[0], height, width, outputs] : nil
  }

  /// The output `[N, H', W', outputs]`.
  ///
  /// - Parameters:
  ///   - x: the images, `[N, H, W, C]`.
  ///   - weight: `[C, outputs / groups, height, width]`.
  ///   - bias: what is added to each output, `[outputs]`; nothing if nil.
  ///   - window: the window's size, which must be that of the weight, stride, padding and dilation.
  ///   - outputPadding: how much longer the output is at its end; below the stride or the dilation.
  ///   - groups: how many groups the channels are divided into, a divisor of inputs and outputs.
  ///   - rectifies: whether ReLU is applied at the end.
  public static func forward<Element: TensorElement>(
    _ x: Tensor<Element>, weight: Tensor<Element>, bias: Tensor<Element>? = nil, window: Window,
    outputPadding: Extent2d = 0, groups: Int = 1, rectifies: Bool = false
  ) -> Tensor<Element> {
    let output = requiredOutputShape(
      for: x.shape, weight: weight.shape, window: window, outputPadding: outputPadding, groups: groups)
    var y = Convolution2d.inputGradient(
      x.framed(to: window.convolvedExtent(of: output)), inputShape: output, weight: weight, window: window,
      groups: groups)
    y.addToRows(bias, rectifies: rectifies)
    return y
  }

  /// The gradient of the input, of the given shape `[N, H, W, C]`, from that of the output `[N, H', W', outputs]`.
  public static func inputGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, inputShape: Shape, weight: Tensor<Element>, window: Window, groups: Int = 1
  ) -> Tensor<Element> {
    Convolution2d.forward(gradient, weight: weight, window: window, groups: groups)
      .framed(to: Extent2d(height: inputShape[1], width: inputShape[2]))
  }

  /// The gradient of the weight, of the given shape `[C, outputs / groups, height, width]`, from that of the output and the input.
  /// That of the bias is the gradient's sum over rows.
  public static func weightGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, weightShape: Shape, window: Window, groups: Int = 1
  ) -> Tensor<Element> {
    Convolution2d.weightGradient(
      x.framed(to: window.convolvedExtent(of: gradient.shape)), input: gradient, weightShape: weightShape,
      window: window, groups: groups)
  }

  /// The output's shape, after making sure that everything fits.
  private static func requiredOutputShape(
    for input: Shape, weight: Shape, window: Window, outputPadding: Extent2d, groups: Int
  ) -> Shape {
    require(input.rank == 4, "a transposed convolution of \(input), which is not [N, H, W, C]")
    require(
      weight.rank == 4,
      "a transposed convolution with weights \(weight), which are not [inputs, outputs, height, width]"
    )
    require(
      groups > 0 && input[3] == weight[0] && input[3] % groups == 0,
      "a transposed convolution of \(input) with weights \(weight) in \(groups) groups")
    require(
      Extent2d(height: weight[2], width: weight[3]) == window.size, "weights \(weight) for a window of \(window.size)")
    require(window.takes(outputPadding: outputPadding), "an output padding of \(outputPadding) for \(window)")
    let output = outputShape(
      for: input, outputs: weight[1] * groups, window: window, outputPadding: outputPadding)
    guard let output else { fatalError("a padding of \(window.padding) leaves nothing of images of \(input)") }
    return output
  }
}

extension Window {
  /// Whether the output of a transposed convolution may be so much longer: by less than the stride or the dilation, PyTorch's
  /// condition.
  package func takes(outputPadding: Extent2d) -> Bool {
    (0..<max(stride.height, dilation.height)).contains(outputPadding.height)
      && (0..<max(stride.width, dilation.width)).contains(outputPadding.width)
  }

  /// The size of what a convolution makes of images of a shape `[N, H, W, C]`.
  package func convolvedExtent(of shape: Shape) -> Extent2d {
    guard let extent = resultExtent(for: Extent2d(height: shape[1], width: shape[2])) else {
      fatalError("a window of \(size) is larger than padded images of \(shape)")
    }
    return extent
  }
}

extension Tensor {
  /// Images cut, or filled up with zeros, at the ends of their rows and columns. A convolution of an output that is longer by the
  /// stride or more has more results than the input has values.
  fileprivate func framed(to extent: Extent2d) -> Tensor {
    guard shape[1] != extent.height || shape[2] != extent.width else { return self }
    let (from, to) = (shape, Shape([shape[0], extent.height, extent.width, shape[3]]))
    let count = Swift.min(from[2], to[2]) * from[3]
    return Tensor(shape: to) { result in
      result.initialize(repeating: 0)
      withUnsafeElements { x in
        guard let x = x.baseAddress, let result = result.baseAddress else { return }
        for sample in 0..<from[0] {
          for row in 0..<Swift.min(from[1], to[1]) {
            (result + (sample * to[1] + row) * to[2] * to[3])
              .update(from: x + (sample * from[1] + row) * from[2] * from[3], count: count)
          }
        }
      }
    }
  }
}
