import NormaConvolution
import NormaTensor

/// A linear map whose weights have been brought into the order that the kernels read: to be applied again and again,
/// from several threads at once if wanted.
public struct PreparedLinear<Element: TensorElement>: Sendable {
  /// `[outputs, inputs]`.
  public let weight: Tensor<Element>
  /// What is added to each output, `[outputs]`.
  public let bias: Tensor<Element>?

  /// On `Float`, the map as a convolution of images of one pixel, which adds the bias and does ReLU besides.
  private let convolution: PreparedConvolution<Float>?

  /// `x · weightᵀ + bias`.
  public init(weight: Tensor<Element>, bias: Tensor<Element>?) {
    self.weight = weight
    self.bias = bias
    convolution = (weight as? Tensor<Float>).map { weight in
      PreparedConvolution(
        weight: weight.reshaped(to: [weight.shape[0], weight.shape[1], 1, 1]), bias: bias as? Tensor<Float>,
        window: Window(1))
    }
  }

  /// The outputs `[rows, outputs]` for rows `[rows, inputs]`, rectified if asked.
  @specialized(where Element == Float)
  func callAsFunction(_ x: Tensor<Element>, rectifies: Bool) -> Tensor<Element> {
    // For a single row, whose weights are all read once, products of rows with the weights as they are take less time.
    if x.shape[0] > 1, let convolution, let x = x as? Tensor<Float> {
      let y = convolution(x.reshaped(to: [x.shape[0], 1, 1, x.shape[1]]), rectifies: rectifies)
      return y.reshaped(to: [x.shape[0], weight.shape[0]]) as! Tensor<Element>
    }
    var y = x.matrixProduct(weight, transposingOther: true)
    y.addToRows(bias, rectifies: rectifies)
    return y
  }
}
