import NormaTensor

/// Pooling of images as pure functions on tensors: what a window takes in becomes one value, channel by channel.
///
/// Images are `[N, H, W, C]`, results `[N, H', W', C]`. A window may reach over the image by half its size at most. Shapes
/// that do not fit stop the program, which says both. Where partial windows count, the last window along an axis may reach over
/// the end as far as it likes, see ``Window/resultExtent(for:countsPartialWindows:)``.
public enum Pooling2d {
  /// The shape of the result for images `[N, H, W, C]`; nil where the padded image is smaller than the window, or the padding
  /// larger than half of it: a window could then take in nothing.
  public static func outputShape(for input: Shape, window: Window, countsPartialWindows: Bool = false) -> Shape? {
    guard input.rank == 4, 2 * window.padding.height <= window.size.height,
      2 * window.padding.width <= window.size.width,
      let extent = window.resultExtent(for: input.extent, countsPartialWindows: countsPartialWindows)
    else { return nil }
    return [input[0], extent.height, extent.width, input[3]]
  }

  /// The largest value that the window takes in; NaN if there is one.
  public static func maximum<Element: TensorElement>(
    _ x: Tensor<Element>, window: Window, countsPartialWindows: Bool = false
  ) -> Tensor<Element> {
    Pooling(x.shape, window, countsPartialWindows).maximum(x)
  }

