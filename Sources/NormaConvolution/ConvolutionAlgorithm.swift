import NormaTensor

/// How a convolution, or the gradient of one's input, is computed for one shape: on any element, by the kernels where there are
/// some and by their twins where not.
protocol ConvolutionAlgorithm: Sendable {
  /// Whether channels are computed side by side, and the bias is as it is.
  var isDepthwise: Bool { get }
  /// Whether a function that an epilogue ends with is applied; it must have none elsewhere.
  func applies<Element: TensorElement>(_ function: UnaryOperation<Element>) -> Bool

  /// The weights `[outputs, inputs / groups, height, width]` in the order in which ``multiply(_:_:into:then:)`` reads them, which
  /// does not depend on the images' number and size.
  func packed<Element: TensorElement>(_ weight: Tensor<Element>) -> PackedWeights<Element>

  /// The result for a source, and what follows it; the bias is filled up to whole blocks in each group.
  func multiply<Element: TensorElement>(
    _ source: UnsafePointer<Element>, _ weights: PackedWeights<Element>, into result: UnsafeMutablePointer<Element>,
    then epilogue: Epilogue<Element>)

  /// The gradient of the weights `[outputs, inputs / groups, height, width]`, if the convolution is the forward pass.
  func weightGradient<Element: TensorElement>(
    _ gradient: UnsafePointer<Element>, input: UnsafePointer<Element>, into result: UnsafeMutablePointer<Element>)
}

/// How the convolution of each shape is computed. What the shape decides is found once and kept for the next call.
enum KnownConvolutions {
  private struct Key: Hashable {
    let input: Shape
    let outputs: Int
    let window: Window
    let groups: Int
    let isBackward: Bool
  }

  private static let known = Guarded<[Key: any ConvolutionAlgorithm]>([:])
  /// More shapes than any network has; when there are more, all are forgotten.
  private static let mostKnown = 1024

  /// How a convolution's output is computed.
  static func forward(input: Shape, outputs: Int, window: Window, groups: Int) -> any ConvolutionAlgorithm {
    of(Key(input: input, outputs: outputs, window: window, groups: groups, isBackward: false))
  }

  /// How the gradient of a convolution's input is computed.
  static func backward(input: Shape, outputs: Int, window: Window, groups: Int) -> any ConvolutionAlgorithm {
    of(Key(input: input, outputs: outputs, window: window, groups: groups, isBackward: true))
  }

  private static func of(_ key: Key) -> any ConvolutionAlgorithm {
    if let found = known.withLock({ $0[key] }) { return found }
    let new = make(key)
    known.withLock { known in
      if known.count == mostKnown { known.removeAll() }
      known[key] = new
    }
    return new
  }

  private static func make(_ key: Key) -> any ConvolutionAlgorithm {
    if WinogradConvolution.canDo(key.window, inputs: key.input[3], outputs: key.outputs, groups: key.groups) {
      return WinogradConvolution(
        input: key.input, outputs: key.outputs, padding: key.window.padding, isBackward: key.isBackward)
    }
    return ShiftedRowConvolution(
      key.isBackward
        ? .backward(input: key.input, outputs: key.outputs, window: key.window, groups: key.groups)
        : .forward(input: key.input, outputs: key.outputs, window: key.window, groups: key.groups),
      isBackward: key.isBackward)
  }
}
