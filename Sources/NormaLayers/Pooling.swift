import NormaConvolution
import NormaGraph
import NormaTensor

/// The largest value of each window: `[N, H, W, C] → [N, H', W', C]`.
public final class MaxPool2d<Element: TensorElement>: Layer {
  /// The window's size, stride, padding and dilation.
  public let window: Window

  /// A pooling; the window must not reach over the image by more than half its size.
  public init(_ window: Window) { self.window = window }

  public var summary: String { "MaxPool2d(\(window.summary))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.maxPooled(window)
  }
}

/// The mean of each window: `[N, H, W, C] → [N, H', W', C]`.
public final class AveragePool2d<Element: TensorElement>: Layer {
  /// The window's size, stride, padding and dilation.
  public let window: Window
  /// Whether places outside the image count as zeros, as in PyTorch, or not at all.
  public let countsPadding: Bool

  /// A pooling; the window must not reach over the image by more than half its size.
  public init(_ window: Window, countsPadding: Bool = true) {
    self.window = window
    self.countsPadding = countsPadding
  }

  public var summary: String { "AveragePool2d(\(window.summary))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.averagePooled(window, countsPadding: countsPadding)
  }
}

/// The mean of each channel over all positions: `[N, …, C] → [N, C]`.
public final class GlobalAveragePool<Element: TensorElement>: Layer {
  public init() {}
  public var summary: String { "GlobalAveragePool" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.globallyAveraged()
  }
}