  /// The gradient of the input of ``maximum(_:window:countsPartialWindows:)``: that of each result goes to the first of the window's values that
  /// equals it; where there are NaN, to the last of them, as in PyTorch.
  public static func maximumGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, output y: Tensor<Element>, window: Window,
    countsPartialWindows: Bool = false
  ) -> Tensor<Element> {
    Pooling(x.shape, window, countsPartialWindows).maximumGradient(gradient, input: x, output: y)
  }

  /// Where each value of ``maximum(_:window:countsPartialWindows:)`` comes from, as a number in row-major order of the images: the
  /// place that ``maximumGradient(_:input:output:window:countsPartialWindows:)`` gives its gradient to.
  public static func maximumPlaces<Element: TensorElement>(
    _ x: Tensor<Element>, output y: Tensor<Element>, window: Window, countsPartialWindows: Bool = false
  ) -> [Int] {
    Pooling(x.shape, window, countsPartialWindows).maximumPlaces(x, output: y)
  }

  /// The mean of what the window takes in. `countsPadding`: whether places in the padding count as zeros, as in PyTorch, or
  /// not at all; those behind the padding never count.
  public static func average<Element: TensorElement>(
    _ x: Tensor<Element>, window: Window, countsPadding: Bool = true, countsPartialWindows: Bool = false
  ) -> Tensor<Element> {
    Pooling(x.shape, window, countsPartialWindows).average(x, countsPadding: countsPadding)
  }

  /// The gradient of the input, of the given shape, of ``average(_:window:countsPadding:countsPartialWindows:)``.
  public static func averageGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, inputShape: Shape, window: Window, countsPadding: Bool = true,
    countsPartialWindows: Bool = false
  ) -> Tensor<Element> {
    Pooling(inputShape, window, countsPartialWindows).averageGradient(gradient, countsPadding: countsPadding)
  }

  /// The places along an axis that a result of an adaptive pooling takes in, PyTorch's: of result i of k along so many values those
  /// from `⌊i · length / k⌋` to `⌈(i + 1) · length / k⌉`. They overlap where the length is no multiple.
  public static func adaptiveWindow(_ result: Int, of count: Int, length: Int) -> Range<Int> {
    result * length / count..<((result + 1) * length + count - 1) / count
  }

  /// The largest value of each of as many windows as the result is to have pixels, see ``adaptiveWindow(_:of:length:)``; NaN if
  /// there is one.
  public static func adaptiveMaximum<Element: TensorElement>(
    _ x: Tensor<Element>, to extent: Extent2d
  ) -> Tensor<Element> {
    Pooling(x.shape, to: extent).maximum(x)
  }

  /// The gradient of the input of ``adaptiveMaximum(_:to:)``, see ``maximumGradient(_:input:output:window:countsPartialWindows:)``.
  public static func adaptiveMaximumGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, output y: Tensor<Element>
  ) -> Tensor<Element> {
    Pooling(x.shape, to: y.shape.extent).maximumGradient(gradient, input: x, output: y)
  }

  /// Where each value of ``adaptiveMaximum(_:to:)`` comes from, see
  /// ``maximumPlaces(_:output:window:countsPartialWindows:)``.
  public static func adaptiveMaximumPlaces<Element: TensorElement>(
    _ x: Tensor<Element>, output y: Tensor<Element>
  ) -> [Int] {
    Pooling(x.shape, to: y.shape.extent).maximumPlaces(x, output: y)
  }

  /// The mean of each of as many windows as the result is to have pixels, see ``adaptiveWindow(_:of:length:)``.
  public static func adaptiveAverage<Element: TensorElement>(
    _ x: Tensor<Element>, to extent: Extent2d
  ) -> Tensor<Element> {
    Pooling(x.shape, to: extent).average(x, countsPadding: false)
  }

  /// The gradient of the input, of the given shape, of ``adaptiveAverage(_:to:)``.
  public static func adaptiveAverageGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, inputShape: Shape
  ) -> Tensor<Element> {
    Pooling(inputShape, to: gradient.shape.extent).averageGradient(gradient, countsPadding: false)
  }

  /// The mean of each channel over all positions of each sample, added up in double precision: `[N, …, C] → [N, C]`. That of no positions
  /// is no number.
  @specialized(where Element == Float)
  public static func globalAverage<Element: TensorElement>(_ x: Tensor<Element>) -> Tensor<Element> {
    require(x.rank >= 2, "a global average of \(x.shape), which is not [N, …, C]")
    let (samples, channels) = (x.shape[0], x.shape.channelCount)
    let positions = x.shape.dropFirst().dropLast().reduce(1, *)
    guard positions > 0 else { return Tensor(repeating: .nan, shape: [samples, channels]) }
    return Tensor(shape: [samples, channels]) { y in
      x.withUnsafeElements { x in
        guard x.count > 0, let x = x.baseAddress, let y = y.baseAddress else { return }
        // Large images by some lines of neighbouring channels.
        let width = positions * channels < 1 << 14 ? channels : 64
        let parts = (channels + width - 1) / width
        Parallel.forEach(samples * parts) { number in
          let (sample, first) = (number / parts, number % parts * width)
          let count = min(width, channels - first)
          withScratch(count, of: Double.self) { sums in
            sums.update(repeating: 0, count: count)
            addRows(
              x + sample * positions * channels + first, rows: positions, channels: count, stride: channels, into: sums)
            for channel in 0..<count {
              y[sample * channels + first + channel] = Element(sums[channel] / Double(positions))
            }
          }
        }
      }
    }
  }

  /// The gradient of the input, of the given shape `[N, …, C]`, of ``globalAverage(_:)``.
  public static func globalAverageGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, inputShape: Shape
  ) -> Tensor<Element> {
    let (samples, channels) = (inputShape[0], inputShape.channelCount)
    require(gradient.shape == [samples, channels], "a gradient of shape \(gradient.shape) for an input \(inputShape)")
    let positions = inputShape.dropFirst().dropLast().reduce(1, *)
    let shares = gradient.applying(.scale(1 / Element(max(1, positions))))
    return Tensor(shape: inputShape) { dx in
      shares.withUnsafeElements { shares in
        guard let shares = shares.baseAddress, let dx = dx.baseAddress else { return }
        for row in 0..<samples * positions {
          (dx + row * channels).update(from: shares + row / positions * channels, count: channels)
        }
      }
    }
  }
}

extension Shape {
  /// The size of images `[N, H, W, C]`.
  fileprivate var extent: Extent2d {
    require(rank == 4, "images of \(self), which are not [N, H, W, C]")
    return Extent2d(height: self[1], width: self[2])
  }
}

/// The windows of a pooling along one axis.
private struct PoolingAxis {
  let length, resultCount: Int
  /// Nil where each result has a window of its own, so that together they take in all values.
  let window: WindowAxis?

  var step: Int { window?.dilation ?? 1 }

  /// The first place that a result takes in, which may lie before the image.
  func start(_ result: Int) -> Int {
    if let window { return result * window.stride - window.padding }
    return Pooling2d.adaptiveWindow(result, of: resultCount, length: length).lowerBound
  }

  /// How many places a result takes in, those outside of the image included.
  func count(_ result: Int) -> Int {
    window?.size ?? Pooling2d.adaptiveWindow(result, of: resultCount, length: length).count
  }

  /// How many of these places lie on the image or its padding.
  func paddedCount(_ result: Int) -> Int {
    guard let window else { return count(result) }
    return min(window.size, (length + window.padding - start(result) + window.dilation - 1) / window.dilation)
  }

