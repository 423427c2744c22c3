import CKernels
import NormaTensor

/// A convolution on `Float`, or the gradient of one's input, for one shape, on the kernels that an operation found in use when it
/// began.
protocol KernelConvolution: Sendable {
  /// Whether channels are computed side by side, and the bias is as it is.
  var isDepthwise: Bool { get }

  /// The weights `[outputs, inputs / groups, height, width]` in the order in which
  /// ``multiply(_:_:_:into:bias:residual:rectifies:)`` reads them, which does not depend on the images' number and size.
  func packed(_ weight: Tensor<Float>) -> PackedWeights

  /// The result for a source, and what follows it: a bias for each of the result's channels, filled up to whole blocks
  /// in each group, values of the result's shape that are added, ReLU.
  func multiply(
    _ kernels: norma_kernels, _ source: UnsafePointer<Float>, _ weights: PackedWeights,
    into result: UnsafeMutablePointer<Float>,
    bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?, rectifies: Bool)

  /// The gradient of the weights `[outputs, inputs / groups, height, width]`, if the convolution is the forward pass.
  func weightGradient(
    _ kernels: norma_kernels, _ gradient: UnsafePointer<Float>, input: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>)
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

  private static let known = Guarded<[Key: any KernelConvolution]>([:])
  /// More shapes than any network has; when there are more, all are forgotten.
  private static let mostKnown = 1024

  /// How a convolution's output is computed.
  static func forward(input: Shape, outputs: Int, window: Window, groups: Int) -> any KernelConvolution {
    of(Key(input: input, outputs: outputs, window: window, groups: groups, isBackward: false))
  }

  /// How the gradient of a convolution's input is computed.
  static func backward(input: Shape, outputs: Int, window: Window, groups: Int) -> any KernelConvolution {
    of(Key(input: input, outputs: outputs, window: window, groups: groups, isBackward: true))
  }

  private static func of(_ key: Key) -> any KernelConvolution {
    if let found = known.withLock({ $0[key] }) { return found }
    let new = make(key)
    known.withLock { known in
      if known.count == mostKnown { known.removeAll() }
      known[key] = new
    }
    return new
  }

  private static func make(_ key: Key) -> any KernelConvolution {
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
