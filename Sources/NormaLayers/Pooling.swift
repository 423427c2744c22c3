import NormaConvolution
import NormaGraph
import NormaTensor

/// The largest value of each window: `[N, H, W, C] → [N, H', W', C]`.
public final class MaxPool2d<Element: TensorElement>: Layer {
  /// The window's size, stride, padding and dilation.
  public let window: Window
  /// Whether the last window along an axis may reach over the end of the image: PyTorch's `ceil_mode`.
  public let countsPartialWindows: Bool

  /// A pooling; the window must not reach over the image by more than half its size.
  public init(_ window: Window, countsPartialWindows: Bool = false) {
    self.window = window
    self.countsPartialWindows = countsPartialWindows
  }

  public var summary: String {
    "MaxPool2d(\(window.summary)\(countsPartialWindows ? ", partial windows too" : ""))"
  }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.maxPooled(window, countsPartialWindows: countsPartialWindows)
  }
}

/// The mean of each window: `[N, H, W, C] → [N, H', W', C]`.
public final class AveragePool2d<Element: TensorElement>: Layer {
  /// The window's size, stride, padding and dilation.
  public let window: Window
  /// Whether places in the padding count as zeros, as in PyTorch, or not at all.
  public let countsPadding: Bool
  /// Whether the last window along an axis may reach over the end of the image: PyTorch's `ceil_mode`.
  public let countsPartialWindows: Bool

  /// A pooling; the window must not reach over the image by more than half its size.
  public init(_ window: Window, countsPadding: Bool = true, countsPartialWindows: Bool = false) {
    self.window = window
    self.countsPadding = countsPadding
    self.countsPartialWindows = countsPartialWindows
  }

  public var summary: String {
    "AveragePool2d(\(window.summary)\(countsPartialWindows ? ", partial windows too" : ""))"
  }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.averagePooled(window, countsPadding: countsPadding, countsPartialWindows: countsPartialWindows)
  }
}

/// The largest value of each window along a signal: `[N, L, C] → [N, L', C]`.
public final class MaxPool1d<Element: TensorElement>: Layer {
  /// The window along the signal: size, stride, padding and dilation.
  public let window: Window

  /// A pooling by a window along signals, such as `Window(length: 2, stride: 2)`, which must not reach over the signal by more than
  /// half its size.
  public init(_ window: Window) {
    require(window.isAlongSignals, "a pooling of signals by a window of \(window.summary)")
    self.window = window
  }

  public var summary: String { "MaxPool1d(\(window.signalSummary))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.maxPooledAlongSignals(window)
  }
}

/// The mean of each window along a signal: `[N, L, C] → [N, L', C]`.
public final class AveragePool1d<Element: TensorElement>: Layer {
  /// The window along the signal: size, stride, padding and dilation.
  public let window: Window
  /// Whether places outside the signal count as zeros, as in PyTorch, or not at all.
  public let countsPadding: Bool

  /// A pooling by a window along signals, such as `Window(length: 2, stride: 2)`, which must not reach over the signal by more than
  /// half its size.
  public init(_ window: Window, countsPadding: Bool = true) {
    require(window.isAlongSignals, "a pooling of signals by a window of \(window.summary)")
    self.window = window
    self.countsPadding = countsPadding
  }

  public var summary: String { "AveragePool1d(\(window.signalSummary))" }
  public func callAsFunction(_ x: Variable<Element>, in pass: Pass<Element>) -> Variable<Element> {
    x.averagePooledAlongSignals(window, countsPadding: countsPadding)
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