  var mostCount: Int { window?.size ?? (0..<resultCount).map(count).max() ?? 0 }
}

/// What the pooling of one batch of images is about.
private struct Pooling {
  let input, output: Shape
  let rows, columns: PoolingAxis

  init(_ input: Shape, _ window: Window, _ countsPartialWindows: Bool) {
    require(input.rank == 4, "a pooling of \(input), which is not [N, H, W, C]")
    guard
      let output = Pooling2d.outputShape(for: input, window: window, countsPartialWindows: countsPartialWindows)
    else {
      fatalError(
        "a window of \(window.size) is larger than images of \(input) padded by \(window.padding), or cannot reach over them so far"
      )
    }
    self.input = input
    self.output = output
    rows = PoolingAxis(length: input[1], resultCount: output[1], window: window.rows)
    columns = PoolingAxis(length: input[2], resultCount: output[2], window: window.columns)
  }

  init(_ input: Shape, to extent: Extent2d) {
    require(
      input.rank == 4 && input[1] > 0 && input[2] > 0 && extent.height > 0 && extent.width > 0,
      "an adaptive pooling of \(input) to \(extent)")
    self.input = input
    output = [input[0], extent.height, extent.width, input[3]]
    rows = PoolingAxis(length: input[1], resultCount: extent.height, window: nil)
    columns = PoolingAxis(length: input[2], resultCount: extent.width, window: nil)
  }

  func maximum<Element: TensorElement>(_ x: Tensor<Element>) -> Tensor<Element> {
    Tensor(shape: output) { y in
      x.withUnsafeElements { x in
        guard let x = x.baseAddress, let y = y.baseAddress else { return }
        Parallel.forEach(output[0] * output[1]) { maximumOfRow($0, self, x, y) }
      }
    }
  }

