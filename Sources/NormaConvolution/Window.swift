import NormaTensor

/// A height and a width, in pixels or in steps over them.
public struct Extent2d: Hashable, Sendable, Codable {
  /// Along the second axis of `[N, H, W, C]`.
  public var height: Int
  /// Along the third axis of `[N, H, W, C]`.
  public var width: Int

  /// A height and a width.
  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }
}

extension Extent2d: ExpressibleByIntegerLiteral {
  /// The same along both axes.
  public init(integerLiteral length: Int) { self.init(height: length, width: length) }
}

extension Extent2d: CustomStringConvertible {
  /// `3` where both are the same, otherwise `3×5`.
  public var description: String { height == width ? "\(height)" : "\(height)×\(width)" }
}

/// The window that a convolution or a pooling moves over an image.
public struct Window: Hashable, Sendable, Codable {
  /// How many values it takes in along each axis.
  public var size: Extent2d
  /// How far it moves from one result to the next.
  public var stride: Extent2d
  /// How far it reaches over the image on each side; values there are taken as 0 (by a maximum: as absent).
  public var padding: Extent2d
  /// The distance between the values it takes in, 1 for neighbours.
  public var dilation: Extent2d

  /// A window; sizes, strides and dilations must be positive, a padding must not be negative.
  public init(_ size: Extent2d, stride: Extent2d = 1, padding: Extent2d = 0, dilation: Extent2d = 1) {
    for part in [size, stride, dilation] {
      require(part.height > 0 && part.width > 0, "a window of size \(size), stride \(stride), dilation \(dilation)")
    }
    require(padding.height >= 0 && padding.width >= 0, "a padding of \(padding)")
    self.size = size
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
  }

  /// A window along signals `[N, L, C]`, which are images of height 1; size, stride and dilation must be positive, the padding must
  /// not be negative.
  public init(length: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1) {
    self.init(
      Extent2d(height: 1, width: length), stride: Extent2d(height: 1, width: stride),
      padding: Extent2d(height: 0, width: padding), dilation: Extent2d(height: 1, width: dilation))
  }

  /// How many places along each axis the window has in an image; nil where the padded image is smaller than the window.
  ///
  /// - Parameters:
  ///   - image: the size of the image.
  ///   - countsPartialWindows: whether the last place along an axis may be one that reaches over the image and its padding, as by
  ///     PyTorch's and ONNX's `ceil_mode`: it must begin before the padding behind the image.
  public func resultExtent(for image: Extent2d, countsPartialWindows: Bool = false) -> Extent2d? {
    guard let height = rows.resultCount(for: image.height, countsPartialWindows: countsPartialWindows),
      let width = columns.resultCount(for: image.width, countsPartialWindows: countsPartialWindows)
    else { return nil }
    return Extent2d(height: height, width: width)
  }

  /// The window along the height.
  package var rows: WindowAxis {
    WindowAxis(size: size.height, stride: stride.height, padding: padding.height, dilation: dilation.height)
  }

  /// The window along the width.
  package var columns: WindowAxis {
    WindowAxis(size: size.width, stride: stride.width, padding: padding.width, dilation: dilation.width)
  }
}

/// A window along one axis.
package struct WindowAxis {
  let size, stride, padding, dilation: Int

  /// How many places the window has; nil where it has none. `countsPartialWindows`: whether there is one more where a part is left over
  /// behind the last of them, unless it would begin in the padding behind.
  func resultCount(for length: Int, countsPartialWindows: Bool = false) -> Int? {
    let free = length + 2 * padding - (size - 1) * dilation - 1
    guard countsPartialWindows else { return free < 0 ? nil : free / stride + 1 }
    guard free > -stride, length > 0 else { return nil }
    let last = (free + stride - 1) / stride
    return last * stride < length + padding ? last + 1 : last
  }

  /// The places of the window's values for result 0 and on: result `i` takes in `i · stride + k · dilation − padding`.
  func forwardPhase(resultCount: Int) -> AxisPhase {
    AxisPhase(
      start: 0, step: 1, count: resultCount, sourceStep: stride,
      taps: (0..<size).map { AxisPhase.Tap(place: $0 * dilation - padding, kernel: $0) })
  }

  /// Which results each place of an image of the given length went into, and by which of the window's values.
  ///
  /// Place `i` went into result `r` by value k where `i + padding = r · stride + k · dilation`. With a stride of s there are
  /// s kinds of places, which are met by different values of the window.
  func backwardPhases(length: Int) -> [AxisPhase] {
    (0..<stride).compactMap { remainder in
      let start = ((remainder - padding) % stride + stride) % stride
      guard start < length else { return nil }
      let taps = (0..<size).filter { (start + padding - $0 * dilation) % stride == 0 }
        .map { AxisPhase.Tap(place: (start + padding - $0 * dilation) / stride, kernel: $0) }
      return AxisPhase(
        start: start, step: stride, count: (length - start + stride - 1) / stride, sourceStep: 1,
        taps: taps.sorted { $0.place < $1.place })
    }
  }
}

/// Results along one axis that are computed alike: result `start + i · step` from the source's values at
/// `i · sourceStep + tap.place` for each tap, where those lie in the source.
struct AxisPhase {
  /// A value that goes into a result.
  struct Tap {
    /// Its place in the source for the first result; may lie before it.
    let place: Int
    /// Its place in the window.
    let kernel: Int
  }

  let start, step, count, sourceStep: Int
  /// In the order of their places.
  let taps: [Tap]
}
