import NormaTensor

/// Pooling of images as pure functions on tensors: what a window takes in becomes one value, channel by channel.
///
/// Images are `[N, H, W, C]`, results `[N, H', W', C]`. A window may reach over the image by half its size at most. Shapes
/// that do not fit stop the program, which says both.
public enum Pooling2d {
  /// The shape of the result for images `[N, H, W, C]`; nil where the padded image is smaller than the window, or the padding
  /// larger than half of it: a window could then take in nothing.
  public static func outputShape(for input: Shape, window: Window) -> Shape? {
    guard 2 * window.padding.height <= window.size.height, 2 * window.padding.width <= window.size.width else {
      return nil
    }
    return Convolution2d.outputShape(for: input, outputs: input[3], window: window)
  }

  /// The largest value that the window takes in; NaN if there is one.
  public static func maximum<Element: TensorElement>(_ x: Tensor<Element>, window: Window) -> Tensor<Element> {
    let pooling = Pooling(x.shape, window)
    return Tensor(shape: pooling.output) { y in
      x.withUnsafeElements { x in
        guard let x = x.baseAddress, let y = y.baseAddress else { return }
        Parallel.forEach(pooling.output[0]) { maximumOfSample($0, pooling, x, y) }
      }
    }
  }

  /// The gradient of the input of ``maximum(_:window:)``: that of each result goes to the first of the window's values that
  /// equals it; where there are NaN, to the last of them, as in PyTorch.
  public static func maximumGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, input x: Tensor<Element>, output y: Tensor<Element>, window: Window
  ) -> Tensor<Element> {
    let pooling = Pooling(x.shape, window)
    require(
      gradient.shape == pooling.output && y.shape == pooling.output,
      "a gradient of shape \(gradient.shape) and an output \(y.shape) for one of shape \(pooling.output)")
    return Tensor(shape: x.shape) { dx in
      dx.initialize(repeating: 0)
      x.withUnsafeElements { x in
        y.withUnsafeElements { y in
          gradient.withUnsafeElements { g in
            guard let x = x.baseAddress, let y = y.baseAddress, let g = g.baseAddress, let dx = dx.baseAddress else {
              return
            }
            Parallel.forEach(pooling.output[0]) { maximumGradientOfSample($0, pooling, g, x, y, dx) }
          }
        }
      }
    }
  }

  /// The mean of what the window takes in. `countsPadding`: whether places outside the image count as zeros, as in PyTorch, or
  /// not at all.
  public static func average<Element: TensorElement>(
    _ x: Tensor<Element>, window: Window, countsPadding: Bool = true
  ) -> Tensor<Element> {
    let pooling = Pooling(x.shape, window)
    return Tensor(shape: pooling.output) { y in
      y.initialize(repeating: 0)
      x.withUnsafeElements { x in
        guard let x = x.baseAddress, let y = y.baseAddress else { return }
        Parallel.forEach(pooling.output[0]) { averageOfSample($0, pooling, countsPadding, x, y) }
      }
    }
  }

  /// The gradient of the input, of the given shape, of ``average(_:window:countsPadding:)``.
  public static func averageGradient<Element: TensorElement>(
    _ gradient: Tensor<Element>, inputShape: Shape, window: Window, countsPadding: Bool = true
  ) -> Tensor<Element> {
    let pooling = Pooling(inputShape, window)
    require(
      gradient.shape == pooling.output, "a gradient of shape \(gradient.shape) for an output of shape \(pooling.output)"
    )
    return Tensor(shape: inputShape) { dx in
      dx.initialize(repeating: 0)
      gradient.withUnsafeElements { g in
        guard let g = g.baseAddress, let dx = dx.baseAddress else { return }
        Parallel.forEach(pooling.output[0]) { averageGradientOfSample($0, pooling, countsPadding, g, dx) }
      }
    }
  }

  /// The mean of each channel over all positions of each sample, added up in double precision: `[N, …, C] → [N, C]`.
  public static func globalAverage<Element: TensorElement>(_ x: Tensor<Element>) -> Tensor<Element> {
    require(x.rank >= 2, "a global average of \(x.shape), which is not [N, …, C]")
    let (samples, channels) = (x.shape[0], x.shape.channelCount)
    let positions = x.shape.dropFirst().dropLast().reduce(1, *)
    return Tensor(shape: [samples, channels]) { y in
      x.withUnsafeElements { x in
        guard let x = x.baseAddress, let y = y.baseAddress else { return }
        Parallel.forEach(samples) { sample in
          withScratch(channels, of: Double.self) { sums in
            sums.update(repeating: 0, count: channels)
            addPositions(x + sample * positions * channels, positions, channels, to: sums)
            for channel in 0..<channels { y[sample * channels + channel] = Element(sums[channel] / Double(positions)) }
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

/// What the pooling of one batch of images is about.
private struct Pooling {
  let input, output: Shape
  let window: Window

  init(_ input: Shape, _ window: Window) {
    require(input.rank == 4, "a pooling of \(input), which is not [N, H, W, C]")
    guard let output = Pooling2d.outputShape(for: input, window: window) else {
      fatalError(
        "a window of \(window.size) is larger than images of \(input) padded by \(window.padding), or cannot reach over them so far"
      )
    }
    self.input = input
    self.output = output
    self.window = window
  }

  /// Calls `body` for each result of a sample, with its place and those of the values on the image that the window takes in;
  /// all counted in elements.
  @inline(__always)
  func forEachResult(of sample: Int, _ body: (_ result: Int, _ values: UnsafeBufferPointer<Int>) -> Void) {
    withScratch(window.size.height * window.size.width, of: Int.self) { places in
      for row in 0..<output[1] {
        for column in 0..<output[2] {
          var count = 0
          for tapRow in 0..<window.size.height {
            let y = row * window.stride.height + tapRow * window.dilation.height - window.padding.height
            guard y >= 0, y < input[1] else { continue }
            for tapColumn in 0..<window.size.width {
              let x = column * window.stride.width + tapColumn * window.dilation.width - window.padding.width
              guard x >= 0, x < input[2] else { continue }
              places[count] = ((sample * input[1] + y) * input[2] + x) * input[3]
              count += 1
            }
          }
          let result = ((sample * output[1] + row) * output[2] + column) * output[3]
          body(result, UnsafeBufferPointer(start: places, count: count))
        }
      }
    }
  }

  /// What a mean is divided by.
  func divisor(_ count: Int, countsPadding: Bool) -> Int {
    countsPadding ? window.size.height * window.size.width : max(1, count)
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func maximumOfSample<Element: TensorElement>(
  _ sample: Int, _ pooling: Pooling, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>
) {
  let channels = pooling.input[3]
  pooling.forEachResult(of: sample) { result, places in
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
private func averageOfSample<Element: TensorElement>(
  _ sample: Int, _ pooling: Pooling, _ countsPadding: Bool, _ x: UnsafePointer<Element>,
  _ y: UnsafeMutablePointer<Element>
) {
  let channels = pooling.input[3]
  pooling.forEachResult(of: sample) { result, places in
    let mean = y + result
    for place in places {
      let values = x + place
      for channel in 0..<channels { mean[channel] += values[channel] }
    }
    let divisor = Element(pooling.divisor(places.count, countsPadding: countsPadding))
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
    let divisor = Element(pooling.divisor(places.count, countsPadding: countsPadding))
    let share = g + result
    for place in places {
      let gradients = dx + place
      for channel in 0..<channels { gradients[channel] += share[channel] / divisor }
    }
  }
}

@specialized(where Element == Float)
@specialized(where Element == Double)
private func addPositions<Element: TensorElement>(
  _ x: UnsafePointer<Element>, _ positions: Int, _ channels: Int, to sums: UnsafeMutablePointer<Double>
) {
  for position in 0..<positions {
    let values = x + position * channels
    for channel in 0..<channels { sums[channel] += Double(values[channel]) }
  }
}