  func maximumGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, output y: Tensor<Element>
  ) -> Tensor<Element> {
    require(
      gradient.shape == output && y.shape == output,
      "a gradient of shape \(gradient.shape) and an output \(y.shape) for one of shape \(output)")
    return Tensor(shape: x.shape) { dx in
      dx.initialize(repeating: 0)
      x.withUnsafeElements { x in
        y.withUnsafeElements { y in
          gradient.withUnsafeElements { g in
            guard let x = x.baseAddress, let y = y.baseAddress, let g = g.baseAddress, let dx = dx.baseAddress else {
              return
            }
            Parallel.forEach(output[0]) { maximumGradientOfSample($0, self, g, x, y, dx) }
          }
        }
      }
    }
  }

  func maximumPlaces<Element: TensorElement>(_ x: Tensor<Element>, output y: Tensor<Element>) -> [Int] {
    require(x.shape == input && y.shape == output, "places in \(x.shape) of an output \(y.shape)")
    var found = [Int](repeating: 0, count: output.elementCount)
    x.withUnsafeElements { x in
      y.withUnsafeElements { y in
        for sample in 0..<output[0] {
          forEachResult(of: sample) { result, places in
            for channel in 0..<input[3] {
              let largest = y[result + channel]
              let place =
                largest.isNaN
                ? places.last { x[$0 + channel].isNaN } : places.first { x[$0 + channel] == largest }
              found[result + channel] = (place ?? places[0]) + channel
            }
          }
        }
      }
    }
    return found
  }

  func average<Element: TensorElement>(_ x: Tensor<Element>, countsPadding: Bool) -> Tensor<Element> {
    Tensor(shape: output) { y in
      y.initialize(repeating: 0)
      x.withUnsafeElements { x in
        guard let x = x.baseAddress, let y = y.baseAddress else { return }
        Parallel.forEach(output[0] * output[1]) { averageOfRow($0, self, countsPadding, x, y) }
      }
    }
  }

  func averageGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, countsPadding: Bool
  ) -> Tensor<Element> {
    require(
      gradient.shape == output, "a gradient of shape \(gradient.shape) for an output of shape \(output)")
    return Tensor(shape: input) { dx in
      dx.initialize(repeating: 0)
      gradient.withUnsafeElements { g in
        guard let g = g.baseAddress, let dx = dx.baseAddress else { return }
        Parallel.forEach(output[0]) { averageGradientOfSample($0, self, countsPadding, g, dx) }
      }
    }
  }

  /// Calls `body` for each result of a sample, with its place and those of the values on the image that the window takes in;
  /// all counted in elements.
  @inline(__always)
  func forEachResult(of sample: Int, _ body: (_ result: Int, _ values: UnsafeBufferPointer<Int>) -> Void) {
    let height = output[1]
    for row in sample * height..<(sample + 1) * height { forEachResult(ofRow: row, body) }
  }

  /// The same for one row of results, which are numbered through all samples.
  @inline(__always)
  func forEachResult(ofRow number: Int, _ body: (_ result: Int, _ values: UnsafeBufferPointer<Int>) -> Void) {
    let (inputHeight, inputWidth, channels) = (input[1], input[2], input[3])
    let (outputHeight, outputWidth) = (output[1], output[2])
    let (sample, row) = (number / outputHeight, number % outputHeight)
    let (top, height) = (rows.start(row), rows.count(row))
    withScratch(rows.mostCount * columns.mostCount, of: Int.self) { places in
      for column in 0..<outputWidth {
        let (left, width) = (columns.start(column), columns.count(column))
        var count = 0
        for tapRow in 0..<height {
          let y = top + tapRow * rows.step
          guard y >= 0, y < inputHeight else { continue }
          for tapColumn in 0..<width {
            let x = left + tapColumn * columns.step
            guard x >= 0, x < inputWidth else { continue }
            places[count] = ((sample * inputHeight + y) * inputWidth + x) * channels
            count += 1
          }
        }
        body((number * outputWidth + column) * channels, UnsafeBufferPointer(start: places, count: count))
      }
    }
  }

  /// What the mean of a result, one of a sample's, is divided by; `count`: how many values on the image it takes in.
  func divisor(_ result: Int, _ count: Int, countsPadding: Bool) -> Int {
    guard countsPadding else { return max(1, count) }
    let pixel = result / max(1, input[3])
    return rows.paddedCount(pixel / output[2] % output[1]) * columns.paddedCount(pixel % output[2])
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func maximumOfRow<Element: TensorElement>(
  _ row: Int, _ pooling: Pooling, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>
) {
  let channels = pooling.input[3]
  pooling.forEachResult(ofRow: row) { result, places in
    let best = y + result
    best.update(repeating: -.infinity, count: channels)
    for place in places {
      let values = x + place
      // A NaN is larger than no number, and wins.
      for channel in 0..<channels {
        let (value, largest) = (values[channel], best[channel])
        best[channel] = value > largest || value != value ? value : largest
      }
    }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func maximumGradientOfSample<Element: TensorElement>(
  _ sample: Int, _ pooling: Pooling, _ g: UnsafePointer<Element>, _ x: UnsafePointer<Element>,
  _ y: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>
) {
  let channels = pooling.input[3]
  withScratch(channels, of: Element.self) { left in
    pooling.forEachResult(of: sample) { result, places in
      left.update(from: g + result, count: channels)
      let largest = y + result
      for place in places {
        let (values, gradients) = (x + place, dx + place)
        for channel in 0..<channels {
          let isIt = values[channel] == largest[channel]
          gradients[channel] += isIt ? left[channel] : 0
          left[channel] = isIt ? 0 : left[channel]
        }
      }
      for channel in 0..<channels where largest[channel] != largest[channel] {
        guard let place = places.last(where: { x[$0 + channel] != x[$0 + channel] }) else { continue }
        dx[place + channel] += left[channel]
      }
    }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func averageOfRow<Element: TensorElement>(
  _ row: Int, _ pooling: Pooling, _ countsPadding: Bool, _ x: UnsafePointer<Element>,
  _ y: UnsafeMutablePointer<Element>
) {
  let channels = pooling.input[3]
  pooling.forEachResult(ofRow: row) { result, places in
    let mean = y + result
    for place in places {
      let values = x + place
      for channel in 0..<channels { mean[channel] += values[channel] }
    }
    let divisor = Element(pooling.divisor(result, places.count, countsPadding: countsPadding))
    for channel in 0..<channels { mean[channel] /= divisor }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func averageGradientOfSample<Element: TensorElement>(
  _ sample: Int, _ pooling: Pooling, _ countsPadding: Bool, _ g: UnsafePointer<Element>,
  _ dx: UnsafeMutablePointer<Element>
) {
  let channels = pooling.input[3]
  pooling.forEachResult(of: sample) { result, places in
    let divisor = Element(pooling.divisor(result, places.count, countsPadding: countsPadding))
    let share = g + result
    for place in places {
      let gradients = dx + place
      for channel in 0..<channels { gradients[channel] += share[channel] / divisor }
    }
  }
}
